//! The window: how far back a compressor looks for what it has seen before (RFC 7692 §7.1.2).
//!
//! ```text
//!   bits     8      9      10   …   15
//!   bytes   256    512    1 Ki      32 Ki
//! ```
//!
//! Compressed data says "the same five bytes as 300 bytes ago". So a decompressor needs a window that is at least as
//! large as the compressor's. A larger one does no harm.
//!
//! That decides what happens to 8 bits. zlib has a compressor for 9 to 15 bits only, and so has every library that
//! follows it: `flate2` panics at 8. 8 bits are therefore
//!
//! - fine for whatever we receive: we decompress with 9,
//! - a reason for a server to decline an offer that asks *it* for 8: the client may have others,
//! - possible for a client, because the server alone decides: it then sends everything as it is. An endpoint may do so
//!   at any time (RFC 7692 §6.1).

use std::fmt;

/// The base-2 logarithm of the size of a window: 8 to 15.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WindowBits(u8);

impl WindowBits {
    /// A window of 256 bytes.
    pub const MIN: Self = Self(8);
    /// A window of 32 KiB, which is DEFLATE's own limit and what a side has if nothing else was agreed on.
    pub const MAX: Self = Self(15);

    /// Returns these bits, or `None` if they aren't 8 to 15.
    pub fn new(bits: u8) -> Option<Self> {
        (8..=15).contains(&bits).then_some(Self(bits))
    }

    /// Reads the value of a parameter: a decimal number from 8 to 15, without leading zeros (RFC 7692 §7.1.2.1).
    /// Returns `None` if it is anything else.
    pub fn parse(value: &str) -> Option<Self> {
        // Task: Rust's own parser takes more than the RFC does. Only eight texts are right.
        todo!("Rust's own parser takes more than the RFC does. Only eight texts are right")
    }

    /// Returns the size of the window in bytes.
    pub fn bytes(self) -> usize {
        1 << self.0
    }

    /// Returns the bits for our compressor, or `None` if it has no window that is small enough.
    pub fn for_compressor(self) -> Option<u8> {
        // Task: flate2 compresses with 9 to 15 bits. Which of them may it use when these were agreed on?
        todo!(
            "flate2 compresses with 9 to 15 bits. Which of them may it use when these were agreed on?"
        )
    }

    /// Returns the bits for our decompressor.
    pub fn for_decompressor(self) -> u8 {
        // Task: flate2 decompresses with 9 to 15 bits. Which of them are enough when these were agreed on?
        todo!(
            "flate2 decompresses with 9 to 15 bits. Which of them are enough when these were agreed on?"
        )
    }
}

impl fmt::Display for WindowBits {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
