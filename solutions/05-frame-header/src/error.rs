//! The rules that a header can break, each with what came, what was allowed, and where it is written.

use std::error::Error;
use std::fmt;

use crate::opcode::Opcode;
use crate::reserved_bits::ReservedBits;

/// Why bytes are no header. Each is a reason to fail the connection (RFC 6455 §7.1.7).
// ANCHOR: header_error
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderError {
    /// These bits are set, and no extension that was negotiated uses them.
    ReservedBitSet(ReservedBits),
    /// Four bits that are the opcode of nothing.
    ReservedOpcode(u8),
    /// A control frame without FIN.
    FragmentedControlFrame(Opcode),
    /// A control frame whose Payload len is 126 or 127.
    ControlFrameTooLong(Opcode),
    /// A length that fits into a shorter field.
    LengthNotMinimal {
        /// The length.
        length: u64,
        /// How many bytes it came in: 2 or 8.
        bytes: usize,
    },
    /// A length in 64 bits whose highest bit is 1.
    LengthTopBitSet,
}
// ANCHOR_END: header_error

impl HeaderError {
    /// The status code with which the connection is closed (RFC 6455 §7.4.1): 1002, a protocol
    /// error, for every one of them.
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
