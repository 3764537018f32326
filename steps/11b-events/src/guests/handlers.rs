//! What a handler can do with the guests.

use std::mem;
use std::sync::Arc;

use serde_json::Value;
use session::Packet;

use super::Guests;
use crate::guest::GuestId;

impl Guests {
    /// How many guests there are.
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
        let key = (room.to_string(), name.to_string());
        self.offered.insert(key, value.clone());
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
                    guest.push_latest(self.now);
                }
            }
        }
    }

    /// Lets a guest into a room. A room is there as soon as a guest is in it. Returns whether the guest is in the room
    /// now: it may be in at most [`Settings::max_rooms`](crate::Settings::max_rooms) rooms.
    pub fn join(&mut self, who: GuestId, room: &str) -> bool {
        self.has(who) && self.rooms.join(who, room)
    }

    /// Takes a guest out of a room. When the last guest leaves, the room is gone.
    pub fn leave(&mut self, who: GuestId, room: &str) {
        self.rooms.leave(who, room);
    }

    /// The guests in a room.
    pub fn in_room(&self, room: &str) -> Vec<GuestId> {
        self.rooms.guests_in(room)
    }

    /// Ends a session, and says why.
    pub fn end(&mut self, who: GuestId, why: &str) {
        self.wake(who);
        self.rooms.leave_all(who);
        if let Some(guest) = self.guests.remove(&who) {
            self.tokens.remove(&guest.token);
            guest.end(why);
            self.ended.push_back(who);
        }
    }

    /// Takes one of the guests whose sessions have ended, each only once.
    pub(crate) fn next_ended(&mut self) -> Option<GuestId> {
        self.ended.pop_front()
    }
}
