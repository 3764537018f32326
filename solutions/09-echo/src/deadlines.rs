//! How long a silent peer is waited for. Nothing in here looks at a clock: the time is told.
//!
//! ```text
//!   bytes come ──▶ quiet ── ping_after ──▶ ping ── pong_within ──▶ close ── close_within ──▶ end
//!                    ▲                       │
//!                    └────── bytes come ─────┘
//! ```
//!
//! A TCP connection whose other end has vanished looks like one whose other end has nothing to say.
//! Only a question tells the two apart (RFC 6455 §5.5.2).

use std::time::{Duration, Instant};

/// How patient a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long nothing may come before the peer is asked with a ping.
    pub ping_after: Duration,
    /// How long nothing may come after that ping before the connection is closed.
    pub pong_within: Duration,
    /// How long a Close frame of ours may stay without an answer.
    pub close_within: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            ping_after: Duration::from_secs(30),
            pong_within: Duration::from_secs(10),
            close_within: Duration::from_secs(5),
        }
    }
}

/// What has to be done because of the time.
// ANCHOR: due
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Ask whether the peer is still there.
    Ping,
    /// The peer hasn't answered: begin the closing handshake.
    Close,
    /// The peer hasn't answered that, either: end TCP.
    End,
}
// ANCHOR_END: due

/// The deadlines of one connection.
// ANCHOR: deadlines
#[derive(Debug, Clone)]
pub struct Deadlines {
    patience: Patience,
    waiting_for: WaitingFor,
    since: Instant,
}

/// What the peer should do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WaitingFor {
    /// Say something.
    Anything,
    /// Answer our ping, or say something else.
    Pong,
    /// Answer our Close. Nothing else counts any more.
    Close,
}
// ANCHOR_END: deadlines

impl Deadlines {
    /// The deadlines of a connection that opens now.
    pub fn new(patience: Patience, now: Instant) -> Self {
        Self {
            patience,
            waiting_for: WaitingFor::Anything,
            since: now,
        }
    }

    /// Bytes came. Whatever they say, the peer is there.
    // ANCHOR: received
    pub fn received(&mut self, now: Instant) {
        // Task: any bytes prove that the peer is there. Once we have sent a Close, that no longer helps.
        if self.waiting_for != WaitingFor::Close {
            self.wait_for(WaitingFor::Anything, now);
        }
    }
    // ANCHOR_END: received

    /// We have sent a Close frame.
    pub fn close_sent(&mut self, now: Instant) {
        self.wait_for(WaitingFor::Close, now);
    }

    /// What is due now, if anything is. A ping is due once: from then on its answer is waited for.
    /// A Close stays due until [`Deadlines::close_sent`] is called, and the end stays due.
    // ANCHOR: what_is_due
    pub fn due(&mut self, now: Instant) -> Option<Due> {
        // Task: three things are waited for, each with its own patience and its own end.
        // Only a ping changes what is waited for. `Due::Close` and `Due::End` change nothing in here:
        // the driver calls `close_sent` when it sends the Close, and after the end it doesn't ask again.
        let (patience, due) = match self.waiting_for {
            WaitingFor::Anything => (self.patience.ping_after, Due::Ping),
            WaitingFor::Pong => (self.patience.pong_within, Due::Close),
            WaitingFor::Close => (self.patience.close_within, Due::End),
        };
        if now.duration_since(self.since) < patience {
            return None;
        }
        if due == Due::Ping {
            self.wait_for(WaitingFor::Pong, now);
        }
        Some(due)
    }
    // ANCHOR_END: what_is_due

    fn wait_for(&mut self, what: WaitingFor, now: Instant) {
        self.waiting_for = what;
        self.since = now;
    }
}
