//! Brings what is in the log to the room, from the server's own place in the log.
//!
//! ```text
//!  log   │ 15 │ 16 │ 17 │ 18 │ 19 │
//!                    ▲
//!                    cursor: up to here, everything has been delivered
//! ```
//!
//! There is no difference between live and late. A server that was cut off for a minute asks the same question as one
//! that waits for the next message: what is after 17?

use std::time::Duration;

use crate::bus::{Bus, BusError};
use crate::room::LocalRoom;

/// The pause after a failure. It doubles each time, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A server's place in the log.
#[derive(Debug)]
pub struct Follower {
    /// The id up to which everything has been delivered; `None` before the first look at the log.
    cursor: Option<u64>,
    /// How many messages a server takes as its history when it starts.
    max_history: u64,
}

impl Follower {
    /// Creates a follower that hasn't looked at the log yet.
    pub fn new(max_history: u64) -> Self {
        Self {
            cursor: None,
            max_history,
        }
    }

    /// Delivers what is new. Waits for it, if there is nothing, but not for longer than `wait`.
    ///
    /// # Errors
    /// Returns an error if the log can't be read. The next call goes on from the same place.
    pub fn step(
        &mut self,
        bus: &dyn Bus,
        room: &LocalRoom,
        wait: Duration,
    ) -> Result<(), BusError> {
        // Task: without a cursor, begin with the latest messages. The cursor is the last id that was delivered.
        todo!(
            "without a cursor, begin with the latest messages. The cursor is the last id that was delivered"
        )
    }
}

/// Follows the log until the room stops, and tells the room whether the bus can be reached.
pub fn follow(bus: &dyn Bus, room: &LocalRoom, max_history: u64, wait: Duration) {
    let mut follower = Follower::new(max_history);
    let mut pause = FIRST_PAUSE;
    while !room.is_stopped() {
        match follower.step(bus, room, wait) {
            Ok(()) => {
                pause = FIRST_PAUSE;
                room.bus_is(true);
            }
            Err(error) => {
                // A connection that has broken may be replaced at once.
                if error == BusError::Away {
                    room.bus_is(false);
                }
                room.pause(pause);
                pause = (2 * pause).min(LONGEST_PAUSE);
            }
        }
        room.has_looked();
    }
}
