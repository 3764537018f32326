//! The decoder: turns a stream of bytes into frames. TCP keeps the order of the bytes, and nothing
//! else: one read may bring half a header, or three frames and a half.
//!
//! ```text
//!         header complete                 last byte of the payload
//! Header ─────────────────▶ Payload ─────────────────────────────▶ Header
//!    │                      │     ▲
//!    │ a rule is broken     └─────┘ some bytes of the payload
//!    ▼
//! Failed
//! ```

use frame_header::{Decoded, FrameHeader, MaskingKey, Opcode, ReservedBits, decode};

use crate::error::FrameError;
use crate::masking::mask;
use crate::role::Role;

/// A part of a frame, given out as soon as it has arrived.
// ANCHOR: part
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A frame begins.
    Header(FrameHeader),
    /// The next bytes of the frame's payload, unmasked: at least one.
    Payload(Vec<u8>),
    /// The payload is complete. A frame with an empty payload has an end, too.
    End,
}
// ANCHOR_END: part

/// A whole frame.
// ANCHOR: frame
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// The bits RSV1 to RSV3.
    pub reserved: ReservedBits,
    /// The kind of frame.
    pub opcode: Opcode,
    /// The payload, unmasked.
    pub payload: Vec<u8>,
}
// ANCHOR_END: frame

/// Takes bytes as they arrive, and returns frames, in parts or whole.
///
/// After each [`receive`](Self::receive), ask for parts until there are none. Then the decoder keeps
/// at most the beginning of a header, and, with [`next_frame`](Self::next_frame), the beginning of
/// one payload.
// ANCHOR: decoder
#[derive(Debug)]
pub struct FrameDecoder {
    role: Role,
    max_payload: u64,
    negotiated: ReservedBits,
    /// The bytes that were received.
    buffer: Vec<u8>,
    /// How many bytes of `buffer` have been decoded.
    taken: usize,
    state: State,
    /// The frame that [`next_frame`](Self::next_frame) is putting together.
    frame: Option<Frame>,
}

/// What the next byte belongs to.
#[derive(Debug)]
enum State {
    /// A header, of which it is the first byte.
    Header,
    /// A payload.
    Payload {
        key: Option<MaskingKey>,
        /// How many bytes of the payload have been decoded.
        done: u64,
        /// How many bytes of the payload are still to come.
        left: u64,
    },
    /// Nothing: a rule was broken, and further bytes are ignored.
    Failed(FrameError),
}
// ANCHOR_END: decoder

impl FrameDecoder {
    /// Creates a decoder for the bytes that an endpoint in this role receives. `max_payload` is the
    /// longest payload that a frame may declare, in bytes; `negotiated` are the reserved bits that an
    /// extension uses.
    pub fn new(role: Role, max_payload: u64, negotiated: ReservedBits) -> Self {
        Self {
            role,
            max_payload,
            negotiated,
            buffer: Vec::new(),
            taken: 0,
            state: State::Header,
            frame: None,
        }
    }

    /// Takes the bytes of one read. After an error, it ignores them.
    // ANCHOR: receive
    pub fn receive(&mut self, bytes: &[u8]) {
        if matches!(self.state, State::Failed(_)) {
            return;
        }
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }
    // ANCHOR_END: receive

    /// Returns the next part of a frame, or `None` if more bytes are needed.
    ///
    /// # Errors
    /// Returns a [`FrameError`] if a rule is broken, and the same error at each later call.
    // ANCHOR: next_part
    pub fn next_part(&mut self) -> Result<Option<Part>, FrameError> {
        let part = match self.state {
            State::Header => self.next_header(),
            State::Payload { left: 0, .. } => {
                self.state = State::Header;
                Ok(Some(Part::End))
            }
            State::Payload { key, done, left } => Ok(self.next_payload(key, done, left)),
            State::Failed(error) => Err(error),
        };
        part.inspect_err(|error| self.fail(*error))
    }
    // ANCHOR_END: next_part

    // ANCHOR: next_header
    fn next_header(&mut self) -> Result<Option<Part>, FrameError> {
        // Task: the header alone decides: refuse the wrong masking, and a length over the limit.
        let decoded = decode(self.unread(), self.negotiated)?;
        let Decoded::Header { header, length } = decoded else {
            return Ok(None);
        };
        self.role.check(&header)?;
        if header.payload_length > self.max_payload {
            return Err(FrameError::TooLarge {
                declared: header.payload_length,
                limit: self.max_payload,
            });
        }
        self.taken += length;
        self.state = State::Payload {
            key: header.masking_key,
            done: 0,
            left: header.payload_length,
        };
        Ok(Some(Part::Header(header)))
    }
    // ANCHOR_END: next_header

    // ANCHOR: next_payload
    fn next_payload(&mut self, key: Option<MaskingKey>, done: u64, left: u64) -> Option<Part> {
        // Task: a read may bring less than what is left, or more. Masking doesn't restart with it.
        let unread = self.unread();
        let max = usize::try_from(left).unwrap_or(usize::MAX);
        let mut payload = unread[..unread.len().min(max)].to_vec();
        if payload.is_empty() {
            return None;
        }
        if let Some(key) = key {
            mask(&mut payload, key, (done % 4) as usize);
        }
        let length = payload.len() as u64;
        self.taken += payload.len();
        self.state = State::Payload {
            key,
            done: done + length,
            left: left - length,
        };
        Some(Part::Payload(payload))
    }
    // ANCHOR_END: next_payload

    /// Returns the next whole frame, or `None` if more bytes are needed. Use this or
    /// [`next_part`](Self::next_part), not both.
    ///
    /// # Errors
    /// Returns a [`FrameError`] if a rule is broken, and the same error at each later call.
    // ANCHOR: next_frame
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        // Task: a read may end inside a frame. What has arrived by then must not be lost.
        while let Some(part) = self.next_part()? {
            match (part, &mut self.frame) {
                (Part::Header(header), _) => {
                    self.frame = Some(Frame {
                        fin: header.fin,
                        reserved: header.reserved,
                        opcode: header.opcode,
                        payload: Vec::new(),
                    });
                }
                (Part::Payload(bytes), Some(frame)) => frame.payload.extend_from_slice(&bytes),
                (Part::Payload(_), None) => {}
                (Part::End, frame) => return Ok(frame.take()),
            }
        }
        Ok(None)
    }
    // ANCHOR_END: next_frame

    /// Returns how many bytes of memory the decoder has allocated. They are for bytes that have
    /// arrived, not for those that a header declares.
    pub fn memory(&self) -> usize {
        let frame = self.frame.as_ref();
        self.buffer.capacity() + frame.map_or(0, |frame| frame.payload.capacity())
    }

    fn unread(&self) -> &[u8] {
        &self.buffer[self.taken..]
    }

    fn fail(&mut self, error: FrameError) {
        self.state = State::Failed(error);
        self.buffer = Vec::new();
        self.taken = 0;
        self.frame = None;
    }
}
