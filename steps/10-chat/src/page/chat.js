// The chat's page: one WebSocket at a time, and what people need around it.
//
//     connect ──▶ connecting ──▶ open ──▶ closing ──▶ closed
//        ▲                                              │
//        └── after a pause, or at once if you say so ───┘
//
// What the page and the server say to each other is in the table of `protocol.rs`. On a new connection the
// server first sends the messages after `cursor`, then the names of the people here, then everything as it
// happens. So nothing is lost and nothing is doubled, however often the connection breaks.
//
// What a person typed gets into the page as text, never as HTML.

import { bytes, frameOf } from "./frames.js";

/** How long the server may take to answer, in milliseconds. */
const ANSWER_WITHIN = 10_000;
/** A page that has been hidden for this long asks whether its connection still works. */
const ASLEEP_AFTER = 30_000;
/** The pause before a new attempt: it doubles each time, and is up to half shorter by chance. */
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;
/** After a connection that has held for this long, the first pause is the short one again. */
const STABLE_AFTER = 5_000;
/** The most messages, names, arrivals and departures in a line, and frames that are shown. */
const MAX_MESSAGES = 500;
const MAX_PEOPLE = 50;
const MAX_IN_A_LINE = 6;
const MAX_FRAMES = 50;
/** How much of a payload is shown with its frame. */
const MAX_CHARACTERS = 200;

/** In the order of `WebSocket.readyState`. */
const STATES = ["connecting", "open", "closing", "closed"];

/** What the problem line is about. Good news about a subject replaces bad news about the same subject. */
const NOTHING = "nothing";
const NAME = "name";
const MESSAGE = "message";
const CONNECTION = "connection";

/** What a state means to people. The list of frames shows what happened on the wire. */
const SENTENCES = {
  connecting: "Looking for the server …",
  open: "You are connected.",
  closing: "Saying goodbye …",
};

const MEANINGS = {
  1000: "The server has ended this connection.",
  1001: "The server is stopping.",
  1002: "One side broke a rule of the protocol.",
  1003: "This kind of message is not taken.",
  1005: "The server has ended this connection, and didn’t say why.",
  1006: "The server is gone, can’t be reached, or refuses the connection. A page isn’t told which.",
  1007: "A text message was not UTF-8.",
  1008: "The server’s rules don’t allow this.",
  1009: "A message was too big.",
  1011: "Something unexpected happened in the server.",
  1012: "The server is starting again.",
  1013: "The server has too much to do for this page at the moment.",
  4000: "This page has waited for an answer for too long.",
};

const element = (id) => document.getElementById(id);
const log = element("log");
const messages = element("messages");
const naming = element("naming");
const saying = element("saying");
const problem = element("problem");
const drawer = element("frames");

/** A token that only this tab knows: when the tab connects again, the server ends its earlier connection. */
const tab = recall("tab") || randomToken();
let socket;
/** Whether there should be a connection. */
let wanted = true;
/** When the connection was opened; `Infinity` while it isn’t open. */
let openedAt = Infinity;
/** How many connections in a row didn't hold. */
let failures = 0;
/** Whether the history has come: from then on, everything is live. */
let caughtUp = false;
/** The id of the last message that was shown. The server's ids only ever grow. */
let cursor = 0;

/** The name to take on each new connection. */
let name = recall("name");
/** Whether the server has accepted that name on this connection. */
let named = false;
/** What was sent and not answered yet, the oldest first: the server answers in order. */
let unanswered = [];
/** A message that may or may not have arrived. */
let uncertain;
const people = new Set();

// The connection

function connect() {
  wanted = true;
  stopWaiting();
  abandon();
  socket = new WebSocket(
    (location.protocol === "https:" ? "wss://" : "ws://") +
      location.host +
      `/socket?after=${cursor}&tab=${tab}`,
  );
  socket.onopen = opened;
  socket.onmessage = ({ data }) => heard(data);
  socket.onclose = closed;
  expectAnswer();
  note({ title: "connecting", detail: "" });
  showState(SENTENCES.connecting);
}

function opened() {
  openedAt = performance.now();
  element("extensions").textContent = socket.extensions || "none";
  element("compressed").hidden = !deflates();
  note({ title: "open", detail: socket.url.split("?")[0] });
  showState(SENTENCES.open);
  if (name) {
    send({ username: name });
  }
}

function closed({ code, reason }) {
  const why = reason ? `“${reason}”` : "no reason given";
  note({ title: "closed", detail: `Code ${code}, ${why}.` });
  showState(wanted ? (MEANINGS[code] ?? "The connection has ended.") : "You have disconnected.");
  if (concern === CONNECTION && !isProblem) {
    // What the line said about the connection is no longer true.
    inform("", NOTHING);
  }
  giveUp();
  if (performance.now() - openedAt > STABLE_AFTER) {
    failures = 0;
  }
  openedAt = Infinity;
  if (!wanted) {
    return;
  }
  const longest = Math.min(FIRST_PAUSE * 2 ** failures, LONGEST_PAUSE);
  failures += 1;
  // All pages lose a server at the same moment. By chance, they don't all come back at the same moment.
  connectIn(longest * (1 - Math.random() / 2));
}

