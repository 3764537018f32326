//! Frames out of a stream of bytes. TCP keeps the order of the bytes, and nothing else: one read may
//! bring half a header, or three frames and a half.
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

/// A part of a frame, as soon as it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A frame begins.
    Header(FrameHeader),
    /// The next bytes of its payload, unmasked: at least one.
    Payload(Vec<u8>),
    /// The payload is complete; one that is empty, too.
    End,
}

/// A whole frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// RSV1 to RSV3.
    pub reserved: ReservedBits,
    /// What the frame is for.
    pub opcode: Opcode,
    /// The payload, unmasked.
    pub payload: Vec<u8>,
}

/// Takes bytes as they arrive, and gives frames, in parts or whole.
///
/// After each [`receive`](Self::receive) ask for parts until there are none. Then what it holds is
/// never more than the beginning of a header; with [`next_frame`](Self::next_frame), and of one
/// payload.
#[derive(Debug)]
pub struct FrameDecoder {
    role: Role,
    max_payload: u64,
    negotiated: ReservedBits,
    /// What was received. Before `taken`, it has become parts.
    buffer: Vec<u8>,
    taken: usize,
    state: State,
    /// The frame that [`next_frame`](Self::next_frame) is putting together.
    frame: Option<Frame>,
}

/// What the next byte is.
#[derive(Debug)]
enum State {
    /// The first of a header.
    Header,
    /// One of a payload.
    Payload {
        key: Option<MaskingKey>,
        /// How many bytes of the payload came before it.
        done: u64,
        /// How many there are from it on.
        left: u64,
    },
    /// Of no interest: a rule was broken.
    Failed(FrameError),
}

impl FrameDecoder {
    /// A decoder for what comes to us. `max_payload` is the most that a frame may declare, in bytes;
    /// `negotiated` are the reserved bits that an extension uses.
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

    /// Takes what one read brought. After an error nothing more is kept.
    pub fn receive(&mut self, bytes: &[u8]) {
        if matches!(self.state, State::Failed(_)) {
            return;
        }
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next part of a frame. `None`: more bytes are needed.
    ///
    /// # Errors
    /// A rule is broken. The decoder says so from then on, whatever it receives.
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

    fn next_header(&mut self) -> Result<Option<Part>, FrameError> {
        // Task: the header alone decides: refuse the wrong masking, and a length over the limit.
        todo!("the header alone decides: refuse the wrong masking, and a length over the limit")
    }

    fn next_payload(&mut self, key: Option<MaskingKey>, done: u64, left: u64) -> Option<Part> {
        // Task: a read may bring less than what is left, or more. Masking doesn't restart with it.
        todo!("a read may bring less than what is left, or more. Masking doesn't restart with it")
    }

    /// The next whole frame. `None`: more bytes are needed. Use this or
    /// [`next_part`](Self::next_part), not both.
    ///
    /// # Errors
    /// Those of [`next_part`](Self::next_part).
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        // Task: a read may end inside a frame. What has arrived by then must not be lost.
        todo!("a read may end inside a frame. What has arrived by then must not be lost")
    }

    /// How many bytes of memory it has for what it received. What a header declares isn't among
    /// them: only what arrived.
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
