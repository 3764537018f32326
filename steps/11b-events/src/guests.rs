//! The clients with a session, and the rooms that they are in. This is what a handler gets.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chat::client::ClientId;
use chat::frame;
use chat::outbox::{Bytes, Outbox};
use connection::CloseCode;
use serde_json::Value;
use session::{Gap, Latest, Packet, Session};

use crate::events::Settings;

/// The number of a guest, and of its session. No number is given twice, not even after a restart, unless the
/// clock was set back. Anyone may know it; the word by which a page comes back to its session is a secret.
pub type GuestId = u64;

/// The number that no guest has.
pub const NOBODY: GuestId = 0;

/// The number of a transport: 1, 2, 3 and so on. A WebSocket's is its client's number.
pub type TransportId = ClientId;

/// What a client has got before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The number of the session that it knows; [`NOBODY`] if it knows none.
    pub of: GuestId,
    /// It has got everything up to this number.
    pub after: u64,
}

/// The clients with a session.
#[derive(Debug)]
pub struct Guests {
    guests: BTreeMap<GuestId, Guest>,
    /// Whose each word is.
    words: BTreeMap<String, GuestId>,
    /// Whose each WebSocket is, even if it isn't the guest's latest transport any more.
    sockets: BTreeMap<TransportId, GuestId>,
    next_transport: TransportId,
    last_guest: GuestId,
    /// Whose sessions have ended, until the handler of `close` has been told.
    ended: VecDeque<GuestId>,
    /// The guests in each room that has any.
    rooms: BTreeMap<String, BTreeSet<GuestId>>,
    /// What has been offered since the last [`Guests::deliver`], by room and name.
    offered: BTreeMap<(String, String), Value>,
    /// Whether a request that is held may have to be answered.
    has_news: bool,
    max_kept: usize,
    max_rooms: usize,
}

#[derive(Debug)]
struct Guest {
    word: String,
    session: Session,
    /// Whether the client has shown that it knows this session.
    is_proven: bool,
    latest: Latest,
    rooms: BTreeSet<String>,
    link: Link,
}

/// How a guest can be reached.
#[derive(Debug)]
enum Link {
    /// Not at all, since then.
    Away(Instant),
    /// By a WebSocket.
    Socket(TransportId, Arc<Outbox>),
    /// By a request that is held.
    Poll(TransportId),
}

impl Guests {
    /// Nobody yet.
    pub fn new(settings: &Settings) -> Self {
        Self {
            guests: BTreeMap::new(),
            words: BTreeMap::new(),
            sockets: BTreeMap::new(),
            next_transport: TransportId::FIRST,
            last_guest: settings.last_session,
            ended: VecDeque::new(),
            rooms: BTreeMap::new(),
            offered: BTreeMap::new(),
            has_news: false,
            max_kept: settings.max_kept,
            max_rooms: settings.max_rooms,
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.guests.len()
    }

    /// Whether this guest is there.
    pub fn has(&self, who: GuestId) -> bool {
        self.guests.contains_key(&who)
    }

    /// Tells one guest. If there is no such guest, nothing happens.
    pub fn emit(&mut self, who: GuestId, event: &str, data: &Value) {
        let (event, data, ask) = (event.to_string(), data.clone(), false);
        self.wake(who);
        self.send(who, |n| Packet::Event {
            n,
            event,
            data,
            ask,
        });
    }

    /// Tells all guests in a room.
    ///
    /// A handler that does so because a guest said something has to limit how often a guest may say it, as the
    /// chat in `examples` does by a [`Rate`](chat::rate::Rate): one guest must not say more than the others can
    /// confirm, or their sessions end. Nothing limits it here, because a page that was offline may send much at
    /// once, and none of it may be lost.
    pub fn emit_to(&mut self, room: &str, event: &str, data: &Value) {
        for who in self.in_room(room) {
            self.emit(who, event, data);
        }
    }

    /// Tells all guests.
    pub fn emit_to_all(&mut self, event: &str, data: &Value) {
        for who in Vec::from_iter(self.guests.keys().copied()) {
            self.emit(who, event, data);
        }
    }

    /// Offers all guests in a room a value that is worth something only now. A guest that is still busy with the
    /// last one gets the newest when it is done with that. For each guest, one value of each name is kept.
    ///
    /// The value is sent once the message that led to it has been taken as a whole. If several lines of a message
    /// offer a value of the same name, only the last is sent, and the work for the room is done once.
    pub fn offer_to(&mut self, room: &str, name: &str, value: &Value) {
        let of = (room.to_string(), name.to_string());
        self.offered.insert(of, value.clone());
    }

    /// A guest enters a room. A room is there as soon as somebody is in it. Returns whether the guest is in
    /// it now: it may be in [`Settings::max_rooms`] rooms, and not in one more.
    pub fn join(&mut self, who: GuestId, room: &str) -> bool {
        let Some(guest) = self.guests.get_mut(&who) else {
            return false;
        };
        if guest.rooms.len() < self.max_rooms {
            guest.rooms.insert(room.to_string());
        }
        let is_in = guest.rooms.contains(room);
        if is_in {
            self.rooms.entry(room.to_string()).or_default().insert(who);
        }
        is_in
    }

    /// A guest leaves a room. When the last guest leaves, the room is gone.
    pub fn leave(&mut self, who: GuestId, room: &str) {
        if let Some(guest) = self.guests.get_mut(&who) {
            guest.rooms.remove(room);
        }
        if let Some(here) = self.rooms.get_mut(room) {
            here.remove(&who);
            if here.is_empty() {
                self.rooms.remove(room);
            }
        }
    }

    /// Who is in a room.
    pub fn in_room(&self, room: &str) -> Vec<GuestId> {
        let here = self.rooms.get(room).into_iter().flatten();
        here.copied().collect()
    }

    fn rooms_of(&self, who: GuestId) -> BTreeSet<String> {
        let guest = self.guests.get(&who);
        guest.map(|guest| guest.rooms.clone()).unwrap_or_default()
    }

    /// Ends a session, and says why.
    pub fn end(&mut self, who: GuestId, why: &str) {
        self.wake(who);
        for room in self.rooms_of(who) {
            self.leave(who, &room);
        }
        let Some(guest) = self.guests.remove(&who) else {
            return;
        };
        self.words.remove(&guest.word);
        if let Link::Socket(_, outbox) = guest.link {
            outbox.finish_at_once(over(why));
        }
        self.ended.push_back(who);
    }
}

/// What the transports do. Handlers don't need it.
impl Guests {
    /// Begins a session. `open` has not been handled yet.
    pub(crate) fn open(&mut self, word: &str) -> GuestId {
        self.last_guest += 1;
        let guest = Guest::new(word, self.max_kept);
        self.guests.insert(self.last_guest, guest);
        self.words.insert(word.to_string(), self.last_guest);
        self.last_guest
    }

