// The page of the notifications. What the server and the page say to each other is in the table of `main.rs`.
//
// What somebody typed gets into the page as text, never as HTML.

import { connect, Lost } from "/events.js";

/** How many notifications the page shows at most. */
const MOST_NOTES = 100;
/** How long a new one stays at the edge of the page, in milliseconds. */
const TOAST = 6_000;
const MOST_TOASTS = 3;

const element = (id) => document.getElementById(id);
const topics = new Set();

const withoutSocket = new URLSearchParams(location.search).get("transport") === "polling";
const events = connect(withoutSocket ? { WebSocket: null } : {});

// The connection

events.on("transport", ({ transport }) => {
  const how = { websocket: "by WebSocket", polling: "by long polling" };
  element("status").textContent = `Connected ${how[transport]}.`;
});
events.on("close", ({ code, reason, retryIn }) => {
  const why = [code && `code ${code}`, reason].filter(Boolean).join(", ");
  const next = retryIn === undefined ? "" : `Trying again in ${(retryIn / 1000).toFixed(1)} s.`;
  element("status").textContent = `Not connected (${why || "no reason given"}). ${next}`;
});
// A new session is in no room yet.
events.on("open", () => topics.forEach((topic) => events.emit("subscribe", topic)));
events.on("lost", ({ events: lost }) => {
  const notes = lost.filter(({ event }) => event === "publish").map(({ data }) => `“${data.text}”`);
  const published = notes.length > 0 ? ` Nobody knows whether ${notes.join(", ")} has been published.` : "";
  complain(`The server has lost this session: notifications may be missing.${published}`);
});
events.on("error", ({ message }) => complain(message));

// Topics

element("subscribing").onsubmit = async (submitted) => {
  submitted.preventDefault();
  const { topic, error } = await ask("subscribe", element("topic").value);
  complain(error ?? "");
  if (topic) {
    topics.add(topic);
    element("topic").value = "";
    element("to").value ||= topic;
    showTopics();
  }
};

function showTopics() {
  const items = [...topics].sort((one, other) => one.localeCompare(other)).map((topic) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet-button";
    button.textContent = "Unsubscribe";
    button.ariaLabel = `Unsubscribe from ${topic}`;
    button.onclick = () => unsubscribe(topic);
    item.append(isolated(topic), " ", button);
    return item;
  });
  if (items.length === 0) {
    const item = document.createElement("li");
    item.textContent = "None yet.";
    items.push(item);
  }
  element("topics").replaceChildren(...items);
}

function unsubscribe(topic) {
  topics.delete(topic);
  events.emit("unsubscribe", topic);
  showTopics();
  // The button has gone.
  element("topic").focus();
}

// Notifications

element("publishing").onsubmit = async (submitted) => {
  submitted.preventDefault();
  const [topic, text] = [element("to").value, element("text").value];
  element("text").value = "";
  const { told, error, isLost } = await ask("publish", { topic, text });
  if (error || isLost) {
    element("text").value ||= text;
  }
  if (!isLost) {
    complain(error ?? "");
    element("result").textContent = error ? "" : `Sent to ${told === 1 ? "1 subscriber" : `${told} subscribers`}.`;
  }
};

events.on("note", ({ topic, text }) => {
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = new Date().toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", hour12: false });
  item.append(time, " ", ...titled(topic, text));
  element("notes").prepend(item);
  element("notes").children[MOST_NOTES]?.remove();
  element("empty").hidden = true;

  const toast = document.createElement("p");
  toast.append(...titled(topic, text));
  element("toasts").append(toast);
  if (element("toasts").children.length > MOST_TOASTS) {
    element("toasts").firstElementChild.remove();
  }
  setTimeout(() => toast.remove(), TOAST);
});

function titled(topic, text) {
  const title = document.createElement("strong");
  title.append(isolated(topic));
  return [title, ": ", isolated(text)];
}

/** Text that may run from right to left, and doesn't turn around what stands beside it. */
function isolated(text) {
  const isolate = document.createElement("bdi");
  isolate.textContent = text;
  return isolate;
}

/** Asks the server. Where the reply is lost, `lost` says more about it. */
async function ask(event, data) {
  try {
    return await events.ask(event, data);
  } catch (error) {
    return error instanceof Lost ? { isLost: true } : { error: error.message };
  }
}

function complain(sentence) {
  element("problem").textContent = sentence;
}

element("other").hidden = withoutSocket;
