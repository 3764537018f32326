//! What several parts of the checks use: a bus that fails when it is told to, and rooms whose log is followed by hand.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chat::client::{ClientId, Room};
use chat::{Outbox, Pace, Visitor};
use connection::Event;
use polling::history::{Message, NewMessage};
use scale_out::follow::Follower;
use scale_out::leases::{Holder, Presence};
use scale_out::log::Ticket;
use scale_out::room::Refused;
use scale_out::{Bus, BusError, LocalRoom, MemoryBus};
use support::frame::{CLOSE, PONG, TEXT, unmasked};

/// More than any check puts into an outbox.
pub const ROOM_ENOUGH: usize = 64 << 20;

/// Longer than any check takes.
pub const FOREVER: Duration = Duration::from_secs(600);

/// How long a check waits for what right code does at once.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// As short as a deadline can be without being over at once.
pub const SHORT: Duration = Duration::from_millis(20);

/// Clients may say as much as they like.
pub const UNLIMITED: Pace = Pace {
    messages: u64::MAX,
    deliveries: u64::MAX,
};

/// The messages that a room keeps.
pub const MAX_HISTORY: u64 = 3;

/// The most notes that a bus takes: wrong code may ask again and again without a pause.
pub const MAX_NOTES: usize = 1000;

/// Locks, even if a thread has panicked while it held the lock.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What becomes of a question to the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It can't be asked.
    Away,
    /// It does what it was asked to, and its answer is lost.
    AnswerLost,
    /// The question is lost.
    QuestionLost,
}

/// A bus in memory that fails when it is told to, and takes notes.
pub struct Faulty {
    bus: MemoryBus,
    /// What becomes of the next questions; after these, all is well.
    fates: Mutex<VecDeque<Fate>>,
    /// What becomes of all questions, if they fail.
    lasting: Mutex<Option<Fate>>,
    notes: Mutex<Vec<String>>,
    /// Whoever holds this keeps each publish waiting, and each first look at the log.
    gate: Mutex<()>,
}

impl Faulty {
    /// A bus on which all is well so far. Its first message has the id 1.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            bus: MemoryBus::new(1000, 0, FOREVER),
            fates: Mutex::default(),
            lasting: Mutex::default(),
            notes: Mutex::default(),
            gate: Mutex::default(),
        })
    }

    /// The bus behind it, which never fails.
    pub fn memory(&self) -> &MemoryBus {
        &self.bus
    }

    /// The next questions go like this.
    pub fn next(&self, fates: &[Fate]) {
        lock(&self.fates).extend(fates);
    }

    /// From now on, all questions go like this; `None`: all is well.
    pub fn goes(&self, fate: Option<Fate>) {
        *lock(&self.lasting) = fate;
    }

    /// Keeps each publish waiting, and each first look at the log, until what is returned is dropped.
    pub fn keeps_waiting(&self) -> MutexGuard<'_, ()> {
        lock(&self.gate)
    }

    /// Whether it has been asked this so many times since the last look at the notes.
    pub fn was_asked_to(&self, question: &str, times: usize) -> bool {
        let notes = lock(&self.notes);
        notes.iter().filter(|it| *it == question).count() >= times
    }

    /// The questions so far, by their names.
    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.notes))
    }

    /// Somebody elsewhere says these things.
    pub fn elsewhere(&self, texts: &[&str]) {
        for text in texts {
            let message = NewMessage {
                username: "eve".to_string(),
                message: text.to_string(),
            };
            let ticket = Ticket(format!("elsewhere/{text}"));
            _ = self.bus.publish(&ticket, &message);
        }
    }

    /// The texts of all messages in the log.
    pub fn texts(&self) -> Vec<String> {
        let all = self.bus.latest(1000).expect("memory doesn't fail");
        all.into_iter().map(|it| it.content.message).collect()
    }

    fn ask<T>(
        &self,
        note: &str,
        question: impl FnOnce(&MemoryBus) -> Result<T, BusError>,
    ) -> Result<T, BusError> {
        let mut notes = lock(&self.notes);
        if notes.len() < MAX_NOTES {
            notes.push(note.to_string());
        }
        drop(notes);
        let next = lock(&self.fates).pop_front();
        match next.or(*lock(&self.lasting)) {
            None => question(&self.bus),
            Some(Fate::Away) => Err(BusError::Away),
            Some(Fate::QuestionLost) => Err(BusError::Unknown),
            Some(Fate::AnswerLost) => {
                question(&self.bus)?;
                Err(BusError::Unknown)
            }
        }
    }
}

