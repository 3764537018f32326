//! `on` and `emit`, on the server.
//!
//! Handlers run one at a time, under one lock, as they do in a browser. So none needs a lock of its own,
//! and none may wait for anything.

use std::collections::BTreeMap;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use chat::client::{ClientId, Limits, Room};
use chat::hub::id_of_now;
use chat::outbox::Outbox;
use chat::server::{App, Server};
use connection::Event;
use echo::Patience;
use serde_json::Value;

use crate::front;
use crate::guests::{Cursor, Guests};
use crate::packet::Packet;
use crate::session::Gap;

/// How often sessions are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What the server allows, and how long it waits.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The most connections at a time. One more gets 503.
    pub max_connections: u64,
    /// The most sessions at a time, whether their guests are connected or not. One more gets 503.
    pub max_sessions: usize,
    /// The most bytes that are kept for a guest, because it has not confirmed them. A session for which
    /// more would have to be kept is over.
    pub max_kept: usize,
    /// How long a session is kept while its guest is away.
    pub keep: Duration,
    /// How long a request is held at most when there is no news.
    pub hold: Duration,
    /// After how long a page hears that the server is there, whatever else it hears.
    pub ping_every: Duration,
    /// How long the head of a request may take, and its body.
    pub request_within: Duration,
    /// How much a client may send at once, and how long it is waited for.
    pub client: Limits,
    /// How often a thread that reads looks at the clock.
    pub tick: Duration,
    /// The number before that of the first session. No number may ever be given twice.
    pub last_session: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_connections: 1000,
            max_sessions: 1000,
            max_kept: 256 * 1024,
            keep: Duration::from_secs(60),
            hold: Duration::from_secs(25),
            ping_every: Duration::from_secs(20),
            request_within: Duration::from_secs(10),
            client: Limits {
                max_message: 64 * 1024,
                patience: Patience::default(),
            },
            tick: Duration::from_secs(1),
            last_session: id_of_now(),
        }
    }
}

/// What is done when an event comes: from whom, and what belongs to it. What it returns is the reply,
/// where one is wanted.
pub type Handler = Box<dyn FnMut(&mut Guests, &str, &Value) -> Value + Send>;

/// A server of events.
// ANCHOR: events
pub struct Events {
    pub(crate) settings: Settings,
    /// The files of the page: path, type and text.
    pub(crate) files: BTreeMap<&'static str, (&'static str, &'static str)>,
    state: Mutex<State>,
    /// Something that a held request may wait for has changed.
    changed: Condvar,
}

/// What the lock guards.
struct State {
    guests: Guests,
    handlers: BTreeMap<&'static str, Handler>,
    stopped: bool,
}
// ANCHOR_END: events

/// There is no room for one more session, or the server stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

