//! Values that are worth something now only: a price, a temperature, where a mouse is.
//!
//! Who can't keep up shall get fewer of them, and not older ones. So there is one value on its way at most;
//! the next one goes when the page says that it has used the last. What comes in between takes the place
//! of what waits.

use std::collections::BTreeMap;
use std::mem;

use serde_json::Value;

use crate::packet::Packet;

/// What one client has got of each value, by name.
// ANCHOR: latest
#[derive(Debug, Default)]
pub struct Latest {
    slots: BTreeMap<String, Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    /// Whether a value is on its way, and has not been seen.
    on_its_way: bool,
    /// The value that goes next.
    waiting: Option<Value>,
}
// ANCHOR_END: latest

impl Latest {
    /// There is a new value. Whether it can go now.
    // ANCHOR: offer
    pub fn offer(&mut self, name: &str, value: Value) -> bool {
        // Task: it takes the place of what waits; it can go unless one is on its way.
        let slot = self.slots.entry(name.to_string()).or_default();
        slot.waiting = Some(value);
        !slot.on_its_way
    }
    // ANCHOR_END: offer

    /// A value has been seen. Whether the next one waits.
    pub fn seen(&mut self, name: &str) -> bool {
        let slot = self.slots.get_mut(name);
        slot.is_some_and(|slot| {
            slot.on_its_way = false;
            slot.waiting.is_some()
        })
    }

    /// The transport has died. What was on its way may be lost, and is old by now.
    pub fn restart(&mut self) {
        for slot in self.slots.values_mut() {
            slot.on_its_way = false;
        }
    }

    /// Whether there is anything that can go now.
    pub fn is_due(&self) -> bool {
        let mut slots = self.slots.values();
        slots.any(|slot| !slot.on_its_way && slot.waiting.is_some())
    }

    /// Takes out what can go now. From then on it is on its way.
    // ANCHOR: take
    pub fn take(&mut self) -> Vec<Packet> {
        let mut packets = Vec::new();
        for (name, slot) in &mut self.slots {
            if slot.on_its_way {
                continue;
            }
            if let Some(data) = mem::take(&mut slot.waiting) {
                slot.on_its_way = true;
                let now = name.clone();
                packets.push(Packet::Now { now, data });
            }
        }
        packets
    }
    // ANCHOR_END: take
}