impl Bus for Faulty {
    fn publish(&self, ticket: &Ticket, message: &NewMessage) -> Result<u64, BusError> {
        self.ask("publish", |bus| {
            drop(lock(&self.gate));
            bus.publish(ticket, message)
        })
    }

    fn latest(&self, max: u64) -> Result<Vec<Message>, BusError> {
        self.ask("latest", |bus| {
            drop(lock(&self.gate));
            bus.latest(max)
        })
    }

    fn after(&self, cursor: u64, wait: Duration) -> Result<Vec<Message>, BusError> {
        let at_once = if wait.is_zero() {
            " without a wait"
        } else {
            ""
        };
        self.ask(&format!("after {cursor}{at_once}"), |bus| {
            bus.after(cursor, wait)
        })
    }

    fn claim(&self, name: &str, holder: &Holder) -> Result<bool, BusError> {
        self.ask("claim", |bus| bus.claim(name, holder))
    }

    fn renew(&self, server: &str, mine: &[(String, String)]) -> Result<Presence, BusError> {
        self.ask("renew", |bus| bus.renew(server, mine))
    }
}

/// A client in a scene.
pub struct Seat {
    pub name: &'static str,
    pub server: &'static str,
    pub id: ClientId,
    pub outbox: Arc<Outbox>,
}

/// A server in a scene: its room, and its place in the log.
struct Place {
    name: &'static str,
    room: LocalRoom,
    follower: Follower,
}

/// Servers on one bus, a few clients, and the text of what happens and of what each client gets. The log is followed
/// when the check says so.
pub struct Scene {
    pub bus: Arc<Faulty>,
    places: Vec<Place>,
    seats: Vec<Seat>,
    pub text: String,
}

