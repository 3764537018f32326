//! The clients of one server. What they say goes to the bus; what they hear comes from the bus.
//!
//! ```text
//!  client ─ hear ──▶ LocalRoom ── publish, claim ──▶ Bus
//!                        ▲                            │
//!  every Outbox ◀────────┴───────── deliver ──────────┘
//! ```
//!
//! The hub of step 10 told everyone under one lock. Here, the lock guards one server's clients only, and no thread
//! holds it while it waits for the bus.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chat::client::{ClientId, Room};
use chat::frame::{self, Broadcast};
use chat::outbox::{Full, Piece};
use chat::protocol::{self, Rejection, ServerMessage};
use chat::rate::TokenBucket;
use chat::{Outbox, Pace, Visitor};
use connection::{CloseCode, Event};
use polling::history::{Message, NewMessage, News};
use serde_json::json;

use crate::bus::{Bus, BusError};
use crate::leases::{Holder, Presence};
use crate::log::Ticket;

/// The pause between two tries to publish.
const RETRY_EVERY: Duration = Duration::from_millis(50);

/// What pages show while the bus is away.
const AWAY: &str = "You are connected, but the other servers can’t be reached: nothing that you say \
                    now is sent.";

/// The clients of one server.
pub struct LocalRoom {
    /// The name of this server. No other server has it, not even this one after a restart.
    server: String,
    bus: Arc<dyn Bus>,
    pace: Pace,
    /// How long the server keeps trying to publish a message.
    publish_within: Duration,
    max_history: u64,
    tokens: AtomicU64,
    state: Mutex<State>,
    /// Something was delivered, a name has changed, or the room stops.
    changed: Condvar,
}

/// What the lock guards.
struct State {
    members: BTreeMap<ClientId, Member>,
    next_client: ClientId,
    /// The latest messages that were delivered, oldest first.
    history: VecDeque<Message>,
    /// The id of the last message that was delivered.
    last_id: u64,
    /// The people at all servers, as far as this one has heard.
    people: BTreeSet<String>,
    /// The names given up here since the last renewal began: its answer may still list them.
    given_up: BTreeSet<String>,
    /// The room's bucket: each message and each delivery costs a token.
    bucket: TokenBucket,
    /// Whether the bus can't be reached.
    is_away: bool,
    /// Whether the server has looked at the log, or tried to.
    has_looked: bool,
    names_changed: bool,
    stopped: bool,
}

/// A client that has joined.
struct Member {
    outbox: Arc<Outbox>,
    /// The token of its tab, or one of ours if it has sent none.
    tab: String,
    /// The name that it has taken.
    name: Option<String>,
    /// The name that it is about to take: the bus is being asked.
    claims: Option<String>,
    bucket: TokenBucket,
    /// The id of the last message that it had seen when it joined, here or at a different server.
    after: u64,
}

/// The reason why a client's message is rejected. The connection stays open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It breaks a rule of the chat.
    Rejected(Rejection),
    /// The bus is away. Nothing was sent.
    Away,
    /// The bus went away in the middle, and the message didn't come back in time.
    Unknown,
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Rejected(rejection) => rejection.fmt(formatter),
            Self::Away => formatter.write_str("The other servers can't be reached. Try again later."),
            Self::Unknown => formatter.write_str(
                "The other servers can't be reached any more. If your message has arrived all the same, you will see it.",
            ),
        }
    }
}

impl std::error::Error for Refused {}

