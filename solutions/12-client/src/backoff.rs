//! How long to wait before the next try, so that a thousand clients don't come back at once (RFC 6455 §7.2.3).
//!
//! ```text
//!   the wait is somewhere between 0 and this ceiling:
//!
//!   1 s   2 s   4 s   8 s   16 s   30 s   30 s   …
//! ```
//!
//! Nothing in here looks at a clock or throws dice: time and chance are told.

use std::time::Duration;

/// The waits between tries: exponential, with full jitter.
// ANCHOR: backoff
#[derive(Debug, Clone)]
pub struct Backoff {
    /// The ceiling of the first wait.
    first: Duration,
    /// The ceiling of every wait.
    longest: Duration,
    /// How long a connection has to last before a later wait is a first one again.
    stable_after: Duration,
    /// How many tries in a row have led to no connection that lasted.
    failures: u32,
}
// ANCHOR_END: backoff

impl Default for Backoff {
    /// One second at first, 30 at most, and a connection has lasted after 10.
    fn default() -> Self {
        Self::new(
            Duration::from_secs(1),
            Duration::from_secs(30),
            Duration::from_secs(10),
        )
    }
}

impl Backoff {
    /// Creates the waits of a client that hasn't tried yet.
    pub fn new(first: Duration, longest: Duration, stable_after: Duration) -> Self {
        Self {
            first,
            longest,
            stable_after,
            failures: 0,
        }
    }

    /// Notes that a connection has ended, and how long it was open. Zero, if it never was.
    // ANCHOR: ended
    pub fn ended(&mut self, lasted: Duration) {
        // Task: a server that accepts and hangs up at once is no better than one that is away.
        if lasted >= self.stable_after {
            self.failures = 0;
        }
    }
    // ANCHOR_END: ended

    /// Returns the next wait. `chance` is a random number, each as likely as any other. It decides which part of the
    /// ceiling the wait is: 0 is none of it, [`u64::MAX`] is all of it, and half of that is half of it.
    // ANCHOR: next_wait
    pub fn next_wait(&mut self, chance: u64) -> Duration {
        // Task: the ceiling doubles with each failure, up to the longest. Chance picks any time below it.
        let doubled = 2_u32.checked_pow(self.failures).unwrap_or(u32::MAX);
        let ceiling = self.first.saturating_mul(doubled).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        ceiling.mul_f64(chance as f64 / u64::MAX as f64)
    }
    // ANCHOR_END: next_wait
}