/** Closes a connection without waiting for its end. */
function abandon() {
  if (socket) {
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    giveUp();
  }
}

/** Forgets what this connection was to bring: what has not been answered on it never will be. */
function giveUp() {
  clearTimeout(answerTimer);
  caughtUp = false;
  named = false;
  log.ariaLive = "off";
  people.clear();
  showPeople();
  const message = unanswered.find(({ message }) => message !== undefined);
  unanswered = [];
  if (message) {
    uncertain = message;
    complain("The connection was lost on the way: nobody knows whether your message has arrived. It is still here.", MESSAGE);
  }
}

let answerTimer;
/** Sets a deadline for the answer: a network that is gone says nothing. */
function expectAnswer() {
  clearTimeout(answerTimer);
  if (!caughtUp || unanswered.length > 0) {
    answerTimer = setTimeout(() => disconnect(4000, "no answer"), ANSWER_WITHIN);
  }
}

function disconnect(code, reason) {
  socket.close(code, reason);
  note({ title: "closing", detail: `Code ${code}, “${reason}”.` });
  showState(SENTENCES.closing);
}

let countdown;
function connectIn(pause) {
  const due = performance.now() + pause;
  const tick = () => {
    const seconds = Math.ceil((due - performance.now()) / 1000);
    element("countdown").textContent = `Connecting again in ${seconds} s.`;
    if (seconds <= 0) {
      connect();
    }
  };
  stopWaiting();
  countdown = setInterval(tick, 200);
  tick();
}

function stopWaiting() {
  clearInterval(countdown);
  countdown = undefined;
  element("countdown").textContent = "";
}

element("switch").onclick = () => {
  if (socket.readyState <= WebSocket.OPEN) {
    wanted = false;
    disconnect(1000, "the button");
  } else {
    connect();
  }
};

// On a different network, an open connection may be dead. Only a new connection can tell.
addEventListener("online", () => {
  if (countdown !== undefined || socket.readyState === WebSocket.OPEN) {
    connect();
  }
});
// A computer that has slept may have lost its connection without notice. A page can't ping, but it can ask for
// an answer.
let hiddenAt;
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    hiddenAt = Date.now();
  } else if (countdown !== undefined) {
    connect();
  } else if (named && naming.hidden && unanswered.length === 0 && Date.now() - hiddenAt > ASLEEP_AFTER) {
    send({ username: name });
  }
});

// What the server says

function heard(text) {
  record(text, true);
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    complain("The server said something that isn’t JSON. It is among the frames below.", NOTHING);
    return;
  }
  if ("id" in message) {
    arrived(message);
  } else if ("you" in message) {
    unanswered.shift();
    accepted(message.you);
  } else if ("people" in message) {
    catchUp(message.people);
  } else if ("joined" in message) {
    joined(message.joined);
  } else if ("left" in message) {
    left(message.left);
  } else if ("error" in message) {
    refused(message.error);
  } else if ("notice" in message) {
    // Step 16: what isn't as it should be, or nothing if all is well again.
    showState(message.notice || SENTENCES.open);
  }
  expectAnswer();
}

function arrived({ id, username, message }) {
  if (cursor > 0 && id !== cursor + 1) {
    addLine("Messages may be missing here: the server has restarted, or no longer keeps them.");
  }
  cursor = id;
  addMessage(id, username, message);
  const isSame = (it) => it?.username === username && it.message === message;
  if (isSame(unanswered[0])) {
    unanswered.shift();
    clearField(message);
  } else if (isSame(uncertain)) {
    uncertain = undefined;
    clearField(message);
  }
}

function catchUp(names) {
  caughtUp = true;
  // A screen reader reads out what comes from now on, but not the history.
  setTimeout(() => (log.ariaLive = caughtUp ? "polite" : "off"), 100);
  names.forEach((it) => people.add(it));
  showPeople();
  if (uncertain) {
    uncertain = undefined;
    complain("Your message is not in the server’s history. It is still here: send it again, unless somebody has seen it.", MESSAGE);
  }
}

function joined(username) {
  people.add(username);
  // If this is the name that you have asked for, it may be you, and the answer follows.
  if (unanswered[0]?.username !== username) {
    addChange(username, "came");
  }
  showPeople();
}

function left(username) {
  people.delete(username);
  showPeople();
  // With a new name, you leave the old one.
  if (!isMe(username)) {
    addChange(username, "left");
  }
}

