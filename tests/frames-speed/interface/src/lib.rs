//! The interface of step 06 over the fast decoder, mask and encoder of step 17.
//!
//! The decoder of step 17 borrows a read, and that of step 06 keeps it. So this one keeps the bytes, and lends them.

use std::collections::VecDeque;

pub use speed::frames::encode_frame;
pub use speed::mask::mask;
pub use step_06::{
    Frame, FrameError, FrameHeader, HeaderError, MaskingKey, Opcode, Part, ReservedBits, Role,
};

/// A decoder with the interface of [`step_06::FrameDecoder`].
#[derive(Debug)]
pub struct FrameDecoder {
    fast: speed::FrameDecoder,
    buffer: Vec<u8>,
    /// How many bytes of `buffer` have been decoded.
    taken: usize,
    failed: bool,
    /// The parts of a frame that came whole.
    ready: VecDeque<Part>,
    frame: Option<Frame>,
}

impl FrameDecoder {
    /// Creates a decoder.
    pub fn new(role: Role, max_payload: u64, negotiated: ReservedBits) -> Self {
        Self {
            fast: speed::FrameDecoder::new(role, max_payload, negotiated),
            buffer: Vec::new(),
            taken: 0,
            failed: false,
            ready: VecDeque::new(),
            frame: None,
        }
    }

    /// Takes the bytes of one read.
    pub fn receive(&mut self, bytes: &[u8]) {
        if !self.failed {
            self.buffer.drain(..self.taken);
            self.taken = 0;
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Returns the next part of a frame, or `None` if more bytes are needed.
    ///
    /// # Errors
    /// Returns a [`FrameError`] if a rule is broken, and the same error at each later call.
    pub fn next_part(&mut self) -> Result<Option<Part>, FrameError> {
        if let Some(part) = self.ready.pop_front() {
            return Ok(Some(part));
        }
        let mut rest = &mut self.buffer[self.taken..];
        let before = rest.len();
        let part = match self.fast.next(&mut rest) {
            Ok(part) => part,
            Err(error) => {
                *self = Self {
                    failed: true,
                    buffer: Vec::new(),
                    taken: 0,
                    ..std::mem::replace(self, Self::new(Role::Server, 0, ReservedBits::NONE))
                };
                return Err(error);
            }
        };
        self.taken += before - rest.len();
        Ok(Some(match part {
            None => return Ok(None),
            Some(speed::Part::Header(header)) => Part::Header(header),
            Some(speed::Part::Payload(piece)) => Part::Payload(piece.to_vec()),
            Some(speed::Part::End) => Part::End,
            Some(speed::Part::Frame(header, payload)) => {
                if !payload.is_empty() {
                    self.ready.push_back(Part::Payload(payload.to_vec()));
                }
                self.ready.push_back(Part::End);
                Part::Header(header)
            }
        }))
    }

    /// Returns the next whole frame, or `None` if more bytes are needed.
    ///
    /// # Errors
    /// Returns a [`FrameError`] if a rule is broken.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
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

    /// Returns how many bytes of memory the decoder has allocated.
    pub fn memory(&self) -> usize {
        let frame = self.frame.as_ref();
        self.buffer.capacity() + frame.map_or(0, |frame| frame.payload.capacity())
    }
}
