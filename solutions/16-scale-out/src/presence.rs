//! Renews the leases of a server's people, and tells its room who is elsewhere.

use std::time::{Duration, Instant};

use crate::bus::Bus;
use crate::room::LocalRoom;

/// Keeps the leases of a server's people until the room stops. Then it gives them back.
///
/// While the bus is away, nothing is known about the people at other servers. Once their leases must have ended, they
/// are taken off the list.
// ANCHOR: keep
pub fn keep(bus: &dyn Bus, room: &LocalRoom, every: Duration, lease: Duration) {
    let mut known = Instant::now();
    while !room.is_stopped() {
        match bus.renew(room.server(), &room.names()) {
            Ok(presence) => {
                known = Instant::now();
                room.take_presence(presence);
            }
            Err(_) if known.elapsed() > lease => room.forget_others(),
            Err(_) => {}
        }
        room.wait_for_names(every);
    }
    _ = bus.renew(room.server(), &[]);
}
// ANCHOR_END: keep
