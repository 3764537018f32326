// What only the page's half of step 11b decides: its server is played here, line by line.
//
//     node --test tests/events/page.mjs
//
// `kill.mjs` tries the two halves together. Some things happen too rarely there: an answer that belongs to a
// session that is over, a server that confirms nothing.

import assert from "node:assert/strict";
import test from "node:test";

import { connect } from "../../solutions/11b-events/src/events.js";

/** How long anything may take. */
const DEADLINE = 5_000;

/** A server without a network: its requests wait here until somebody answers them. */
class Played {
  #requests = [];
  #news = () => {};

  constructor() {
    globalThis.fetch = (address, { method, body, signal }) =>
      new Promise((resolve, reject) => {
        signal?.addEventListener("abort", () => reject(new Error("aborted")));
        const answer = (...packets) => {
          const lines = packets.map((packet) => JSON.stringify(packet));
          resolve(new Response(lines.join("\n")));
        };
        const lines = (body ?? "").split("\n").filter(Boolean).map((line) => JSON.parse(line));
        this.#requests.push({ method, query: new URL(address).searchParams, lines, answer });
        this.#news();
      });
  }

  /** The next request of this method that has not been looked at. */
  async next(method) {
    for (;;) {
      const place = this.#requests.findIndex((it) => it.method === method);
      if (place >= 0) {
        return this.#requests.splice(place, 1)[0];
      }
      await within(new Promise((resolve) => (this.#news = resolve)), `a ${method} comes`);
    }
  }

  /** Whether such a request is there already. */
  has(method) {
    return this.#requests.some((it) => it.method === method);
  }
}

function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${DEADLINE / 1000} s: ${what}`)), DEADLINE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A page on polling, with session 1. The request that the server may hold is `held`. */
async function open(t, options = {}) {
  const server = new Played();
  const events = connect({ WebSocket: null, poll: "http://played/events", firstPause: 10, ...options });
  t.after(() => events.close());
  (await server.next("GET")).answer({ hello: 1, got: 0 });
  const held = await server.next("GET");
  return { server, events, held };
}

/** Kept with what comes with the next event of this name. */
function once(events, name) {
  return within(new Promise((resolve) => events.on(name, resolve)), `the event ${name}`);
}

test("an answer that belongs to a session that is over confirms nothing in the next one", async (t) => {
  const { server, events, held } = await open(t);
  events.emit("say", "in the first");
  const old = await server.next("POST");
  assert.equal(old.query.get("of"), "1");
  const lost = once(events, "lost");
  held.answer({ hello: 2, got: 0 });
  assert.deepEqual((await lost).events, [{ event: "say", data: "in the first", arrived: "unknown" }]);

  // It has the number 1, too: the same number as what the old answer confirms.
  events.emit("say", "in the second");
  old.answer({ got: 1 });
  const next = await server.next("POST");
  assert.equal(next.query.get("of"), "2");
  assert.deepEqual(next.lines, [{ n: 1, event: "say", data: "in the second" }]);
});

test("an answer to a question in a session that is over is no answer in the next one", async (t) => {
  const { server, events, held } = await open(t);
  const first = assert.rejects(events.ask("roll"), { arrived: "unknown" });
  const old = await server.next("POST");
  held.answer({ hello: 2, got: 0 });
  await within(first, "who asked hears that there is no answer");

  let answer;
  events.ask("roll").then((data) => (answer = data));
  old.answer({ n: 1, reply: 1, data: "of the first session" }, { got: 1 });
  const next = await server.next("POST");
  assert.equal(answer, undefined);
  next.answer({ got: 1 });
  (await server.next("GET")).answer({ hello: 2, got: 1 }, { n: 1, reply: 1, data: "of the second" });
  (await server.next("GET")).answer({ hello: 2, got: 1 });
  assert.equal(answer, "of the second");
});

test("a server that confirms nothing is not asked the same again and again", async (t) => {
  const { server, events } = await open(t, { firstPause: 60_000 });
  const close = once(events, "close");
  events.emit("say", "hello");
  (await server.next("POST")).answer();
  assert.equal((await close).reason, "the server confirms nothing");
  assert.equal(events.state, "waiting");
  assert.ok(!server.has("POST"), "nothing more is sent before the pause is over");
});

test("a session that is over ends with its secret word", async (t) => {
  const { server, events, held } = await open(t);
  const close = once(events, "close");
  held.answer({ over: "too much was kept" });
  assert.equal((await close).reason, "too much was kept");
  const next = await server.next("GET");
  assert.notEqual(next.query.get("session"), held.query.get("session"));
  assert.equal(next.query.get("of"), null, "it knows no session");
});

test("what was never sent is told from what may have arrived", async (t) => {
  const { server, events, held } = await open(t);
  events.emit("say", "sent");
  await server.next("POST");
  events.emit("say", "kept, behind the one that is under way");
  const lost = once(events, "lost");
  held.answer({ hello: 2, got: 0 });
  const arrived = (await lost).events.map((it) => it.arrived);
  assert.deepEqual(arrived, ["unknown", "no"]);
});

/** A WebSocket that is played, too. Those that the page opens are in `opened`. */
function playedSockets() {
  const opened = [];
  class PlayedSocket {
    sent = [];
    constructor() {
      opened.push(this);
    }
    send(line) {
      this.sent.push(JSON.parse(line));
    }
    close() {
      this.isClosed = true;
    }
    says(packet) {
      this.onmessage({ data: JSON.stringify(packet) });
    }
  }
  return { opened, PlayedSocket };
}

test("a page that polls gets to a WebSocket when it wants to, in the same session", async (t) => {
  const { opened, PlayedSocket } = playedSockets();
  const before = globalThis.WebSocket;
  globalThis.WebSocket = PlayedSocket;
  t.after(() => (globalThis.WebSocket = before));
  const { events } = await open(t, { socket: "http://played/socket" });
  assert.equal(events.transport, "polling");
  let sessions = 0;
  events.on("open", () => (sessions += 1));
  const [one, other] = [events.upgrade(), events.upgrade()];
  assert.equal(opened.length, 1, "one attempt is enough for both");
  opened[0].says({ hello: 1, got: 0 });
  assert.deepEqual(await within(Promise.all([one, other]), "both are told"), [true, true]);
  assert.equal(events.transport, "websocket");
  assert.equal(sessions, 0, "the session goes on");
  events.emit("say", "by wire");
  assert.deepEqual(opened[0].sent.at(-1), { n: 1, event: "say", data: "by wire" });
  assert.equal(await events.upgrade(), true, "it is there already");
  assert.equal(opened.length, 1);
});

test("where no WebSocket opens, polling goes on", async (t) => {
  const { opened, PlayedSocket } = playedSockets();
  const { server, events } = await open(t, { WebSocket: PlayedSocket, socket: null });
  assert.equal(await events.upgrade(), false, "the options name no place for one");
  events.options.socket = "http://played/socket";
  const upgrade = events.upgrade();
  opened[0].onclose({ code: 1006, reason: "" });
  assert.equal(await within(upgrade, "it is told"), false);
  assert.equal(events.transport, "polling");
  events.emit("say", "by hand");
  assert.deepEqual((await server.next("POST")).lines, [{ n: 1, event: "say", data: "by hand" }]);
  const last = events.upgrade();
  events.close();
  assert.equal(await within(last, "whoever waits is told when the page gives up"), false);
});

test("an event without a name is refused, and the session goes on", async (t) => {
  const { server, events } = await open(t);
  assert.throws(() => events.emit(undefined, 1), TypeError);
  await assert.rejects(events.ask(undefined, 1), TypeError);
  events.emit("say", "hello");
  assert.deepEqual((await server.next("POST")).lines, [{ n: 1, event: "say", data: "hello" }]);
});

for (const [title, stableAfter, most] of [
  ["when the server ends a session whose transport has held, the first pause follows", 0, 1],
  ["when it has not held, the pauses go on to grow", 60_000, 32],
]) {
  test(title, async (t) => {
    const server = new Played();
    const firstPause = 10;
    const events = connect({ WebSocket: null, poll: "http://played/events", firstPause, stableAfter });
    t.after(() => events.close());
    for (let failures = 0; failures < 5; failures += 1) {
      (await server.next("GET")).answer({ got: 0 });
    }
    (await server.next("GET")).answer({ hello: 1, got: 0 });
    const close = once(events, "close");
    (await server.next("GET")).answer({ over: "away for too long" });
    const { retryIn } = await close;
    // A pause is up to half shorter by chance.
    assert.ok(retryIn > (most * firstPause) / 2 - 1 && retryIn <= most * firstPause, `${retryIn} ms`);
  });
}
