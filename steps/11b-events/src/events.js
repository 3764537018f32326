// Events over any transport: the page's half. `packets.md` of step 11a has the packets, and `wire.md` says how
// transports carry them.
//
//     import { connect } from "/events.js";
//
//     const events = connect();
//     events.on("said", ({ who, text }) => …);        // what the server emits, or offers
//     events.emit("say", "Hello");                    // arrives once, whatever happens to transports
//     const answer = await events.ask("say", "Hello"); // the same, and what the server's handler returned
//     await events.upgrade();                         // from polling to a WebSocket now, instead of after a pause
//
//        your page
//           │ on, emit, ask
//         Events ─── Session: numbers, kept until confirmed
//           │
//           ├── Socket: a WebSocket
//           └── Polling: GET and POST, one after the other, where there is no WebSocket
//
// Five events are the library's own. A server's event of such a name is not passed on.
//
// | event     | when                                        | what belongs to it |
// |-----------|---------------------------------------------|--------------------|
// | open      | a session has begun                         | `{ session }`: its number |
// | transport | there is a transport                        | `{ transport }`: "websocket" or "polling" |
// | close     | there is none any more, or none yet         | `{ code, reason, retryIn }`: milliseconds until the next attempt |
// | lost      | after `open`: the earlier session is over   | `{ reason, events }`: what had not been confirmed |
// | error     | the server can't do what it is told         | `{ message }` |
//
// Each of the `events` of `lost` has `event`, `data` and `arrived`: "no" if it was never sent, and "unknown" if
// it was. They are not sent again. Then every `ask` without a reply fails, with a `Lost`.
//
// What the server offers may come more than once: the newest value comes again on a new transport, and on polling
// with each answer. So its handler must do no harm when it is called with what it had.
//
// Nothing in here touches a page, so that it runs wherever there is `fetch`.

/** What can be set, and what it is if you don't. Times are in milliseconds, lengths in bytes. */
const DEFAULTS = {
  /** Where WebSockets are, and where polling is. `null`: do without. */
  socket: "/socket",
  poll: "/events",
  /** `null`: do without. */
  WebSocket: globalThis.WebSocket,
  /** How long a WebSocket may take until the server's `hello`. Then it counts as blocked. */
  helloWithin: 3_000,
  /** How long a request may take. The server holds one for 25 s when there is no news. */
  pollWithin: 35_000,
  postWithin: 15_000,
  /** A WebSocket that has said nothing for so long is dead: the server says something every 20 s. */
  deadAfter: 35_000,
  /** The pause before a new attempt: it doubles each time, and is up to half shorter by chance. */
  firstPause: 500,
  longestPause: 30_000,
  /** The same, before a new attempt to get from polling to a WebSocket. */
  firstUpgrade: 5_000,
  longestUpgrade: 300_000,
  /** A transport that has held for so long begins again with the first pause. */
  stableAfter: 5_000,
  /** How long it takes at most until the server is told what has been received. */
  confirmWithin: 100,
  /** The most that is received before the server is told. It keeps 256 KiB. */
  confirmAfter: 32 * 1024,
  /** The longest line that can be sent. The server takes 64 KiB at a time. */
  maxLine: 60 * 1024,
  /** The most that is kept because the server has not confirmed it. */
  maxKept: 256 * 1024,
};

/** The library's own events. */
const OWN = new Set(["open", "transport", "close", "lost", "error"]);
/** After so many WebSockets in a row that didn't hold, polling comes first. */
const MAX_FAILURES = 3;
/** An empty answer that comes faster than this was not held. */
const TOO_FAST = 100;

/** Connects to the server that this page is from. `options` are those above. */
export function connect(options = {}) {
  return new Events({ ...DEFAULTS, ...options });
}

/** The lines to be kept are too many: the server has confirmed nothing for too long. */
export class Overrun extends Error {}

/** A number came, and an earlier one is missing. */
export class Gap extends Error {}

