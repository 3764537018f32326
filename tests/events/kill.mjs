// Kills transports at every byte, thousands of times, and looks whether an event is lost or doubled.
//
//     node --experimental-websocket tests/events/kill.mjs [--seed 11]
//
// Pages of the chat on events talk to its server through a proxy in this script. The proxy counts bytes,
// and after so many it kills the connection: by FIN, by RST, on one side before the other, or by saying
// nothing any more. What must hold all the same: everybody gets every message once and in the same order;
// every question gets its answer, once; and when the server itself is killed, what may be lost is named.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { connect, Lost } from "../../solutions/11b-events/src/events.js";

const PACKAGE = "events-solution";
/** How many messages of one page are on their way. */
const IN_FLIGHT = 4;
/** How long everything may take to arrive when nothing is killed any more. */
const DEADLINE = 10_000;
/** Short times, so that thousands of kills take seconds. What is lost must not depend on them. */
const TIMES = {
  helloWithin: 150,
  pollWithin: 150,
  postWithin: 150,
  deadAfter: 150,
  firstPause: 1,
  longestPause: 4,
  firstUpgrade: 2,
  longestUpgrade: 16,
  confirmWithin: 5,
};

const seed = Number(process.argv[process.argv.indexOf("--seed") + 1]) || 11;

// The server and the proxy

async function startServer(port) {
  // No page here is too fast.
  const child = spawn(program, ["--listen", `127.0.0.1:${port}`, "--rate", "1000000"], { stdio: ["ignore", "pipe", "inherit"] });
  process.on("exit", () => child.kill("SIGKILL"));
  const [line] = await once(createInterface(child.stdout), "line");
  return { child, port: Number(line.split(":").at(-1)) };
}

