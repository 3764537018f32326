//! The rules that a frame can break: what came, what is allowed, and the section of the RFC.

use std::error::Error;
use std::fmt;

use frame_header::HeaderError;

/// Why a frame is refused. Each error is a reason to fail the connection (RFC 6455 §7.1.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// The header breaks a rule by itself.
    Header(HeaderError),
    /// We are the server, and the client didn't mask a frame.
    NotMasked,
    /// We are the client, and the server masked a frame.
    Masked,
    /// The header declares a payload that is longer than our limit.
    TooLarge {
        /// The length that the header declares, in bytes.
        declared: u64,
        /// Our limit, in bytes.
        limit: u64,
    },
}

impl FrameError {
    /// Returns the status code with which the connection is closed (RFC 6455 §7.4.1): 1009 if a
    /// payload is too large, 1002 for everything else.
    pub fn close_code(&self) -> u16 {
        match self {
            Self::Header(error) => error.close_code(),
            Self::NotMasked | Self::Masked => 1002,
            Self::TooLarge { .. } => 1009,
        }
    }
}

impl From<HeaderError> for FrameError {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Header(error) => error.fmt(formatter),
            Self::NotMasked => formatter
                .write_str("a frame that is not masked: a client masks every one, RFC 6455 §5.1"),
            Self::Masked => {
                formatter.write_str("a frame that is masked: a server masks none, RFC 6455 §5.1")
            }
            Self::TooLarge { declared, limit } => write!(
                formatter,
                "payload length {declared}, and at most {limit} is taken, RFC 6455 §10.4"
            ),
        }
    }
}

impl Error for FrameError {}
