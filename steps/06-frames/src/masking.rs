//! Masking: each byte of the payload is XORed with one of the key's four bytes, in turn (RFC 6455
//! §5.3). Masking twice gives the payload back, so unmasking is the same operation.

use frame_header::MaskingKey;

/// Masks or unmasks a piece of a payload.
///
/// `offset` is the position of the piece in the payload: how many bytes of the payload came before
/// it. Only its remainder modulo 4 matters.
pub fn mask(bytes: &mut [u8], key: MaskingKey, offset: usize) {
    // Task: the key's bytes take turns, counted from the start of the payload (RFC 6455 §5.3).
    todo!("the key's bytes take turns, counted from the start of the payload (RFC 6455 §5.3)")
}
