//! Limits are those of step 10. A client is known by its place among those without a socket.

pub use step_10::client::{Limits, is_transient};

/// A client without a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientId(pub(crate) usize);

/// What such a client does in the room, in addition to what [`Hub`](crate::Hub) has.
pub trait Room {
    /// Takes out a client.
    fn leave(&self, client: ClientId);
}
