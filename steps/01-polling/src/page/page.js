// Asks for messages, one request after the other, and shows what comes.
//
// If the server holds a request until there is news (`data-hold` is for how many seconds), the next
// request follows at once. If it doesn't (`data-hold` is 0), the page pauses in between.
//
// Text that users typed gets into the page as text (`textContent`), never as HTML.

const POLL_TIMEOUT = Number(document.body.dataset.hold) * 1000;
/** How long a request may take on top of the time for which the server holds it. */
const PATIENCE = 10_000;
/** The longest time that a browser's timers take. */
const MAX_TIMER = 2 ** 31 - 1;
/** An empty answer that comes faster than this wasn't held, whatever the server promised. */
const TOO_FAST = 500;
const FIRST_RETRY = 1_000;
const LAST_RETRY = 30_000;
/** The most messages that the page shows. */
const MAX_SHOWN = 500;

const element = (id) => document.getElementById(id);
const status = element("status");
const log = element("log");
const messages = element("messages");
const form = element("form");
const problem = element("problem");

let cursor = 0;
let requests = 0;
let bytes = 0;
let received = 0;
let retry = FIRST_RETRY;

/** Sends a request to /messages and counts it. */
async function ask(query, options, patience) {
  requests += 1;
  showCost();
  const signal = AbortSignal.timeout(Math.min(patience, MAX_TIMER));
  // With the cache, a browser lets a second tab's request wait for the same request of the first tab.
  const response = await fetch(`/messages${query}`, { ...options, cache: "no-store", signal });
  const body = await response.arrayBuffer();
  bytes += bytesOf(response, body);
  showCost();
  const text = new TextDecoder().decode(body);
  if (!response.ok) {
    throw new Refused(text.trim() || `the server answered ${response.status}`);
  }
  return JSON.parse(text);
}

class Refused extends Error {}

/** The bytes of a request and its response, as HTTP/1.1 sends them. */
function bytesOf(response, body) {
  const statusLine = `HTTP/1.1 ${response.status} ${response.statusText}\r\n`.length;
  let headerLines = "\r\n".length;
  for (const [name, value] of response.headers) {
    headerLines += `${name}: ${value}\r\n`.length;
  }
  const request = Number(response.headers.get("X-Request-Bytes"));
  return request + statusLine + headerLines + body.byteLength;
}

/** Asks once; returns how long to wait before asking again, in milliseconds. */
async function poll() {
  const started = performance.now();
  if (status.classList.contains("unreachable")) {
    setStatus("Asking the server for messages…");
  }
  try {
    const news = await ask(`?after=${cursor}`, {}, POLL_TIMEOUT + PATIENCE);
    show(news);
    retry = FIRST_RETRY;
    setStatus(POLL_TIMEOUT > 0 ? "Connected: the server answers when there is news." : "Connected.");
    const held = performance.now() - started >= TOO_FAST;
    return POLL_TIMEOUT > 0 && (held || news.messages.length > 0) ? 0 : interval();
  } catch (error) {
    const wait = retry;
    retry = Math.min(retry * 2, LAST_RETRY);
    const why = error instanceof Refused ? error.message : "The server can’t be reached.";
    setStatus(`${why} Trying again in ${wait / 1000} s.`, true);
    return wait;
  }
}

function show(news) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  // After a restart, the server begins with 1 again.
  let last = news.next < cursor ? 0 : cursor;
  for (const { id, username, message } of news.messages) {
    const gone = id - last - 1;
    if (gone > 0) {
      add("gone", `(older messages that are no longer kept: ${gone})`);
    }
    last = id;
    const name = document.createElement("strong");
    name.textContent = `${username}: `;
    add("", name, message);
    received += 1;
  }
  cursor = news.next;
  if (news.messages.length > 0) {
    element("empty").hidden = true;
    showCost();
    if (atEnd) {
      log.scrollTop = log.scrollHeight;
    }
  }
}

function add(className, ...content) {
  const item = document.createElement("li");
  item.className = className;
  // Strings are appended as text.
  item.append(...content);
  messages.append(item);
  while (messages.children.length > MAX_SHOWN) {
    messages.firstElementChild.remove();
  }
}

function showCost() {
  element("requests").textContent = requests.toLocaleString("en");
  element("bytes").textContent = bytes.toLocaleString("en");
  element("received").textContent = received.toLocaleString("en");
}

/** A screen reader reads out the status each time it is written, so only changes are written. */
function setStatus(text, unreachable = false) {
  if (status.textContent !== text) {
    status.textContent = text;
  }
  status.classList.toggle("unreachable", unreachable);
}

function interval() {
  return Number(document.querySelector("input[name=interval]:checked").value) * 1000;
}

let endPause = () => {};
function pause(milliseconds) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    endPause = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const username = element("username").value;
  const message = element("message").value;
  element("send").disabled = true;
  try {
    const body = JSON.stringify({ username, message });
    const headers = { "Content-Type": "application/json" };
    await ask("", { method: "POST", headers, body }, PATIENCE);
    problem.textContent = "";
    if (element("message").value === message) {
      element("message").value = "";
    }
  } catch (error) {
    const why = error instanceof Refused ? error.message : "The server can’t be reached.";
    problem.textContent = `Not sent; your text is still here. ${why}`;
  }
  element("send").disabled = false;
  element("message").focus();
});

element("interval").hidden = POLL_TIMEOUT > 0;
element("interval").addEventListener("change", () => endPause());

// One loop, so that there are never two requests for news at a time.
for (;;) {
  await pause(await poll());
}
