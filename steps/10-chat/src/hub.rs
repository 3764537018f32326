//! The chat's room: the people who are here, the messages, and the clients that are told.
//!
//! One lock guards all of it, so a client that joins gets every message exactly once: the history is queued for it,
//! and it is added to the members, which get everything, without releasing the lock in between.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use connection::{CloseCode, Event};
use echo::Negotiation;
use polling::history::{History, Message, News as Messages};

use crate::client::{ClientId, Room};
use crate::frame::{self, Broadcast};
use crate::outbox::{Full, Outbox, Piece};
use crate::protocol::{self, ClientMessage, Rejection, ServerMessage};
use crate::rate::TokenBucket;

/// The chat's one room.
#[derive(Debug)]
pub struct Hub {
    state: Mutex<State>,
    pace: Pace,
}

/// What the lock guards.
#[derive(Debug)]
struct State {
    history: History,
    members: BTreeMap<ClientId, Member>,
    next_client: ClientId,
    /// The room's bucket: each message and each delivery costs a token.
    room: TokenBucket,
    /// Whether the server is stopping. Then no client is let in any more.
    stopped: bool,
    /// The extension that clients may have agreed on.
    extension: Option<Arc<dyn Negotiation>>,
}

/// A client that has joined.
#[derive(Debug)]
struct Member {
    outbox: Arc<Outbox>,
    /// The token of its tab, if it has sent one.
    tab: Option<String>,
    /// The name that it has taken.
    name: Option<String>,
    bucket: TokenBucket,
}

/// The most that clients may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The messages that a client may send in a second, on average.
    pub messages: u64,
    /// The deliveries that the room may make in a second, on average: a message to 300 clients makes 300.
    pub deliveries: u64,
}

/// A client that wants to join.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visitor {
    /// The id of the last message that it has seen; 0 if it has seen none.
    pub after: u64,
    /// A token that only this tab of this browser knows. When the tab joins again, its earlier connection ends: the
    /// tab may know that it is lost before the server does.
    pub tab: Option<String>,
}

impl Hub {
    /// Creates an empty hub, which keeps the latest `max_history` messages, and takes what `pace` allows.
    ///
    /// The first message gets the id after `last_id`. No id may ever be given twice, not even after a restart: see
    /// [`id_from_clock`].
    pub fn new(max_history: u64, last_id: u64, pace: Pace) -> Self {
        Self {
            state: Mutex::new(State {
                history: History::new(max_history).resume_after(last_id),
                members: BTreeMap::new(),
                next_client: ClientId::FIRST,
                room: TokenBucket::new(pace.deliveries, Instant::now()),
                stopped: false,
                extension: None,
            }),
            pace,
        }
    }

    /// Adds an extension, or none. Clients that have agreed on it get their messages packed.
    #[must_use]
    pub fn with_extension(self, extension: Option<Arc<dyn Negotiation>>) -> Self {
        self.lock().extension = extension;
        self
    }

    /// Lets a client in. Its outbox gets the messages that it hasn't seen, and everything from now on.
    pub fn join(&self, visitor: Visitor, outbox: &Arc<Outbox>) -> ClientId {
        let bucket = TokenBucket::new(self.pace.messages, Instant::now());
        self.lock().join(visitor, outbox, bucket)
    }

    /// Takes what a client says, and tells all clients, this one included.
    ///
    /// # Errors
    /// Returns [`Rejection::TooFast`] if the client's bucket is empty, [`Rejection::Busy`] if the room's is,
    /// [`Rejection::NameTaken`] if a different client has the name, and whatever [`protocol::parse`] returns. Then no
    /// client is told.
    pub fn say(&self, client: ClientId, text: &str) -> Result<(), Rejection> {
        // The lock isn't held while this is read.
        let said = protocol::parse(text);
        self.lock().say(client, said, Instant::now())
    }

    /// Tells all clients that the server stops, including those that join later.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        for member in mem::take(&mut state.members).into_values() {
            member.outbox.finish(going_away());
        }
    }

    /// Returns the messages after the one with this id.
    pub fn messages(&self, after: u64) -> Messages {
        self.lock().history.after(after)
    }

    /// Returns the names of the people here, in order.
    pub fn people(&self) -> Vec<String> {
        self.lock().people()
    }

    /// Takes the lock, even if another thread panicked while holding it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room for Hub {
    fn hear(&self, client: ClientId, message: &Event) -> Option<String> {
        let said = match message {
            Event::Text(text) => self.say(client, text),
            _ => Err(Rejection::Binary),
        };
        let rejection = said.err()?;
        Some(ServerMessage::Error(rejection.to_string()).to_json())
    }

    fn leave(&self, client: ClientId) {
        self.lock().remove(client);
    }

    fn too_slow(&self, client: ClientId) {
        self.lock().cut_off(client);
    }
}

/// The caller of each of these functions holds the lock.
impl State {
    /// Lets a client in. Nothing can be said in between: what isn't in the history yet is told later.
    fn join(&mut self, visitor: Visitor, outbox: &Arc<Outbox>, bucket: TokenBucket) -> ClientId {
        // Task: a tab has one connection. A newcomer gets what it missed, who is here, and then what is new.
        todo!(
            "a tab has one connection. A newcomer gets what it missed, who is here, and then what is new"
        )
    }