/** The server breaks a rule, or refuses to do something. */
class Refused extends Error {}

/** There will be no reply. `arrived` says whether the event has arrived: "yes", "no" or "unknown". */
export class Lost extends Error {
  constructor(reason, arrived) {
    super(reason);
    this.arrived = arrived;
  }
}

/** What survives when a transport dies: the numbers. It does what `session.rs` does. */
export class Session {
  /** What has been sent and not been confirmed, in order: `n`, `line`, `bytes`, and the `packet` itself. */
  #kept = [];
  #bytes = 0;
  #maxBytes;
  #sent = 0;
  #received = 0;

  constructor(maxBytes) {
    this.#maxBytes = maxBytes;
  }

  /** Gives a packet its number, and keeps it. Throws `Overrun` if there is no room; then nothing has changed. */
  send(packet) {
    const n = this.#sent + 1;
    const line = toLine({ n, ...packet });
    const bytes = byteLength(line);
    if (this.#bytes + bytes > this.#maxBytes) {
      throw new Overrun(`More than ${this.#maxBytes} bytes wait for the server.`);
    }
    this.#sent = n;
    this.#bytes += bytes;
    this.#kept.push({ n, line, bytes, packet });
    return n;
  }

  /** Forgets what the server has got: everything up to this number. */
  confirm(got) {
    const still = this.#kept.findIndex(({ n }) => n > got);
    const gone = this.#kept.splice(0, still < 0 ? this.#kept.length : still);
    gone.forEach(({ bytes }) => (this.#bytes -= bytes));
  }

  /** The lines that have not been confirmed, and have a higher number than this. */
  after(last) {
    return this.#kept.filter(({ n }) => n > last);
  }

  /** Notes that a packet with this number has come. Returns whether it is new; one that isn't has to be dropped. */
  receive(n) {
    const expected = this.#received + 1;
    if (n > expected) {
      throw new Gap(`number ${n} came, and ${expected} should have`);
    }
    const isNew = n === expected;
    if (isNew) {
      this.#received = n;
    }
    return isNew;
  }

  /** The number up to which everything has been received. */
  get received() {
    return this.#received;
  }
}

/** What `connect` returns. */
class Events {
  options;
  /** The server's number for the session; 0 as long as it has said none. */
  number = 0;
  session;

  /** The token by which the server knows the session. It is a secret, and gone with the page. */
  #token = randomToken();
  #handlers = new Map();
  /** The promises that wait for a reply, by the number of the event. */
  #asked = new Map();
  /** What `lost` will say as soon as there is a new session, and the promises that will be rejected then. */
  #loss;

  /** The transport that there is. */
  #link;
  /** The transport that there may be soon. */
  #attempt;
  /** Resolve the promises of the attempt to connect, and of each call of `upgrade`. */
  #resume = () => {};
  #upgrading = new Set();
  /** When the transport was there. */
  #since = 0;
  /** How many transports in a row didn't hold. */
  #failures = 0;
  /** Whether polling has worked and a WebSocket hasn't. */
  #blocked = false;
  /** How many attempts to get from polling to a WebSocket have failed in a row. */
  #upgrades = 0;
  #timers = {};
  /** How many characters have been received, and not been confirmed. */
  #unconfirmed = 0;
  #closed = false;

  constructor(options) {
    this.options = options;
    this.session = new Session(options.maxKept);
    for (const [name, act] of Object.entries(this.#signs)) {
      globalThis.addEventListener?.(name, act);
    }
    this.#connect();
  }

  /** Calls `handler` with the data of each event of this name. Returns this, so that it can be chained. */
  on(event, handler) {
    if (!this.#handlers.has(event)) {
      this.#handlers.set(event, new Set());
    }
    this.#handlers.get(event).add(handler);
    return this;
  }

  /** Calls it no longer. */
  off(event, handler) {
    this.#handlers.get(event)?.delete(handler);
    return this;
  }

  /**
   * Tells the server; also when it can't be reached now. Throws `Overrun` when too much waits already,
   * a `RangeError` when this alone is too much, and a `TypeError` when the event's name is no string.
   */
  emit(event, data = null) {
    this.#keep({ event, data });
    this.#link?.flush();
  }

  /** The same. The promise resolves to the server's reply. It is rejected with the server's error, or with `Lost`. */
  ask(event, data = null) {
    return new Promise((resolve, reject) => {
      const n = this.#keep({ event, data, ask: true });
      this.#asked.set(n, { resolve, reject });
      this.#link?.flush();
    });
  }

  /**
   * While polling, tries to open a WebSocket at once, even if the options said to do without one. The promise says
   * whether there is one afterwards. If there isn't, polling and the session go on.
   */
  upgrade() {
    this.options.WebSocket ??= globalThis.WebSocket;
    if (this.transport !== "polling" || !this.#hasSocket) {
      return Promise.resolve(this.transport === "websocket");
    }
    this.#stop("upgrade");
    if (!this.#attempt) {
      this.#try(Socket);
    }
    return new Promise((resolve) => this.#upgrading.add(resolve));
  }

  /** Gives the session up, and tells the server. */
  close() {
    if (this.#closed) {
      return;
    }
    this.#sayBye();
    this.#closed = true;
    for (const [name, act] of Object.entries(this.#signs)) {
      globalThis.removeEventListener?.(name, act);
    }
    Object.keys(this.#timers).forEach((name) => this.#stop(name));
    this.#link?.abandon();
    this.#attempt?.abandon();
    this.#link = undefined;
    this.#endAttempt();
    this.#lose("the session has been given up");
    this.#failAll();
    this.#tell("close", { code: 1000, reason: "given up" });
  }

  /** "open": there is a transport; "connecting"; "waiting", before the next attempt; or "closed", by `close`. */
  get state() {
    if (this.#closed) {
      return "closed";
    }
    return this.#link ? "open" : this.#timers.retry ? "waiting" : "connecting";
  }

  /** The transport that there is: "websocket", "polling" or "none". */
  get transport() {
    return this.#link?.name ?? "none";
  }

  // What the transports do. A page doesn't need it.

  /** The address of a transport: the token, the session's number, and the number up to which everything has come. */
  address(path, scheme) {
    const address = new URL(path, globalThis.location?.href);
    address.protocol = /^(https|wss):$/.test(address.protocol) ? `${scheme}s:` : `${scheme}:`;
    const known = this.number > 0 ? `&of=${this.number}&after=${this.session.received}` : "";
    address.search = `session=${this.#token}${known}`;
    return address.href;
  }

  /** Takes a line from a transport. Throws if the server breaks a rule: then the transport has to go. */
  heard(link, line) {
    const packet = read(line);
    if (link !== this.#attempt && link !== this.#link) {
      return;
    }
    if ("hello" in packet) {
      this.#hello(link, packet);
    } else if ("n" in packet) {
      const isNew = this.session.receive(packet.n);
      this.#confirmSoon(line.length);
      if (isNew) {
        this.#take(packet);
      }
    } else if ("got" in packet) {
      this.session.confirm(packet.got);
    } else if ("now" in packet) {
      this.#hear(packet.now, packet.data);
      // On polling nothing says so, and it comes again with each answer.
      link.say?.({ seen: packet.now });
    } else if ("over" in packet) {
      this.#endSession(packet.over);
    } else if ("error" in packet) {
      this.#complain(packet.error);
    }
  }

  /** The attempt has become the transport: the server knows the session. */
  stands(link) {
    if (link !== this.#attempt) {
      return;
    }
    this.#link?.abandon();
    this.#link = link;
    this.#endAttempt();
    this.#since = performance.now();
    this.#blocked = link.name === "polling" && this.#hasSocket;
    if (this.#blocked) {
      this.#upgradeLater();
    } else {
      this.#upgrades = 0;
      this.#stop("upgrade");
    }
    link.flush();
    this.#tell("transport", { transport: link.name });
  }

  /** A transport has ended, or has never become one. */
  ended(link, code, reason) {
    if (link === this.#attempt) {
      this.#endAttempt();
      if (this.#link) {
        this.#upgradeLater();
      } else if (link.name === "websocket" && this.options.poll !== null) {
        this.#try(Polling);
      } else {
        this.#blocked = false;
        this.#wait(code, reason);
      }
    } else if (link === this.#link) {
      this.#drop();
      // Some proxies let a WebSocket begin, and end it soon.
      this.#blocked ||= this.#failures >= MAX_FAILURES && link.name === "websocket";
      this.#wait(code, reason);
    }
  }

  /** Resolves as soon as no attempt is under way. */
  attempted() {
    return new Promise((resolve) => {
      this.#resume = resolve;
      if (!this.#attempt || !this.#link) {
        resolve();
      }
    });
  }

  // Transports come and go

  get #hasSocket() {
    return Boolean(this.options.WebSocket) && this.options.socket !== null;
  }

  #connect() {
    this.#stop("retry");
    if (!this.#link && !this.#attempt) {
      const polls = !this.#hasSocket || (this.#blocked && this.options.poll !== null);
      this.#try(polls ? Polling : Socket);
    }
  }

  #try(Transport) {
    this.#attempt = new Transport(this);
    this.#attempt.start();
  }

  #endAttempt() {
    this.#attempt = undefined;
    this.#resume();
    this.#upgrading.forEach((resolve) => resolve(this.transport === "websocket"));
    this.#upgrading.clear();
  }

  /** Drops the transport. If it has held for a while, the pauses begin again with the first. */
  #drop() {
    if (this.#link && performance.now() - this.#since >= this.options.stableAfter) {
      this.#failures = 0;
    }
    this.#link?.abandon();
    this.#link = undefined;
    this.#stop("upgrade");
  }

  /** Tries again after a pause, unless an attempt is under way already. */
  #wait(code, reason) {
    let retryIn = 0;
    if (!this.#attempt) {
      retryIn = pause(this.options.firstPause, this.options.longestPause, this.#failures);
      this.#failures += 1;
      this.#start("retry", retryIn, () => this.#connect());
    }
    this.#tell("close", { code, reason, retryIn });
  }

  #upgradeLater() {
    const { firstUpgrade, longestUpgrade } = this.options;
    const wait = pause(firstUpgrade, longestUpgrade, this.#upgrades);
    this.#upgrades += 1;
    this.#start("upgrade", wait, () => this.#try(Socket));
  }

  /** Starts a new transport, because the present one may be dead without a sign. */
  #again(reason) {
    const link = this.#link;
    if (link) {
      link.abandon();
      this.ended(link, undefined, reason);
    }
    this.#connect();
  }

