//! The first byte of a frame: FIN, RSV1 to RSV3, opcode.
//!
//! ```text
//!  0 1 2 3 4 5 6 7
//! +-+-+-+-+-------+
//! |F|R|R|R| opcode|
//! |I|S|S|S|       |
//! |N|V|V|V|       |
//! | |1|2|3|       |
//! +-+-+-+-+-------+
//! ```

use crate::error::HeaderError;
use crate::opcode::Opcode;
use crate::reserved_bits::ReservedBits;

/// The fields of the first byte.
// ANCHOR: first_byte
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstByte {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// RSV1 to RSV3.
    pub reserved: ReservedBits,
    /// What the frame is for.
    pub opcode: Opcode,
}
// ANCHOR_END: first_byte

impl FirstByte {
    /// Reads the byte. `negotiated` are the reserved bits that may be set.
    ///
    /// # Errors
    /// Returns the first of these:
    ///
    /// - [`HeaderError::ReservedBitSet`] if a reserved bit is set that isn't in `negotiated`
    /// - [`HeaderError::ReservedOpcode`] if the opcode has no meaning
    /// - [`HeaderError::FragmentedControlFrame`] if it is a control frame without FIN
    // ANCHOR: decode
    pub fn decode(byte: u8, negotiated: ReservedBits) -> Result<Self, HeaderError> {
        // Task: FIN, RSV1 to RSV3 and opcode each have their bits and their rule (RFC 6455 §5.2).
        let fin = byte & 0b1000_0000 != 0;
        let reserved = ReservedBits {
            rsv1: byte & 0b0100_0000 != 0,
            rsv2: byte & 0b0010_0000 != 0,
            rsv3: byte & 0b0001_0000 != 0,
        };
        let bits = byte & 0b0000_1111;
        let not_negotiated = reserved.without(negotiated);
        if not_negotiated != ReservedBits::NONE {
            return Err(HeaderError::ReservedBitSet(not_negotiated));
        }
        let opcode = Opcode::from_bits(bits).ok_or(HeaderError::ReservedOpcode(bits))?;
        if opcode.is_control() && !fin {
            return Err(HeaderError::FragmentedControlFrame(opcode));
        }
        Ok(Self {
            fin,
            reserved,
            opcode,
        })
    }
    // ANCHOR_END: decode

    /// The byte on the wire.
    // ANCHOR: encode
    pub fn encode(self) -> u8 {
        // Task: put FIN, RSV1 to RSV3 and the opcode into their bits.
        let mut byte = self.opcode.bits();
        if self.fin {
            byte |= 0b1000_0000;
        }
        if self.reserved.rsv1 {
            byte |= 0b0100_0000;
        }
        if self.reserved.rsv2 {
            byte |= 0b0010_0000;
        }
        if self.reserved.rsv3 {
            byte |= 0b0001_0000;
        }
        byte
    }
    // ANCHOR_END: encode
}