    fn say(
        &mut self,
        client: ClientId,
        said: Result<ClientMessage, Rejection>,
        now: Instant,
    ) -> Result<(), Rejection> {
        let Some(it) = self.members.get_mut(&client) else {
            // It was cut off a moment ago, and isn't heard any more.
            return Ok(());
        };
        // Task: whatever a client says, even nonsense, takes a token from its bucket, then one from the room's.
        // A message is for all, but not under a taken name. A name alone gets `ServerMessage::You`, for this client.
        todo!(
            "whatever a client says, even nonsense, takes a token from its bucket, then one from the room's"
        )
    }

    /// Adds a client to the members. If the server is stopping, the client is told that instead.
    fn add(&mut self, tab: Option<String>, outbox: &Arc<Outbox>, bucket: TokenBucket) -> ClientId {
        let id = self.next_client;
        self.next_client = id.next();
        if self.stopped {
            outbox.finish(going_away());
            return id;
        }
        let member = Member {
            outbox: Arc::clone(outbox),
            tab,
            name: None,
            bucket,
        };
        self.members.insert(id, member);
        id
    }

    fn people(&self) -> Vec<String> {
        let names = self.members.values().filter_map(|it| it.name.clone());
        let mut people = Vec::from_iter(names);
        people.sort();
        people
    }

    /// Gives a client this name, and tells all clients what has changed.
    fn take_name(&mut self, client: ClientId, name: &str) -> Result<(), Rejection> {
        // Task: a name has one owner at a time. A change is news to all; saying your name again isn't one.
        todo!(
            "a name has one owner at a time. A change is news to all; saying your name again isn't one"
        )
    }

    /// Tells one client. If its outbox has no room, it is cut off.
    fn tell(&mut self, client: ClientId, message: &ServerMessage) {
        let broadcast = self.encode(message);
        let member = self.members.get(&client);
        if member.is_some_and(|it| it.push(&broadcast).is_err()) {
            self.cut_off(client);
        }
    }

    /// Tells all clients, and the room pays for each. A client whose outbox has no room is cut off, and the
    /// others are told so afterwards. If several are cut off at once, the news about them goes in one piece.
    fn tell_all(&mut self, messages: impl IntoIterator<Item = ServerMessage>) {
        let broadcasts = messages.into_iter().map(|it| self.encode(&it));
        let mut broadcasts = VecDeque::from_iter(broadcasts);
        while let Some(broadcast) = broadcasts.pop_front() {
            self.room.pay(self.members.len());
            let left = self.push_to_all(&broadcast).into_iter();
            let left = left.map(|name| self.encode(&ServerMessage::Left(name)));
            broadcasts.extend(Broadcast::joined(&Vec::from_iter(left)));
        }
    }

    /// Puts a message into every outbox. It was encoded once: a server masks nothing, so it is the same for all.
    /// Returns the names of the clients that it cuts off.
    fn push_to_all(&mut self, message: &Broadcast) -> Vec<String> {
        // Task: a full outbox costs its own client the connection, and costs the others nothing.
        todo!("a full outbox costs its own client the connection, and costs the others nothing")
    }

    fn encode(&self, message: &ServerMessage) -> Broadcast {
        Broadcast::new(&message.to_json(), self.extension.as_deref())
    }

    fn cut_off(&mut self, client: ClientId) {
        if let Some(name) = self.members.remove(&client).and_then(Member::cut_off) {
            self.tell_all([ServerMessage::Left(name)]);
        }
    }

    fn remove(&mut self, client: ClientId) {
        let removed = self.members.remove(&client);
        if let Some(name) = removed.and_then(|it| it.name) {
            self.tell_all([ServerMessage::Left(name)]);
        }
    }

    fn end_earlier_connection(&mut self, tab: &Option<String>) {
        let same_tab = |(_, it): &(&ClientId, &Member)| tab.is_some() && it.tab == *tab;
        let earlier = self.members.iter().find(same_tab);
        if let Some((&client, it)) = earlier {
            let close = frame::close(CloseCode::NORMAL, "this tab has connected again");
            it.outbox.clear_and_finish(close);
            self.remove(client);
        }
    }
}

impl Member {
    /// Puts a message into its outbox, in the form that the client has agreed on.
    fn push(&self, message: &Broadcast) -> Result<(), Full> {
        self.outbox.push(message.piece(&self.outbox))
    }

    /// Closes the connection of a client that reads too slowly, and returns its name. The waiting messages are dropped:
    /// the client gets them as history when it connects again.
    fn cut_off(self) -> Option<String> {
        // Task: the next piece in its outbox says why it is cut off, and is the last.
        todo!("the next piece in its outbox says why it is cut off, and is the last")
    }
}

fn going_away() -> Piece {
    frame::close(CloseCode::GOING_AWAY, "the server stops")
}

/// Returns a number that no earlier run of the server has reached, unless the clock was set back in between: the
/// microseconds since 1970. To overtake the clock, a server would have to take a million messages a second.
///
/// JavaScript's whole numbers are exact up to 2⁵³ − 1, which is a time in the year 2255.
pub fn id_from_clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as u64)
}
