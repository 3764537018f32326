// The bar at the top of every app's page: whether there is a connection, by which transport, and a button to get from
// polling back to a WebSocket.

const HOW = { websocket: "by WebSocket", polling: "by long polling" };
const STILL_POLLING =
  "Connected by long polling. No WebSocket opens: the server, or something on the way to it, lets none through.";

const element = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);

/** Whether the page's address tells it to do without a WebSocket. */
export const withoutSocket = query.get("transport") === "polling";

/** From now on, shows how these events are connected. */
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
    // When the page is loaded again, it should begin with a WebSocket, too.
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
    // The button disappears, so the keyboard's focus must go elsewhere.
    element("connection").focus();
  }
}
