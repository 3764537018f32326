// The page of the live chart. What the server says is in the table of `main.rs`.
//
// The library tells the server that a sample has been used when its handler has returned; only then comes
// the next one, and it is the newest.

import { connect } from "/events.js";
import { showStatus, withoutSocket } from "/status.js";

/** How many samples the chart is wide. */
const SHOWN = 60;
/** How long a slow page works on a sample, in milliseconds. */
const WORK = 1_000;
const SVG = "http://www.w3.org/2000/svg";

const element = (id) => document.getElementById(id);
let samples = [];
let arrived = 0;
let skipped = 0;

const events = connect(withoutSocket ? { WebSocket: null } : {});

// The connection

showStatus(events);
// After a restart, the server counts from 1 again.
events.on("lost", () => (samples = []));
events.on("error", ({ message }) => (element("problem").textContent = message));

// The samples

events.on("sample", (sample) => {
  const last = samples.at(-1);
  // One of which the server can't know whether it has arrived comes again.
  if (sample.number === last?.number) {
    return;
  }
  const age = Date.now() - sample.at;
  arrived += 1;
  skipped += last ? sample.number - last.number - 1 : 0;
  samples.push(sample);
  samples = samples.filter(({ number }) => number > sample.number - SHOWN);
  draw();
  element("number").textContent = sample.number.toLocaleString("en");
  element("value").textContent = sample.value.toFixed(1);
  element("arrived").textContent = arrived.toLocaleString("en");
  element("skipped").textContent = skipped.toLocaleString("en");
  element("age").textContent = `${age.toLocaleString("en")} ms`;
  if (element("slow").checked) {
    work();
  }
});

/** Keeps the page busy, as a page does that has too much to do. */
function work() {
  const end = performance.now() + WORK;
  while (performance.now() < end);
}

function draw() {
  const newest = samples.at(-1).number;
  const points = samples.map(({ number, value }) => {
    return [590 - ((newest - number) * 580) / (SHOWN - 1), 210 - 2 * value];
  });
  element("line").setAttribute("points", points.map((point) => point.join()).join(" "));
  const dots = points.map(([x, y]) => {
    const dot = document.createElementNS(SVG, "circle");
    dot.setAttribute("cx", x);
    dot.setAttribute("cy", y);
    dot.setAttribute("r", 3);
    return dot;
  });
  element("dots").replaceChildren(...dots);
}
