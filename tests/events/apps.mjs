// What one page can do to the others in the apps of step 11b: no more than its rate allows, however many lines it
// puts into a message. And what a name is there.
//
//     node --test tests/events/apps.mjs

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import test from "node:test";
import { fileURLToPath } from "node:url";

const PACKAGE = "events-solution";
/** What every app allows in a second; at first, it allows twice as much. */
const RATE = 10;
/** As many lines as fit into the 64 KiB of one request. */
const MOST_BYTES = 60_000;
/** How long an answer may take, in milliseconds. */
const DEADLINE = 30_000;

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What each app hears, and what it is told first. */
const APPS = {
  chat: { first: [["name", "ada"]], flood: ["say", "hi"] },
  notifications: { first: [["subscribe", "lunch"]], flood: ["publish", { topic: "lunch", text: "Soup" }] },
  poker: { first: [["name", "ada"]], flood: ["show", null] },
};

test("a message of a thousand lines does as much as the rate allows", { timeout: 300_000 }, async (t) => {
  const programs = build();
  for (const [app, { first, flood }] of Object.entries(APPS)) {
    await t.test(app, async (t) => {
      const page = await open(t, programs.get(app));
      const began = performance.now();
      await page.say(first);
      const count = await page.fill(flood);
      assert.ok(count > 500, `${count} lines`);
      const replies = await page.replies(first.length + count);
      const took = (performance.now() - began) / 1000;
      const refused = replies.filter(({ data }) => /too fast/.test(data?.error));
      const done = replies.length - refused.length;
      const most = first.length + 2 * RATE + Math.ceil(RATE * took);
      assert.ok(done <= most, `${done} of ${count} lines were done in ${took.toFixed(1)} s, and ${most} may be`);
      assert.ok(done >= RATE, `only ${done} lines were done`);
    });
  }
});

test("a name is what can be seen of it", { timeout: 300_000 }, async (t) => {
  const programs = build();
  for (const app of ["chat", "poker"]) {
    await t.test(app, async (t) => {
      const page = await open(t, programs.get(app));
      const wishes = ["\u200b", "\u3164", " \u202e ", "ada\u200b", "\u202eeve"];
      await page.say(wishes.map((wish) => ["name", wish]));
      const replies = await page.replies(wishes.length);
      const shown = replies.map(({ data }) => data.name ?? "refused");
      assert.deepEqual(shown, ["refused", "refused", "refused", "ada", "eve"]);
    });
  }
});

/** Builds the apps, and says where each of them is. */
function build() {
  const examples = Object.keys(APPS).flatMap((app) => ["--example", app]);
  const cargo = ["build", "--quiet", "--package", PACKAGE, ...examples, "--message-format", "json"];
  const said = execFileSync(process.env.CARGO ?? "cargo", cargo, { cwd: root, encoding: "utf8", maxBuffer: 2 ** 28 });
  const built = said.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  return new Map(built.map(({ target, executable }) => [target?.name, executable]));
}

/** A session by requests, without a WebSocket. */
async function open(t, program) {
  const child = spawn(program, ["--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(async () => {
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  });
  const [line] = await once(createInterface(child.stdout), "line");
  return new Page(line.split(" ").at(-1)).begin();
}

class Page {
  #address;
  #of;
  #n = 0;
  #got = 0;

  constructor(address) {
    this.#address = address;
  }

  async begin() {
    const [hello] = await this.#request("GET");
    this.#of = hello.hello;
    return this;
  }

  say(events) {
    return this.#request("POST", events.map((event) => this.#line(event)).join("\n"));
  }

  /** Puts as many such events as will fit into one message. Returns how many. */
  async fill(event) {
    const lines = [];
    for (let bytes = 0; bytes < MOST_BYTES; bytes += lines.at(-1).length + 1) {
      lines.push(this.#line(event));
    }
    await this.#request("POST", lines.join("\n"));
    return lines.length;
  }

  /** The replies, when there are so many. */
  async replies(count) {
    const replies = [];
    while (replies.length < count) {
      for (const packet of await this.#request("GET")) {
        if (packet.n === this.#got + 1) {
          this.#got = packet.n;
          replies.push(...("reply" in packet ? [packet] : []));
        }
      }
    }
    return replies;
  }

  #line([event, data]) {
    this.#n += 1;
    return JSON.stringify({ n: this.#n, event, data, ask: true });
  }

  async #request(method, body) {
    const known = this.#of ? `&of=${this.#of}&after=${this.#got}` : "";
    const address = `${this.#address}/events?session=flood${known}`;
    const answer = await fetch(address, { method, body, signal: AbortSignal.timeout(DEADLINE) });
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }
}