    /// Whose word this is.
    pub(crate) fn of_word(&self, word: &str) -> Option<GuestId> {
        self.words.get(word).copied()
    }

    /// Whose WebSocket this is.
    pub(crate) fn of_socket(&self, socket: TransportId) -> Option<GuestId> {
        self.sockets.get(&socket).copied()
    }

    /// Whether a client that knows session `of` can go on with this one. It must be the same; or this one
    /// is as good as new, because the client has never heard its `hello`.
    pub(crate) fn may_go_on(&self, who: GuestId, of: GuestId) -> bool {
        let guest = self.guests.get(&who);
        guest.is_some_and(|guest| who == of || guest.session.is_untouched())
    }

    /// A guest can be reached by this WebSocket from now on, and by no transport before it.
    pub(crate) fn attach_socket(
        &mut self,
        who: GuestId,
        cursor: Cursor,
        outbox: &Arc<Outbox>,
    ) -> TransportId {
        let socket = self.next_transport();
        let Some(guest) = self.guests.get_mut(&who) else {
            outbox.finish_at_once(over("there is no such session"));
            return socket;
        };
        self.sockets.insert(socket, who);
        // Task: attach it. Then push what this client may not have; the chapter says what a new transport begins with.
        todo!(
            "attach it. Then push what this client may not have; the chapter says what a new transport begins with"
        )
    }

    /// A guest can be reached by this request from now on, and by no transport before it.
    pub(crate) fn attach_poll(&mut self, who: GuestId, cursor: Cursor) -> TransportId {
        let poll = self.next_transport();
        if let Some(guest) = self.guests.get_mut(&who) {
            guest.attach(Link::Poll(poll), who, cursor);
        }
        poll
    }

    fn next_transport(&mut self) -> TransportId {
        let transport = self.next_transport;
        self.next_transport = transport.next();
        transport
    }

    /// Whether a held request is to be answered now: there is something to say, or it is not this request
    /// any more by which the guest is reached.
    pub(crate) fn is_due(&self, who: GuestId, poll: TransportId) -> bool {
        self.guests.get(&who).is_none_or(|guest| {
            !guest.is_reached_by(poll)
                || guest.latest.is_due()
                || guest.session.replay().next().is_some()
        })
    }

