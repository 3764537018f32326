// The page of the notifications. What the server and the page say to each other is in the table of `main.rs`.
//
// What people typed gets into the page as text, never as HTML.

import { connect, Lost } from "/events.js";
import { showStatus, withoutSocket } from "/status.js";

/** How many notifications the page shows at most. */
const MOST_NOTES = 100;
/** How long a new one stays at the edge of the page, in milliseconds. */
const TOAST = 6_000;
const MOST_TOASTS = 3;

const element = (id) => document.getElementById(id);
const topics = new Set();

const events = connect(withoutSocket ? { WebSocket: null } : {});

// The connection

showStatus(events);
// A new session is in no room yet.
events.on("open", () => topics.forEach((topic) => events.emit("subscribe", topic)));
events.on("lost", ({ events: lost }) => {
  const published = lost.filter(({ event, arrived }) => event === "publish" && arrived === "unknown");
  const notes = published.map(({ data }) => `“${data.text}”`);
  const unknown = notes.length > 0 ? ` Nobody knows whether this has been published: ${notes.join(", ")}.` : "";
  complain(`The server has lost this session: notifications may be missing.${unknown}`);
});
events.on("error", ({ message }) => complain(message));

// Topics

element("subscribing").onsubmit = async (submitted) => {
  submitted.preventDefault();
  complain("");
  const { topic, error } = await ask("subscribe", element("topic").value);
  if (error) {
    complain(error);
  }
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
  complain("");
  element("result").textContent = "On the way.";
  const { told, error, arrived } = await ask("publish", { topic, text });
  element("result").textContent = sentTo(told, topic.trim(), arrived);
  if (error || told === 0 || arrived === "unknown") {
    element("text").value ||= text;
  }
  if (error) {
    complain(error);
  }
};

function sentTo(told, topic, arrived) {
  if (told === undefined) {
    return arrived === "yes" ? "Sent." : "";
  }
  if (told === 0) {
    return `No page has subscribed to “${topic}”, so your text was shown to no one. It is still here: subscribe to “${topic}”, here or in another tab, and publish it again.`;
  }
  return `Sent to ${told === 1 ? "1 subscriber" : `${told} subscribers`}.`;
}

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

/**
 * Asks the server. What has certainly not arrived in a session that is lost is asked again in the next one. So is a
 * subscription, which does no harm when it comes twice. What may have arrived, `lost` tells.
 */
async function ask(event, data) {
  try {
    return await events.ask(event, data);
  } catch (error) {
    const isForNext = error instanceof Lost && (error.arrived === "no" || event === "subscribe");
    if (isForNext && events.state !== "closed") {
      return ask(event, data);
    }
    return error instanceof Lost ? { arrived: error.arrived } : { error: error.message };
  }
}

function complain(sentence) {
  element("problem").textContent = sentence;
}
