//! The header of a frame, on the fast ways of step 17.

use std::fmt;

use frames::{FrameError, Role};
use speed::frames::unmasked_header;
use speed::{FrameDecoder, Part};
use step_05::{HeaderError, MaskingKey, Opcode, ReservedBits};

use crate::Decoded;

/// A header with the interface of [`step_05::FrameHeader`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// RSV1 to RSV3.
    pub reserved: ReservedBits,
    /// What the frame is for.
    pub opcode: Opcode,
    /// The key that the payload is masked with.
    pub masking_key: Option<MaskingKey>,
    /// How many bytes of payload follow.
    pub payload_length: u64,
}

impl FrameHeader {
    /// Appends the header's bytes to `out`. Step 17 has a fast way for what a server sends, and the encoder of step 05
    /// for everything else.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let is_fast = self.fin && self.reserved == ReservedBits::NONE && self.masking_key.is_none();
        if is_fast {
            let (bytes, length) = unmasked_header(self.opcode, self.payload_length);
            out.extend_from_slice(&bytes[..length]);
        } else {
            step_05::FrameHeader::from(*self).encode(out);
        }
    }
}

/// Decodes the header that the bytes begin with.
///
/// # Errors
/// Returns the [`HeaderError`] of the first broken rule.
pub fn decode(bytes: &[u8], negotiated: ReservedBits) -> Result<Decoded, HeaderError> {
    // A header by itself may have a mask or none, and be for a payload of any length.
    let is_masked = bytes.get(1).is_some_and(|second| second & 0b1000_0000 != 0);
    let role = if is_masked {
        Role::Server
    } else {
        Role::Client
    };
    let mut decoder = FrameDecoder::new(role, u64::MAX, negotiated);
    let mut read = bytes.to_vec();
    let mut rest = &mut read[..];
    let (header, payload) = match decoder.next(&mut rest) {
        Ok(Some(Part::Header(header))) => (header, 0),
        Ok(Some(Part::Frame(header, payload))) => (header, payload.len()),
        Ok(Some(other)) => panic!("a header comes first, not {other:?}"),
        Ok(None) => return needed(bytes, negotiated),
        Err(FrameError::Header(error)) => return Err(error),
        Err(other) => panic!("a header by itself can't be refused: {other}"),
    };
    Ok(Decoded::Header {
        header: header.into(),
        length: bytes.len() - rest.len() - payload,
    })
}

/// The decoder of step 17 keeps the beginning of a header, and doesn't say how much is missing. Step 05 says it.
fn needed(bytes: &[u8], negotiated: ReservedBits) -> Result<Decoded, HeaderError> {
    match step_05::decode(bytes, negotiated)? {
        step_05::Decoded::Incomplete { needed } => Ok(Decoded::Incomplete { needed }),
        step_05::Decoded::Header { header, .. } => panic!("{header} is whole"),
    }
}

impl From<step_05::FrameHeader> for FrameHeader {
    fn from(header: step_05::FrameHeader) -> Self {
        Self {
            fin: header.fin,
            reserved: header.reserved,
            opcode: header.opcode,
            masking_key: header.masking_key,
            payload_length: header.payload_length,
        }
    }
}

impl From<FrameHeader> for step_05::FrameHeader {
    fn from(header: FrameHeader) -> Self {
        Self {
            fin: header.fin,
            reserved: header.reserved,
            opcode: header.opcode,
            masking_key: header.masking_key,
            payload_length: header.payload_length,
        }
    }
}

impl fmt::Display for FrameHeader {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        step_05::FrameHeader::from(*self).fmt(formatter)
    }
}
