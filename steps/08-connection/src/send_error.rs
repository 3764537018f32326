//! The rules that we could break, and the error that each leads to instead.

use std::error::Error;
use std::fmt;

use crate::close_code::CloseCode;
use crate::phase::State;

/// The most bytes that a ping may have (RFC 6455 §5.5).
pub const MAX_PING: usize = 125;

/// The most bytes that a reason may have: a control frame carries 125 at most, and the code takes two.
pub const MAX_REASON: usize = 123;

/// Why something isn't sent. The connection doesn't change, and sends nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendError {
    /// The connection is no longer open.
    NotOpen(State),
    /// A ping's payload is longer than [`MAX_PING`] bytes.
    PingTooLong {
        /// How long it is, in bytes.
        length: usize,
    },
    /// A reason to close is longer than [`MAX_REASON`] bytes.
    ReasonTooLong {
        /// How long it is, in bytes.
        length: usize,
    },
    /// A close code that may not be on the wire.
    CloseCode(CloseCode),
}

impl fmt::Display for SendError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::NotOpen(State::Closed) => formatter.write_str("closed: TCP has ended"),
            Self::NotOpen(_) => {
                formatter.write_str("closing: nothing new follows a Close frame, RFC 6455 §5.5.1")
            }
            Self::PingTooLong { length } => write!(
                formatter,
                "a ping of {length} bytes: {MAX_PING} are the most, RFC 6455 §5.5"
            ),
            Self::ReasonTooLong { length } => write!(
                formatter,
                "a reason of {length} bytes: {MAX_REASON} are the most, RFC 6455 §5.5"
            ),
            Self::CloseCode(code) => write!(
                formatter,
                "close code {code} may not be on the wire: RFC 6455 §7.4"
            ),
        }
    }
}

impl Error for SendError {}
