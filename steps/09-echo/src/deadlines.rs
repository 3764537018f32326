//! How long the server waits for a silent peer. Nothing in here looks at a clock: the caller says what time it is.
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
    /// How long the peer may be silent before the server sends a ping.
    pub ping_after: Duration,
    /// How long the peer may be silent after that ping before the server closes the connection.
    pub pong_within: Duration,
    /// How long our Close frame may stay without an answer before the server ends TCP.
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

/// An action that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Ask whether the peer is still there.
    Ping,
    /// The peer hasn't answered: begin the closing handshake.
    Close,
    /// The peer hasn't answered that, either: end TCP.
    End,
}

/// The deadlines of one connection.
#[derive(Debug, Clone)]
pub struct Deadlines {
    patience: Patience,
    waiting_for: WaitingFor,
    since: Instant,
}

/// The next thing that the peer should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WaitingFor {
    /// Say something.
    Anything,
    /// Answer our ping, or say something else.
    Pong,
    /// Answer our Close. Nothing else counts any more.
    Close,
}

impl Deadlines {
    /// Starts the deadlines of a connection that opens now.
    pub fn new(patience: Patience, now: Instant) -> Self {
        Self {
            patience,
            waiting_for: WaitingFor::Anything,
            since: now,
        }
    }

    /// Notes that bytes came. Whatever they say, the peer is there.
    pub fn received(&mut self, now: Instant) {
        // Task: any bytes prove that the peer is there. Once we have sent a Close, that no longer helps.
        todo!(
            "any bytes prove that the peer is there. Once we have sent a Close, that no longer helps"
        )
    }

    /// Notes that we have sent a Close frame.
    pub fn close_sent(&mut self, now: Instant) {
        self.wait_for(WaitingFor::Close, now);
    }

    /// Returns the action that is due now, if any. A ping is due once: after it, the wait is for its answer.
    /// A Close stays due until [`Deadlines::close_sent`] is called, and the end stays due.
    pub fn due(&mut self, now: Instant) -> Option<Due> {
        // Task: the wait is for one of three things, each with its own patience and its own end.
        // Only a ping changes what the wait is for. `Due::Close` and `Due::End` change nothing in here:
        // the driver calls `close_sent` when it sends the Close, and after the end it doesn't ask again.
        todo!("the wait is for one of three things, each with its own patience and its own end")
    }

    fn wait_for(&mut self, what: WaitingFor, now: Instant) {
        self.waiting_for = what;
        self.since = now;
    }
}
