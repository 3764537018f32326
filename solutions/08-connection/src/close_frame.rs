//! The payload of a Close frame (RFC 6455 §5.5.1).
//!
//! ```text
//! 03 e8 62 79 65
//! └─┬─┘ └──┬───┘
//!   │    reason, UTF-8: "bye". At most 123 bytes
//! code, network byte order: 1000
//! ```
//!
//! Both may be missing, but there is no reason without a code.

use std::error::Error;
use std::fmt;

use crate::close_code::CloseCode;
use crate::send_error::{MAX_REASON, SendError};

/// Why the payload of a Close frame is invalid.
// ANCHOR: close_frame_error
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseFrameError {
    /// One byte, which is half a code.
    OneByte,
    /// A code that may not be on the wire.
    Code(CloseCode),
    /// The reason is not UTF-8.
    ReasonNotUtf8,
}
// ANCHOR_END: close_frame_error

impl CloseFrameError {
    /// Returns the code that the connection is closed with (RFC 6455 §7.4.1).
    pub fn close_code(&self) -> CloseCode {
        match self {
            Self::OneByte | Self::Code(_) => CloseCode::PROTOCOL_ERROR,
            Self::ReasonNotUtf8 => CloseCode::INVALID_DATA,
        }
    }
}

/// Reads the code and the reason from the payload of a Close frame that came. If there is no code, it
/// is [`CloseCode::NO_STATUS`].
///
/// # Errors
/// Returns [`CloseFrameError::OneByte`] if the payload is half a code, [`CloseFrameError::Code`] if the
/// code may not be on the wire, and [`CloseFrameError::ReasonNotUtf8`] if the reason isn't UTF-8.
// ANCHOR: read
pub fn read(payload: &[u8]) -> Result<(CloseCode, String), CloseFrameError> {
    // Task: a Close may come without a reason, or without a code, but not with half a code.
    let (code, reason) = match payload {
        [] => return Ok((CloseCode::NO_STATUS, String::new())),
        [_] => return Err(CloseFrameError::OneByte),
        [high, low, reason @ ..] => (CloseCode(u16::from_be_bytes([*high, *low])), reason),
    };
    if !code.may_be_on_the_wire() {
        return Err(CloseFrameError::Code(code));
    }
    match str::from_utf8(reason) {
        Ok(reason) => Ok((code, reason.to_string())),
        Err(_) => Err(CloseFrameError::ReasonNotUtf8),
    }
}
// ANCHOR_END: read

/// Writes the payload of a Close frame with this code and reason.
///
/// # Errors
/// Returns [`SendError::CloseCode`] if the code may not be on the wire, and [`SendError::ReasonTooLong`]
/// if the reason is longer than [`MAX_REASON`] bytes.
// ANCHOR: write
pub fn write(code: CloseCode, reason: &str) -> Result<Vec<u8>, SendError> {
    // Task: the peer's `read` must accept it, and it must fit into a control frame (RFC 6455 §5.5).
    if !code.may_be_on_the_wire() {
        return Err(SendError::CloseCode(code));
    }
    if reason.len() > MAX_REASON {
        let length = reason.len();
        return Err(SendError::ReasonTooLong { length });
    }
    let mut payload = code.0.to_be_bytes().to_vec();
    payload.extend_from_slice(reason.as_bytes());
    Ok(payload)
}
// ANCHOR_END: write

impl fmt::Display for CloseFrameError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::OneByte => {
                formatter.write_str("a close frame with one byte, half a code: RFC 6455 §5.5.1")
            }
            Self::Code(code) => write!(
                formatter,
                "close code {code}, which may not be on the wire: RFC 6455 §7.4"
            ),
            Self::ReasonNotUtf8 => {
                formatter.write_str("a reason to close that is not UTF-8: RFC 6455 §5.5.1")
            }
        }
    }
}

impl Error for CloseFrameError {}
