//! All guests. `guests/handlers.rs` has what a handler can do with them, and `guests/clock.rs` what time does.
//!
//! Nothing in these files looks at a clock: the time is told.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::time::Instant;

use chat::client::ClientId;
use chat::outbox::Outbox;
use serde_json::Value;
use session::{Gap, Packet};

use crate::guest::{Cursor, Guest, GuestId, Link, PollId, over, over_line};
use crate::rooms::Rooms;
use crate::settings::Settings;

mod clock;
mod handlers;

/// The reason that a client gets if it names no session, or one that isn't its own.
pub(crate) const NO_SESSION: &str = "there is no such session";

/// The clients with a session.
#[derive(Debug)]
pub struct Guests {
    guests: BTreeMap<GuestId, Guest>,
    /// The guest that each token is for.
    tokens: BTreeMap<String, GuestId>,
    /// The guest that each WebSocket is for, even if it isn't the guest's latest transport any more.
    sockets: BTreeMap<ClientId, GuestId>,
    last_guest: u64,
    next_socket: ClientId,
    last_poll: u64,
    /// The guests whose sessions have ended, until the handler of `close` has been told.
    ended: VecDeque<GuestId>,
    rooms: Rooms,
    /// What has been offered since the last [`Guests::deliver`], by room and name.
    offered: BTreeMap<(String, String), Value>,
    /// Whether a request that is held may have to be answered.
    has_news: bool,
    max_kept: usize,
    /// The time that was told last.
    now: Instant,
}

/// What the transports do. Handlers don't need it.
impl Guests {
    /// No guests yet.
    pub(crate) fn new(settings: &Settings, now: Instant) -> Self {
        Self {
            guests: BTreeMap::new(),
            tokens: BTreeMap::new(),
            sockets: BTreeMap::new(),
            last_guest: settings.last_session,
            next_socket: ClientId::FIRST,
            last_poll: 0,
            ended: VecDeque::new(),
            rooms: Rooms::new(settings.max_rooms),
            offered: BTreeMap::new(),
            has_news: false,
            max_kept: settings.max_kept,
            now,
        }
    }

    /// Begins a session. `open` has not been handled yet.
    pub(crate) fn open(&mut self, token: &str) -> GuestId {
        self.last_guest += 1;
        let who = GuestId(self.last_guest);
        let guest = Guest::new(who, token, self.max_kept, self.now);
        self.guests.insert(who, guest);
        self.tokens.insert(token.to_string(), who);
        who
    }

    /// The guest that this token is for.
    pub(crate) fn of_token(&self, token: &str) -> Option<GuestId> {
        self.tokens.get(token).copied()
    }

    /// The guest that this WebSocket is for.
    pub(crate) fn of_socket(&self, socket: ClientId) -> Option<GuestId> {
        self.sockets.get(&socket).copied()
    }

    /// Whether a client that knows session `known` can resume this one. It must be the same; or this one is as good as
    /// new, because the client has never heard its `hello`.
    pub(crate) fn can_resume(&self, who: GuestId, known: Option<GuestId>) -> bool {
        let guest = self.guests.get(&who);
        guest.is_some_and(|guest| known == Some(who) || guest.session.is_untouched())
    }

    /// Makes a WebSocket the only transport of a guest. If there is no such guest, the WebSocket is told so.
    pub(crate) fn attach_socket(
        &mut self,
        who: Option<GuestId>,
        cursor: Option<Cursor>,
        outbox: &Arc<Outbox>,
    ) -> ClientId {
        let socket = self.next_socket;
        self.next_socket = socket.next();
        let known = who.and_then(|who| Some((who, self.guests.get_mut(&who)?)));
        let Some((who, guest)) = known else {
            outbox.finish_at_once(over(NO_SESSION));
            return socket;
        };
        self.sockets.insert(socket, who);
        let link = Link::Socket(socket, Arc::clone(outbox));
        guest.attach_socket(link, cursor, self.now);
        socket
    }

    /// Makes a request the only transport of a guest.
    pub(crate) fn attach_poll(&mut self, who: GuestId, cursor: Option<Cursor>) -> PollId {
        self.last_poll += 1;
        let poll = PollId(self.last_poll);
        if let Some(guest) = self.guests.get_mut(&who) {
            guest.attach(Link::Poll(poll), cursor, self.now);
        }
        poll
    }

