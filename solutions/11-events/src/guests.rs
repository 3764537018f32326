//! Everybody who has a session, and the rooms that they are in. This is what a handler gets.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;
use std::time::Instant;

use chat::client::ClientId;
use chat::frame;
use chat::outbox::Outbox;
use connection::CloseCode;
use serde_json::Value;

use crate::latest::Latest;
use crate::packet::Packet;
use crate::session::{Gap, Overrun, Session};

/// The number of a transport: 1, 2, 3 and so on. A WebSocket's is its client's number.
pub type TransportId = ClientId;

/// What a client has got before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The number of the session that it knows; 0 where it knows none.
    pub of: u64,
    /// It has got everything up to this number.
    pub after: u64,
}

/// Everybody who has a session.
// ANCHOR: guests
#[derive(Debug)]
pub struct Guests {
    /// By the word that each has chosen.
    guests: BTreeMap<String, Guest>,
    /// Whose each WebSocket is, also when it is not the guest's latest transport any more.
    sockets: BTreeMap<TransportId, String>,
    last_transport: TransportId,
    last_session: u64,
    /// Whose sessions have ended, until the handler of `close` has been told.
    ended: Vec<String>,
    max_kept: usize,
}

#[derive(Debug)]
struct Guest {
    /// The number of its session. No number is given twice, not even by a server that is started anew.
    number: u64,
    session: Session,
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
// ANCHOR_END: guests

impl Guests {
    /// Nobody. For each guest, `max_kept` bytes are kept that it has not confirmed. The first session gets
    /// the number behind `last_session`.
    pub fn new(max_kept: usize, last_session: u64) -> Self {
        Self {
            guests: BTreeMap::new(),
            sockets: BTreeMap::new(),
            last_transport: 0,
            last_session,
            ended: Vec::new(),
            max_kept,
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.guests.len()
    }

    /// Whether this guest has a session.
    pub fn has(&self, who: &str) -> bool {
        self.guests.contains_key(who)
    }

    /// Tells one guest. Where there is no such guest, nobody is told.
    pub fn emit(&mut self, who: &str, event: &str, data: &Value) {
        let (event, data, ask) = (event.to_string(), data.clone(), false);
        self.send(who, |n| Packet::Event {
            n,
            event,
            data,
            ask,
        });
    }

    /// Tells everybody in a room.
    pub fn emit_to(&mut self, room: &str, event: &str, data: &Value) {
        for who in self.in_room(room) {
            self.emit(&who, event, data);
        }
    }

    /// Tells everybody.
    pub fn emit_to_all(&mut self, event: &str, data: &Value) {
        for who in Vec::from_iter(self.guests.keys().cloned()) {
            self.emit(&who, event, data);
        }
    }

    /// Offers everybody in a room a value that is worth something now only. Who is still busy with the
    /// last one gets the newest when it is done with that.
    pub fn offer_to(&mut self, room: &str, name: &str, value: &Value) {
        for who in self.in_room(room) {
            if let Some(guest) = self.guests.get_mut(&who)
                && guest.latest.offer(name, value.clone())
            {
                guest.send_latest();
            }
        }
    }

    /// A guest enters a room. A room is there as soon as somebody is in it.
    pub fn join(&mut self, who: &str, room: &str) {
        if let Some(guest) = self.guests.get_mut(who) {
            guest.rooms.insert(room.to_string());
        }
    }

    /// A guest leaves a room.
    pub fn leave(&mut self, who: &str, room: &str) {
        if let Some(guest) = self.guests.get_mut(who) {
            guest.rooms.remove(room);
        }
    }

    /// Who is in a room.
    pub fn in_room(&self, room: &str) -> Vec<String> {
        let guests = self.guests.iter();
        let here = guests.filter(|(_, guest)| guest.rooms.contains(room));
        here.map(|(who, _)| who.clone()).collect()
    }

    /// Ends a session, and says why.
    pub fn end(&mut self, who: &str, why: &str) {
        let Some(guest) = self.guests.remove(who) else {
            return;
        };
        if let Link::Socket(_, outbox) = guest.link {
            let over = why.to_string();
            let over = frame::text(&Packet::Over { over }.to_line());
            let close = frame::close(CloseCode::NORMAL, "the session is over");
            outbox.finish_at_once([over, close].concat().into());
        }
        // What still comes from its WebSockets is nobody's.
        self.sockets.retain(|_, owner| owner != who);
        self.ended.push(who.to_string());
    }
}

/// What the transports do. Handlers don't need it.
impl Guests {
    /// Begins a session where there is none.
    pub(crate) fn open(&mut self, who: &str) {
        let guest = self.guests.entry(who.to_string());
        guest.or_insert_with(|| {
            self.last_session += 1;
            Guest::new(self.last_session, self.max_kept)
        });
    }

