//! The frames that the server sends. A server masks nothing (RFC 6455 §5.1), so a frame is the same for all
//! clients: it is encoded once, and many outboxes share the bytes.

use std::sync::Arc;

use connection::{CloseCode, close_frame};
use echo::Negotiation;
use frames::{Opcode, ReservedBits, encode_frame};

use crate::outbox::{Outbox, Piece};

/// Text messages for any number of clients: the same bytes for all, or packed bytes for those that have agreed on
/// an extension.
#[derive(Debug, Clone)]
pub struct Broadcast {
    plain: Piece,
    packed: Piece,
}

impl Broadcast {
    /// Encodes a message, once for all clients.
    pub fn new(message: &str, extension: Option<&dyn Negotiation>) -> Self {
        let plain = text(message);
        let packed = extension.and_then(|extension| extension.pack_for_all(message));
        let packed = packed.map(|(bits, payload)| frame(Opcode::Text, bits, &payload));
        Self {
            packed: packed.unwrap_or_else(|| Arc::clone(&plain)),
            plain,
        }
    }

    /// Joins several messages into one. Returns `None` if there are none.
    pub fn joined(messages: &[Self]) -> Option<Self> {
        let plain = messages.iter().flat_map(|it| it.plain.iter().copied());
        let packed = messages.iter().flat_map(|it| it.packed.iter().copied());
        (!messages.is_empty()).then(|| Self {
            plain: plain.collect(),
            packed: packed.collect(),
        })
    }

    /// Returns the piece for this outbox.
    pub fn piece(&self, outbox: &Outbox) -> Piece {
        if outbox.is_packed() {
            Arc::clone(&self.packed)
        } else {
            Arc::clone(&self.plain)
        }
    }
}

/// Encodes a text message as one frame.
pub fn text(text: &str) -> Piece {
    frame(Opcode::Text, ReservedBits::NONE, text.as_bytes())
}

/// Encodes a Close frame.
///
/// # Panics
/// Panics if the code may not be on the wire, or if the reason is longer than 123 bytes.
pub fn close(code: CloseCode, reason: &str) -> Piece {
    let payload = close_frame::write(code, reason).expect("a code and a reason that may be sent");
    frame(Opcode::Close, ReservedBits::NONE, &payload)
}

fn frame(opcode: Opcode, reserved: ReservedBits, payload: &[u8]) -> Piece {
    let mut bytes = Vec::new();
    encode_frame(&mut bytes, true, reserved, opcode, None, payload);
    bytes.into()
}
