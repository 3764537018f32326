//! Masking, eight bytes at a time (RFC 6455 §5.3).
//!
//! ```text
//! payload   48 65 6c 6c 6f 2c 20 77 │ 6f 72 6c 64 2e
//! key       37 fa 21 3d 37 fa 21 3d │ 37 fa 21 3d 37
//!           └──── one u64 ────────┘ │ the tail, byte by byte
//! ```
//!
//! A key repeats after four bytes, so it also repeats after eight. The compiler turns the loop over words into one
//! over the processor's wide registers. It can't do that for a loop that computes an index modulo 4 for each byte.

use frames::MaskingKey;

/// Masks or unmasks a piece of a payload, as [`frames::mask`] does.
///
/// `offset` is the position of the piece in the payload. Only its remainder modulo 4 matters.
#[inline]
pub fn mask(bytes: &mut [u8], key: MaskingKey, offset: usize) {
    // Task: the key twice, from `offset` on, is a word. XOR words of eight bytes, and then the tail byte by byte.
    todo!(
        "the key twice, from `offset` on, is a word. XOR words of eight bytes, and then the tail byte by byte"
    )
}