    /// The answer to a held request.
    pub(crate) fn answer_poll(&mut self, who: GuestId, poll: TransportId) -> String {
        let Some(guest) = self.guests.get_mut(&who) else {
            return over_line("there is no such session");
        };
        let mut lines = vec![guest.hello(who)];
        if guest.is_reached_by(poll) {
            lines.extend(guest.session.replay().map(ToString::to_string));
            lines.extend(guest.latest.take().iter().map(ToString::to_string));
            guest.link = Link::Away(Instant::now());
        }
        lines.join("\n")
    }

    /// A WebSocket has ended. The session goes on.
    pub(crate) fn detach_socket(&mut self, socket: TransportId) {
        let who = self.sockets.remove(&socket);
        let guest = who.and_then(|who| self.guests.get_mut(&who));
        if let Some(guest) = guest.filter(|guest| guest.is_reached_by(socket)) {
            guest.detach();
        }
    }

    /// More waits for a WebSocket than may wait.
    pub(crate) fn too_slow(&mut self, socket: TransportId) {
        let guest = self
            .of_socket(socket)
            .and_then(|who| self.guests.get_mut(&who));
        if let Some(guest) = guest.filter(|guest| guest.is_reached_by(socket)) {
            guest.cut_off();
        }
    }

    /// A packet with this number has come. Whether it is new.
    ///
    /// # Errors
    /// A number before this one has not come, and it never will: so the session is over.
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

    /// A guest has confirmed everything up to this number.
    pub(crate) fn confirm(&mut self, who: GuestId, got: u64) {
        if let Some(guest) = self.guests.get_mut(&who) {
            guest.session.confirm(got);
        }
    }

    /// A guest has used a value, and says so by this WebSocket, or by a request. If that isn't its present
    /// transport, a different value is on its way.
    pub(crate) fn seen(&mut self, who: GuestId, by: Option<TransportId>, name: &str) {
        let guest = self.guests.get_mut(&who);
        if let Some(guest) = guest.filter(|guest| guest.socket() == by) {
            guest.latest.seen(name);
            guest.push_latest();
        }
    }

    /// Answers an event of a guest, or says why there is no answer.
    pub(crate) fn reply(&mut self, who: GuestId, reply: u64, answer: Result<Value, String>) {
        self.wake(who);
        self.send(who, |n| match answer {
            Ok(data) => Packet::Reply { n, reply, data },
            Err(error) => Packet::NoReply { n, reply, error },
        });
    }

    /// Notes that a client has shown that it knows this session: it has said the session's number, or sent
    /// something by one of the session's transports. Asking once proves nothing: a picture on a page of another
    /// site does that, too.
    pub(crate) fn prove(&mut self, who: GuestId) {
        if let Some(guest) = self.guests.get_mut(&who) {
            guest.is_proven = true;
        }
    }

    /// Ends the sessions of guests that have been away for longer than `keep`, and the unproven ones sooner:
    /// after `keep_unproven`.
    pub(crate) fn end_those_away(&mut self, now: Instant, keep: Duration, keep_unproven: Duration) {
        let is_over = |guest: &Guest| {
            let most = if guest.is_proven { keep } else { keep_unproven };
            guest.away().is_some_and(|at| now.duration_since(at) > most)
        };
        let guests = self.guests.iter();
        let over = guests.filter(|(_, guest)| is_over(guest));
        for who in Vec::from_iter(over.map(|(who, _)| *who)) {
            self.end(who, "away for too long");
        }
    }

    /// Makes room for one more session: ends the session of the unproven guest that has been away longest. Returns
    /// whether there was one. Never ends a session in use.
    pub(crate) fn make_room(&mut self) -> bool {
        let guests = self.guests.iter().filter(|(_, guest)| !guest.is_proven);
        let away = guests.filter_map(|(who, guest)| Some((guest.away()?, *who)));
        let oldest = away.min();
        if let Some((_, who)) = oldest {
            self.end(who, "others need the room");
        }
        oldest.is_some()
    }

    /// Delivers the values that have been offered. Each is encoded once, and goes to all guests in its room.
    pub(crate) fn deliver(&mut self) {
        for ((room, now), data) in mem::take(&mut self.offered) {
            let name = now.clone();
            let line: Arc<str> = Packet::Now { now, data }.to_line().into();
            for who in self.in_room(&room) {
                self.wake(who);
                if let Some(guest) = self.guests.get_mut(&who) {
                    guest.latest.offer(&name, Arc::clone(&line));
                    guest.push_latest();
                }
            }
        }
    }

    /// Notes that this guest has news: if a request of the guest is held, it has to look again.
    pub(crate) fn wake(&mut self, who: GuestId) {
        let guest = self.guests.get(&who);
        self.has_news |= guest.is_some_and(|guest| matches!(guest.link, Link::Poll(_)));
    }

