// The chat's page. What the server and the page say to each other is in the table of `main.rs`.
//
// What people typed gets into the page as text, never as HTML.

import { connect, Lost } from "/events.js";
import { showStatus, withoutSocket } from "/status.js";

/** How many messages the page shows at most. */
const MOST_MESSAGES = 500;

const element = (id) => document.getElementById(id);
const log = element("log");
const messages = element("messages");

const events = connect(withoutSocket ? { WebSocket: null } : {});

/** Your name, as the server has taken it. */
let name = "";
let people = [];
/** The id of the last message that was shown. The server's ids only ever grow. */
let last = 0;
/** How many messages the server has not answered yet. */
let pending = 0;
/** What has gone wrong since you did something. */
const problems = new Set();

// The connection

showStatus(events);
// A new session knows nothing of the one before it.
events.on("open", () => {
  if (name) {
    join(name);
  }
});
events.on("error", ({ message }) => complain(message));

// What the server says

events.on("welcome", (welcome) => {
  // A screen reader skips the history, and reads out what comes a moment later.
  log.ariaLive = "off";
  if (last > 0) {
    addLine("A new session: messages may be missing here.");
  }
  welcome.messages.filter(({ id }) => id > last).forEach(addMessage);
  showPeople(welcome.people);
  setTimeout(() => (log.ariaLive = "polite"), 100);
});
events.on("said", addMessage);
events.on("people", showPeople);

// What you say

element("naming").onsubmit = (submitted) => {
  submitted.preventDefault();
  forgive();
  join(element("name").value);
};

async function join(wish) {
  const { error, name: taken } = await ask("name", wish);
  const wasNaming = !element("naming").hidden;
  name = error ? "" : (taken ?? wish);
  showPeople(people);
  element("naming").hidden = !error;
  element("saying").hidden = Boolean(error);
  if (error) {
    complain(error);
  }
  if (error || wasNaming) {
    element(error ? "name" : "text").focus();
  }
}

element("saying").onsubmit = async (submitted) => {
  submitted.preventDefault();
  const text = element("text").value;
  element("text").value = "";
  forgive();
  showPending(+1);
  const { error } = await ask("say", text);
  showPending(-1);
  if (error) {
    // Other messages may have come back already, and you may have begun a new one.
    element("text").value = [element("text").value, text].filter(Boolean).join(" ");
    complain(error);
  }
};

/**
 * Asks the server. What has certainly not arrived in a session that is lost is asked again in the next one. So
 * is a name: the next one doesn't know it, even if it has arrived.
 */
async function ask(event, data) {
  try {
    return await events.ask(event, data);
  } catch (error) {
    const isForNext = error instanceof Lost && (error.arrived === "no" || event === "name");
    if (isForNext && events.state !== "closed") {
      return ask(event, data);
    }
    if (error.arrived === "unknown") {
      return { error: `A session was lost, and nobody knows whether the server has got “${data}”.` };
    }
    return error instanceof Lost ? {} : { error: error.message };
  }
}

// What you see

function addMessage({ id, name: who, text }) {
  last = id;
  const strong = document.createElement("strong");
  strong.append(isolated(who));
  add(who === name ? "mine" : "", strong, ": ", isolated(text));
  element("empty").hidden = true;
}

function addLine(text) {
  add("line", text);
}

function add(className, ...content) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const item = document.createElement("li");
  item.className = className;
  // Strings are appended as text.
  item.append(...content);
  messages.append(item);
  while (messages.children.length > MOST_MESSAGES) {
    messages.firstElementChild.remove();
  }
  if (atEnd) {
    log.scrollTop = log.scrollHeight;
  }
}

/** Text that may run from right to left, and doesn't turn around what stands beside it. */
function isolated(text) {
  const isolate = document.createElement("bdi");
  isolate.textContent = text;
  return isolate;
}

function showPeople(news) {
  people = news;
  const marked = (it) => [isolated(it), it === name ? " (you)" : ""];
  const names = people.flatMap((it, index) => (index === 0 ? marked(it) : [", ", ...marked(it)]));
  const shown = people.length === 0 ? ["Nobody has a name yet."] : [`Here now (${people.length}): `, ...names];
  element("people").replaceChildren(...shown);
}

function showPending(more) {
  pending += more;
  element("pending").textContent = pending > 0 ? `On the way: ${pending}.` : "";
}

function complain(sentence) {
  problems.add(sentence);
  element("problem").textContent = [...problems].join(" ");
}

function forgive() {
  problems.clear();
  element("problem").textContent = "";
}
