//! The rules that the other side can break, and those that we would break if we were let.

use std::error::Error;
use std::fmt;

use frames::FrameError;
use messages::MessageError;

use crate::close_code::CloseCode;
use crate::close_frame::{CloseFrameError, MAX_REASON};
use crate::event::State;
use crate::extension::ExtensionError;

/// Why we *fail the connection* (RFC 6455 §7.1.7): the rule that the other side broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// A frame is wrong by itself.
    Frame(FrameError),
    /// Frames are wrong together.
    Message(MessageError),
    /// A Close frame says what it may not say.
    Close(CloseFrameError),
    /// An extension can't make sense of what it got.
    Extension(ExtensionError),
}

impl Failure {
    /// The code that the other side is told.
    pub fn close_code(&self) -> CloseCode {
        match self {
            Self::Frame(error) => CloseCode(error.close_code()),
            Self::Message(error) => CloseCode(error.close_code()),
            Self::Close(error) => error.close_code(),
            Self::Extension(error) => error.close_code,
        }
    }
}

impl From<FrameError> for Failure {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

impl From<MessageError> for Failure {
    fn from(error: MessageError) -> Self {
        Self::Message(error)
    }
}

impl From<CloseFrameError> for Failure {
    fn from(error: CloseFrameError) -> Self {
        Self::Close(error)
    }
}

impl From<ExtensionError> for Failure {
    fn from(error: ExtensionError) -> Self {
        Self::Extension(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Frame(error) => error.fmt(formatter),
            Self::Message(error) => error.fmt(formatter),
            Self::Close(error) => error.fmt(formatter),
            Self::Extension(error) => error.fmt(formatter),
        }
    }
}

impl Error for Failure {}

/// Why something is not sent. Nothing has changed then, and nothing of it goes over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendError {
    /// The connection is not open any more.
    NotOpen(State),
    /// A ping's payload is longer than 125 bytes.
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
                "a ping of {length} bytes: 125 are the most, RFC 6455 §5.5"
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
