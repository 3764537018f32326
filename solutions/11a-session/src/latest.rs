//! Values that go out of date: a price, a temperature, the position of a mouse.
//!
//! A client that can't keep up gets fewer values, not older ones. At most one value is on its way; the next is sent
//! when the page says that it has used the last. A value that comes in between replaces the one that waits. The newest
//! value always arrives in the end.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The values that one client has not used yet, by name.
// ANCHOR: latest
#[derive(Debug, Default)]
pub struct Latest {
    slots: BTreeMap<String, Slot>,
}

/// A value that has not been used yet.
#[derive(Debug)]
struct Slot {
    /// Its line. All clients share it.
    newest: Arc<str>,
    /// Whether the newest value has never been sent.
    is_new: bool,
    /// Whether a value has been sent by the present transport, and the page hasn't said that it has used it.
    on_its_way: bool,
}
// ANCHOR_END: latest

impl Latest {
    /// Notes a new value. It can go as soon as no value of this name is on its way.
    // ANCHOR: offer
    pub fn offer(&mut self, name: &str, line: Arc<str>) {
        // Task: only the newest value is worth something. An offer changes nothing about what is on its way.
        let on_its_way = self.slots.get(name).is_some_and(|slot| slot.on_its_way);
        let slot = Slot {
            newest: line,
            is_new: true,
            on_its_way,
        };
        self.slots.insert(name.to_string(), slot);
    }
    // ANCHOR_END: offer

    /// Takes out the lines that can go now. From then on they are on their way.
    // ANCHOR: take
    pub fn take(&mut self) -> Vec<Arc<str>> {
        // Task: at most one value of each name is on its way. A value that was sent before may have to go again.
        let mut lines = Vec::new();
        for slot in self.slots.values_mut() {
            if !slot.on_its_way {
                slot.is_new = false;
                slot.on_its_way = true;
                lines.push(Arc::clone(&slot.newest));
            }
        }
        lines
    }
    // ANCHOR_END: take

    /// Notes that the page has used a value: the next one may go.
    // ANCHOR: seen
    pub fn seen(&mut self, name: &str) {
        // Task: what was on its way has arrived. A newer value still has to go; without one, nothing is left to do.
        if let Some(slot) = self.slots.get_mut(name) {
            slot.on_its_way = false;
            if !slot.is_new {
                self.slots.remove(name);
            }
        }
    }
    // ANCHOR_END: seen

    /// Notes that the transport has ended, and that what was on its way may be lost. So the newest value is sent once
    /// more. This is for a request, whose page doesn't say what it has used. For a WebSocket, there is
    /// [`Latest::restart_unseen`].
    pub fn restart(&mut self) {
        for slot in self.slots.values_mut() {
            slot.on_its_way = false;
        }
    }

    /// Does the same for a WebSocket, where the page says of each value that it has used it. So a value that was on its
    /// way counts as never sent.
    pub fn restart_unseen(&mut self) {
        for slot in self.slots.values_mut() {
            slot.is_new |= slot.on_its_way;
        }
        self.restart();
    }

    /// Whether a new value can go now. A value that is only sent again doesn't count: it must not end the hold of a
    /// request, or a slow page would ask again and again.
    pub fn is_due(&self) -> bool {
        let mut slots = self.slots.values();
        slots.any(|slot| slot.is_new && !slot.on_its_way)
    }
}