impl LocalRoom {
    /// Creates an empty room of the server with this name.
    pub fn new(
        server: &str,
        bus: Arc<dyn Bus>,
        max_history: u64,
        pace: Pace,
        publish_within: Duration,
    ) -> Self {
        Self {
            server: server.to_string(),
            bus,
            pace,
            publish_within,
            max_history,
            tokens: AtomicU64::new(0),
            state: Mutex::new(State {
                members: BTreeMap::new(),
                next_client: ClientId::FIRST,
                history: VecDeque::new(),
                last_id: 0,
                people: BTreeSet::new(),
                given_up: BTreeSet::new(),
                bucket: TokenBucket::new(pace.deliveries, Instant::now()),
                is_away: false,
                has_looked: false,
                names_changed: false,
                stopped: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Returns the name of the server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Lets a client in. Its outbox gets the messages that it hasn't seen, and everything from now on.
    pub fn join(&self, visitor: Visitor, outbox: &Arc<Outbox>) -> ClientId {
        let member = Member {
            outbox: Arc::clone(outbox),
            tab: visitor.tab.unwrap_or_else(|| self.token()),
            name: None,
            claims: None,
            bucket: TokenBucket::new(self.pace.messages, Instant::now()),
            after: visitor.after,
        };
        let id = self.lock().join(member);
        self.changed.notify_all();
        id
    }

    /// Takes what a client says. When this returns, a message that was accepted has already come back to the client. So
    /// everything that a client sends is answered in order.
    ///
    /// # Errors
    /// Returns why it was rejected.
    pub fn say(&self, client: ClientId, text: &str) -> Result<(), Refused> {
        let said = protocol::parse(text);
        if !self.lock().may_speak(client, Instant::now())? {
            return Ok(());
        }
        let said = said?;
        self.take_name(client, &said.username)?;
        let name = said.username.clone();
        match said.into_message() {
            Some(content) => self.publish(&content)?,
            None => self
                .lock()
                .tell(client, &ServerMessage::You(name).to_json()),
        }
        Ok(())
    }

    /// Publishes a message. The lock isn't held meanwhile.
    fn publish(&self, content: &NewMessage) -> Result<(), Refused> {
        let ticket = Ticket(self.token());
        let deadline = Instant::now() + self.publish_within;
        // Task: while the bus is away, nothing is tried. A try without an answer is tried again, with the same ticket.
        todo!(
            "while the bus is away, nothing is tried. A try without an answer is tried again, with the same ticket"
        )
    }

    /// Takes a name for a client: first at this server, then at all.
    fn take_name(&self, client: ClientId, name: &str) -> Result<(), Refused> {
        let Some(holder) = self.lock().begin_claim(&self.server, client, name)? else {
            return Ok(());
        };
        let claimed = self.bus.claim(name, &holder);
        let mut state = self.lock();
        state.end_claim(client, name, claimed == Ok(true));
        drop(state);
        self.changed.notify_all();
        match claimed {
            Ok(true) => Ok(()),
            Ok(false) => Err(Rejection::NameTaken(name.to_string()).into()),
            Err(_) => Err(Refused::Away),
        }
    }

    /// Tells this server's clients a message of the log.
    pub fn deliver(&self, message: Message) {
        self.lock().deliver(message, self.max_history);
        self.changed.notify_all();
    }

    /// Says whether the bus can be reached. If that is news, the clients are told.
    pub fn bus_is(&self, reachable: bool) {
        self.lock().bus_is(reachable);
    }

    /// Says that the server has looked at the log, or tried to.
    pub fn has_looked(&self) {
        self.lock().has_looked = true;
        self.changed.notify_all();
    }

    /// Waits until the server has looked at the log, or tried to, but not for longer than `time`. A client that joins
    /// earlier would find no history.
    pub fn wait_for_a_look(&self, time: Duration) {
        self.wait_while(time, |state| !state.has_looked);
    }

    /// Returns whether the bus can't be reached.
    pub fn is_away(&self) -> bool {
        self.lock().is_away
    }

    /// Takes the answer to a renewal: the people at all servers, and the names that this server has lost.
    pub fn take_presence(&self, presence: Presence) {
        let mut state = self.lock();
        state.end_lost(&presence.lost);
        state.set_people(presence.people);
    }

    /// Takes the people at other servers off the list: nothing is known about them any more.
    pub fn forget_others(&self) {
        self.lock().set_people(BTreeSet::new());
    }

    /// Returns the names of this server's people, with the tokens of their tabs.
    pub fn names(&self) -> Vec<(String, String)> {
        let mut state = self.lock();
        state.names_changed = false;
        state.given_up.clear();
        let mut names = Vec::new();
        for member in state.members.values() {
            let its = member.name.iter().chain(&member.claims);
            names.extend(its.map(|name| (name.clone(), member.tab.clone())));
        }
        names
    }

    /// Waits until a name has changed or the room stops, but not for longer than `time`.
    pub fn wait_for_names(&self, time: Duration) {
        self.wait_while(time, |state| !state.names_changed);
    }

    /// Waits until the room stops, but not for longer than `time`.
    pub fn pause(&self, time: Duration) {
        self.wait_while(time, |_| true);
    }

    /// Waits until this message has been delivered, or the time is over. Returns whether it has been.
    fn is_delivered(&self, id: u64, deadline: Instant) -> bool {
        let time = deadline.saturating_duration_since(Instant::now());
        self.wait_while(time, |state| state.last_id < id);
        self.lock().last_id >= id
    }

    fn wait_while(&self, time: Duration, condition: impl Fn(&State) -> bool) {
        let goes_on = |state: &mut State| !state.stopped && condition(state);
        _ = self.changed.wait_timeout_while(self.lock(), time, goes_on);
    }

    /// Tells all clients that the server stops, including those that join later.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        for member in mem::take(&mut state.members).into_values() {
            member.outbox.finish(going_away());
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Returns whether the server is stopping.
    pub fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Returns the messages after the one with this id.
    pub fn messages(&self, after: u64) -> News {
        let state = self.lock();
        let messages = state.history.iter().filter(|it| it.id > after);
        News {
            messages: messages.cloned().collect(),
            next: state.last_id.max(after),
        }
    }

    /// Returns the names of the people at all servers, in order.
    pub fn people(&self) -> BTreeSet<String> {
        self.lock().people.clone()
    }

    /// Returns a text that no server has returned before.
    fn token(&self) -> String {
        let number = self.tokens.fetch_add(1, Ordering::Relaxed);
        format!("{}/{number}", self.server)
    }

    /// Takes the lock, even if another thread panicked while holding it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room for LocalRoom {
    fn hear(&self, client: ClientId, message: &Event) -> Option<String> {
        let said = match message {
            Event::Text(text) => self.say(client, text),
            _ => Err(Rejection::Binary.into()),
        };
        let refused = said.err()?;
        Some(ServerMessage::Error(refused.to_string()).to_json())
    }

    fn leave(&self, client: ClientId) {
        self.lock().remove(client);
        self.changed.notify_all();
    }

    fn too_slow(&self, client: ClientId) {
        self.lock().cut_off(client);
        self.changed.notify_all();
    }
}

/// The caller of each of these functions holds the lock.
impl State {
    /// Lets a client in. Its cursor may come from a server that is ahead of this one.
    fn join(&mut self, member: Member) -> ClientId {
        let client = self.next_client;
        self.next_client = client.next();
        if self.stopped {
            member.outbox.finish(going_away());
            return client;
        }
        self.end_earlier_connection(&member.tab);
        let after = member.after;
        self.members.insert(client, member);
        // Task: the client gets what it hasn't seen, then who is here, and whether the bus is away (`AWAY`).
        todo!(
            "the client gets what it hasn't seen, then who is here, and whether the bus is away (`AWAY`)"
        )
    }

    /// Keeps a message of the log, and tells it to the clients that haven't seen it.
    fn deliver(&mut self, message: Message, max_history: u64) {
        let id = message.id;
        let broadcast = encode(&ServerMessage::Message(message.clone()).to_json());
        self.last_id = id;
        self.history.push_back(message);
        if self.history.len() as u64 > max_history {
            self.history.pop_front();
        }
        self.bucket.pay(self.members.len());
        let mut slow = Vec::new();
        for (client, member) in &self.members {
            // Task: a client from a server ahead of this one has seen some already. One with a full outbox is slow.
            todo!(
                "a client from a server ahead of this one has seen some already. One with a full outbox is slow"
            )
        }
        for client in slow {
            self.cut_off(client);
        }
    }

    /// Takes the tokens for a message. Returns whether the client is still here.
    fn may_speak(&mut self, client: ClientId, now: Instant) -> Result<bool, Rejection> {
        let Some(member) = self.members.get_mut(&client) else {
            return Ok(false);
        };
        if !member.bucket.try_take(now) {
            return Err(Rejection::TooFast);
        }
        if !self.bucket.try_take(now) {
            return Err(Rejection::Busy);
        }
        Ok(true)
    }

    /// Returns the holder for which a name has to be claimed, or `None` if the client has it already.
    fn begin_claim(
        &mut self,
        server: &str,
        client: ClientId,
        name: &str,
    ) -> Result<Option<Holder>, Rejection> {
        let mut members = self.members.iter();
        let has_it =
            |it: &Member| it.name.as_deref() == Some(name) || it.claims.as_deref() == Some(name);
        match members.find(|(_, it)| has_it(it)) {
            Some((owner, _)) if *owner == client => return Ok(None),
            Some(_) => return Err(Rejection::NameTaken(name.to_string())),
            None => {}
        }
        let Some(member) = self.members.get_mut(&client) else {
            return Ok(None);
        };
        member.claims = Some(name.to_string());
        Ok(Some(Holder {
            server: server.to_string(),
            tab: member.tab.clone(),
        }))
    }

    /// Takes the answer to a claim. If the client has gone meanwhile, the lease isn't renewed.
    fn end_claim(&mut self, client: ClientId, name: &str, granted: bool) {
        self.names_changed = true;
        let Some(member) = self.members.get_mut(&client) else {
            return;
        };
        member.claims = None;
        if granted {
            let before = member.name.replace(name.to_string());
            let is_new = self.people.insert(name.to_string());
            if let Some(before) = before {
                self.take_off(before);
            }
            if is_new {
                self.tell_all(&ServerMessage::Joined(name.to_string()).to_json());
            }
        }
    }

    /// Ends the connections of clients whose names different servers have now. They connect again, and ask again.
    fn end_lost(&mut self, lost: &[String]) {
        let has_lost = |_: &ClientId, it: &mut Member| {
            it.name.as_ref().is_some_and(|name| lost.contains(name))
        };
        let ended: Vec<Member> = self
            .members
            .extract_if(.., has_lost)
            .map(|(_, it)| it)
            .collect();
        for member in ended {
            let close = frame::close(CloseCode::NORMAL, "your name is at a different server now");
            member.outbox.clear_and_finish(close);
        }
    }

    /// Replaces the list of people. This server knows best about its own. The clients are told what has changed.
    fn set_people(&mut self, people: BTreeSet<String>) {
        let mine = self.members.values().filter_map(|it| it.name.clone());
        let others = people.difference(&self.given_up).cloned();
        let now: BTreeSet<String> = others.chain(mine).collect();
        let before = mem::replace(&mut self.people, now.clone());
        let left = before.difference(&now).cloned().map(ServerMessage::Left);
        let joined = now.difference(&before).cloned().map(ServerMessage::Joined);
        for change in left.chain(joined) {
            self.tell_all(&change.to_json());
        }
    }

    /// Tells the clients whether the bus can be reached, if that has changed.
    fn bus_is(&mut self, reachable: bool) {
        // Task: the clients are told once: `AWAY`, or an empty text when the bus is back. `join` tells newcomers.
        todo!(
            "the clients are told once: `AWAY`, or an empty text when the bus is back. `join` tells newcomers"
        )
    }

    /// Tells one client. If its outbox has no room, it is cut off.
    fn tell(&mut self, client: ClientId, text: &str) {
        let member = self.members.get(&client);
        if member.is_some_and(|it| it.push(&encode(text)).is_err()) {
            self.cut_off(client);
        }
    }

    /// Tells all clients of this server, and the room pays for each.
    fn tell_all(&mut self, text: &str) {
        let broadcast = encode(text);
        self.bucket.pay(self.members.len());
        let is_full = |_: &ClientId, it: &mut Member| it.push(&broadcast).is_err();
        let slow: Vec<Member> = self
            .members
            .extract_if(.., is_full)
            .map(|(_, it)| it)
            .collect();
        for member in slow {
            self.end(member);
        }
    }

    fn cut_off(&mut self, client: ClientId) {
        if let Some(member) = self.members.remove(&client) {
            self.end(member);
        }
    }

    /// Closes the connection of a client that reads too slowly, and was removed from `members`.
    fn end(&mut self, member: Member) {
        let close = frame::close(CloseCode::TRY_AGAIN_LATER, "you read too slowly");
        member.outbox.clear_and_finish(close);
        self.forget(member);
    }

    fn remove(&mut self, client: ClientId) {
        if let Some(member) = self.members.remove(&client) {
            self.forget(member);
        }
    }

    /// Takes the name of a client that was removed from `members` off the list.
    fn forget(&mut self, member: Member) {
        if let Some(name) = member.name {
            self.take_off(name);
        }
    }

    fn take_off(&mut self, name: String) {
        self.names_changed = true;
        self.people.remove(&name);
        self.given_up.insert(name.clone());
        self.tell_all(&ServerMessage::Left(name).to_json());
    }

    fn end_earlier_connection(&mut self, tab: &str) {
        let earlier = self.members.iter().find(|(_, it)| it.tab == tab);
        if let Some((&client, it)) = earlier {
            let close = frame::close(CloseCode::NORMAL, "this tab has connected again");
            it.outbox.clear_and_finish(close);
            self.remove(client);
        }
    }
}

impl Member {
    fn push(&self, message: &Broadcast) -> Result<(), Full> {
        self.outbox.push(message.piece(&self.outbox))
    }
}

fn encode(text: &str) -> Broadcast {
    Broadcast::new(text, None)
}

/// What a page shows beside the state of its connection. An empty text means that all is well.
fn notice(text: &str) -> String {
    json!({ "notice": text }).to_string()
}

fn going_away() -> Piece {
    frame::close(CloseCode::GOING_AWAY, "the server stops")
}
