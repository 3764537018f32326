//! The accept key: how a server proves that it has read the client's opening handshake.
//!
//! ```text
//! key                        dGhlIHNhbXBsZSBub25jZQ==
//!   + GUID                   dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11
//!   → SHA-1, 20 bytes        b3 7a 4f 2c c0 62 4f 16 90 f6 46 06 cf 38 59 45 b2 be c4 ea
//!   → base64, 28 characters  s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
//! ```
//!
//! RFC 6455 §1.3 explains the idea; §4.2.2 (step 5.4) has the exact rule.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// The globally unique identifier that is appended to each key (RFC 6455 §1.3).
// Task: copy the GUID from RFC 6455, section 1.3.
// Starter: pub const GUID: &str = "";
// ANCHOR: guid
pub const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
// ANCHOR_END: guid

/// Returns the value of `Sec-WebSocket-Key` that a client sends: its nonce in base64
/// (RFC 6455 §4.1).
///
/// The nonce is 16 random bytes, new ones for each connection.
// ANCHOR: key
pub fn key(nonce: [u8; 16]) -> String {
    // Task: a nonce is bytes, a header field is text (RFC 6455 §4.1).
    STANDARD.encode(nonce)
}
// ANCHOR_END: key

/// Returns the SHA-1 of the key and the GUID: 20 bytes (RFC 6455 §4.2.2).
///
/// `key` is the header field's value as it came. White space around it isn't part of the key.
// ANCHOR: digest
pub fn digest(key: &str) -> [u8; 20] {
    // Task: RFC 6455 §4.2.2, step 5.4, says what to hash. White space around the key isn't hashed.
    let text = format!("{}{GUID}", key.trim());
    Sha1::digest(text.as_bytes()).into()
}
// ANCHOR_END: digest

/// Returns the value of `Sec-WebSocket-Accept` that answers this key (RFC 6455 §4.2.2).
// ANCHOR: accept_key
pub fn accept_key(key: &str) -> String {
    // Task: a digest is bytes, a header field is text (RFC 6455 §4.2.2).
    STANDARD.encode(digest(key))
}
// ANCHOR_END: accept_key
