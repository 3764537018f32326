//! The rules that the other side can break.

use std::error::Error;
use std::fmt;

use frames::FrameError;
use messages::MessageError;

use crate::close_code::CloseCode;
use crate::close_frame::CloseFrameError;
use crate::extension::ExtensionError;

/// Why we *fail the connection* (RFC 6455 §7.1.7): the rule that the other side broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// A frame breaks a rule by itself.
    Frame(FrameError),
    /// Frames break a rule together.
    Message(MessageError),
    /// The payload of a Close frame is invalid.
    Close(CloseFrameError),
    /// An extension can't process a payload.
    Extension(ExtensionError),
}

impl Failure {
    /// Returns the code that our Close frame gives the other side.
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