  #sayBye() {
    const bye = { bye: true };
    if (this.#link?.say) {
      this.#link.say(bye);
    } else if (this.number > 0 && this.options.poll !== null) {
      const kept = beginning(this.session.after(0), this.options.maxLine);
      const body = [...kept.map(({ line }) => line), JSON.stringify(bye)].join("\n");
      // The page may be gone before the answer comes, so nothing waits for it.
      fetch(this.address(this.options.poll, "http"), { method: "POST", body, keepalive: true }).catch(() => {});
    }
  }

  #start(name, after, act) {
    this.#stop(name);
    this.#timers[name] = setTimeout(() => {
      delete this.#timers[name];
      act();
    }, after);
  }

  #stop(name) {
    clearTimeout(this.#timers[name]);
    delete this.#timers[name];
  }

  // What goes out

  #keep(packet) {
    if (this.#closed) {
      throw new Lost("This session has been given up.", "no");
    }
    if (typeof packet.event !== "string") {
      throw new TypeError(`An event’s name is a string; this one is ${String(packet.event)}.`);
    }
    const bytes = byteLength(JSON.stringify(packet));
    if (bytes > this.options.maxLine) {
      throw new RangeError(`An event may have ${this.options.maxLine} bytes; this one has ${bytes}.`);
    }
    return this.session.send(packet);
  }

  /** Tells the server soon what has been received; at once if that is much. */
  #confirmSoon(length) {
    this.#unconfirmed += length;
    if (this.#unconfirmed > this.options.confirmAfter) {
      this.#confirm();
    } else if (!this.#timers.confirm) {
      this.#start("confirm", this.options.confirmWithin, () => this.#confirm());
    }
  }

  #confirm() {
    this.#stop("confirm");
    this.#unconfirmed = 0;
    // On polling, the next request says the same.
    this.#link?.say?.({ got: this.session.received });
  }

  // What comes in

  #hello(link, { hello, got }) {
    const isNew = hello !== this.number;
    if (isNew) {
      if (this.number > 0) {
        this.#lose("the server doesn’t know the session any more");
      }
      this.number = hello;
    }
    this.session.confirm(got);
    this.stands(link);
    if (isNew) {
      this.#tell("open", { session: hello });
      if (this.#loss) {
        const { reason, events } = this.#loss;
        this.#tell("lost", { reason, events });
        this.#failAll();
      }
    }
  }

  /** Ends the session. The next one has a different token. */
  #endSession(why) {
    this.#lose(why);
    this.#token = randomToken();
    this.#attempt?.abandon();
    this.#endAttempt();
    this.#drop();
    this.#wait(undefined, why);
  }

  /** Gives up what has not been confirmed: it may have arrived, or not. Numbers begin again at 1. */
  #lose(reason) {
    const arrivedOf = ({ tried }) => (tried ? "unknown" : "no");
    const kept = this.session.after(0);
    const events = kept.map((it) => {
      return { event: it.packet.event, data: it.packet.data, arrived: arrivedOf(it) };
    });
    const fails = [...this.#asked].map(([n, { reject }]) => {
      const of = kept.find((it) => it.n === n);
      return () => reject(new Lost(reason, of ? arrivedOf(of) : "yes"));
    });
    this.#asked.clear();
    this.#loss = {
      reason,
      events: [...(this.#loss?.events ?? []), ...events],
      fails: [...(this.#loss?.fails ?? []), ...fails],
    };
    this.session = new Session(this.options.maxKept);
    this.number = 0;
  }

  /** Rejects the promises whose reply will never come. */
  #failAll() {
    const fails = this.#loss?.fails ?? [];
    this.#loss = undefined;
    fails.forEach((fail) => fail());
  }

  #take({ event, reply, data, error }) {
    if (event !== undefined) {
      this.#hear(event, data);
      return;
    }
    // What has a reply has arrived, and so has what was before it.
    this.session.confirm(reply);
    const asked = this.#asked.get(reply);
    this.#asked.delete(reply);
    if (error === undefined) {
      asked?.resolve(data);
    } else {
      asked?.reject(new Error(error));
    }
  }

  #hear(event, data) {
    if (OWN.has(event)) {
      this.#complain(`The server sends the event ${event}, but a page has one of its own of that name.`);
    } else {
      this.#tell(event, data);
    }
  }

  #complain(message) {
    if (!this.#handlers.has("error")) {
      console.warn(message);
    }
    this.#tell("error", { message });
  }

  /** Calls the handlers of an event. If one throws, the others are still called. */
  #tell(event, data) {
    for (const handle of [...(this.#handlers.get(event) ?? [])]) {
      try {
        handle(data);
      } catch (error) {
        (globalThis.reportError ?? console.error)(error);
      }
    }
  }

  /** What a browser tells about its network and its page. */
  #signs = {
    online: () => this.#again("the network may be another one"),
    visibilitychange: () => {
      if (this.#timers.retry && !globalThis.document?.hidden) {
        this.#connect();
      }
    },
    // A page that the Back button may bring back goes on then.
    pagehide: ({ persisted }) => {
      if (!persisted) {
        this.close();
      }
    },
    pageshow: ({ persisted }) => {
      if (persisted) {
        this.#again("the page was asleep");
      }
    },
  };
}

