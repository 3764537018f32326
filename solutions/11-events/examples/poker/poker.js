// The page of the planning poker. What the server and the page say to each other is in the table of `main.rs`.
//
// What somebody typed gets into the page as text, never as HTML.

import { connect, Lost } from "/events.js";

/** The server has the same. */
const CARDS = ["1", "2", "3", "5", "8", "13", "21", "?"];

const element = (id) => document.getElementById(id);

const withoutSocket = new URLSearchParams(location.search).get("transport") === "polling";
const events = connect(withoutSocket ? { WebSocket: null } : {});

/** The server's number for this page's session. */
let me;
let name = "";
let table = { round: 0, shown: false, people: [] };

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
// A new session has no seat, and no card.
events.on("open", ({ session }) => {
  me = session;
  if (name) {
    events.emit("name", name);
    if (chosen()) {
      events.emit("vote", { round: table.round, card: chosen().value });
    }
  }
});
events.on("error", ({ message }) => complain(message));

// The table

events.on("table", (news) => {
  if (news.round !== table.round) {
    CARDS.forEach((_, index) => (element(`card${index}`).checked = false));
  }
  table = news;
  element("people").replaceChildren(...table.people.map(drawPerson));
  element("cards").disabled = table.shown;
  element("show").disabled = table.shown || table.people.every(({ voted }) => !voted);
  element("reset").disabled = table.people.every(({ voted }) => !voted);
  say(summary());
});

function summary() {
  const count = table.people.filter(({ voted }) => voted).length;
  if (!table.shown) {
    return `${count} of ${table.people.length} have put down a card.`;
  }
  return table.average == null ? "No numbers on the cards." : `Average: ${Number(table.average.toFixed(1))}`;
}

function drawPerson({ who, name, voted, card }) {
  const face = document.createElement("span");
  face.className = voted ? "card" : "card none";
  face.classList.toggle("face", table.shown && voted);
  face.textContent = voted ? (card ?? "✓") : "–";
  const person = document.createElement("span");
  const isolate = document.createElement("bdi");
  isolate.textContent = name;
  const said = document.createElement("span");
  said.className = "small";
  said.textContent = voted ? "has a card down" : "has no card";
  person.append(isolate, who === me ? " (you) " : " ", voted && table.shown ? "" : said);
  const item = document.createElement("li");
  item.append(face, person);
  return item;
}

/** A screen reader reads out what changes: so only a change is written. */
function say(text) {
  if (element("summary").textContent !== text) {
    element("summary").textContent = text;
  }
}

// What you do

element("naming").onsubmit = async (submitted) => {
  submitted.preventDefault();
  const wish = element("name").value;
  const { error, isLost } = await ask("name", wish);
  complain(error ?? "");
  if (!error && !isLost) {
    name = wish;
    element("naming").hidden = true;
    element("voting").hidden = false;
    element("buttons").hidden = false;
    element("card0").focus();
  }
};

CARDS.forEach((card, index) => {
  const label = document.createElement("label");
  const input = document.createElement("input");
  Object.assign(input, { type: "radio", name: "card", id: `card${index}`, value: card });
  input.onchange = () => vote(card);
  const face = document.createElement("span");
  face.textContent = card;
  label.append(input, face);
  element("cards").append(label);
});

async function vote(card) {
  const { error } = await ask("vote", { round: table.round, card });
  complain(error ?? "");
}

function chosen() {
  return element("cards").querySelector("input:checked");
}

element("voting").onsubmit = (submitted) => submitted.preventDefault();
element("show").onclick = async () => {
  await ask("show");
  // This button can't be used any more, and the keyboard should not be lost with it.
  element("reset").focus();
};
element("reset").onclick = async () => {
  await ask("reset");
  element("card0").focus();
};

/** Asks the server. Where the reply is lost, there is a new session, and it begins with the same. */
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
