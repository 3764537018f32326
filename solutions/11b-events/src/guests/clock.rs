//! What time does to the guests: sessions end, WebSockets are pinged, and the server stops.

use std::mem;
use std::time::{Duration, Instant};

use session::Packet;

use super::Guests;
use crate::guest::{Guest, GuestId};

impl Guests {
    /// Tells what time it is, for everything that happens from now on.
    pub(crate) fn tell_time(&mut self, now: Instant) {
        self.now = now;
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
    pub(crate) fn end_those_away(&mut self, keep: Duration, keep_unproven: Duration) {
        let is_over = |guest: &Guest| {
            let max = if guest.is_proven { keep } else { keep_unproven };
            let away = guest.away();
            away.is_some_and(|since| self.now.duration_since(since) > max)
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

    /// Lets every WebSocket know that the server is there. A page can't see the pings that its browser answers.
    pub(crate) fn ping(&mut self) {
        let ping = Packet::Ping { ping: true }.to_line();
        for guest in self.guests.values_mut() {
            guest.push(&ping, self.now);
        }
    }

    /// Says goodbye to every WebSocket. The sessions are gone with the server.
    pub(crate) fn stop(&mut self) {
        self.tokens.clear();
        let guests = mem::take(&mut self.guests);
        guests.into_values().for_each(Guest::say_goodbye);
    }
}
