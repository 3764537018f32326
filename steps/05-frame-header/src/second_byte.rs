//! The second byte of a frame, MASK and Payload len, and the bytes of a longer length, which follow it.
//!
//! ```text
//!  0 1 2 3 4 5 6 7
//! +-+-------------+
//! |M| Payload len |   0 to 125   this is the length
//! |A|     (7)     |   126        the length is in the next 2 bytes
//! |S|             |   127        the length is in the next 8 bytes
//! |K|             |
//! +-+-------------+
//! ```

use crate::error::HeaderError;
use crate::opcode::Opcode;

/// Where the length of the payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LengthField {
    /// In the seven bits of Payload len: 0 to 125.
    Bits7(u8),
    /// Payload len is 126, and the length is in the next 2 bytes.
    Bits16,
    /// Payload len is 127, and the length is in the next 8 bytes.
    Bits64,
}

impl LengthField {
    /// The shortest field that holds this length: the only one that may be used (RFC 6455 §5.2).
    pub fn shortest(payload_length: u64) -> Self {
        // Task: choose the shortest field that holds the length.
        todo!("choose the shortest field that holds the length")
    }

    /// How many bytes of length follow the second byte.
    pub fn extended_bytes(self) -> usize {
        match self {
            Self::Bits7(_) => 0,
            Self::Bits16 => 2,
            Self::Bits64 => 8,
        }
    }

    /// Reads the length from these seven bits, or from the bytes after them, which are `extended`.
    ///
    /// # Errors
    /// Returns [`HeaderError::LengthTopBitSet`] if the highest of 64 bits is 1, and
    /// [`HeaderError::LengthNotMinimal`] if a shorter field holds the length.
    pub fn payload_length(self, extended: &[u8]) -> Result<u64, HeaderError> {
        // Task: a length is in network byte order, and RFC 6455 §5.2 has two rules for it.
        todo!("a length is in network byte order, and RFC 6455 §5.2 has two rules for it")
    }
}

/// The fields of the second byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondByte {
    /// Whether the payload is masked, and a masking key follows the length.
    pub masked: bool,
    /// Where the length of the payload is.
    pub length: LengthField,
}

impl SecondByte {
    /// Reads the byte. `opcode` is that of the first byte: control frames are short.
    ///
    /// # Errors
    /// Returns [`HeaderError::ControlFrameTooLong`] if `opcode` is a control frame's, and Payload len is
    /// above 125.
    pub fn decode(byte: u8, opcode: Opcode) -> Result<Self, HeaderError> {
        // Task: MASK and Payload len share the byte. Control frames have 125 bytes at most (§5.5).
        todo!("MASK and Payload len share the byte. Control frames have 125 bytes at most (§5.5)")
    }

    /// The byte on the wire.
    pub fn encode(self) -> u8 {
        // Task: put MASK and Payload len into their bits.
        todo!("put MASK and Payload len into their bits")
    }
}
