//! Which of the two endpoints we are.

use frame_header::FrameHeader;

use crate::error::FrameError;

/// Which of the two endpoints *we* are. A client masks every frame, a server none (RFC 6455 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// We opened the connection: what comes from the server is not masked.
    Client,
    /// We accepted it: what comes from the client is masked.
    Server,
}

impl Role {
    /// Whether a frame that we received is masked as it must be.
    ///
    /// # Errors
    /// [`FrameError::NotMasked`] or [`FrameError::Masked`].
    pub fn check(self, header: &FrameHeader) -> Result<(), FrameError> {
        // Task: what a server receives is masked, what a client receives is not.
        todo!("what a server receives is masked, what a client receives is not")
    }
}
