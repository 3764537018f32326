//! `on` and `emit`, on the server.
//!
//! Handlers run one at a time, under one lock, as they do in a browser: none may wait for anything. What
//! several of them share still needs a `Mutex` in Rust, but no handler ever waits for it.
//!
//! This file has what transports bring. `events/setup.rs` has what an application sets up, and what the server does.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chat::client::{ClientId, Room};
use chat::outbox::Outbox;
use connection::Event;
use serde_json::Value;
use session::packet::{Packet, shortened};

use crate::guest::{Cursor, GuestId, PollId, over_line};
use crate::guests::{Guests, NO_SESSION};
use crate::settings::Settings;

mod setup;

/// What is done when an event comes: from which guest, and with which data. What it returns is the reply, if a reply
/// is wanted.
pub type Handler = Box<dyn FnMut(&mut Guests, GuestId, &Value) -> Value + Send>;

/// What is done again and again.
pub(crate) type Feed = Box<dyn FnMut(&mut Guests) + Send>;

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
    /// What is done again and again, from the start on, and with which pause.
    feeds: Vec<(Duration, Feed)>,
    /// When all were pinged.
    pinged: Instant,
    stopped: bool,
}
// ANCHOR_END: events

/// There is no room for one more session, or the server stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

/// What transports bring.
impl Events {
    /// Lets a client in that opens a WebSocket. Everything that it has not got yet goes into its outbox.
    ///
    /// # Errors
    /// Returns [`Busy`] if there is no room for one more session.
    pub fn join(
        &self,
        token: &str,
        cursor: Option<Cursor>,
        outbox: &Arc<Outbox>,
    ) -> Result<ClientId, Busy> {
        let mut state = self.lock();
        let who = state.enter(token, cursor, self.settings.max_sessions)?;
        let socket = state.guests.attach_socket(who, cursor, outbox);
        self.settle(&mut state);
        Ok(socket)
    }

    /// Holds a request until there is news. Returns the lines of the answer.
    ///
    /// # Errors
    /// Returns [`Busy`] if there is no room for one more session.
    pub fn poll(&self, token: &str, cursor: Option<Cursor>) -> Result<String, Busy> {
        let mut state = self.lock();
        let who = state.enter(token, cursor, self.settings.max_sessions)?;
        let Some(who) = who else {
            return Ok(over_line(NO_SESSION));
        };
        let poll = state.guests.attach_poll(who, cursor);
        self.settle(&mut state);
        state = self.hold(state, who, poll, cursor);
        state.guests.tell_time(Instant::now());
        Ok(state.guests.answer_poll(who, poll))
    }

    /// Waits until there is something to say to this guest, but not longer than [`Settings::hold`].
    // ANCHOR: hold
    fn hold<'a>(
        &self,
        state: MutexGuard<'a, State>,
        who: GuestId,
        poll: PollId,
        cursor: Option<Cursor>,
    ) -> MutexGuard<'a, State> {
        // Task: wait while there is nothing to say. A client that doesn't know this session yet has something to hear:
        // its `hello`.
        let knows_it = cursor.is_some_and(|cursor| cursor.session == who);
        let idle = |state: &mut State| knows_it && !state.guests.is_due(who, poll);
        let (state, _) = self
            .changed
            .wait_timeout_while(state, self.settings.hold, idle)
            .unwrap_or_else(PoisonError::into_inner);
        state
    }
    // ANCHOR_END: hold

    /// Takes the lines of a request that was sent in session `known`. Returns the lines of the answer.
    pub fn post(&self, token: &str, known: Option<GuestId>, lines: &str) -> String {
        let who = self.lock().guests.of_token(token);
        // A request of an earlier session must not be taken for one of this session.
        match who.filter(|who| Some(*who) == known) {
            Some(who) => self.take_lines(who, None, lines),
            None => over_line(NO_SESSION),
        }
    }

    /// Takes lines that a guest has sent, by this WebSocket or by a request. Returns the lines of the answer,
    /// to this guest alone.
    // ANCHOR: take_lines
    fn take_lines(&self, who: GuestId, by: Option<ClientId>, lines: &str) -> String {
        let mut state = self.lock();
        state.guests.prove(who);
        let (mut error, mut is_numbered) = (None, false);
        for line in lines.lines() {
            let packet = Packet::read(line);
            is_numbered |= matches!(packet, Ok(Packet::Event { .. }));
            let taken = packet.and_then(|packet| state.take_packet(who, by, packet));
            // The first error is enough: a thousand bad lines must not lead to a thousand sentences.
            error = error.or(taken.err());
        }
        self.settle(&mut state);
        let error = error.map(|error| Packet::Error { error }.to_line());
        let last = match state.guests.received(who) {
            None => Some(over_line(NO_SESSION)),
            Some(got) => is_numbered.then(|| Packet::Got { got }.to_line()),
        };
        Vec::from_iter(error.into_iter().chain(last)).join("\n")
    }
    // ANCHOR_END: take_lines

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

    /// Takes the lock, even if a thread panicked while it held it, and tells the guests what time it is.
    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.guests.tell_time(Instant::now());
        state
    }
}

