//! `Sec-WebSocket-Key`: the client's nonce, 16 bytes in base64 (RFC 6455 §4.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A valid key: only [`Key::new`] and [`Key::parse`] make one.
// ANCHOR: key
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);
// ANCHOR_END: key

impl Key {
    /// The key for this nonce. A client chooses 16 new random bytes for each connection.
    pub fn new(nonce: [u8; 16]) -> Self {
        Self(accept_key::key(nonce))
    }

    /// Parses a field's value: 16 bytes in base64, with padding. `None` for anything else.
    // ANCHOR: parse
    pub fn parse(value: &str) -> Option<Self> {
        // Task: a key is 16 bytes in base64. What the bytes are doesn't matter.
        let nonce = STANDARD.decode(value).ok()?;
        (nonce.len() == 16).then(|| Self(value.to_string()))
    }
    // ANCHOR_END: parse

    /// The key as it goes over the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The accept key that answers this key, computed by your step 03.
    pub fn accept(&self) -> String {
        accept_key::accept_key(&self.0)
    }
}