    /// A guest can be reached by this WebSocket from now on, and by no transport before it. It has
    /// got everything up to its cursor.
    // ANCHOR: attach_socket
    pub(crate) fn attach_socket(
        &mut self,
        who: &str,
        cursor: Cursor,
        outbox: &Arc<Outbox>,
    ) -> TransportId {
        let (transport, hello) = self.attach(who, cursor);
        // Task: the hello first, then all that has not been confirmed, then the latest values.
        let guest = self.guests.get_mut(who).expect("it has just been attached");
        guest.link = Link::Socket(transport, Arc::clone(outbox));
        guest.push(&hello.to_line());
        for line in Vec::from_iter(guest.session.replay().cloned()) {
            guest.push(&line);
        }
        guest.send_latest();
        self.sockets.insert(transport, who.to_string());
        transport
    }
    // ANCHOR_END: attach_socket

    /// A guest can be reached by this request from now on. Returns the first line of its answer.
    pub(crate) fn attach_poll(&mut self, who: &str, cursor: Cursor) -> (TransportId, Packet) {
        let (transport, hello) = self.attach(who, cursor);
        let guest = self.guests.get_mut(who).expect("it has just been attached");
        guest.link = Link::Poll(transport);
        (transport, hello)
    }

    /// A transport takes over from the one before. Returns its number, and what it hears first.
    // ANCHOR: attach
    fn attach(&mut self, who: &str, cursor: Cursor) -> (TransportId, Packet) {
        self.last_transport += 1;
        let transport = self.last_transport;
        self.open(who);
        let guest = self.guests.get_mut(who).expect("the session is open");
        // Task: end the transport before; confirm what the cursor says, if it is of this session.
        guest.detach();
        if cursor.of == guest.number {
            guest.session.confirm(cursor.after);
        }
        let (hello, got) = (guest.number, guest.session.received());
        (transport, Packet::Hello { hello, got })
    }
    // ANCHOR_END: attach

    /// Whether a held request is to be answered now: there is something to say, or it is not this request
    /// any more by which the guest is reached.
    pub(crate) fn is_due(&self, who: &str, transport: TransportId) -> bool {
        self.guests.get(who).is_none_or(|guest| {
            !guest.is_reached_by(transport)
                || guest.latest.is_due()
                || guest.session.replay().next().is_some()
        })
    }

    /// What the answer to a held request says behind its first line.
    pub(crate) fn take_lines(&mut self, who: &str, transport: TransportId) -> Vec<String> {
        let Some(guest) = self.guests.get_mut(who) else {
            return Vec::new();
        };
        if !guest.is_reached_by(transport) {
            return Vec::new();
        }
        guest.link = Link::Away(Instant::now());
        let replay = guest.session.replay().map(ToString::to_string);
        let mut lines = Vec::from_iter(replay);
        lines.extend(guest.latest.take().iter().map(Packet::to_line));
        lines
    }

    /// Whose WebSocket this is.
    pub(crate) fn of_socket(&self, socket: TransportId) -> Option<String> {
        self.sockets.get(&socket).cloned()
    }

    /// A WebSocket has ended. The session goes on.
    pub(crate) fn detach_socket(&mut self, socket: TransportId) {
        let who = self.sockets.remove(&socket);
        let guest = who.and_then(|who| self.guests.get_mut(&who));
        if let Some(guest) = guest.filter(|guest| guest.is_reached_by(socket)) {
            guest.detach();
        }
    }

    /// The session of a guest, to note what has come.
    ///
    /// # Errors
    /// A number before this one has not come.
    pub(crate) fn receive(&mut self, who: &str, n: u64) -> Result<bool, Gap> {
        let guest = self.guests.get_mut(who);
        // Of a session that is over, nothing is new.
        guest.map_or(Ok(false), |guest| guest.session.receive(n))
    }

