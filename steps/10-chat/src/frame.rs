//! The frames that the server sends. A server masks nothing (RFC 6455 §5.1), so a frame is the same for all
//! clients: it is encoded once, and many outboxes share the bytes.

use connection::{CloseCode, close_frame};
use frames::{Opcode, ReservedBits, encode_frame};

use crate::outbox::Bytes;

/// Encodes a text message as one frame.
pub fn text(text: &str) -> Bytes {
    frame(Opcode::Text, text.as_bytes())
}

/// Joins several frames into one piece. Returns `None` if there are none.
pub fn joined(frames: impl Iterator<Item = Bytes>) -> Option<Bytes> {
    let mut bytes = Vec::new();
    frames.for_each(|frame| bytes.extend_from_slice(&frame));
    (!bytes.is_empty()).then(|| bytes.into())
}

/// Encodes a Close frame.
///
/// # Panics
/// Panics if the code may not be on the wire, or if the reason is longer than 123 bytes.
pub fn close(code: CloseCode, reason: &str) -> Bytes {
    let payload = close_frame::write(code, reason).expect("a code and a reason that may be sent");
    frame(Opcode::Close, &payload)
}

fn frame(opcode: Opcode, payload: &[u8]) -> Bytes {
    let mut bytes = Vec::new();
    encode_frame(&mut bytes, true, ReservedBits::NONE, opcode, None, payload);
    bytes.into()
}