/** A WebSocket. */
class Socket {
  name = "websocket";
  #events;
  #socket;
  #timer;
  #heardAt = 0;
  /** The highest number that went out here. */
  #sent = 0;

  constructor(events) {
    this.#events = events;
  }

  start() {
    const { WebSocket, socket, helloWithin } = this.#events.options;
    try {
      this.#socket = new WebSocket(this.#events.address(socket, "ws"));
    } catch (error) {
      queueMicrotask(() => this.#end(undefined, error.message));
      return;
    }
    this.#socket.onmessage = ({ data }) => this.#heard(data);
    this.#socket.onclose = ({ code, reason }) => this.#end(code, reason);
    // An error is followed by a close. In Node 20 it isn't if there has been no connection.
    this.#socket.onerror = () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#end(undefined, "no connection"), 0);
    };
    this.#timer = setTimeout(() => this.#end(undefined, "no hello on the WebSocket"), helloWithin);
  }

  say(packet) {
    this.#socket.send(JSON.stringify(packet));
  }

  /** Sends what has not been sent here. */
  flush() {
    for (const kept of this.#events.session.after(this.#sent)) {
      kept.tried = true;
      this.#sent = kept.n;
      this.#socket.send(kept.line);
    }
  }

  /** Closes it without waiting for its end. */
  abandon() {
    clearTimeout(this.#timer);
    if (this.#socket) {
      this.#socket.onmessage = this.#socket.onclose = this.#socket.onerror = null;
      this.#socket.close();
    }
  }

  #heard(data) {
    const isFirst = this.#heardAt === 0;
    this.#heardAt = performance.now();
    try {
      const lines = data.split("\n");
      if (isFirst) {
        checkGreeting(lines[0]);
        clearTimeout(this.#timer);
        this.#watch();
      }
      lines.forEach((line) => this.#events.heard(this, line));
    } catch (error) {
      this.#end(undefined, error.message);
    }
  }

  /** A network that is gone says nothing, so the clock has to be watched. */
  #watch() {
    const { deadAfter } = this.#events.options;
    const left = this.#heardAt + deadAfter - performance.now();
    if (left > 0) {
      this.#timer = setTimeout(() => this.#watch(), left);
    } else {
      this.#end(undefined, `the server has said nothing for ${deadAfter / 1000} s`);
    }
  }

  #end(code, reason) {
    this.abandon();
    this.#events.ended(this, code, reason);
  }
}

