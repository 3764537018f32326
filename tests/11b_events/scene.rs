//! A server without a socket: a check says what every transport brings, and when it dies.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chat::client::{ClientId, Room};
use chat::outbox::Outbox;
use connection::Event;
use events::{Busy, Cursor, Events, GuestId, Guests, Settings};

use super::shared::{ROOM_ENOUGH, drain, frames_of, known, lock, meaning, noting, quick};

struct Seat {
    label: &'static str,
    socket: ClientId,
    outbox: Arc<Outbox>,
    /// Whether its outbox is emptied after each thing that happens.
    reads: bool,
}

/// A server, a few WebSockets, and what each of them gets.
pub struct Scene {
    pub events: Events,
    notes: Arc<Mutex<Vec<String>>>,
    seats: Vec<Seat>,
    pub text: String,
}

impl Scene {
    pub fn new() -> Self {
        Self::with(quick())
    }

    pub fn with(settings: Settings) -> Self {
        let notes = Arc::default();
        Self {
            events: noting(settings, &notes),
            notes,
            seats: Vec::new(),
            text: String::new(),
        }
    }

    /// The same transcript goes on with another server.
    pub fn on_another_server(self, settings: Settings) -> Self {
        Self {
            text: self.text,
            ..Self::with(settings)
        }
    }

    pub fn note(&mut self, what: &str) {
        _ = writeln!(self.text, "{what}");
    }

    /// A WebSocket is opened. `label` is what the transcript calls it.
    pub fn opens(&mut self, label: &'static str, token: &str, cursor: Option<Cursor>) {
        self.seat(label, token, cursor, ROOM_ENOUGH, true);
    }

    pub fn seat(
        &mut self,
        label: &'static str,
        token: &str,
        cursor: Option<Cursor>,
        max: usize,
        reads: bool,
    ) {
        let of = known(cursor);
        let still = if reads { "" } else { ", and doesn't read" };
        self.note(&format!("{label} opens, session {token}{of}{still}"));
        let outbox = Arc::new(Outbox::new(max));
        match self.events.join(token, cursor, &outbox) {
            Ok(socket) => self.seats.push(Seat {
                label,
                socket,
                outbox,
                reads,
            }),
            Err(Busy) => self.note("  ✗ busy"),
        }
        self.look();
    }

    pub fn socket(&self, label: &str) -> ClientId {
        let mut seats = self.seats.iter().rev();
        let seat = seats.find(|seat| seat.label == label);
        seat.expect("it was opened").socket
    }

    /// A message comes over a WebSocket.
    pub fn says(&mut self, label: &str, lines: &str) {
        self.note(&format!("{label}: {}", lines.replace('\n', "\n  and ")));
        let message = Event::Text(lines.to_string());
        let answer = self.events.hear(self.socket(label), &message);
        self.look();
        if let Some(answer) = answer {
            self.answer(label, &answer);
        }
    }

    pub fn answer(&mut self, label: &str, answer: &str) {
        for line in answer.lines() {
            self.note(&format!("  {label} ← {line}"));
        }
    }

    /// The server learns that a WebSocket has ended.
    pub fn ends(&mut self, label: &str) {
        self.note(&format!("{label} has ended"));
        self.events.leave(self.socket(label));
        self.look();
    }

    pub fn polls(&mut self, token: &str, cursor: Option<Cursor>) {
        self.note(&format!("GET, session {token}{}", known(cursor)));
        let answer = self.events.poll(token, cursor);
        self.look();
        match answer {
            Ok(lines) => self.answer("GET", &lines),
            Err(Busy) => self.note("  ✗ busy"),
        }
    }

    /// A request brings lines that were sent in session `of`; in none, if that is 0.
    pub fn posts(&mut self, token: &str, of: u64, lines: &str) {
        let shown = lines.replace('\n', "\n  and ");
        self.note(&format!("POST, session {token} of {of}: {shown}"));
        let of = (of > 0).then_some(GuestId(of));
        let answer = self.events.post(token, of, lines);
        self.look();
        self.answer("POST", &answer);
    }

    pub fn does(&mut self, what: &str, act: impl FnOnce(&mut Guests)) {
        self.note(what);
        self.events.with(act);
        self.look();
    }

    pub fn later(&mut self, seconds: u64) {
        self.note(&format!("{seconds} s later"));
        let now = Instant::now() + Duration::from_secs(seconds);
        self.events.keep_time(now);
        self.look();
    }

    /// Writes down what the handlers heard, and what came by each WebSocket.
    pub fn look(&mut self) {
        for note in lock(&self.notes).drain(..) {
            _ = writeln!(self.text, "{note}");
        }
        for seat in self.seats.iter().filter(|seat| seat.reads) {
            for frame in frames_of(&mut drain(&seat.outbox)) {
                _ = writeln!(self.text, "  {} ← {}", seat.label, meaning(&frame));
            }
        }
    }

    /// A WebSocket that hasn't been read is read now.
    pub fn reads(&mut self, label: &str) {
        self.note(&format!("{label} reads, at last"));
        for seat in &mut self.seats {
            seat.reads |= seat.label == label;
        }
        self.look();
    }
}
