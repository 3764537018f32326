// An echo client with ws, and nothing but its defaults: `node client.mjs ws://127.0.0.1:9009/`.

import WebSocket from 'ws';

const socket = new WebSocket(process.argv[2]);
socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
socket.on('error', (error) => {
  console.error(String(error));
  process.exitCode = 1;
});
// 1006: there was no Close.
socket.on('close', (code) => {
  if (code === 1006) process.exitCode = 1;
});
