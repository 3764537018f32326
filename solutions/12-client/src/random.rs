//! Keys that can't be guessed, from the system's source of randomness.

use frames::MaskingKey;
use handshake::key::Key;

/// Returns a new key for an opening handshake: 16 random bytes in base64 (RFC 6455 §4.1).
// ANCHOR: handshake_key
pub fn handshake_key() -> Key {
    // Task: a nonce is used once.
    Key::new(bytes())
}
// ANCHOR_END: handshake_key

/// Returns a new masking key, for one frame. A page that can guess it decides which bytes go over the wire
/// (RFC 6455 §10.3).
// ANCHOR: masking_key
pub fn masking_key() -> MaskingKey {
    // Task: four bytes that have nothing to do with those of the frame before.
    bytes()
}
// ANCHOR_END: masking_key

/// Returns random bytes.
///
/// # Panics
/// Panics if the system has none. A client that went on would be one that can be guessed.
pub fn bytes<const COUNT: usize>() -> [u8; COUNT] {
    let mut bytes = [0; COUNT];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}