impl State {
    /// Finds the guest that comes with this token and knows the cursor's session. If the token has no session, one
    /// begins; if there is no room for that, an unproven one ends. Returns `None` if the token is that of a session in
    /// use and the client doesn't know its number ([`Guests::can_resume`]).
    fn enter(
        &mut self,
        token: &str,
        cursor: Option<Cursor>,
        max: usize,
    ) -> Result<Option<GuestId>, Busy> {
        let known = cursor.map(|cursor| cursor.session);
        if let Some(who) = self.guests.of_token(token) {
            if known == Some(who) {
                self.guests.prove(who);
            }
            if !self.guests.can_resume(who, known) {
                return Ok(None);
            }
            // A request that is held has to make way for what comes now.
            self.guests.wake(who);
            return Ok(Some(who));
        }
        let is_full = self.guests.count() >= max;
        if self.stopped || is_full && !self.guests.make_room() {
            return Err(Busy);
        }
        self.tell_ended();
        let who = self.guests.open(token);
        // There may be no handler.
        _ = self.call("open", who, &Value::Null);
        Ok(Some(who))
    }

    /// Tells the handler of `close` which sessions have ended.
    fn tell_ended(&mut self) {
        while let Some(who) = self.guests.next_ended() {
            // There may be no handler, or it may panic. Either way, the guest has gone and can't be told.
            _ = self.call("close", who, &Value::Null);
        }
    }

    /// Takes one packet that a guest has sent, by this WebSocket or by a request.
    // ANCHOR: take_packet
    fn take_packet(
        &mut self,
        who: GuestId,
        by: Option<ClientId>,
        packet: Packet,
    ) -> Result<(), String> {
        match packet {
            Packet::Event {
                n,
                event,
                data,
                ask,
            } => {
                // Task: each event is heard once. A client that asks gets a reply, even if it is an error.
                // Other errors are returned, a gap among them: it has ended the session.
                let is_new = self.guests.receive(who, n);
                if is_new.map_err(|gap| gap.to_string())? {
                    let answer = self.hear(who, &event, &data);
                    if !ask {
                        return answer.map(|_| ());
                    }
                    self.guests.reply(who, n, answer);
                }
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
    // ANCHOR_END: take_packet

    /// Handles an event that a page has sent.
    fn hear(&mut self, who: GuestId, event: &str, data: &Value) -> Result<Value, String> {
        match event {
            "open" | "close" => Err(format!("A page can't send the event {event}")),
            _ => self.call(event, who, data),
        }
    }

    /// Calls a handler. If it panics, its changes so far remain, and the others keep running.
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
            Event::Text(lines) => self.take_lines(who, Some(socket), lines),
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
