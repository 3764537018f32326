//! Values that go out of date: a price, a temperature, the position of a mouse.
//!
//! A client that can't keep up gets fewer values, not older ones. So there is one value on its way at most;
//! the next one goes when the page says that it has used the last. A value that comes in between takes the
//! place of the one that waits. The newest value always arrives in the end.

use std::collections::BTreeMap;
use std::sync::Arc;

/// What one client has not got yet of each value, by name.
// ANCHOR: latest
#[derive(Debug, Default)]
pub struct Latest {
    slots: BTreeMap<String, Slot>,
}

/// A value that has not been seen yet.
#[derive(Debug)]
struct Slot {
    /// Its line. All guests share it.
    newest: Arc<str>,
    /// Whether the newest value has never been sent.
    is_new: bool,
    /// Whether a value has been sent by the transport that there is, and not been seen.
    on_its_way: bool,
}
// ANCHOR_END: latest

impl Latest {
    /// There is a new value, in this line. It goes when there is nothing of this name on its way.
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

    /// A value has been seen: the next one may go.
    pub fn seen(&mut self, name: &str) {
        if let Some(slot) = self.slots.get_mut(name) {
            slot.on_its_way = false;
            if !slot.is_new {
                self.slots.remove(name);
            }
        }
    }

    /// The transport has died, and what was on its way may be lost. So the newest is sent once more. This is for a
    /// request, whose page doesn't say what it has seen. For a WebSocket, there is [`Latest::restart_unseen`].
    pub fn restart(&mut self) {
        for slot in self.slots.values_mut() {
            slot.on_its_way = false;
        }
    }

    /// The same for a WebSocket, on which the page says of every value that it has seen it: what was on its way
    /// is as good as never sent.
    pub fn restart_unseen(&mut self) {
        for slot in self.slots.values_mut() {
            slot.is_new |= slot.on_its_way;
        }
        self.restart();
    }

    /// Whether there is anything new that can go now. For what is sent once more, no request is answered
    /// that would be held otherwise: a slow page would ask again and again.
    pub fn is_due(&self) -> bool {
        let mut slots = self.slots.values();
        slots.any(|slot| slot.is_new && !slot.on_its_way)
    }

    /// Takes out the lines that can go now. From then on they are on their way.
    // ANCHOR: take
    pub fn take(&mut self) -> Vec<Arc<str>> {
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
}
