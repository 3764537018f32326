//! The side that we are on: only a client masks its frames.

use frames::{MaskingKey, Role};

/// Client or server. A client can't be made without a source of masking keys; a server has none.
pub enum Side {
    /// We opened the connection, and mask every frame.
    Client(Box<dyn FnMut() -> MaskingKey + Send>),
    /// We accepted it, and never mask.
    Server,
}

impl Side {
    /// Returns the role of this side.
    pub fn role(&self) -> Role {
        match self {
            Self::Client(_) => Role::Client,
            Self::Server => Role::Server,
        }
    }

    /// Returns the masking key of the next frame (RFC 6455 §5.3).
    pub fn masking_key(&mut self) -> Option<MaskingKey> {
        // Task: a client takes a fresh key for each frame, a server takes none.
        todo!("a client takes a fresh key for each frame, a server takes none")
    }
}
