//! What an application sets up, and what the server does by itself.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Events, Feed, State};
use crate::guest::GuestId;
use crate::guests::Guests;
use crate::settings::Settings;

/// What an application sets up.
impl Events {
    /// A server that knows no events yet. It has `/events.js` for its page.
    pub fn new(settings: Settings) -> Self {
        let now = Instant::now();
        let state = State {
            guests: Guests::new(&settings, now),
            handlers: BTreeMap::new(),
            feeds: Vec::new(),
            pinged: now,
            stopped: false,
        };
        Self {
            settings,
            files: BTreeMap::new(),
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
        .file(
            "/events.js",
            "text/javascript",
            include_str!("../events.js"),
        )
    }

    /// Adds a file of the page: at which path, of which type, and its text in UTF-8.
    pub fn file(mut self, path: &'static str, kind: &'static str, text: &'static str) -> Self {
        self.files.insert(path, (kind, text));
        self
    }

    /// Sets what is done when `event` comes. Two events come by themselves: `open` when a session begins, and
    /// `close` when it has ended; pages can't send these.
    pub fn on<Handle>(self, event: &'static str, handle: Handle) -> Self
    where
        Handle: FnMut(&mut Guests, GuestId, &Value) -> Value + Send + 'static,
    {
        self.lock().handlers.insert(event, Box::new(handle));
        self
    }

    /// Sets what is done again and again, with this pause in between, for as long as there is a server. If it panics,
    /// its changes so far remain, and it is done again.
    pub fn every<F>(self, pause: Duration, feed: F) -> Self
    where
        F: FnMut(&mut Guests) + Send + 'static,
    {
        self.lock().feeds.push((pause, Box::new(feed)));
        self
    }

    /// Lets the application do something with the guests, although no event has come from them.
    pub fn with<T>(&self, act: impl FnOnce(&mut Guests) -> T) -> T {
        let mut state = self.lock();
        let result = act(&mut state.guests);
        self.settle(&mut state);
        result
    }
}

/// What the server does.
impl Events {
    /// Takes out what is to be done again and again.
    pub(crate) fn take_feeds(&self) -> Vec<(Duration, Feed)> {
        mem::take(&mut self.lock().feeds)
    }

    /// Does what is due at this time: ends the sessions of guests that have been away for too long, and pings.
    pub fn keep_time(&self, now: Instant) {
        let mut state = self.lock();
        state.guests.tell_time(now);
        let (keep, keep_unproven) = (self.settings.keep, self.settings.keep_unproven);
        state.guests.end_those_away(keep, keep_unproven);
        if now.duration_since(state.pinged) >= self.settings.ping_every {
            state.pinged = now;
            state.guests.ping();
        }
        self.settle(&mut state);
    }

    /// Begins no more sessions, says goodbye to every WebSocket, and answers the held requests.
    pub(crate) fn end_all(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.guests.stop();
        self.changed.notify_all();
    }
}
