// An echo server with ws, and nothing but its defaults; `node echo.mjs compressed` agrees on compression, too.

import { WebSocketServer } from 'ws';

const perMessageDeflate = process.argv[2] === 'compressed';
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate });
server.on('listening', () => console.log(`ws://127.0.0.1:${server.address().port}/`));
server.on('connection', (socket) => {
  socket.on('error', (error) => console.error(String(error)));
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
