// The peer of peers.py with ws. Each line on stdin asks for a session, each line on stdout is an answer.
//
//   {"seed": 1, "options": {…}, "url": "ws://…"}   ws is the client
//   {"seed": 1, "options": {…}}                    ws is the server: it first says {"url": "ws://…"}
//
// In both roles, ws sends and the other side echoes.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import WebSocket, { WebSocketServer } from 'ws';

const WORDS = ['the', 'build', 'is', 'green', 'again', 'and', 'so', 'lunch', 'at', 'noon'];
const LENGTHS = [0, 1, 31, 32, 125, 126, 4096, 65_535, 65_536, 70_000];
const MESSAGES = 8;

const say = (answer) => console.log(JSON.stringify(answer));

// Numbers that look random, and are always the same: mulberry32.
function below(seed) {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

function message(random, earlier) {
  const length = random(3) ? random(2000) : random(2) ? LENGTHS[random(LENGTHS.length)] : random(70_001);
  const filled = (make) => {
    let text = '';
    while (text.length < length) text += make();
    return text.slice(0, length);
  };
  switch (random(4)) {
    case 0:
      return { isBinary: false, data: Buffer.from(filled(() => `${WORDS[random(WORDS.length)]} `)) };
    case 1:
      return { isBinary: false, data: Buffer.from(filled(() => String.fromCharCode(0x20 + random(0x3000)))) };
    case 2:
      return { isBinary: true, data: Buffer.from(Array.from({ length }, () => random(256))) };
    default:
      return { isBinary: true, data: earlier.length ? earlier[random(earlier.length)].data : Buffer.alloc(length) };
  }
}

// Sends in fragments, each with a ping before it now and then.
function send(socket, random, { data, isBinary }) {
  const compress = random(5) > 0;
  let start = 0;
  for (let left = random(4); left >= 0; left -= 1) {
    if (!random(4)) socket.ping(`ping ${random(1000)}`);
    const end = left ? start + random(data.length - start + 1) : data.length;
    socket.send(data.subarray(start, end), { binary: isBinary, fin: !left, compress });
    start = end;
  }
}

async function talk(socket, seed) {
  const random = below(seed);
  const sent = [];
  let echoed = 0;
  const all = new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', (code) => reject(new Error(`closed with ${code} after ${echoed} messages`)));
    socket.on('message', (data, isBinary) => {
      try {
        assert.ok(echoed < sent.length, 'more messages than were sent');
        assert.equal(isBinary, sent[echoed].isBinary, `the kind of message ${echoed}`);
        assert.ok(data.equals(sent[echoed].data), `message ${echoed} is a different one`);
      } catch (error) {
        reject(error);
      }
      echoed += 1;
    });
    // The pong to the last ping comes after the echo of the last message.
    socket.on('pong', (data) => {
      if (String(data) !== 'end') return;
      if (echoed === sent.length) resolve();
      else reject(new Error(`${echoed} messages before the last pong`));
    });
  });
  // A session may fail before it is awaited.
  all.catch(() => {});
  const { _socket: tcp, extensions } = socket;
  const before = tcp.bytesRead;
  for (let number = 0; number < MESSAGES; number += 1) {
    const next = message(random, sent);
    sent.push(next);
    send(socket, random, next);
    if (!random(3)) await new Promise(setImmediate);
  }
  socket.ping('end');
  await all;
  const wire = tcp.bytesRead - before;
  const closed = once(socket, 'close');
  socket.close(1000);
  const [code] = await closed;
  assert.equal(code, 1000, 'the code of the Close');
  const bytes = sent.reduce((sum, { data }) => sum + data.length, 0);
  return { ok: true, agreed: extensions, messages: MESSAGES, bytes, wire };
}

async function session({ seed, options, url }) {
  const perMessageDeflate = { threshold: 0, ...options };
  if (url) {
    const socket = new WebSocket(url, { perMessageDeflate });
    await once(socket, 'open');
    return talk(socket, seed);
  }
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate });
  try {
    await once(server, 'listening');
    say({ url: `ws://127.0.0.1:${server.address().port}/` });
    const [socket] = await once(server, 'connection');
    return await talk(socket, seed);
  } finally {
    server.close();
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  try {
    say(await session(JSON.parse(line)));
  } catch (error) {
    say({ ok: false, why: String(error) });
  }
}