    /// Whether a held request has to be answered now: there is something to say, or another transport has taken over.
    pub(crate) fn is_due(&self, who: GuestId, poll: PollId) -> bool {
        let guest = self.guests.get(&who);
        guest.is_none_or(|guest| !guest.is_reached_by_poll(poll) || guest.has_news())
    }

    /// The answer to a request that was held.
    pub(crate) fn answer_poll(&mut self, who: GuestId, poll: PollId) -> String {
        match self.guests.get_mut(&who) {
            Some(guest) => guest.answer_poll(poll, self.now),
            None => over_line(NO_SESSION),
        }
    }

    /// Notes that a WebSocket has ended. The session goes on.
    pub(crate) fn detach_socket(&mut self, socket: ClientId) {
        let now = self.now;
        if let Some(guest) = self.reached_by(socket) {
            guest.detach(now);
        }
        self.sockets.remove(&socket);
    }

    /// Ends a WebSocket for which more waits than may wait.
    pub(crate) fn too_slow(&mut self, socket: ClientId) {
        let now = self.now;
        if let Some(guest) = self.reached_by(socket) {
            guest.cut_off(now);
        }
    }

    /// The guest that is reached by this WebSocket now.
    fn reached_by(&mut self, socket: ClientId) -> Option<&mut Guest> {
        let guest = self.guests.get_mut(self.sockets.get(&socket)?)?;
        (guest.socket() == Some(socket)).then_some(guest)
    }

    /// Notes that a packet with this number has come. Returns whether it is new.
    ///
    /// # Errors
    /// Returns [`Gap`] if an earlier number is missing. It will never come, so the session is over then.
    pub(crate) fn receive(&mut self, who: GuestId, n: u64) -> Result<bool, Gap> {
        let guest = self.guests.get_mut(&who);
        // Of a session that is over, nothing is new.
        let is_new = guest.map_or(Ok(false), |guest| guest.session.receive(n));
        is_new.inspect_err(|gap| self.end(who, &gap.to_string()))
    }

    /// The number up to which everything of a guest has been received.
    pub(crate) fn received(&self, who: GuestId) -> Option<u64> {
        self.guests.get(&who).map(|guest| guest.session.received())
    }

    /// Notes that a guest has confirmed everything up to this number.
    pub(crate) fn confirm(&mut self, who: GuestId, got: u64) {
        if let Some(guest) = self.guests.get_mut(&who) {
            guest.session.confirm(got);
        }
    }

    /// Notes that a guest has used a value. It says so by this WebSocket, or by a request. If that isn't its present
    /// transport, a different value is on its way.
    pub(crate) fn seen(&mut self, who: GuestId, by: Option<ClientId>, name: &str) {
        let guest = self.guests.get_mut(&who);
        if let Some(guest) = guest.filter(|guest| guest.socket() == by) {
            guest.latest.seen(name);
            guest.push_latest(self.now);
        }
    }

    /// Answers an event of a guest, or says why there is no answer.
    pub(crate) fn reply(&mut self, who: GuestId, reply: u64, answer: Result<Value, String>) {
        self.send(who, |n| match answer {
            Ok(data) => Packet::Reply { n, reply, data },
            Err(error) => Packet::NoReply { n, reply, error },
        });
    }

    /// Sends a packet with a number to a guest, if it is there.
    fn send(&mut self, who: GuestId, packet: impl FnOnce(u64) -> Packet) {
        self.wake(who);
        let Some(guest) = self.guests.get_mut(&who) else {
            return;
        };
        // Task: it has to arrive by this transport or by a later one. If it can't be kept, the session can't go on.
        todo!(
            "it has to arrive by this transport or by a later one. If it can't be kept, the session can't go on"
        )
    }

    /// Notes that this guest has news: if a request of the guest is held, it has to look again.
    pub(crate) fn wake(&mut self, who: GuestId) {
        let guest = self.guests.get(&who);
        self.has_news |= guest.is_some_and(Guest::is_held);
    }

    /// Whether a held request has to look again. Says so once.
    pub(crate) fn take_news(&mut self) -> bool {
        mem::take(&mut self.has_news)
    }
}
