//! Values that are worth something now only: a price, a temperature, where a mouse is.
//!
//! Who can't keep up shall get fewer of them, and not older ones. So there is one value on its way at most;
//! the next one goes when the page says that it has used the last. What comes in between takes the place
//! of what waits. The newest one always arrives in the end.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::packet::Packet;

/// What one client has not got yet of each value, by name.
// ANCHOR: latest
#[derive(Debug, Default)]
pub struct Latest {
    slots: BTreeMap<String, Slot>,
}

/// At least one of the two is true: otherwise there is no slot.
#[derive(Debug)]
struct Slot {
    newest: Value,
    /// Whether the newest value has not been sent yet.
    waits: bool,
    /// Whether a value has been sent, and not been seen.
    on_its_way: bool,
}
// ANCHOR_END: latest

impl Latest {
    /// There is a new value. It goes when there is nothing of this name on its way.
    // ANCHOR: offer
    pub fn offer(&mut self, name: &str, value: Value) {
        // Task: it takes the place of the one before, whether that has been sent or not.
        let on_its_way = self.slots.get(name).is_some_and(|slot| slot.on_its_way);
        let slot = Slot {
            newest: value,
            waits: true,
            on_its_way,
        };
        self.slots.insert(name.to_string(), slot);
    }
    // ANCHOR_END: offer

    /// A value has been seen: the next one may go.
    pub fn seen(&mut self, name: &str) {
        if let Some(slot) = self.slots.get_mut(name) {
            slot.on_its_way = false;
            if !slot.waits {
                self.slots.remove(name);
            }
        }
    }

    /// The transport has died, and what was on its way may be lost. If there is a newer one, that goes;
    /// if not, the same goes again.
    // ANCHOR: restart
    pub fn restart(&mut self) {
        for slot in self.slots.values_mut() {
            slot.waits = true;
            slot.on_its_way = false;
        }
    }
    // ANCHOR_END: restart

    /// Whether there is anything that can go now.
    pub fn is_due(&self) -> bool {
        let mut slots = self.slots.values();
        slots.any(|slot| slot.waits && !slot.on_its_way)
    }

    /// Takes out what can go now. From then on it is on its way.
    // ANCHOR: take
    pub fn take(&mut self) -> Vec<Packet> {
        let mut packets = Vec::new();
        for (name, slot) in &mut self.slots {
            if slot.waits && !slot.on_its_way {
                slot.waits = false;
                slot.on_its_way = true;
                let (now, data) = (name.clone(), slot.newest.clone());
                packets.push(Packet::Now { now, data });
            }
        }
        packets
    }
    // ANCHOR_END: take
}