function refused(sentence) {
  const asked = unanswered.shift();
  if (asked?.message === undefined) {
    naming.hidden = false;
    complain(sentence, NAME);
  } else {
    complain(`Not sent; your text is still here. ${sentence}`, MESSAGE);
  }
}

// What you say

function send(message) {
  const text = JSON.stringify(message);
  socket.send(text);
  record(text, false);
  unanswered.push(message);
  expectAnswer();
}

naming.onsubmit = (event) => {
  event.preventDefault();
  const username = element("username").value.trim();
  if (socket.readyState === WebSocket.OPEN) {
    send({ username });
  } else {
    name = username;
    inform("You will join with this name when there is a connection.", NAME);
  }
};

/** Whether this is the name that the server has given you, on this connection. */
function isMe(it) {
  return named && it === name;
}

/** Takes the name that the server has given you. */
function accepted(yours) {
  name = yours;
  named = true;
  showPeople();
  remember("name", name);
  element("name").textContent = name;
  element("me").hidden = false;
  saying.hidden = false;
  // The focus moves only if the field that has it goes away.
  if (naming.contains(document.activeElement)) {
    element("message").focus();
  }
  naming.hidden = true;
  if (concern === NAME) {
    inform("", NOTHING);
  } else if (concern === CONNECTION && isProblem) {
    inform("There is a connection again. Your text is still here: send it now.", CONNECTION);
  }
}

element("rename").onclick = () => {
  naming.hidden = false;
  element("join").textContent = "Change";
  element("username").value = name;
  element("username").select();
};

saying.onsubmit = (event) => {
  event.preventDefault();
  const message = element("message").value;
  if (socket.readyState !== WebSocket.OPEN) {
    complain("Not sent: there is no connection. Your text is still here.", CONNECTION);
  } else if (unanswered.every((it) => it.message === undefined)) {
    uncertain = undefined;
    send({ username: name, message });
  }
};

/** Takes your message out of its field, now that it has come back. What you typed after it stays. */
function clearField(message) {
  const field = element("message");
  if (field.value.startsWith(message)) {
    field.value = field.value.slice(message.length);
  }
  inform("", NOTHING);
}

/** What the line is about, and whether that is a problem. */
let concern = NOTHING;
let isProblem = false;

function complain(sentence, about) {
  tell(sentence, about, true);
}

function inform(sentence, about) {
  tell(sentence, about, false);
}

function tell(sentence, about, problematic) {
  concern = about;
  isProblem = problematic;
  problem.textContent = isProblem ? sentence : "";
  element("news").textContent = isProblem ? "" : sentence;
}

// What you see

function showState(detail) {
  const state = STATES[socket.readyState];
  document.body.dataset.state = state;
  element("state").textContent = state;
  element("detail").textContent = detail;
  element("switch").textContent = socket.readyState <= WebSocket.OPEN ? "Disconnect" : "Connect now";
}

function addMessage(id, username, message) {
  const item = document.createElement("li");
  item.dataset.id = id;
  item.classList.toggle("mine", username === name);
  item.append(...timeOf(), inBold(username), ": ", isolated(message));
  add(item);
}

/**
 * When a message came to this page. Its id can’t tell when it was said: it is the time at which the server started,
 * plus one for each message. So messages from the history, said before this page was connected, have no time.
 */
function timeOf() {
  if (!caughtUp) {
    return [];
  }
  const now = new Date();
  const time = document.createElement("time");
  time.dateTime = now.toISOString();
  time.textContent = now.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return [time, " "];
}

/** Shows that a person came or left. These changes share a line until there is a message. It is not read out. */
function addChange(username, what) {
  let item = messages.lastElementChild;
  if (!item?.classList.contains("coming")) {
    item = addLine("");
    item.classList.add("coming");
  }
  const part = document.createElement("span");
  part.append(isolated(username), ` ${what}`);
  item.append(part);
  while (item.children.length > MAX_IN_A_LINE) {
    item.firstElementChild.remove();
  }
  follow();
}

function addLine(text) {
  const item = document.createElement("li");
  item.className = "line";
  item.ariaLive = "off";
  item.textContent = text;
  add(item);
  return item;
}

function add(item) {
  element("empty").hidden = true;
  messages.append(item);
  while (messages.children.length > MAX_MESSAGES) {
    messages.firstElementChild.remove();
  }
  element("newer").hidden = following;
  follow();
}

/** Whether you are at the end of the log. Then it stays there, whatever comes. */
let following = true;
function follow() {
  if (following) {
    log.scrollTop = log.scrollHeight;
  }
}

log.onscroll = () => {
  following = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  element("newer").hidden ||= following;
};

element("newer").onclick = () => {
  log.focus();
  following = true;
  follow();
};