    /// Whether a held request has to look again. Says so once.
    pub(crate) fn take_news(&mut self) -> bool {
        mem::take(&mut self.has_news)
    }

    /// Lets every WebSocket know that the server is there. A page can't see the pings that its browser
    /// answers.
    pub(crate) fn ping(&mut self) {
        let ping = Packet::Ping { ping: true }.to_line();
        for guest in self.guests.values_mut() {
            guest.push(&ping);
        }
    }

    /// Says goodbye to every WebSocket. The sessions are gone with the server.
    pub(crate) fn stop(&mut self) {
        self.words.clear();
        for guest in mem::take(&mut self.guests).into_values() {
            if let Link::Socket(_, outbox) = guest.link {
                outbox.finish(frame::close(CloseCode::GOING_AWAY, "the server stops"));
            }
        }
    }

    /// One of the guests whose sessions have ended, each only once.
    pub(crate) fn next_ended(&mut self) -> Option<GuestId> {
        self.ended.pop_front()
    }

    fn send(&mut self, who: GuestId, packet: impl FnOnce(u64) -> Packet) {
        let Some(guest) = self.guests.get_mut(&who) else {
            return;
        };
        // Task: it has to arrive by this transport or by a later one. If it can't be kept, the session can't go on.
        todo!(
            "it has to arrive by this transport or by a later one. If it can't be kept, the session can't go on"
        )
    }
}

impl Guest {
    fn new(word: &str, max_kept: usize) -> Self {
        Self {
            word: word.to_string(),
            session: Session::new(max_kept),
            is_proven: false,
            latest: Latest::default(),
            rooms: BTreeSet::new(),
            link: Link::Away(Instant::now()),
        }
    }

    /// A transport takes over from the one before. It comes with what the client has got.
    fn attach(&mut self, link: Link, who: GuestId, cursor: Cursor) {
        let (code, reason) = (CloseCode::NORMAL, "another transport has taken over");
        // Task: one guest has one transport. A cursor is as good as a `got`, for the session that it is of.
        todo!(
            "one guest has one transport. A cursor is as good as a `got`, for the session that it is of"
        )
    }

    /// The guest can't be reached any more by the transport that there was. The session goes on.
    fn detach(&mut self) -> Link {
        match self.link {
            Link::Socket(..) => self.latest.restart_unseen(),
            Link::Poll(_) | Link::Away(_) => self.latest.restart(),
        }
        mem::replace(&mut self.link, Link::Away(Instant::now()))
    }

    /// The same; and if it was a WebSocket, it is told so, in place of all that waits.
    fn end_transport(&mut self, code: CloseCode, reason: &str) {
        if let Link::Socket(_, outbox) = self.detach() {
            outbox.finish_at_once(frame::close(code, reason));
        }
    }

    /// More waits for the guest's WebSocket than may wait.
    fn cut_off(&mut self) {
        self.end_transport(CloseCode::TRY_AGAIN_LATER, "you read too slowly");
    }

    fn is_reached_by(&self, transport: TransportId) -> bool {
        match self.link {
            Link::Socket(it, _) | Link::Poll(it) => it == transport,
            Link::Away(_) => false,
        }
    }

    /// Since when the guest has been away, if it is away.
    fn away(&self) -> Option<Instant> {
        match self.link {
            Link::Away(at) => Some(at),
            Link::Socket(..) | Link::Poll(_) => None,
        }
    }

    /// The WebSocket by which the guest is reached.
    fn socket(&self) -> Option<TransportId> {
        match self.link {
            Link::Socket(it, _) => Some(it),
            Link::Poll(_) | Link::Away(_) => None,
        }
    }

    /// The first line on every transport.
    fn hello(&self, who: GuestId) -> String {
        let (hello, got) = (who, self.session.received());
        Packet::Hello { hello, got }.to_line()
    }

    /// Puts a line on the guest's WebSocket. A request that is held is woken by others, and takes what it
    /// finds.
    fn push(&mut self, line: &str) {
        if let Link::Socket(_, outbox) = &self.link
            && outbox.push(frame::text(line)).is_err()
        {
            self.cut_off();
        }
    }

    fn push_latest(&mut self) {
        if matches!(self.link, Link::Socket(..)) {
            for line in self.latest.take() {
                self.push(&line);
            }
        }
    }
}

pub(crate) fn over_line(why: &str) -> String {
    let over = why.to_string();
    Packet::Over { over }.to_line()
}

/// The last frames of a WebSocket whose session is over.
fn over(why: &str) -> Bytes {
    let over = frame::text(&over_line(why));
    let close = frame::close(CloseCode::NORMAL, "the session is over");
    [over, close].concat().into()
}
