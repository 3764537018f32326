//! The rules that frames can break together, even if each frame is valid by itself.

use std::error::Error;
use std::fmt;

use crate::text::NotUtf8;

/// Why a message is refused. Each error is a reason to fail the connection (RFC 6455 §7.1.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageError {
    /// A continuation frame came, but no message has begun.
    NothingToContinue,
    /// A text or binary frame came before the last frame of the message that has begun.
    MessageNotFinished,
    /// A text message is not UTF-8.
    NotUtf8(NotUtf8),
    /// A message is longer than our limit.
    TooLarge {
        /// Our limit, in bytes.
        limit: u64,
    },
}

impl MessageError {
    /// Returns the status code with which the connection is closed (RFC 6455 §7.4.1): 1007 for text
    /// that is not UTF-8, 1009 for a message that is too large, 1002 for a protocol error.
    pub fn close_code(&self) -> u16 {
        match self {
            Self::NothingToContinue | Self::MessageNotFinished => 1002,
            Self::NotUtf8(_) => 1007,
            Self::TooLarge { .. } => 1009,
        }
    }
}

impl From<NotUtf8> for MessageError {
    fn from(error: NotUtf8) -> Self {
        Self::NotUtf8(error)
    }
}

impl fmt::Display for MessageError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::NothingToContinue => {
                formatter.write_str("a continuation, and no message has begun: RFC 6455 §5.4")
            }
            Self::MessageNotFinished => {
                formatter.write_str("a new message inside one that has begun: RFC 6455 §5.4")
            }
            Self::NotUtf8(error) => error.fmt(formatter),
            Self::TooLarge { limit } => write!(
                formatter,
                "a message of more than {limit} bytes, the limit: RFC 6455 §10.4"
            ),
        }
    }
}

impl Error for MessageError {}