    /// The number up to which everything of a guest has been received.
    pub(crate) fn received(&self, who: &str) -> Option<u64> {
        self.guests.get(who).map(|guest| guest.session.received())
    }

    /// A guest has confirmed everything up to this number.
    pub(crate) fn confirm(&mut self, who: &str, got: u64) {
        if let Some(guest) = self.guests.get_mut(who) {
            guest.session.confirm(got);
        }
    }

    /// A guest has used a value.
    pub(crate) fn seen(&mut self, who: &str, name: &str) {
        if let Some(guest) = self.guests.get_mut(who)
            && guest.latest.seen(name)
        {
            guest.send_latest();
        }
    }

    /// Answers an event of a guest.
    pub(crate) fn reply(&mut self, who: &str, reply: u64, data: Value) {
        self.send(who, |n| Packet::Reply { n, reply, data });
    }

    /// Ends the sessions of those who have been away since before `then`.
    pub(crate) fn end_those_away_since(&mut self, then: Instant) {
        let guests = self.guests.iter();
        let away = guests.filter(|(_, guest)| matches!(guest.link, Link::Away(at) if at < then));
        for who in Vec::from_iter(away.map(|(who, _)| who.clone())) {
            self.end(&who, "away for too long");
        }
    }

    /// Lets every WebSocket know that the server is there. A page can't see the pings of its browser.
    pub(crate) fn ping(&mut self) {
        let ping = Packet::Ping { ping: true }.to_line();
        for guest in self.guests.values_mut() {
            guest.push(&ping);
        }
    }

    /// Says goodbye to everybody's WebSocket. The sessions are gone with the server.
    pub(crate) fn stop(&mut self) {
        for guest in mem::take(&mut self.guests).into_values() {
            if let Link::Socket(_, outbox) = guest.link {
                outbox.finish(frame::close(CloseCode::GOING_AWAY, "the server stops"));
            }
        }
    }

    /// Those whose sessions have ended since the last call.
    pub(crate) fn take_ended(&mut self) -> Vec<String> {
        mem::take(&mut self.ended)
    }

    // ANCHOR: send
    fn send(&mut self, who: &str, packet: impl FnOnce(u64) -> Packet) {
        let Some(guest) = self.guests.get_mut(who) else {
            return;
        };
        // Task: number and keep it; push it to the transport; end the session on an overrun.
        match guest.session.send(packet) {
            Ok(line) => guest.push(&line),
            Err(Overrun) => self.end(who, "too much has not been confirmed"),
        }
    }
    // ANCHOR_END: send
}

impl Guest {
    fn new(number: u64, max_kept: usize) -> Self {
        Self {
            number,
            session: Session::new(max_kept),
            latest: Latest::default(),
            rooms: BTreeSet::new(),
            link: Link::Away(Instant::now()),
        }
    }

    fn is_reached_by(&self, transport: TransportId) -> bool {
        match self.link {
            Link::Socket(it, _) | Link::Poll(it) => it == transport,
            Link::Away(_) => false,
        }
    }

    /// Puts a line on the guest's WebSocket. A request that is held is woken by others, and takes what it
    /// finds.
    // ANCHOR: push
    fn push(&mut self, line: &str) {
        let Link::Socket(_, outbox) = &self.link else {
            return;
        };
        // Task: where the outbox is full, this transport is done for; the session isn't.
        if outbox.push(frame::text(line)).is_err() {
            let code = CloseCode::TRY_AGAIN_LATER;
            outbox.finish_at_once(frame::close(code, "you read too slowly"));
            self.detach();
        }
    }
    // ANCHOR_END: push

    fn send_latest(&mut self) {
        if !matches!(self.link, Link::Socket(..)) {
            return;
        }
        for packet in self.latest.take() {
            self.push(&packet.to_line());
        }
    }

    /// The guest can't be reached any more by the transport that there was.
    fn detach(&mut self) {
        let before = mem::replace(&mut self.link, Link::Away(Instant::now()));
        if let Link::Socket(_, outbox) = before {
            outbox.finish(frame::close(
                CloseCode::NORMAL,
                "another transport has taken over",
            ));
        }
        self.latest.restart();
    }
}