impl Scene {
    /// Servers of these names. None has looked at the log yet.
    pub fn new(servers: &[&'static str]) -> Self {
        Self::with(servers, Duration::ZERO)
    }

    /// The same, with time for a publish to be tried again.
    pub fn with(servers: &[&'static str], publish_within: Duration) -> Self {
        let bus = Faulty::new();
        let place = |name: &&'static str| Place {
            name,
            room: LocalRoom::new(
                name,
                Arc::clone(&bus) as Arc<dyn Bus>,
                MAX_HISTORY,
                UNLIMITED,
                publish_within,
            ),
            follower: Follower::new(MAX_HISTORY),
        };
        Self {
            places: servers.iter().map(place).collect(),
            bus,
            seats: Vec::new(),
            text: String::new(),
        }
    }

    /// Writes down what happens.
    pub fn note(&mut self, what: &str) {
        self.text += what;
        self.text += "\n";
    }

    fn place(&mut self, server: &str) -> &mut Place {
        let mut places = self.places.iter_mut();
        places.find(|it| it.name == server).expect("it is there")
    }

    pub fn room(&mut self, server: &str) -> &LocalRoom {
        &self.place(server).room
    }

    /// A client joins, after it has seen some messages.
    pub fn joins(&mut self, name: &'static str, server: &'static str, after: u64) {
        self.joins_with(name, server, after, ROOM_ENOUGH);
    }

    /// The same, with room for so many bytes in its outbox.
    pub fn joins_with(
        &mut self,
        name: &'static str,
        server: &'static str,
        after: u64,
        bytes: usize,
    ) {
        self.note(&format!("{name} joins at {server}, after {after}"));
        let outbox = Arc::new(Outbox::new(bytes));
        let visitor = Visitor {
            after,
            tab: Some(format!("{name}’s tab")),
        };
        let id = self.room(server).join(visitor, &outbox);
        self.seats.push(Seat {
            name,
            server,
            id,
            outbox,
        });
        self.look();
    }

    pub fn seat(&self, name: &str) -> &Seat {
        let mut seats = self.seats.iter().rev();
        seats.find(|it| it.name == name).expect("it has joined")
    }

    pub fn leaves(&mut self, name: &str) {
        let (id, server) = (self.seat(name).id, self.seat(name).server);
        self.note(&format!("{name} leaves {server}"));
        self.room(server).leave(id);
        self.seats.retain(|it| it.id != id || it.server != server);
        self.look();
    }

    /// A client says something, in JSON.
    pub fn sends(&mut self, name: &str, json: &str) {
        let (id, server) = (self.seat(name).id, self.seat(name).server);
        match self.room(server).say(id, json) {
            // In a scene, nobody reads the log while a client waits for its message.
            Ok(()) | Err(Refused::Unknown) => {}
            Err(refused) => self.note(&format!("  ✗ {refused}")),
        }
        self.look();
    }

    /// The room hears a client, as its thread lets it hear.
    pub fn hears(&mut self, name: &str, event: &Event) {
        let what = match event {
            Event::Text(text) => text.clone(),
            _ => "(not a text)".to_string(),
        };
        self.note(&format!("{name} sends {what}"));
        let (id, server) = (self.seat(name).id, self.seat(name).server);
        if let Some(answer) = self.room(server).hear(id, event) {
            self.note(&format!("  {name} ← {answer}"));
        }
        self.look();
    }

    /// A client takes its own name.
    pub fn is_named(&mut self, name: &str) {
        self.note(&format!("{name} takes the name {name}"));
        self.sends(name, &format!(r#"{{"username":"{name}"}}"#));
    }

    /// A client says something, under its own name.
    pub fn says(&mut self, name: &str, text: &str) {
        self.note(&format!("{name} says {text}"));
        self.sends(
            name,
            &format!(r#"{{"username":"{name}","message":"{text}"}}"#),
        );
    }

    /// A server looks at the log once.
    pub fn follows(&mut self, server: &str) {
        self.note(&format!("{server} reads the log"));
        let bus = Arc::clone(&self.bus);
        let place = self.place(server);
        let seen = place.follower.step(&*bus, &place.room, SHORT);
        if let Err(error) = seen {
            self.note(&format!("  ✗ {error}"));
        }
        self.look();
    }

    /// A server renews its leases.
    pub fn renews(&mut self, server: &str) {
        self.note(&format!("{server} renews its leases"));
        let bus = Arc::clone(&self.bus);
        let room = self.room(server);
        if let Ok(presence) = bus.renew(server, &room.names()) {
            room.take_presence(presence);
        }
        self.look();
    }

    /// Writes down what each client has got.
    pub fn look(&mut self) {
        for seat in &self.seats {
            for frame in drain(&seat.outbox) {
                self.text += &format!("  {} ← {}\n", seat.name, meaning(&frame));
            }
        }
    }
}

/// Everything in an outbox, as frames.
pub fn drain(outbox: &Outbox) -> Vec<Vec<u8>> {
    // Taking from an empty outbox would wait, so a frame of the check's own says where to stop.
    let mark = unmasked(PONG, b"the check's own");
    let mut frames = Vec::new();
    while outbox.push(mark.as_slice().into()).is_err() {
        match outbox.take() {
            Some(bytes) => frames.extend(frames_in(&bytes)),
            None => return frames,
        }
    }
    while !frames.contains(&mark) {
        match outbox.take() {
            Some(bytes) => frames.extend(frames_in(&bytes)),
            None => break,
        }
    }
    frames.retain(|frame| *frame != mark);
    frames
}

/// The frames that these bytes are. A server's frame has no masking key.
fn frames_in(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let [_, length, rest @ ..] = bytes {
        let (header, length) = match (length, rest) {
            (126, [high, low, ..]) => (4, usize::from(u16::from_be_bytes([*high, *low]))),
            (length, _) => (2, usize::from(*length)),
        };
        let end = (header + length).min(bytes.len());
        frames.push(bytes[..end].to_vec());
        bytes = &bytes[end..];
    }
    frames
}

/// What a frame of a server says.
pub fn meaning(frame: &[u8]) -> String {
    let payload = match frame {
        [_, 126, _, _, payload @ ..] | [_, _, payload @ ..] => payload,
        _ => &[],
    };
    match (frame.first(), payload) {
        (Some(&TEXT), text) => String::from_utf8_lossy(text).into_owned(),
        (Some(&CLOSE), [high, low, reason @ ..]) => {
            let code = u16::from_be_bytes([*high, *low]);
            format!("Close {code} {}", String::from_utf8_lossy(reason))
        }
        _ => format!("{frame:02x?}"),
    }
}

/// Waits until the condition is true, and says whether that was in time.
pub fn comes_true(within: Duration, condition: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + within;
    while !condition() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::yield_now();
    }
    true
}
