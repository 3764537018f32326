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
// ANCHOR: length_field
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LengthField {
    /// In the seven bits of Payload len: 0 to 125.
    Bits7(u8),
    /// Payload len is 126, and the length is in the next 2 bytes.
    Bits16,
    /// Payload len is 127, and the length is in the next 8 bytes.
    Bits64,
}
// ANCHOR_END: length_field

impl LengthField {
    /// The shortest field that holds this length: the only one that may be used (RFC 6455 §5.2).
    // ANCHOR: shortest
    pub fn shortest(payload_length: u64) -> Self {
        // Task: choose the shortest field that holds the length.
        match payload_length {
            0..=125 => Self::Bits7(payload_length as u8),
            126..=0xffff => Self::Bits16,
            _ => Self::Bits64,
        }
    }
    // ANCHOR_END: shortest

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
    // ANCHOR: payload_length
    pub fn payload_length(self, extended: &[u8]) -> Result<u64, HeaderError> {
        // Task: a length is in network byte order, and RFC 6455 §5.2 has two rules for it.
        if let Self::Bits7(length) = self {
            return Ok(u64::from(length));
        }
        let mut length = 0;
        for byte in extended {
            length = length << 8 | u64::from(*byte);
        }
        if length >> 63 != 0 {
            return Err(HeaderError::LengthTopBitSet);
        }
        if self != Self::shortest(length) {
            let bytes = self.extended_bytes();
            return Err(HeaderError::LengthNotMinimal { length, bytes });
        }
        Ok(length)
    }
    // ANCHOR_END: payload_length
}

/// The fields of the second byte.
// ANCHOR: second_byte
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondByte {
    /// Whether the payload is masked, and a masking key follows the length.
    pub masked: bool,
    /// Where the length of the payload is.
    pub length: LengthField,
}
// ANCHOR_END: second_byte

impl SecondByte {
    /// Reads the byte. `opcode` is that of the first byte: control frames are short.
    ///
    /// # Errors
    /// Returns [`HeaderError::ControlFrameTooLong`] if `opcode` is a control frame's, and Payload len is
    /// above 125.
    // ANCHOR: decode
    pub fn decode(byte: u8, opcode: Opcode) -> Result<Self, HeaderError> {
        // Task: MASK and Payload len share the byte. Control frames have 125 bytes at most (§5.5).
        let masked = byte & 0b1000_0000 != 0;
        let length = match byte & 0b0111_1111 {
            126 => LengthField::Bits16,
            127 => LengthField::Bits64,
            length => LengthField::Bits7(length),
        };
        if opcode.is_control() && length.extended_bytes() > 0 {
            return Err(HeaderError::ControlFrameTooLong(opcode));
        }
        Ok(Self { masked, length })
    }
    // ANCHOR_END: decode

    /// The byte on the wire.
    // ANCHOR: encode
    pub fn encode(self) -> u8 {
        // Task: put MASK and Payload len into their bits.
        let length = match self.length {
            LengthField::Bits7(length) => length,
            LengthField::Bits16 => 126,
            LengthField::Bits64 => 127,
        };
        if self.masked {
            return length | 0b1000_0000;
        }
        length
    }
    // ANCHOR_END: encode
}
