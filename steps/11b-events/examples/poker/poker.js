// The page of the planning poker. What the server and the page say to each other is in the table of `main.rs`.
//
// What people typed gets into the page as text, never as HTML.

import { connect, Lost } from "/events.js";
import { showStatus, withoutSocket } from "/status.js";

/** The server has the same. */
const CARDS = ["1", "2", "3", "5", "8", "13", "21", "?"];

const element = (id) => document.getElementById(id);

const events = connect(withoutSocket ? { WebSocket: null } : {});

/** The server's number for this page's session. */
let me;
let name = "";
let table = { round: 0, shown: false, people: [] };
/** Your card, if the server has taken it. */
let onTable;
/** How often you have chosen a card. */
let choices = 0;

// The connection

showStatus(events);
// A new session has no seat, and no card.
events.on("open", ({ session }) => {
  me = session;
  if (name) {
    events.emit("name", name);
    if (chosen()) {
      vote(chosen().value);
    }
  }
});
events.on("error", ({ message }) => complain(message));

// The table

events.on("table", (news) => {
  // A card that came too late is not on the table.
  if (news.shown || news.round !== table.round) {
    onTable = news.people.find(({ who }) => who === me)?.card;
    showChoice();
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
  person.classList.toggle("mine", who === me);
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
  const taken = await didIt("name", wish);
  if (taken) {
    name = taken.name;
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
  input.onchange = () => {
    complain("");
    vote(card);
  };
  const face = document.createElement("span");
  face.textContent = card;
  label.append(input, face);
  element("cards").append(label);
});

async function vote(card) {
  choices += 1;
  const choice = choices;
  const { error, isLost } = await ask("vote", { round: table.round, card });
  if (!error) {
    onTable = card;
  } else if (!isLost) {
    complain(error);
    if (choice === choices) {
      showChoice();
    }
  }
  // If the vote is lost with the session, the new session begins with the same card.
}

function showChoice() {
  CARDS.forEach((card, index) => (element(`card${index}`).checked = card === onTable));
}

function chosen() {
  return element("cards").querySelector("input:checked");
}

element("voting").onsubmit = (submitted) => submitted.preventDefault();
element("show").onclick = async () => {
  if (await didIt("show")) {
    // This button can't be used any more, and the keyboard should not be lost with it.
    element("reset").focus();
  }
};
element("reset").onclick = async () => {
  if (await didIt("reset")) {
    element("card0").focus();
  }
};

/** Asks the server to do something. Returns the reply if it has; if it hasn't, the page says why. */
async function didIt(event, data) {
  complain("");
  const { error, ...reply } = await ask(event, data);
  if (error) {
    complain(error);
  }
  return error ? undefined : reply;
}

/** Asks the server. If the reply is lost with the session, the page can't know whether it has been done. */
async function ask(event, data) {
  try {
    return await events.ask(event, data);
  } catch (error) {
    const lost = "The server has lost this session. If the table doesn’t show what you did, do it again.";
    const isLost = error instanceof Lost;
    return { error: isLost ? lost : error.message, isLost };
  }
}

function complain(sentence) {
  element("problem").textContent = sentence;
}
