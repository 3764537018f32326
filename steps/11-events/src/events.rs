//! `on` and `emit`, on the server.
//!
//! Handlers run one at a time, under one lock, as they do in a browser: none may wait for anything. What
//! several of them share still needs a `Mutex` in Rust, but no handler ever waits for it.

use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::net::{TcpListener, TcpStream};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use chat::client::{ClientId, Limits, Room};
use chat::hub::id_from_clock;
use chat::outbox::Outbox;
use chat::server::{App, Server};
use connection::Event;
use echo::Patience;
use serde_json::Value;

use crate::front;
use crate::guests::{Cursor, GuestId, Guests, NOBODY, over_line};
use crate::packet::{Packet, shortened};

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What the server allows, and how long it waits.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The most connections at a time. One more gets 503.
    pub max_connections: u64,
    /// The most sessions at a time, whether their guests are connected or not. One more gets 503.
    pub max_sessions: usize,
    /// The most bytes of lines that are kept for a guest, because it has not confirmed them. A session for
    /// which more would have to be kept is over.
    pub max_kept: usize,
    /// The most rooms that a guest may be in.
    pub max_rooms: usize,
    /// How long a session is kept while its guest is away.
    pub keep: Duration,
    /// The same for an unproven session: its client hasn't come back with the session's number, and hasn't
    /// said anything. If there is no room for one more session, an unproven one ends sooner.
    pub keep_unproven: Duration,
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
    /// The number before that of the first session. No number may ever be given twice, not even after a
    /// restart: see [`id_from_clock`].
    pub last_session: GuestId,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_connections: 1000,
            max_sessions: 1000,
            max_kept: 256 * 1024,
            max_rooms: 100,
            keep: Duration::from_secs(60),
            keep_unproven: Duration::from_secs(10),
            hold: Duration::from_secs(25),
            ping_every: Duration::from_secs(20),
            request_within: Duration::from_secs(10),
            client: Limits {
                max_message: 64 * 1024,
                patience: Patience::default(),
            },
            tick: Duration::from_secs(1),
            last_session: id_from_clock(),
        }
    }
}

impl Settings {
    /// The most bytes that may wait for a WebSocket: all that is kept, in frames. The shortest line takes
    /// less than four times its length in an outbox.
    pub(crate) fn max_waiting(&self) -> usize {
        4 * self.max_kept + 4096
    }
}

/// What is done when an event comes: from whom, and what belongs to it. What it returns is the reply,
/// where one is wanted.
pub type Handler = Box<dyn FnMut(&mut Guests, GuestId, &Value) -> Value + Send>;

/// What is done again and again.
type Feed = Box<dyn FnMut(&mut Guests) + Send>;

/// A server of events.
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
    /// What is done again and again, from the start on.
    feeds: Vec<(Duration, Feed)>,
    /// When all were pinged.
    pinged: Instant,
    stopped: bool,
}

/// There is no room for one more session, or the server stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

