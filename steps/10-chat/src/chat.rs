//! The chat as a server's [`App`]: the page, two lists, and the WebSocket, on one port.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use connection::{Extension, NoExtension};
use echo::{Negotiation, Patience, Stream};
use handshake::head::{self, HeadBuffer, RequestHead, host_and_resource};
use handshake::opening::OpeningHandshake;
use handshake::policy::Policy;
use polling::routes::{Refusal, Reply, whole_number};

use crate::client::{self, Limits};
use crate::http::{encode_reply, parameter, read_head, refusal_reply, send_and_linger};
use crate::hub::{Hub, Pace, Visitor, id_from_clock};
use crate::outbox::Outbox;
use crate::server::App;

/// The longest token of a tab, in bytes.
const MAX_TAB_TOKEN: usize = 64;

/// The server's limits and deadlines.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The most connections at a time, WebSockets and requests together. One more gets 503.
    pub max_connections: u64,
    /// The limits of a request's head.
    pub head: head::Limits,
    /// The longest time that a head may take to arrive.
    pub head_within: Duration,
    /// The most messages that are kept for clients that join.
    pub max_history: u64,
    /// The most memory that a client's outbox may take, in bytes. The whole history must fit. A client that reads
    /// too slowly for this limit is closed with 1013.
    pub max_outbox_bytes: usize,
    /// The most that each client may say, and that the whole room may deliver.
    pub pace: Pace,
    /// The longest message, and the time that the server waits for a silent client.
    pub client: Limits,
    /// The longest time between two looks at the clock of a thread that reads.
    pub tick: Duration,
    /// The first message's id is one more than this.
    pub last_id: u64,
    /// The extension that clients may use. This step has none.
    pub extension: Option<Arc<dyn Negotiation>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_connections: 1000,
            head: head::Limits::default(),
            head_within: Duration::from_secs(10),
            max_history: 100,
            max_outbox_bytes: 1 << 20,
            pace: Pace {
                messages: 10,
                deliveries: 30_000,
            },
            client: Limits {
                max_message: 16 * 1024,
                patience: Patience::default(),
            },
            tick: Duration::from_secs(1),
            last_id: id_from_clock(),
            extension: None,
        }
    }
}

/// A chat with one room.
pub struct Chat {
    hub: Hub,
    settings: Settings,
}

impl Chat {
    /// Creates an empty chat.
    pub fn new(settings: Settings) -> Self {
        let hub = Hub::new(settings.max_history, settings.last_id, settings.pace)
            .with_extension(settings.extension.clone());
        Self { hub, settings }
    }

    /// Returns the chat's room.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    fn open_socket(
        &self,
        mut stream: &dyn Stream,
        head: &RequestHead,
        query: &str,
        first: &[u8],
    ) -> io::Result<()> {
        let mut opening = match OpeningHandshake::read(head, &Policy::default()) {
            Ok(opening) => opening,
            Err(refusal) => {
                let with_body = head.method != "HEAD";
                return send_and_linger(stream, &encode_reply(&refusal_reply(&refusal), with_body));
            }
        };
        let Some(after) = after(query) else {
            return send_and_linger(stream, &encode_reply(&Refusal::BadCursor.into(), true));
        };
        let extension = self.agree(&mut opening);
        // No other thread writes yet, so the 101 is the first thing that the client gets.
        stream.write_all(&opening.response())?;
        let tab = tab(query).map(str::to_string);
        let packs = opening.chosen_extensions.is_some();
        let outbox = Arc::new(Outbox::new(self.settings.max_outbox_bytes).with_packed(packs));
        let id = self.hub.join(Visitor { after, tab }, &outbox);
        let limits = self.settings.client;
        client::run(stream, first, (&self.hub, id), outbox, limits, extension)
    }

    /// Chooses an extension, if the client offers one that this chat has.
    fn agree(&self, opening: &mut OpeningHandshake) -> Box<dyn Extension> {
        let negotiation = self.settings.extension.as_ref();
        match negotiation.and_then(|it| it.choose(&opening.extensions)) {
            Some(agreed) => {
                opening.chosen_extensions = Some(agreed.field);
                agreed.extension
            }
            None => Box::new(NoExtension::default()),
        }
    }
}

impl App for Chat {
    fn answer(&self, stream: &dyn Stream, stop: &AtomicBool) -> io::Result<()> {
        stream.tcp().set_nodelay(true)?;
        stream.set_read_timeout(Some(self.settings.tick))?;
        let mut buffer = HeadBuffer::new(self.settings.head);
        let head = match read_head(stream, &mut buffer, self.settings.head_within, stop)? {
            Ok(head) => head,
            Err(error) => {
                return send_and_linger(stream, &encode_reply(&refusal_reply(&error.into()), true));
            }
        };
        let target = host_and_resource(&head.target).map(|(_, resource)| resource);
        let (path, query) = target.map_or(("", ""), |it| it.split_once('?').unwrap_or((it, "")));
        match (path, head.method.as_str()) {
            // The handshake refuses a target without a path.
            ("/socket" | "", _) => self.open_socket(stream, &head, query, buffer.rest()),
            (_, "GET") => {
                send_and_linger(stream, &encode_reply(&get(path, query, &self.hub), true))
            }
            (_, "HEAD") => {
                send_and_linger(stream, &encode_reply(&get(path, query, &self.hub), false))
            }
            _ => {
                let refusal = Refusal::WrongMethod { allow: "GET, HEAD" };
                send_and_linger(stream, &encode_reply(&refusal.into(), true))
            }
        }
    }

    fn stop(&self) {
        self.hub.stop();
    }

    fn max_connections(&self) -> u64 {
        self.settings.max_connections
    }

    /// A thread notices the stop at its next tick. Then it waits for the answer to its Close. If the Close can't even
    /// be written, the thread waits for that first, for as long again.
    fn longest_goodbye(&self) -> Duration {
        2 * self.settings.tick + 2 * self.settings.client.patience.close_within
    }
}

/// Answers a GET.
pub fn get(path: &str, query: &str, hub: &Hub) -> Reply {
    match path {
        "/" => Reply::file("text/html; charset=utf-8", include_str!("page/index.html")),
        "/chat.js" => script(include_str!("page/chat.js")),
        "/frames.js" => script(include_str!("page/frames.js")),
        "/chat.css" => Reply::file("text/css; charset=utf-8", include_str!("page/chat.css")),
        "/people" => Reply::json(200, &hub.people()),
        "/messages" => match after(query) {
            Some(after) => Reply::json(200, &hub.messages(after)),
            None => Refusal::BadCursor.into(),
        },
        _ => Refusal::NoSuchPath.into(),
    }
}

fn script(text: &str) -> Reply {
    Reply::file("text/javascript; charset=utf-8", text)
}

/// Finds the cursor in a query like `after=3&tab=x7`. Returns 0 if there is none, and `None` if it isn't a number.
pub fn after(query: &str) -> Option<u64> {
    parameter(query, "after").map_or(Some(0), whole_number)
}

/// Finds the token of the tab. The hub keeps it in memory, so a long one doesn't count.
pub fn tab(query: &str) -> Option<&str> {
    parameter(query, "tab").filter(|tab| (1..=MAX_TAB_TOKEN).contains(&tab.len()))
}
