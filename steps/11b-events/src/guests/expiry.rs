//! How sessions expire: those of guests that stay away, and unproven ones when there is no room.

use std::time::Duration;

use super::Guests;
use crate::guest::{Guest, GuestId};

impl Guests {
    /// Notes that a client has shown that it knows this session: it has said the session's number, or sent
    /// something by one of the session's transports. Asking once proves nothing: a picture on a page of another
    /// site does that, too.
    pub(crate) fn prove(&mut self, who: GuestId) {
        if let Some(guest) = self.guests.get_mut(&who) {
            guest.is_proven = true;
        }
    }

    /// Ends each session whose guest has been away for longer than `ttl`, or than `unproven_ttl` if the session is
    /// unproven.
    pub(crate) fn expire_away(&mut self, ttl: Duration, unproven_ttl: Duration) {
        let is_over = |guest: &Guest| {
            let max = if guest.is_proven { ttl } else { unproven_ttl };
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
}
