//! Which of the two endpoints we are.

use frame_header::FrameHeader;

use crate::error::FrameError;

/// Which of the two endpoints *we* are. A client masks every frame, a server none (RFC 6455 §5.1).
// ANCHOR: role
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// We opened the connection: what comes from the server is not masked.
    Client,
    /// We accepted it: what comes from the client is masked.
    Server,
}
// ANCHOR_END: role

impl Role {
    /// Whether a frame that we received is masked as it must be.
    ///
    /// # Errors
    /// [`FrameError::NotMasked`] or [`FrameError::Masked`].
    // ANCHOR: check
    pub fn check(self, header: &FrameHeader) -> Result<(), FrameError> {
        // Task: what a server receives is masked, what a client receives is not.
        match (self, header.masking_key) {
            (Self::Server, None) => Err(FrameError::NotMasked),
            (Self::Client, Some(_)) => Err(FrameError::Masked),
            _ => Ok(()),
        }
    }
    // ANCHOR_END: check
}
