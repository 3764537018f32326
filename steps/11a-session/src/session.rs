//! What survives when a transport dies: the numbers.
//!
//! ```text
//!  sent:      1  2  3  4  5  6  7  8
//!             └──┬──┘  └──────┬─────┘
//!        confirmed, and     kept: it may have been lost with a transport,
//!        forgotten          so the next one begins with it
//! ```
//!
//! Each side numbers what it sends, and keeps it until the other side confirms it. A side that gets a number for the
//! second time drops what came with it. So nothing is lost and nothing comes twice, however a transport dies, and
//! whichever the next one is. Nothing in this file knows what a transport is.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use crate::packet::Packet;

/// One side of a session.
#[derive(Debug)]
pub struct Session {
    /// What has been sent and not been confirmed: number and line, in order.
    kept: VecDeque<(u64, Arc<str>)>,
    /// How many bytes all kept lines have.
    bytes: usize,
    /// The most bytes that they may have.
    max_bytes: usize,
    /// The number that was given last.
    sent: u64,
    /// The number up to which everything has been received.
    received: u64,
}

/// The lines to be kept are too many: the other side has confirmed nothing for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overrun;

/// A number came, and an earlier one is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The number that should have come.
    pub expected: u64,
    /// The number that came.
    pub came: u64,
}

impl fmt::Display for Overrun {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "too much has not been confirmed")
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let Self { expected, came } = self;
        write!(formatter, "Number {came} came, and {expected} should have")
    }
}

impl Session {
    /// Begins a session that keeps at most `max_bytes`.
    pub fn new(max_bytes: usize) -> Self {
        Self {
            kept: VecDeque::new(),
            bytes: 0,
            max_bytes,
            sent: 0,
            received: 0,
        }
    }

    /// Gives a packet its number, and keeps its line. Returns the line, for the present transport.
    ///
    /// # Errors
    /// Returns [`Overrun`] if there is no room for the line. Then nothing has changed.
    pub fn send(&mut self, packet: impl FnOnce(u64) -> Packet) -> Result<Arc<str>, Overrun> {
        // Task: nothing may be lost, so what goes out is kept; and memory has a limit. What is refused leaves no trace.
        todo!(
            "nothing may be lost, so what goes out is kept; and memory has a limit. What is refused leaves no trace"
        )
    }

    /// Forgets what the other side has got: everything up to this number.
    pub fn confirm(&mut self, got: u64) {
        // Task: what has arrived need not be kept any longer. A number may come twice, or late.
        todo!("what has arrived need not be kept any longer. A number may come twice, or late")
    }

    /// The lines that the next transport begins with: everything that has not been confirmed, in order.
    pub fn replay(&self) -> impl Iterator<Item = &Arc<str>> {
        self.kept.iter().map(|(_, line)| line)
    }

    /// Notes that a packet with this number has come. Returns whether it is new; one that isn't has to be dropped.
    ///
    /// # Errors
    /// Returns [`Gap`] if an earlier number is missing. Then nothing has changed. A transport that keeps the order
    /// never makes a gap.
    pub fn receive(&mut self, n: u64) -> Result<bool, Gap> {
        // Task: there are three cases: the number that should come next, one that has come before, and a gap.
        todo!(
            "there are three cases: the number that should come next, one that has come before, and a gap"
        )
    }

    /// The number up to which everything has been received.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Whether nothing has been received, and nothing confirmed. Then the other side may not even know of this
    /// session.
    pub fn is_untouched(&self) -> bool {
        self.received == 0 && self.kept.len() as u64 == self.sent
    }

    /// How many bytes are kept.
    pub fn kept_bytes(&self) -> usize {
        self.bytes
    }
}