impl Events {
    /// A server that knows no events yet. It has `/events.js` for its page.
    pub fn new(settings: Settings) -> Self {
        let state = State {
            guests: Guests::new(&settings),
            handlers: BTreeMap::new(),
            feeds: Vec::new(),
            pinged: Instant::now(),
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
        Handle: FnMut(&mut Guests, GuestId, &Value) -> Value + Send + 'static,
    {
        self.lock().handlers.insert(event, Box::new(handle));
        self
    }

    /// What is done again and again, with this pause in between, for as long as there is a server. Where it
    /// panics, it has done what it has done, and is done again.
    pub fn every<F>(self, pause: Duration, feed: F) -> Self
    where
        F: FnMut(&mut Guests) + Send + 'static,
    {
        self.lock().feeds.push((pause, Box::new(feed)));
        self
    }

    /// Starts to answer what comes in on `listener`.
    ///
    /// # Errors
    /// The listener can't be used, or no thread can be started.
    pub fn start(self, listener: TcpListener) -> io::Result<Server<Self>> {
        let events = Arc::new(self);
        let feeds = mem::take(&mut events.lock().feeds);
        for (pause, mut feed) in feeds {
            let events = Arc::downgrade(&events);
            let mut caught = move |guests: &mut Guests| {
                let feed = AssertUnwindSafe(|| feed(guests));
                panic::catch_unwind(feed)
            };
            let feed = move |events: &Events| _ = events.with(&mut caught);
            thread::Builder::new().spawn(move || repeat(&events, pause, feed))?;
        }
        let clock = Arc::downgrade(&events);
        let look = |events: &Events| events.keep_time(Instant::now());
        thread::Builder::new().spawn(move || repeat(&clock, LOOK, look))?;
        Server::start(listener, events)
    }

    /// Does something with all guests that no event of theirs has led to.
    pub fn with<T>(&self, act: impl FnOnce(&mut Guests) -> T) -> T {
        let mut state = self.lock();
        let result = act(&mut state.guests);
        self.settle(&mut state);
        result
    }

    /// Does what is due at this time: ends the sessions of those who are away for too long, and pings.
    pub fn keep_time(&self, now: Instant) {
        let mut state = self.lock();
        let (keep, keep_unproven) = (self.settings.keep, self.settings.keep_unproven);
        state.guests.end_those_away(now, keep, keep_unproven);
        if now.duration_since(state.pinged) >= self.settings.ping_every {
            state.pinged = now;
            state.guests.ping();
        }
        self.settle(&mut state);
    }

    /// A client opens a WebSocket. Everything that it has not got yet goes into its outbox.
    ///
    /// # Errors
    /// There is no room for one more session.
    pub fn join(&self, word: &str, cursor: Cursor, outbox: &Arc<Outbox>) -> Result<ClientId, Busy> {
        let mut state = self.lock();
        // The session of this word, or a new one: `enter` is further down. `settle` ends every call.
        let who = state.enter(word, cursor.of, self.settings.max_sessions)?;
        let socket = state.guests.attach_socket(who, cursor, outbox);
        self.settle(&mut state);
        Ok(socket)
    }

    /// Holds a request for news until there are some. Returns the lines of the answer.
    ///
    /// # Errors
    /// There is no room for one more session.
    pub fn poll(&self, word: &str, cursor: Cursor) -> Result<String, Busy> {
        let mut state = self.lock();
        let who = state.enter(word, cursor.of, self.settings.max_sessions)?;
        let poll = state.guests.attach_poll(who, cursor);
        self.settle(&mut state);
        // Task: hold the request while there is nothing to say, but not for ever.
        // A client that doesn't know this session yet has something to hear: its `hello`.
        todo!("hold the request while there is nothing to say, but not for ever")
    }

    /// Takes the lines of a request. Returns the lines of the answer.
    pub fn post(&self, word: &str, of: GuestId, lines: &str) -> String {
        let who = self.lock().guests.of_word(word);
        // A request that was sent in a session before this one must not be taken for one of this.
        let who = who.filter(|who| *who == of).unwrap_or(NOBODY);
        self.take(who, None, lines)
    }

    /// Takes lines that a guest has sent, by this WebSocket or by a request. Returns the lines of the answer,
    /// to this guest alone.
    fn take(&self, who: GuestId, by: Option<ClientId>, lines: &str) -> String {
        let mut state = self.lock();
        state.guests.prove(who);
        let (mut error, mut is_numbered) = (None, false);
        for line in lines.lines() {
            let packet = Packet::read(line);
            is_numbered |= matches!(packet, Ok(Packet::Event { .. }));
            let taken = packet.and_then(|packet| state.take(who, by, packet));
            // The first error is enough: a thousand bad lines must not lead to a thousand sentences.
            error = error.or(taken.err());
        }
        self.settle(&mut state);
        let error = error.map(|error| Packet::Error { error }.to_line());
        let last = match state.guests.received(who) {
            None => Some(over_line("there is no such session")),
            Some(got) => is_numbered.then(|| Packet::Got { got }.to_line()),
        };
        Vec::from_iter(error.into_iter().chain(last)).join("\n")
    }

    /// Does what is left to do once a whole message has been taken, however many lines it had: tells the handler
    /// of `close` which sessions have ended, delivers the values that were offered, and wakes the held requests
    /// if one of them has news.
    fn settle(&self, state: &mut State) {
        state.tell_ended();
        state.guests.deliver();
        if state.guests.take_news() {
            self.changed.notify_all();
        }
    }

    /// The lock, also where a thread panicked while it held it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Finds the guest that comes with this word and knows session `of`. If the word has no session, one begins;
    /// if there is no room for that, an unproven one ends. A client that comes with the word of a session in use,
    /// but doesn't know its number, is sent away ([`Guests::may_go_on`]): it gets [`NOBODY`].
    fn enter(&mut self, word: &str, of: GuestId, most: usize) -> Result<GuestId, Busy> {
        if let Some(who) = self.guests.of_word(word) {
            if who == of {
                self.guests.prove(who);
            }
            if !self.guests.may_go_on(who, of) {
                return Ok(NOBODY);
            }
            // A request that is held has to make way for what comes now.
            self.guests.wake(who);
            return Ok(who);
        }
        let is_full = self.guests.count() >= most;
        if self.stopped || is_full && !self.guests.make_room() {
            return Err(Busy);
        }
        self.tell_ended();
        let who = self.guests.open(word);
        // There may be no handler.
        _ = self.call("open", who, &Value::Null);
        Ok(who)
    }

    /// Tells the handler of `close` which sessions have ended.
    fn tell_ended(&mut self) {
        while let Some(who) = self.guests.next_ended() {
            // There may be no handler, or it may panic. Either way, the guest has gone and can't be told.
            _ = self.call("close", who, &Value::Null);
        }
    }

    /// Takes one packet that a guest has sent, by this WebSocket or by a request.
    fn take(&mut self, who: GuestId, by: Option<ClientId>, packet: Packet) -> Result<(), String> {
        match packet {
            Packet::Event {
                n,
                event,
                data,
                ask,
            } => {
                // Task: each event is heard once. A client that asks gets a reply, even if it is an error.
                // Other errors are returned, a gap among them: it has ended the session.
                todo!(
                    "each event is heard once. A client that asks gets a reply, even if it is an error"
                )
            }
            Packet::Got { got } => self.guests.confirm(who, got),
            Packet::Seen { seen } => self.guests.seen(who, by, &seen),
            Packet::Bye { .. } => self.guests.end(who, "goodbye"),
            packet => {
                let line = packet.to_line();
                return Err(format!("Only a server sends this: {}", shortened(&line)));
            }
        }
        Ok(())
    }

    fn hear(&mut self, who: GuestId, event: &str, data: &Value) -> Result<Value, String> {
        match event {
            "open" | "close" => Err(format!("A page can't send the event {event}")),
            _ => self.call(event, who, data),
        }
    }

    /// Calls a handler. One that panics has done what it has done, and the others go on.
    fn call(&mut self, event: &str, who: GuestId, data: &Value) -> Result<Value, String> {
        let Some(handle) = self.handlers.get_mut(event) else {
            let event = shortened(event);
            return Err(format!("There is no handler for the event {event}"));
        };
        let call = AssertUnwindSafe(|| handle(&mut self.guests, who, data));
        panic::catch_unwind(call).map_err(|_| format!("The handler of the event {event} failed"))
    }
}

impl Room for Events {
    fn hear(&self, socket: ClientId, message: &Event) -> Option<String> {
        let who = self.lock().guests.of_socket(socket)?;
        let answer = match message {
            Event::Text(lines) => self.take(who, Some(socket), lines),
            _ => {
                let error = "Packets are text.".to_string();
                Packet::Error { error }.to_line()
            }
        };
        (!answer.is_empty()).then_some(answer)
    }

    fn leave(&self, socket: ClientId) {
        self.lock().guests.detach_socket(socket);
    }

    fn too_slow(&self, socket: ClientId) {
        self.lock().guests.too_slow(socket);
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

/// Does something again and again, for as long as there is a server.
fn repeat(events: &Weak<Events>, pause: Duration, mut act: impl FnMut(&Events)) {
    loop {
        thread::sleep(pause);
        let Some(events) = events.upgrade() else {
            return;
        };
        act(&events);
    }
}
