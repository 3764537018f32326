//! How fast one client may send, and how much the room may deliver.
//!
//! Each client has a bucket of tokens. A message takes one out; time puts them back in, up to what
//! the bucket holds. So a few quick messages are fine, and a flood is not. The room has a bucket, too,
//! and pays a token for each delivery: a message to 300 people costs 300. Nothing in here looks at a
//! clock: the caller says what time it is.

use std::time::Instant;

/// A bucket of tokens: a client's, or the room's.
// ANCHOR: rate
#[derive(Debug, Clone)]
pub struct Rate {
    per_second: f64,
    capacity: f64,
    tokens: f64,
    since: Instant,
}
// ANCHOR_END: rate

impl Rate {
    /// Creates a full bucket. It holds as many tokens as two seconds bring.
    pub fn new(per_second: u64, now: Instant) -> Self {
        let per_second = per_second as f64;
        Self {
            per_second,
            capacity: 2.0 * per_second,
            tokens: 2.0 * per_second,
            since: now,
        }
    }

    /// Takes a token, if there is one. Returns whether there was.
    // ANCHOR: allows
    pub fn allows(&mut self, now: Instant) -> bool {
        // Task: time fills the bucket up to `capacity`. Each fraction of a second counts, and counts once.
        let come = now.duration_since(self.since).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + come).min(self.capacity);
        self.since = now;
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
    // ANCHOR_END: allows

    /// Takes out the cost of something that has been allowed, or that can't be refused. Below zero, the bucket
    /// is in debt: nothing is allowed until time has paid it back.
    // ANCHOR: pay
    pub fn pay(&mut self, cost: usize) {
        self.tokens -= cost as f64;
    }
    // ANCHOR_END: pay
}
