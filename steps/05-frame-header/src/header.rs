//! The whole header, decoded from bytes and encoded into bytes.
//!
//! ```text
//! 81 fe 00 7e 37 fa 21 3d
//! └┬──┘ └┬──┘ └────┬────┘
//!  │     │     masking key, if MASK is 1: 4 bytes
//!  │   extended payload length: 0, 2 or 8 bytes
//! FIN, RSV1 to RSV3, opcode, MASK, Payload len: 2 bytes
//! ```

use std::fmt;

use crate::error::HeaderError;
use crate::first_byte::FirstByte;
use crate::opcode::Opcode;
use crate::reserved_bits::ReservedBits;
use crate::second_byte::{LengthField, SecondByte};

/// Four bytes that the payload is XORed with (RFC 6455 §5.3).
pub type MaskingKey = [u8; 4];

/// Everything that comes before a frame's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// RSV1 to RSV3.
    pub reserved: ReservedBits,
    /// What the frame is for.
    pub opcode: Opcode,
    /// The key that the payload is masked with. `None` if it isn't masked.
    pub masking_key: Option<MaskingKey>,
    /// How many bytes of payload follow: at most 2⁶³ − 1.
    pub payload_length: u64,
}

/// The result of decoding bytes that break no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded {
    /// The bytes begin with a header.
    Header {
        /// The header.
        header: FrameHeader,
        /// How many bytes the header has, 2 to 14. The payload follows them.
        length: usize,
    },
    /// The bytes are the beginning of a header, with nothing wrong so far.
    Incomplete {
        /// How many more bytes are needed, at least: what is known from the bytes so far.
        needed: usize,
    },
}

/// Decodes the header that the bytes begin with. `negotiated` are the reserved bits that an extension
/// has given a meaning.
///
/// # Errors
/// Returns the [`HeaderError`] of the first broken rule, as soon as the byte that breaks the rule is
/// there; for a rule about the length, as soon as the whole length is.
pub fn decode(bytes: &[u8], negotiated: ReservedBits) -> Result<Decoded, HeaderError> {
    // Task: too few bytes aren't an error. A broken rule doesn't wait for the rest of the header.
    todo!("too few bytes aren't an error. A broken rule doesn't wait for the rest of the header")
}

impl FrameHeader {
    /// Appends the header's bytes to `out`.
    ///
    /// The caller has to see to it that a control frame isn't too long, and that the length is at most
    /// 2⁶³ − 1: nothing here refuses it, so that a check can send wrong frames.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let first = FirstByte {
            fin: self.fin,
            reserved: self.reserved,
            opcode: self.opcode,
        };
        out.push(first.encode());
        // Task: write the rest, so that `decode` reads it back. The length must be minimal.
        todo!("write the rest, so that `decode` reads it back. The length must be minimal")
    }
}

/// `text, FIN, 5 bytes, masked with 37 fa 21 3d`
impl fmt::Display for FrameHeader {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{}", self.opcode)?;
        if self.fin {
            write!(formatter, ", FIN")?;
        }
        if self.reserved != ReservedBits::NONE {
            write!(formatter, ", {}", self.reserved)?;
        }
        match self.payload_length {
            0 => write!(formatter, ", no payload")?,
            1 => write!(formatter, ", 1 byte")?,
            length => write!(formatter, ", {length} bytes")?,
        }
        match self.masking_key {
            Some([a, b, c, d]) => {
                write!(formatter, ", masked with {a:02x} {b:02x} {c:02x} {d:02x}")
            }
            None => Ok(()),
        }
    }
}
