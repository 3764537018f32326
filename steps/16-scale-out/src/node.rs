//! One of the servers: the page, the WebSocket, and what a proxy asks.
//!
//! ```text
//!             ┌ a thread for each connection ─┐
//!  browser ──▶│ Node ─ 101 ─▶ client          │──▶ LocalRoom ──▶ Bus
//!             └───────────────────────────────┘      ▲   │
//!                              follow: what is new ──┘   │ names
//!                              keep: leases ◀────────────┘
//! ```

use std::io::{self, Write};
use std::net::TcpListener;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chat::chat::{after, page, tab};
use chat::client;
use chat::http::{encode_reply, read_head, refusal_reply, send_and_linger};
use chat::hub::id_from_clock;
use chat::server::App;
use chat::{Outbox, Server, Visitor};
use connection::NoExtension;
use echo::Stream;
use handshake::head::{HeadBuffer, RequestHead, host_and_resource};
use handshake::opening::OpeningHandshake;
use handshake::policy::Policy;
use polling::routes::{Refusal, Reply};
use serde_json::json;

use crate::bus::Bus;
use crate::room::LocalRoom;
use crate::{follow, presence};

/// A server's limits and deadlines.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The limits and deadlines of step 10.
    pub chat: chat::Settings,
    /// How long one question for new messages waits.
    pub wait: Duration,
    /// The time between two renewals of the leases.
    pub renew_every: Duration,
    /// How long a lease lasts without a renewal. A server that dies takes its people with it after this time.
    pub lease: Duration,
    /// How long the server keeps trying to publish a message.
    pub publish_within: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            chat: chat::Settings::default(),
            wait: Duration::from_secs(1),
            renew_every: Duration::from_secs(1),
            lease: Duration::from_secs(5),
            publish_within: Duration::from_secs(5),
        }
    }
}

/// One of the servers.
pub struct Node {
    room: Arc<LocalRoom>,
    settings: Settings,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Node {
    /// Starts a server on this bus.
    ///
    /// # Errors
    /// Returns an error if the listener can't be used, or no thread can be started.
    pub fn serve(
        listener: TcpListener,
        bus: Arc<dyn Bus>,
        settings: Settings,
    ) -> io::Result<Server<Self>> {
        let name = format!("{:016x}", getrandom::u64().map_err(io::Error::other)?);
        let room = Arc::new(LocalRoom::new(
            &name,
            Arc::clone(&bus),
            settings.chat.max_history,
            settings.chat.pace,
            settings.publish_within,
        ));
        let threads = start_threads(&bus, &room, &settings)?;
        room.wait_for_a_look(settings.wait);
        let node = Self {
            threads: Mutex::new(threads),
            room,
            settings,
        };
        Server::start(listener, Arc::new(node))
    }

    /// Returns the room of this server's clients.
    pub fn room(&self) -> &LocalRoom {
        &self.room
    }

    fn open_socket(
        &self,
        mut stream: &dyn Stream,
        head: &RequestHead,
        query: &str,
        first: &[u8],
    ) -> io::Result<()> {
        let opening = match OpeningHandshake::read(head, &Policy::default()) {
            Ok(opening) => opening,
            Err(refusal) => {
                let with_body = head.method != "HEAD";
                return send_and_linger(stream, &encode_reply(&refusal_reply(&refusal), with_body));
            }
        };
        let Some(after) = after(query) else {
            return send_and_linger(stream, &encode_reply(&Refusal::BadCursor.into(), true));
        };
        stream.write_all(&opening.response())?;
        let visitor = Visitor {
            after: believable(after),
            tab: tab(query).map(str::to_string),
        };
        let outbox = Arc::new(Outbox::new(self.settings.chat.max_outbox_bytes));
        let id = self.room.join(visitor, &outbox);
        let limits = self.settings.chat.client;
        let extension = Box::new(NoExtension::default());
        client::run(stream, first, (&*self.room, id), outbox, limits, extension)
    }

    fn get(&self, path: &str, query: &str) -> Reply {
        match path {
            "/health" => health(self.room.is_away()),
            "/people" => Reply::json(200, &self.room.people()),
            "/messages" => match after(query) {
                Some(after) => Reply::json(200, &self.room.messages(believable(after))),
                None => Refusal::BadCursor.into(),
            },
            _ => page(path).unwrap_or_else(|| Refusal::NoSuchPath.into()),
        }
    }
}

/// Starts the two threads that a server needs, besides those of its connections.
fn start_threads(
    bus: &Arc<dyn Bus>,
    room: &Arc<LocalRoom>,
    settings: &Settings,
) -> io::Result<Vec<JoinHandle<()>>> {
    let (max_history, wait) = (settings.chat.max_history, settings.wait);
    let (every, lease) = (settings.renew_every, settings.lease);
    let (its_bus, its_room) = (Arc::clone(bus), Arc::clone(room));
    let follows = move || follow::follow(&*its_bus, &its_room, max_history, wait);
    let (its_bus, its_room) = (Arc::clone(bus), Arc::clone(room));
    let keeps = move || presence::keep(&*its_bus, &its_room, every, lease);
    Ok(vec![
        thread::Builder::new().spawn(follows)?,
        thread::Builder::new().spawn(keeps)?,
    ])
}

impl App for Node {
    fn answer(&self, stream: &dyn Stream, stop: &AtomicBool) -> io::Result<()> {
        let settings = &self.settings.chat;
        stream.tcp().set_nodelay(true)?;
        stream.set_read_timeout(Some(settings.tick))?;
        let mut buffer = HeadBuffer::new(settings.head);
        let head = match read_head(stream, &mut buffer, settings.head_within, stop)? {
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
            (_, "GET") => send_and_linger(stream, &encode_reply(&self.get(path, query), true)),
            (_, "HEAD") => send_and_linger(stream, &encode_reply(&self.get(path, query), false)),
            _ => {
                let refusal = Refusal::WrongMethod { allow: "GET, HEAD" };
                send_and_linger(stream, &encode_reply(&refusal.into(), true))
            }
        }
    }

    /// Says goodbye to the clients, and gives the leases back.
    fn stop(&self) {
        self.room.stop();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // Even if it has panicked, the server stops.
            _ = thread.join();
        }
    }

    fn max_connections(&self) -> u64 {
        self.settings.chat.max_connections
    }

    fn longest_goodbye(&self) -> Duration {
        2 * self.settings.chat.tick + 2 * self.settings.chat.client.patience.close_within
    }
}

/// Says whether this server can do its work, for a proxy that asks.
fn health(is_away: bool) -> Reply {
    let (status, bus) = if is_away {
        (503, "away")
    } else {
        (200, "reachable")
    };
    Reply::json(status, &json!({ "bus": bus }))
}

/// Returns the cursor, or 0 if no message can have this id yet. Ids begin at the clock's time, and grow more slowly
/// than it.
fn believable(after: u64) -> u64 {
    if after > id_from_clock() { 0 } else { after }
}