async function stopServer({ child }) {
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

/** A proxy before a port. `plan()` says what becomes of the next connection; nothing is a plan, too. */
async function startProxy(port, plan) {
  const proxy = { kills: 0, connections: 0, sockets: new Set() };
  const server = net.createServer({ noDelay: true }, (client) => {
    proxy.connections += 1;
    const upstream = net.connect({ port, host: "127.0.0.1", noDelay: true });
    const pair = { client, upstream, plan: plan(proxy), passed: { up: 0, down: 0 }, isDead: false };
    for (const socket of [client, upstream]) {
      proxy.sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => proxy.sockets.delete(socket));
    }
    pass(proxy, pair, "up", client, upstream);
    pass(proxy, pair, "down", upstream, client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy.port = server.address().port;
  proxy.stop = () => {
    server.close();
    proxy.sockets.forEach((socket) => socket.destroy());
  };
  return proxy;
}

function pass(proxy, pair, way, from, to) {
  from.on("data", (bytes) => {
    if (pair.isDead) {
      return;
    }
    const { plan, passed } = pair;
    const left = plan?.way === way ? plan.after - passed[way] : Infinity;
    passed[way] += bytes.length;
    to.write(bytes.subarray(0, Math.max(left, 0)));
    if (left <= bytes.length) {
      proxy.kills += 1;
      kill(pair);
    }
  });
  from.on("end", () => pair.isDead || to.end());
  from.on("close", () => pair.isDead || to.destroy());
}

/** Kills both sides, in one of several ways. What has been passed on still arrives, except by RST. */
function kill(pair) {
  pair.isDead = true;
  const { client, upstream } = pair;
  const later = (act) => setTimeout(act, 1 + (pair.plan.after % 20));
  const how = {
    fin: () => [client, upstream].forEach((socket) => socket.end(() => socket.destroy())),
    rst: () => [client, upstream].forEach((socket) => socket.resetAndDestroy()),
    "page first": () => {
      client.destroy();
      later(() => upstream.destroy());
    },
    "server first": () => {
      upstream.destroy();
      later(() => client.destroy());
    },
    silence: () => {},
  };
  how[pair.plan.how]();
}

const HOWS = ["fin", "fin", "rst", "page first", "page first", "server first", "server first"];

/** Each byte up to `end` in turn, first of what the page sends, then of what it hears; of some connections. */
function everyByte(end, every) {
  const { below, pick } = randomFrom(seed + end);
  return ({ connections }) => {
    const turn = Math.floor(connections / every);
    if (connections % every > 0 || turn >= 2 * end) {
      return undefined;
    }
    const how = below(40) === 0 ? "silence" : pick(HOWS);
    return { way: turn < end ? "up" : "down", after: turn % end, how };
  };
}

/** Some byte or other before `end`; some connections live for longer. */
function anyByte(end, kills) {
  const { below, pick } = randomFrom(seed + end);
  return (proxy) => {
    if (proxy.kills >= kills) {
      return undefined;
    }
    const how = below(40) === 0 ? "silence" : pick(HOWS);
    return { way: pick(["up", "down"]), after: below(below(8) === 0 ? 10 * end : end), how };
  };
}

// A page

class Page {
  sent = 0;
  heard = [];
  asked = 0;
  answered = 0;
  ids = new Map();
  transports = { websocket: 0, polling: 0 };
  problems = [];

  constructor(name, port, options) {
    this.name = name;
    const address = `127.0.0.1:${port}`;
    this.events = connect({
      socket: `ws://${address}/socket`,
      poll: `http://${address}/events`,
      ...TIMES,
      ...options,
    });
    this.events
      .on("said", (said) => this.#hear(said))
      .on("people", (people) => (this.people = people))
      .on("transport", ({ transport }) => (this.transports[transport] += 1))
      .on("lost", ({ reason }) => this.problems.push(`lost: ${reason}`))
      .on("error", ({ message }) => this.problems.push(message));
  }

  /** Speaks until there is nothing more to kill: always a few messages at a time. */
  async speak(isOver) {
    await this.events.ask("name", this.name);
    while (!isOver() && this.problems.length === 0) {
      if (this.sent - this.ids.size >= IN_FLIGHT) {
        await this.#news();
      } else if (this.sent % 2 === 0) {
        this.events.emit("say", this.#next());
      } else {
        this.#ask(this.#next());
      }
    }
  }

  #next() {
    this.sent += 1;
    return `${this.name} ${this.sent} ${"x".repeat(this.sent % 40)}`;
  }

  async #ask(text) {
    this.asked += 1;
    const { id } = await this.events.ask("say", text);
    this.answered += 1;
    this.answers.push([id, text]);
    this.#wake();
  }
  answers = [];

  #hear({ id, name, text }) {
    this.heard.push({ id, text });
    if (name === this.name) {
      this.ids.set(id, text);
    }
    this.#wake();
  }

  #wake = () => {};
  #news() {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  get hasAll() {
    return this.ids.size >= this.sent && this.answered >= this.asked;
  }

  /** Everything that must hold for one page. */
  check() {
    assert.deepEqual(this.problems, [], this.name);
    const numbers = [...this.ids.values()].map((text) => Number(text.split(" ")[1]));
    assert.deepEqual(numbers, Array.from({ length: this.sent }, (_, index) => index + 1), `${this.name}’s own`);
    this.heard.forEach(({ id }, index) => {
      assert.equal(id, this.heard[0].id + index, `${this.name} hears each message once, in order`);
    });
    assert.equal(this.answered, this.asked, `${this.name}’s answers`);
    this.answers.forEach(([id, text]) => assert.equal(this.ids.get(id), text, `an answer to ${this.name}`));
  }
}

// What is tried

/** Some pages speak while a plan is carried out. `isOver` says when it has been. */
async function kills(title, plan, isOver, kinds) {
  const started = performance.now();
  const server = await startServer(0);
  const proxy = await startProxy(server.port, plan);
  const pages = kinds.map((options, index) => new Page(`page${index}`, proxy.port, options));
  const over = () => isOver(proxy);
  await Promise.race([
    Promise.all(pages.map((page) => page.speak(over))),
    sleep(60_000, undefined, { ref: false }).then(() => assert.fail(`${title}: not over after 60 s`)),
  ]);
  const end = performance.now() + DEADLINE;
  const most = () => Math.max(...pages.map(({ heard }) => heard.at(-1)?.id ?? 0));
  const isDone = () => pages.every((page) => page.hasAll && (page.heard.at(-1)?.id ?? 0) === most());
  while (!isDone() && performance.now() < end && pages.every((page) => page.problems.length === 0)) {
    await sleep(5);
  }
  pages.forEach((page) => page.check());
  // Nobody missed what others said while it was there.
  pages.forEach((page) => assert.equal(page.heard.at(-1).id, most(), `${page.name} hears the last one`));
  // Of what is worth something now only, the newest has arrived in the end.
  const names = pages.map(({ name }) => name);
  pages.forEach((page) => assert.deepEqual([...page.people].sort(), names, `${page.name} knows who is there`));
  pages.forEach((page) => page.events.close());
  const total = (count) => pages.reduce((sum, page) => sum + count(page), 0);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(
    `${title}: ${proxy.kills} kills in ${proxy.connections} connections, ` +
      `${total((it) => it.transports.websocket)} times by WebSocket, ${total((it) => it.transports.polling)} by polling; ` +
      `${total((it) => it.sent)} messages sent, ${total((it) => it.heard.length)} heard, ` +
      `${total((it) => it.answered)} answers; ${seconds} s`,
  );
  await sleep(20);
  proxy.stop();
  await stopServer(server);
  return proxy.kills;
}

/** The server is killed: every question has an answer, or is named as lost; none is both. */
async function restarts(times, kinds) {
  const { below } = randomFrom(seed);
  let server = await startServer(0);
  const { port } = server;
  const outcomes = { answered: 0, yes: 0, unknown: 0, no: 0 };
  let reported = 0;
  let asked = 0;
  let isOver = false;
  const clients = kinds.map((options) =>
    connect({ socket: `ws://127.0.0.1:${port}/socket`, poll: `http://127.0.0.1:${port}/events`, ...TIMES, ...options }),
  );
  const speakers = clients.map(async (events, index) => {
    let opened = 0;
    let losses = 0;
    events.on("open", () => {
      opened += 1;
      events.emit("name", `page${index}`);
    });
    events.on("lost", ({ events: lost }) => {
      losses += 1;
      reported += lost.filter(({ event }) => event === "say").length;
    });
    const open = new Set();
    for (let count = 0; !isOver; count += 1) {
      asked += 1;
      const question = events.ask("say", `page${index} ${count}`).then(
        () => (outcomes.answered += 1),
        (error) => {
          assert.ok(error instanceof Lost, String(error));
          outcomes[error.arrived] += 1;
        },
      );
      open.add(question);
      question.finally(() => open.delete(question));
      await (open.size < 20 ? sleep(1) : Promise.race(open));
    }
    await Promise.race([Promise.all(open), sleep(DEADLINE, undefined, { ref: false })]);
    assert.equal(losses, opened - 1, "each session but the last is reported as lost");
    return losses;
  });
  for (let count = 0; count < times; count += 1) {
    await sleep(100 + below(50));
    await stopServer(server);
    await sleep(below(30));
    server = await startServer(port);
  }
  await sleep(200);
  isOver = true;
  const losses = (await Promise.all(speakers)).reduce((sum, it) => sum + it, 0);
  clients.forEach((events) => events.close());
  await stopServer(server);
  const told = outcomes.answered + outcomes.yes + outcomes.unknown + outcomes.no;
  assert.equal(told, asked, "nothing is dropped without a word");
  assert.equal(reported, outcomes.unknown + outcomes.no, "what `lost` names is what had not been confirmed");
  assert.ok(losses >= times, "the server’s death was noticed");
  console.log(`the server is killed ${times} times: ${asked} questions, ${JSON.stringify(outcomes)}, ${losses} sessions lost`);
  return times;
}

/** Small and well known (mulberry32): the same seed, the same numbers. */
function randomFrom(seed) {
  let state = seed;
  const below = (end) => {
    state = (state + 0x6d2b79f5) | 0;
    let it = Math.imul(state ^ (state >>> 15), 1 | state);
    it = (it + Math.imul(it ^ (it >>> 7), 61 | it)) ^ it;
    return Math.floor((((it ^ (it >>> 14)) >>> 0) / 2 ** 32) * end);
  };
  return { below, pick: (list) => list[below(list.length)] };
}

function build() {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const cargo = ["build", "--quiet", "--package", PACKAGE, "--example", "chat", "--message-format", "json"];
  const said = execFileSync(process.env.CARGO ?? "cargo", cargo, { cwd: root, encoding: "utf8", maxBuffer: 2 ** 28 });
  const built = said.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  return built.findLast(({ target, executable }) => target?.name === "chat" && executable).executable;
}

process.setMaxListeners(0);
const program = build();
console.log(`seed ${seed}`);
const started = performance.now();
const both = {};
const sockets = { poll: null };
const polling = { WebSocket: null };
const until = (connections) => (proxy) => proxy.connections >= connections;
const killed = (count) => (proxy) => proxy.kills >= count;
// All at the same time: most of it is waiting.
const counts = await Promise.all([
  kills("WebSocket, every byte", everyByte(600, 1), until(1200), [sockets]),
  kills("polling, every byte", everyByte(300, 2), until(1200), [polling]),
  kills("switching, any byte", anyByte(800, 1000), killed(1000), [both]),
  kills("three pages, any byte", anyByte(1500, 500), killed(500), [both, sockets, polling]),
  restarts(10, [both, sockets, polling]),
]);
const total = counts.reduce((sum, it) => sum + it, 0);
console.log(`${total} kills in ${((performance.now() - started) / 1000).toFixed(1)} s: nothing lost, nothing doubled.`);
// Node would wait for what is left of connections that nobody needs.
process.exit(0);
