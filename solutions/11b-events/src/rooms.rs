//! Rooms. A room is only a name: it is there as soon as a guest is in it, and gone when the last guest leaves.

use std::collections::{BTreeMap, BTreeSet};

use crate::guest::GuestId;

/// All rooms, and the guests that are in them.
#[derive(Debug)]
pub(crate) struct Rooms {
    /// The guests in each room.
    guests: BTreeMap<String, BTreeSet<GuestId>>,
    /// The rooms that each guest is in.
    rooms: BTreeMap<GuestId, BTreeSet<String>>,
    /// The most rooms that a guest may be in.
    max: usize,
}

impl Rooms {
    /// No rooms yet.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            guests: BTreeMap::new(),
            rooms: BTreeMap::new(),
            max,
        }
    }

    /// Lets a guest into a room, unless it is in too many already. Returns whether it is in the room now.
    pub(crate) fn join(&mut self, who: GuestId, room: &str) -> bool {
        let rooms = self.rooms.entry(who).or_default();
        if rooms.len() < self.max {
            rooms.insert(room.to_string());
        }
        let is_in = rooms.contains(room);
        if is_in {
            let guests = self.guests.entry(room.to_string()).or_default();
            guests.insert(who);
        }
        is_in
    }

    /// Takes a guest out of a room.
    pub(crate) fn leave(&mut self, who: GuestId, room: &str) {
        if let Some(rooms) = self.rooms.get_mut(&who) {
            rooms.remove(room);
        }
        self.remove(who, room);
    }

    /// Takes a guest out of all rooms.
    pub(crate) fn leave_all(&mut self, who: GuestId) {
        for room in self.rooms.remove(&who).unwrap_or_default() {
            self.remove(who, &room);
        }
    }

    fn remove(&mut self, who: GuestId, room: &str) {
        if let Some(guests) = self.guests.get_mut(room) {
            guests.remove(&who);
            if guests.is_empty() {
                self.guests.remove(room);
            }
        }
    }

    /// The guests in a room.
    pub(crate) fn guests_in(&self, room: &str) -> Vec<GuestId> {
        let guests = self.guests.get(room).into_iter().flatten();
        guests.copied().collect()
    }
}
