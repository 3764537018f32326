//! permessage-deflate in its place, between frames and messages (RFC 7692 §6).
//!
//! ```text
//!   text  RSV1  "f2 48"   ─┐
//!   ping        "!"        │  the ping passes, even in the middle
//!   cont. FIN   "cd c9 …" ─┴▶ text, with "Hello" for its payload
//!   text  FIN   "as it is"  ▶ the same
//! ```
//!
//! RSV1 is on the first frame of a message and speaks for all of them (RFC 7692 §6).

use std::borrow::Cow;

use connection::{CloseCode, Extension, ExtensionError};
use frames::{FrameHeader, Opcode, Part, ReservedBits, Role};

use crate::deflate::Deflater;
use crate::inflate::{Inflater, NotDeflate};
use crate::parameters::Parameters;

/// RSV1, which marks a compressed message (RFC 7692 §6).
pub const COMPRESSED: ReservedBits = ReservedBits {
    rsv1: true,
    rsv2: false,
    rsv3: false,
};

/// permessage-deflate on one connection.
// ANCHOR: permessage_deflate
#[derive(Debug)]
pub struct PermessageDeflate {
    deflater: Deflater,
    inflater: Inflater,
    /// A part that arrived and has led to nothing yet.
    incoming: Option<Part>,
    /// Whether the message that is arriving is compressed.
    is_compressed: bool,
    /// What the frame that is arriving is.
    frame: Frame,
}

/// What to do with the payload of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    /// It passes unchanged.
    Plain,
    /// It belongs to a compressed message.
    Compressed {
        /// Whether the message ends with it.
        is_last: bool,
    },
}
// ANCHOR_END: permessage_deflate

impl PermessageDeflate {
    /// Creates the extension of the endpoint in this role. Messages shorter than `min_length` are sent as they are.
    // ANCHOR: new
    pub fn new(role: Role, agreed: &Parameters, min_length: usize) -> Self {
        // Task: each side compresses in its own way, and decompresses in the other's.
        let peer = match role {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        };
        Self {
            deflater: Deflater::new(agreed.context_of(role), min_length),
            inflater: Inflater::new(agreed.context_of(peer)),
            incoming: None,
            is_compressed: false,
            frame: Frame::Plain,
        }
    }
    // ANCHOR_END: new

    /// Takes the header of a frame, and returns the one to pass on.
    // ANCHOR: begin
    fn begin(&mut self, header: FrameHeader) -> Result<FrameHeader, ExtensionError> {
        // Task: only the first frame of a message may have RSV1 (RFC 7692 §6.1). What comes after us knows no RSV1.
        let has_rsv1 = header.reserved.rsv1;
        match header.opcode {
            Opcode::Text | Opcode::Binary => self.is_compressed = has_rsv1,
            _ if has_rsv1 => return Err(MISPLACED),
            _ => {}
        }
        self.frame = match header {
            FrameHeader { opcode, fin, .. } if self.is_compressed && !opcode.is_control() => {
                Frame::Compressed { is_last: fin }
            }
            _ => Frame::Plain,
        };
        Ok(FrameHeader {
            reserved: header.reserved.without(COMPRESSED),
            ..header
        })
    }
    // ANCHOR_END: begin
}

impl Extension for PermessageDeflate {
    fn reserved_bits(&self) -> ReservedBits {
        COMPRESSED
    }

    fn receive(&mut self, part: Part) {
        self.incoming = Some(part);
    }

    // ANCHOR: next_part
    fn next_part(&mut self) -> Result<Option<Part>, ExtensionError> {
        // Task: pieces come first. A compressed payload becomes pieces; the end of the last frame, too, and only then
        // is it an end.
        loop {
            if let Some(piece) = self.inflater.next_piece()? {
                return Ok(Some(Part::Payload(piece)));
            }
            match (self.incoming.take(), self.frame) {
                (Some(Part::Header(header)), _) => {
                    return Ok(Some(Part::Header(self.begin(header)?)));
                }
                (Some(Part::Payload(payload)), Frame::Compressed { .. }) => {
                    self.inflater.receive(payload);
                }
                (Some(Part::End), Frame::Compressed { is_last: true }) => {
                    self.inflater.finish();
                    self.frame = Frame::Plain;
                    self.incoming = Some(Part::End);
                }
                (part, _) => return Ok(part),
            }
        }
    }
    // ANCHOR_END: next_part

    // ANCHOR: send
    fn send<'a>(&mut self, _opcode: Opcode, payload: &'a [u8]) -> (ReservedBits, Cow<'a, [u8]>) {
        match self.deflater.pack(payload) {
            Some(packed) => (COMPRESSED, Cow::Owned(packed)),
            None => (ReservedBits::NONE, Cow::Borrowed(payload)),
        }
    }
    // ANCHOR_END: send
}

/// RSV1 where it has no meaning.
const MISPLACED: ExtensionError = ExtensionError {
    close_code: CloseCode::PROTOCOL_ERROR,
    description: "RSV1 on a frame that doesn't begin a message: RFC 7692 §6.1",
};

impl From<NotDeflate> for ExtensionError {
    fn from(_: NotDeflate) -> Self {
        Self {
            close_code: CloseCode::INVALID_DATA,
            description: "a compressed payload that is not DEFLATE: RFC 7692 §7.2.2",
        }
    }
}
