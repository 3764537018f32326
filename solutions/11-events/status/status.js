// The bar at the top of every app's page: whether there is a connection, by which transport, and the way back from
// polling to a WebSocket.

const HOW = { websocket: "by WebSocket", polling: "by long polling" };
const STILL_POLLING =
  "Connected by long polling. No WebSocket opens: the server, or something on the way to it, lets none through.";

const element = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);

/** Whether the page's address says that it should do without a WebSocket. */
export const withoutSocket = query.get("transport") === "polling";

/** Shows how these events are connected, from now on. */
export function showStatus(events) {
  events.on("transport", ({ transport }) => show("open", `Connected ${HOW[transport]}.`, transport === "polling"));
  events.on("close", ({ reason, retryIn }) => {
    const next = retryIn === undefined ? "" : ` Trying again in ${(retryIn / 1000).toFixed(1)} s.`;
    show("closed", `Not connected: ${reason || "the connection has broken"}.${next}`, false);
  });
  element("upgrade").onclick = () => upgrade(events);
  element("other").hidden = withoutSocket;
}

async function upgrade(events) {
  if (element("connection").ariaBusy === "true") {
    return;
  }
  element("connection").ariaBusy = "true";
  const hasSocket = await events.upgrade();
  element("connection").ariaBusy = "false";
  if (hasSocket) {
    // The page is to begin with a WebSocket when it is loaded again, too.
    query.delete("transport");
    history.replaceState(null, "", query.size > 0 ? `?${query}` : location.pathname);
    element("other").hidden = false;
  } else if (events.transport === "polling") {
    show("open", STILL_POLLING, true);
  }
}

function show(state, sentence, canUpgrade) {
  const button = element("upgrade");
  const hadFocus = document.activeElement === button;
  element("connection").dataset.state = state;
  element("status").textContent = sentence;
  button.hidden = !canUpgrade;
  if (hadFocus && !canUpgrade) {
    // The keyboard must not be lost with the button.
    element("connection").focus();
  }
}
