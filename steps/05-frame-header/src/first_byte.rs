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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstByte {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// RSV1 to RSV3.
    pub reserved: ReservedBits,
    /// What the frame is for.
    pub opcode: Opcode,
}

impl FirstByte {
    /// Reads the byte. `negotiated` are the reserved bits that may be set.
    ///
    /// # Errors
    /// Returns the first of these:
    ///
    /// - [`HeaderError::ReservedBitSet`] if a reserved bit is set that isn't in `negotiated`
    /// - [`HeaderError::ReservedOpcode`] if the opcode has no meaning
    /// - [`HeaderError::FragmentedControlFrame`] if it is a control frame without FIN
    pub fn decode(byte: u8, negotiated: ReservedBits) -> Result<Self, HeaderError> {
        // Task: FIN, RSV1 to RSV3 and opcode each have their bits and their rule (RFC 6455 §5.2).
        todo!("FIN, RSV1 to RSV3 and opcode each have their bits and their rule (RFC 6455 §5.2)")
    }

    /// The byte on the wire.
    pub fn encode(self) -> u8 {
        // Task: put FIN, RSV1 to RSV3 and the opcode into their bits.
        todo!("put FIN, RSV1 to RSV3 and the opcode into their bits")
    }
}
