//! What the server allows: how many requests wait, how long, and how much is kept.

use std::time::Duration;

/// The server's limits.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest time for which a request is held.
    pub poll_timeout: Duration,
    /// The most requests that may wait at a time. One more gets 503.
    pub max_waiting: u64,
    /// The longest body of a request, in bytes.
    pub max_body: u64,
    /// The most messages that are kept. The oldest are dropped first.
    pub max_history: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let polling = polling::Limits::default();
        Self {
            poll_timeout: Duration::from_secs(30),
            max_waiting: 1_000,
            max_body: polling.max_body,
            max_history: polling.max_history,
        }
    }
}
