//! The rules that a header can break. Each error says what was wrong, and which section has the rule.

use std::error::Error;
use std::fmt;

use crate::opcode::Opcode;
use crate::reserved_bits::ReservedBits;

/// Why bytes aren't a header. Each error is a reason to fail the connection (RFC 6455 §7.1.7).
// ANCHOR: header_error
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderError {
    /// These bits are set, but no negotiated extension uses them.
    ReservedBitSet(ReservedBits),
    /// These four bits are an opcode without a meaning.
    ReservedOpcode(u8),
    /// A control frame has no FIN.
    FragmentedControlFrame(Opcode),
    /// A control frame has a Payload len of 126 or 127.
    ControlFrameTooLong(Opcode),
    /// A length fits into a shorter field.
    LengthNotMinimal {
        /// The length.
        length: u64,
        /// How many bytes it was sent in: 2 or 8.
        bytes: usize,
    },
    /// A 64-bit length has 1 as its highest bit.
    LengthTopBitSet,
}
// ANCHOR_END: header_error

impl HeaderError {
    /// The status code to close the connection with (RFC 6455 §7.4.1): 1002, a protocol error, for
    /// each of them.
    pub fn close_code(&self) -> u16 {
        1002
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::ReservedBitSet(bits) => {
                write!(formatter, "{bits} set, but not negotiated, RFC 6455 §5.2")
            }
            Self::ReservedOpcode(bits) => {
                write!(formatter, "opcode 0x{bits:x} is reserved, RFC 6455 §5.2")
            }
            Self::FragmentedControlFrame(opcode) => write!(
                formatter,
                "a {opcode} frame without FIN: control frames need it, RFC 6455 §5.5"
            ),
            Self::ControlFrameTooLong(opcode) => write!(
                formatter,
                "a {opcode} whose Payload len is above 125, RFC 6455 §5.5"
            ),
            Self::LengthNotMinimal { length, bytes } => write!(
                formatter,
                "a length of {length} in {bytes} bytes: fewer would do, RFC 6455 §5.2"
            ),
            Self::LengthTopBitSet => write!(
                formatter,
                "a 64-bit length whose highest bit is not 0, RFC 6455 §5.2"
            ),
        }
    }
}

impl Error for HeaderError {}