impl Events {
    /// A server that knows no events yet. It has `/events.js` for its page.
    pub fn new(settings: Settings) -> Self {
        let state = State {
            guests: Guests::new(settings.max_kept, settings.last_session),
            handlers: BTreeMap::new(),
            stopped: false,
        };
        Self {
            settings,
            files: BTreeMap::new(),
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
        .file("/events.js", "text/javascript", include_str!("events.js"))
    }

    /// Adds a file of the page: at which path, of which type, and its text in UTF-8.
    pub fn file(mut self, path: &'static str, kind: &'static str, text: &'static str) -> Self {
        self.files.insert(path, (kind, text));
        self
    }

    /// What is done when `event` comes. Two events come by themselves: `open` when a session begins, and
    /// `close` when it has ended; pages can't send these.
    pub fn on<Handle>(self, event: &'static str, handle: Handle) -> Self
    where
        Handle: FnMut(&mut Guests, &str, &Value) -> Value + Send + 'static,
    {
        self.lock().handlers.insert(event, Box::new(handle));
        self
    }

    /// Starts to answer what comes in on `listener`.
    ///
    /// # Errors
    /// The listener can't be used, or no thread can be started.
    pub fn start(self, listener: TcpListener) -> io::Result<Server<Self>> {
        let events = Arc::new(self);
        let clock = Arc::downgrade(&events);
        thread::Builder::new().spawn(move || keep_time(&clock))?;
        Server::start(listener, events)
    }

    /// Does something with all guests that no event of theirs has led to.
    pub fn with<Result>(&self, act: impl FnOnce(&mut Guests) -> Result) -> Result {
        let mut state = self.lock();
        let result = act(&mut state.guests);
        self.settle(&mut state);
        result
    }

    /// A guest opens a WebSocket. Everything that it has not got yet goes into its outbox.
    pub(crate) fn join(
        &self,
        who: &str,
        cursor: Cursor,
        outbox: &Arc<Outbox>,
    ) -> Result<ClientId, Busy> {
        let mut state = self.lock();
        state.open(who, self.settings.max_sessions)?;
        let socket = state.guests.attach_socket(who, cursor, outbox);
        self.settle(&mut state);
        Ok(socket)
    }

    /// A guest asks for news, and waits for them. Returns the lines of the answer.
    // ANCHOR: poll
    pub(crate) fn poll(&self, who: &str, cursor: Cursor) -> Result<Vec<String>, Busy> {
        let mut state = self.lock();
        state.open(who, self.settings.max_sessions)?;
        let (transport, hello) = state.guests.attach_poll(who, cursor);
        self.settle(&mut state);
        // Task: wait until it is due, but not for longer than `hold`. Who knows another session, or
        // none, hears so at once.
        let knows_it = matches!(hello, Packet::Hello { hello, .. } if hello == cursor.of);
        let idle = |state: &mut State| knows_it && !state.guests.is_due(who, transport);
        (state, _) = self
            .changed
            .wait_timeout_while(state, self.settings.hold, idle)
            .unwrap_or_else(PoisonError::into_inner);
        let mut lines = vec![hello.to_line()];
        lines.extend(state.guests.take_lines(who, transport));
        Ok(lines)
    }
    // ANCHOR_END: poll

    /// Takes lines that a guest has sent. Returns the answer to this guest alone.
    // ANCHOR: take
    pub(crate) fn take(&self, who: &str, lines: &str) -> String {
        let mut state = self.lock();
        let mut answer = Vec::new();
        // Task: take each line in turn; an error is answered. At the end, say what has been got.
        for line in lines.lines() {
            if let Err(error) = state.take(who, line) {
                answer.push(Packet::Error { error }.to_line());
            }
        }
        self.settle(&mut state);
        let got = state.guests.received(who);
        let last = got.map_or_else(over, |got| Packet::Got { got });
        answer.push(last.to_line());
        answer.join("\n")
    }
    // ANCHOR_END: take

    /// Tells the handler of `close` whose sessions have ended, and wakes the requests that wait.
    fn settle(&self, state: &mut State) {
        loop {
            let ended = state.guests.take_ended();
            if ended.is_empty() {
                break;
            }
            for who in ended {
                state.call("close", &who, &Value::Null);
            }
        }
        self.changed.notify_all();
    }

    /// The lock, also where a handler panicked while it held it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Begins a session where there is none; whether it did.
    fn open(&mut self, who: &str, most: usize) -> Result<bool, Busy> {
        if self.guests.has(who) {
            return Ok(false);
        }
        if self.stopped || self.guests.count() >= most {
            return Err(Busy);
        }
        self.guests.open(who);
        self.call("open", who, &Value::Null);
        Ok(true)
    }

    /// Takes one line that a guest has sent.
    // ANCHOR: take_line
    fn take(&mut self, who: &str, line: &str) -> Result<(), String> {
        match Packet::read(line)? {
            // Task: an event that is new goes to its handler; what that returns is the reply.
            Packet::Event {
                n,
                event,
                data,
                ask,
            } => {
                if self.guests.receive(who, n).map_err(sentence)? {
                    let reply = self.hear(who, &event, &data)?;
                    if ask {
                        self.guests.reply(who, n, reply);
                    }
                }
            }
            Packet::Got { got } => self.guests.confirm(who, got),
            Packet::Seen { seen } => self.guests.seen(who, &seen),
            Packet::Bye { .. } => self.guests.end(who, "goodbye"),
            _ => return Err(format!("Only a server sends this: {line}")),
        }
        Ok(())
    }
    // ANCHOR_END: take_line

    fn hear(&mut self, who: &str, event: &str, data: &Value) -> Result<Value, String> {
        match event {
            "open" | "close" => Err(format!("A page can't send the event {event}")),
            _ if !self.handlers.contains_key(event) => {
                Err(format!("There is no handler for the event {event}"))
            }
            _ => Ok(self.call(event, who, data)),
        }
    }

    fn call(&mut self, event: &str, who: &str, data: &Value) -> Value {
        let handler = self.handlers.get_mut(event);
        handler.map_or(Value::Null, |handle| handle(&mut self.guests, who, data))
    }
}

fn over() -> Packet {
    let over = "there is no such session".to_string();
    Packet::Over { over }
}

fn sentence(gap: Gap) -> String {
    let Gap { expected, came } = gap;
    format!("Number {came} came, and {expected} should have")
}

impl Room for Events {
    fn hear(&self, socket: ClientId, message: &Event) -> Option<String> {
        let who = self.lock().guests.of_socket(socket)?;
        match message {
            Event::Text(lines) => Some(self.take(&who, lines)),
            _ => {
                let error = "Packets are text.".to_string();
                Some(Packet::Error { error }.to_line())
            }
        }
    }

    fn leave(&self, socket: ClientId) {
        self.lock().guests.detach_socket(socket);
    }

    fn too_slow(&self, socket: ClientId) {
        self.leave(socket);
    }
}

impl App for Events {
    fn answer(&self, stream: &TcpStream, stop: &AtomicBool) -> io::Result<()> {
        front::answer(self, stream, stop)
    }

    fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.guests.stop();
        self.changed.notify_all();
    }

    fn max_connections(&self) -> u64 {
        self.settings.max_connections
    }

    fn longest_goodbye(&self) -> Duration {
        2 * self.settings.tick + 2 * self.settings.client.patience.close_within
    }
}

/// Ends the sessions of those who are away for too long, for as long as there is a server.
fn keep_time(events: &Weak<Events>) {
    let mut pinged = Instant::now();
    loop {
        thread::sleep(LOOK);
        let Some(events) = events.upgrade() else {
            return;
        };
        let now = Instant::now();
        let then = now.checked_sub(events.settings.keep);
        events.with(|guests| {
            if let Some(then) = then {
                guests.end_those_away_since(then);
            }
            if now.duration_since(pinged) >= events.settings.ping_every {
                guests.ping();
                pinged = now;
            }
        });
    }
}
