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

use std::fmt;

use crate::error::HeaderError;
use crate::opcode::Opcode;

/// RSV1, RSV2 and RSV3: bits that mean nothing, unless an extension was negotiated that gives them
/// a meaning (RFC 6455 §5.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReservedBits {
    /// The second bit of a frame.
    pub rsv1: bool,
    /// The third bit.
    pub rsv2: bool,
    /// The fourth bit.
    pub rsv3: bool,
}

impl ReservedBits {
    /// None is set, or none was negotiated.
    pub const NONE: Self = Self {
        rsv1: false,
        rsv2: false,
        rsv3: false,
    };

    /// Those of them that are not among `others`.
    #[must_use]
    pub fn without(self, others: Self) -> Self {
        Self {
            rsv1: self.rsv1 && !others.rsv1,
            rsv2: self.rsv2 && !others.rsv2,
            rsv3: self.rsv3 && !others.rsv3,
        }
    }
}

impl fmt::Display for ReservedBits {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let names = [
            (self.rsv1, "RSV1"),
            (self.rsv2, "RSV2"),
            (self.rsv3, "RSV3"),
        ];
        let set = names
            .into_iter()
            .filter_map(|(set, name)| set.then_some(name));
        formatter.write_str(&set.collect::<Vec<_>>().join(", "))
    }
}

/// What the first byte says.
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
    /// [`HeaderError::ReservedBitSet`], [`HeaderError::ReservedOpcode`] or
    /// [`HeaderError::FragmentedControlFrame`]; where several rules are broken, the first of these.
    pub fn decode(byte: u8, negotiated: ReservedBits) -> Result<Self, HeaderError> {
        // Task: FIN, RSV1 to RSV3 and opcode each have their bits and their rule (RFC 6455 §5.2).
        todo!("FIN, RSV1 to RSV3 and opcode each have their bits and their rule (RFC 6455 §5.2)")
    }

    /// The byte as it goes over the wire.
    pub fn encode(self) -> u8 {
        // Task: put FIN, RSV1 to RSV3 and the opcode into their bits.
        todo!("put FIN, RSV1 to RSV3 and the opcode into their bits")
    }
}