// In a narrower page, the text takes more lines.
new ResizeObserver(follow).observe(log);

function showPeople() {
  const names = [...people].sort((one, other) => one.localeCompare(other));
  const items = names.slice(0, MAX_PEOPLE).map((it) => {
    const item = document.createElement("li");
    item.append(isolated(it), isMe(it) ? " (you)" : "");
    return item;
  });
  if (names.length > MAX_PEOPLE) {
    const item = document.createElement("li");
    item.textContent = `and ${names.length - MAX_PEOPLE} more`;
    items.push(item);
  }
  element("people").replaceChildren(...items);
  element("count").textContent = caughtUp ? names.length : "–";
  element("looking").hidden = !caughtUp || named;
}

/** Text that may run from right to left without changing the direction of the text around it. */
function isolated(text) {
  const isolate = document.createElement("bdi");
  isolate.textContent = text;
  return isolate;
}

function inBold(text) {
  const bold = document.createElement("strong");
  bold.append(isolated(text));
  return bold;
}

// The frames

/** `bytes` are on the wire, unless the size of a frame wasn't known; `text` is before compression. */
const totals = {
  sent: { frames: 0, bytes: 0, text: 0 },
  received: { frames: 0, bytes: 0, text: 0 },
};
/** The latest frames and states, the latest first. They are drawn when the list is opened. */
const notes = [];

function record(text, fromServer) {
  const frame = frameOf(text, fromServer, deflates());
  const total = fromServer ? totals.received : totals.sent;
  total.frames += 1;
  total.bytes += frame.size ?? NaN;
  total.text += frame.payload;
  note({ title: fromServer ? "← received" : "→ sent", detail: sizes(frame), frame, text });
}

/** Whether messages of this connection may be compressed (RFC 7692). */
function deflates() {
  return socket.extensions.includes("permessage-deflate");
}

function note(it) {
  notes.unshift(it);
  notes.splice(MAX_FRAMES);
  if (drawer.open) {
    element("drawings").prepend(draw(it));
    element("drawings").children[MAX_FRAMES]?.remove();
    showTotals();
  }
}

drawer.ontoggle = () => {
  element("drawings").replaceChildren(...(drawer.open ? notes.map(draw) : []));
  showTotals();
};

function showTotals() {
  for (const [way, { frames, bytes: count, text }] of Object.entries(totals)) {
    const size = Number.isNaN(count) ? `${bytes(text)} of text` : bytes(count);
    element(way).textContent = `${frames.toLocaleString("en")} · ${size}`;
  }
}

function sizes({ header, payload, size }) {
  if (!header) {
    return `${bytes(payload)} of text, before compression`;
  }
  return `${header.length} of header + ${payload.toLocaleString("en")} of payload = ${bytes(size)}`;
}

function draw({ title, detail, frame, text }) {
  const item = document.createElement("li");
  addTo(item, "h3", title);
  addTo(item, "p", detail);
  if (frame) {
    const drawing = addTo(item, "dl", "");
    frame.fields.forEach((field) => drawField(drawing, field));
    if (frame.header) {
      addTo(addTo(item, "p", "Header: "), "code", frame.header.join(" "));
    }
    addTo(addTo(item, "p", "Payload: "), "code", beginning(text));
  }
  return item;
}

function beginning(text) {
  const characters = [...text];
  const more = characters.length > MAX_CHARACTERS ? "…" : "";
  return characters.slice(0, MAX_CHARACTERS).join("") + more;
}

function drawField(drawing, { name, bits, says }) {
  const field = addTo(drawing, "div", "");
  addTo(field, "dt", name);
  // A byte that the page can't know is one "?".
  const shown = bits.replaceAll("????????", "?").replaceAll(/([01]{8}|\?)(?=.)/g, "$1 ");
  addTo(field, "dd", shown).className = "bits";
  addTo(field, "dd", says);
}

function addTo(parent, tag, text) {
  const child = document.createElement(tag);
  child.textContent = text;
  parent.append(child);
  return child;
}

// What this tab remembers, even after a reload

function remember(key, value) {
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // The browser allows no storage. The chat works without it.
  }
}

function recall(key) {
  try {
    return sessionStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

/** `randomUUID` would be shorter, but works only on https and on localhost. */
function randomToken() {
  const numbers = crypto.getRandomValues(new Uint32Array(4));
  return Array.from(numbers, (it) => it.toString(36)).join("");
}

// A copy of a tab remembers what the tab remembers. So the token is stored only while the tab has no page: from one
// page to the next.
remember("tab", "");
addEventListener("pagehide", () => remember("tab", tab));
addEventListener("pageshow", () => remember("tab", ""));

element("username").value = name;
if (!name) {
  element("username").focus();
}
connect();