/** A request that the server holds until there is news, again and again; and one at a time that tells it something. */
class Polling {
  name = "polling";
  #events;
  #isAbandoned = false;
  #isPosting = false;
  /** The requests that are under way. */
  #running = new Set();

  constructor(events) {
    this.#events = events;
  }

  async start() {
    try {
      // If there is a session, the server may hold the first GET, but it answers this POST at once. It is empty: lines
      // that are sent to a server that is gone would count as sent, and nothing could tell whether they arrived.
      if (this.#events.number > 0) {
        await this.#post([]);
        if (!this.#isAbandoned) {
          this.#events.stands(this);
        }
      }
      while (!this.#isAbandoned) {
        await this.#poll();
        // A request that begins during an attempt would take the session back from the WebSocket.
        await this.#events.attempted();
      }
    } catch (error) {
      this.#end(error);
    }
  }

  /** Sends what has not been confirmed; not while that is being done already. */
  async flush() {
    if (this.#isPosting) {
      return;
    }
    this.#isPosting = true;
    try {
      while (!this.#isAbandoned && this.#events.session.after(0).length > 0) {
        const { session, options } = this.#events;
        await this.#post(beginning(session.after(0), options.maxLine));
      }
    } catch (error) {
      this.#end(error);
    }
    this.#isPosting = false;
  }

