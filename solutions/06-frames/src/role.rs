//! The role: which of the two endpoints we are.

use frame_header::FrameHeader;

use crate::error::FrameError;

/// Which of the two endpoints *we* are. A client masks every frame, a server none (RFC 6455 §5.1).
// ANCHOR: role
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// We opened the connection: the server's frames are not masked.
    Client,
    /// We accepted the connection: the client's frames are masked.
    Server,
}
// ANCHOR_END: role

impl Role {
    /// Checks that a frame that we received is masked if it must be, and only then.
    ///
    /// # Errors
    /// Returns [`FrameError::NotMasked`] if we are the server and the frame is not masked, or
    /// [`FrameError::Masked`] if we are the client and it is.
    // ANCHOR: check
    pub fn check(self, header: &FrameHeader) -> Result<(), FrameError> {
        // Task: a server refuses a frame that is not masked, a client one that is.
        match (self, header.masking_key) {
            (Self::Server, None) => Err(FrameError::NotMasked),
            (Self::Client, Some(_)) => Err(FrameError::Masked),
            _ => Ok(()),
        }
    }
    // ANCHOR_END: check
}
