//! Masking: each byte of the payload is XORed with one of the key's four bytes, in turn (RFC 6455
//! §5.3). Doing it twice is doing nothing, so unmasking is the same.

use frame_header::MaskingKey;

/// Masks or unmasks a piece of a payload.
///
/// `offset` says where in the payload the piece begins: how many bytes of the payload came before
/// it. Only its remainder by 4 counts.
pub fn mask(bytes: &mut [u8], key: MaskingKey, offset: usize) {
    // Task: the key's bytes take turns, counted from the start of the payload (RFC 6455 §5.3).
    todo!("the key's bytes take turns, counted from the start of the payload (RFC 6455 §5.3)")
}