  abandon() {
    this.#isAbandoned = true;
    this.#running.forEach((request) => request.abort());
  }

  async #poll() {
    const { pollWithin, firstPause } = this.#events.options;
    const { number } = this.#events;
    const started = performance.now();
    const lines = await this.#request({ method: "GET" }, pollWithin);
    checkGreeting(lines[0]);
    lines.forEach((line) => this.#events.heard(this, line));
    // Without this, a server that holds nothing would be asked as fast as it can answer.
    if (number > 0 && lines.length < 2 && performance.now() - started < TOO_FAST) {
      await new Promise((resolve) => setTimeout(resolve, firstPause));
    }
  }

  async #post(kept) {
    const { number, session, options } = this.#events;
    kept.forEach((it) => (it.tried = true));
    const body = kept.map(({ line }) => line).join("\n");
    const lines = await this.#request({ method: "POST", body }, options.postWithin);
    // A new session may have begun in the meantime.
    if (number === this.#events.number) {
      lines.forEach((line) => this.#events.heard(this, line));
      if (kept.length > 0 && session.after(0)[0] === kept[0]) {
        throw new Refused("the server confirms nothing");
      }
    }
  }

  /** Sends a request, and returns the lines of its answer. */
  async #request(options, within) {
    const abort = new AbortController();
    this.#running.add(abort);
    const timer = setTimeout(() => abort.abort(), within);
    const address = this.#events.address(this.#events.options.poll, "http");
    try {
      const answer = await fetch(address, { ...options, cache: "no-store", signal: abort.signal });
      const text = await answer.text();
      if (!answer.ok) {
        throw new Refused(`the server answered ${answer.status}: ${text.trim()}`);
      }
      return text.split("\n").filter(Boolean);
    } finally {
      clearTimeout(timer);
      this.#running.delete(abort);
    }
  }

  #end(error) {
    if (!this.#isAbandoned) {
      this.abandon();
      const isOurs = error instanceof Refused || error instanceof Gap;
      this.#events.ended(this, undefined, isOurs ? error.message : "the server can’t be reached");
    }
  }
}

function read(line) {
  try {
    return JSON.parse(line);
  } catch {
    throw new Refused(`what the server says is no packet: ${line.slice(0, 80)}`);
  }
}

/** The first line on a transport says which session this is, or that there is none. */
function checkGreeting(line) {
  const packet = read(line ?? "{}");
  if (!("hello" in packet || "over" in packet)) {
    throw new Refused("the server doesn’t say hello");
  }
}

/** As many of these as fit into `max` bytes, and one at least. */
function beginning(kept, max) {
  let bytes = 0;
  const end = kept.findIndex((it) => (bytes += it.bytes + 1) > max);
  return end < 0 ? kept : kept.slice(0, Math.max(end, 1));
}

/**
 * How long to wait after so many failures. All pages lose a server at the same moment; by chance, they don't
 * all come back at the same moment.
 */
function pause(first, longest, failures) {
  return Math.min(first * 2 ** failures, longest) * (1 - Math.random() / 2);
}

/** A packet as a line. Half of a surrogate pair is no character, and Rust's text has none. */
function toLine(packet) {
  const line = JSON.stringify(packet);
  return line.replaceAll(/\\(?:u(d[89a-f]..)|.)/g, (all, half) => (half ? "\ufffd" : all));
}

function byteLength(text) {
  return new TextEncoder().encode(text).length;
}

/** `randomUUID` would be shorter, but works only on https and on this machine. */
function randomToken() {
  const numbers = crypto.getRandomValues(new Uint32Array(4));
  return Array.from(numbers, (it) => it.toString(36)).join("");
}
