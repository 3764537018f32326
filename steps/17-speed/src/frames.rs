//! Frames, unmasked where they lie.
//!
//! ```text
//! one read   │ 82 84 k k k k p p p p │ 82 fe … p p p p p p p │ 82 fe 20 00 k k k k p p p
//!            └─ a whole frame ───────┴─ a second one ────────┴─ the beginning of a third
//! next         Frame(header, &payload) Frame(header, &payload) Header, Payload(&piece)
//! ```
//!
//! The decoder of step 06 copies each read into a buffer of its own, and each payload into a `Vec`. This one borrows
//! the bytes of the read, and keeps nothing but a header that the read has cut.

use std::mem;

use frame_header::{Decoded, decode};
use frames::{FrameError, FrameHeader, MaskingKey, Opcode, ReservedBits, Role};

use crate::mask::mask;

/// The longest header, in bytes (RFC 6455 §5.2).
pub const MAX_HEADER: usize = 14;

/// The next thing in the bytes of a read. Its payload is unmasked, and lies where it was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'read> {
    /// A frame that is whole.
    Frame(FrameHeader, &'read [u8]),
    /// The header of a frame that the read has cut. [`Payload`](Self::Payload) and [`End`](Self::End) follow.
    Header(FrameHeader),
    /// The next bytes of its payload: at least one.
    Payload(&'read [u8]),
    /// Its payload is complete.
    End,
}

/// Takes frames out of the bytes of each read. Between two reads it keeps 14 bytes at most.
#[derive(Debug)]
pub struct FrameDecoder {
    role: Role,
    negotiated: ReservedBits,
    max_payload: u64,
    state: State,
}

/// What the next byte belongs to.
#[derive(Debug)]
enum State {
    /// A header. These are the bytes of it that an earlier read has brought.
    Header { cut: [u8; MAX_HEADER], length: u8 },
    /// The payload of a frame that a read has cut.
    Payload(Cut),
    /// Nothing: a rule was broken, and further bytes are ignored.
    Failed(FrameError),
}

/// How far a payload has come.
#[derive(Debug, Clone, Copy)]
struct Cut {
    key: Option<MaskingKey>,
    done: u64,
    left: u64,
}

impl State {
    const BETWEEN_FRAMES: Self = Self::Header {
        cut: [0; MAX_HEADER],
        length: 0,
    };
}

impl FrameDecoder {
    /// Creates a decoder with the limits of [`frames::FrameDecoder::new`].
    pub fn new(role: Role, max_payload: u64, negotiated: ReservedBits) -> Self {
        Self {
            role,
            negotiated,
            max_payload,
            state: State::BETWEEN_FRAMES,
        }
    }

    /// Takes the next part out of the bytes of a read, and leaves the rest. Returns `None` once nothing is left.
    ///
    /// # Errors
    /// Returns a [`FrameError`] if a rule is broken, and the same error at each later call.
    #[inline]
    pub fn next<'read>(
        &mut self,
        read: &mut &'read mut [u8],
    ) -> Result<Option<Part<'read>>, FrameError> {
        let part = match &mut self.state {
            State::Header { length: 0, .. } => self.next_frame(read),
            State::Header { .. } => self.next_cut_header(read),
            State::Payload(Cut { left: 0, .. }) => {
                self.state = State::BETWEEN_FRAMES;
                return Ok(Some(Part::End));
            }
            State::Payload(cut) => return Ok(cut.next_piece(read)),
            State::Failed(error) => return Err(*error),
        };
        part.inspect_err(|error| self.state = State::Failed(*error))
    }

    /// Takes a frame whose first byte is next, or as much of it as is here.
    #[inline]
    fn next_frame<'read>(
        &mut self,
        read: &mut &'read mut [u8],
    ) -> Result<Option<Part<'read>>, FrameError> {
        // Task: if the whole frame is here, unmask it where it lies. If even its header isn't, keep what came of that.
        todo!(
            "if the whole frame is here, unmask it where it lies. If even its header isn't, keep what came of that"
        )
    }

    /// Adds bytes to a header that an earlier read has cut, and no more of them than the header has.
    fn next_cut_header<'read>(
        &mut self,
        read: &mut &'read mut [u8],
    ) -> Result<Option<Part<'read>>, FrameError> {
        loop {
            let State::Header { cut, length } = &self.state else {
                return Ok(None);
            };
            match decode(&cut[..usize::from(*length)], self.negotiated)? {
                Decoded::Header { header, .. } => {
                    self.check(&header)?;
                    return Ok(Some(self.begin(header)));
                }
                Decoded::Incomplete { .. } if read.is_empty() => return Ok(None),
                // One byte at a time, so that a broken rule is seen as early as in step 06.
                Decoded::Incomplete { .. } => self.keep(take(read, 1)),
            }
        }
    }

    /// Checks what a header says, before anything is done for its payload.
    fn check(&self, header: &FrameHeader) -> Result<(), FrameError> {
        self.role.check(header)?;
        if header.payload_length > self.max_payload {
            return Err(FrameError::TooLarge {
                declared: header.payload_length,
                limit: self.max_payload,
            });
        }
        Ok(())
    }

    /// Begins a frame whose payload isn't all here.
    fn begin(&mut self, header: FrameHeader) -> Part<'static> {
        self.state = State::Payload(Cut {
            key: header.masking_key,
            done: 0,
            left: header.payload_length,
        });
        Part::Header(header)
    }

    /// Keeps bytes of a header for the next read.
    fn keep(&mut self, bytes: &[u8]) {
        if let State::Header { cut, length } = &mut self.state {
            let start = usize::from(*length);
            cut[start..start + bytes.len()].copy_from_slice(bytes);
            *length += bytes.len() as u8;
        }
    }

    /// Returns how many bytes of a payload are still to come, if a read has cut it.
    pub fn missing(&self) -> u64 {
        match &self.state {
            State::Payload(cut) => cut.left,
            _ => 0,
        }
    }

    /// Unmasks the next bytes of a payload that a read has cut, at most [`missing`](Self::missing) of them. They were
    /// read straight to where they belong.
    pub fn unmask(&mut self, piece: &mut [u8]) {
        if let State::Payload(cut) = &mut self.state {
            cut.unmask(piece);
        }
    }
}

impl Cut {
    fn next_piece<'read>(&mut self, read: &mut &'read mut [u8]) -> Option<Part<'read>> {
        let length = read
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if length == 0 {
            return None;
        }
        let piece = take(read, length);
        self.unmask(piece);
        Some(Part::Payload(piece))
    }

    fn unmask(&mut self, piece: &mut [u8]) {
        if let Some(key) = self.key {
            mask(piece, key, (self.done % 4) as usize);
        }
        self.done += piece.len() as u64;
        self.left -= piece.len() as u64;
    }
}

/// Returns the header of a masked message of at most 125 bytes in one frame, the most frequent kind. Returns `None` for
/// every other header: [`decode`] knows them all.
#[inline]
fn short_header(bytes: &[u8]) -> Option<FrameHeader> {
    let [first, second, a, b, c, d, ..] = *bytes else {
        return None;
    };
    let opcode = match first {
        0b1000_0001 => Opcode::Text,
        0b1000_0010 => Opcode::Binary,
        _ => return None,
    };
    let length = second.checked_sub(0b1000_0000)?;
    (length <= 125).then_some(FrameHeader {
        fin: true,
        reserved: ReservedBits::NONE,
        opcode,
        masking_key: Some([a, b, c, d]),
        payload_length: length.into(),
    })
}

/// Takes the first bytes out of a slice.
#[inline]
fn take<'read>(read: &mut &'read mut [u8], count: usize) -> &'read mut [u8] {
    let (first, rest) = mem::take(read).split_at_mut(count);
    *read = rest;
    first
}

/// Appends a frame as it goes over the wire, as [`frames::encode_frame`] does.
pub fn encode_frame(
    out: &mut Vec<u8>,
    fin: bool,
    reserved: ReservedBits,
    opcode: Opcode,
    masking_key: Option<MaskingKey>,
    payload: &[u8],
) {
    let header = FrameHeader {
        fin,
        reserved,
        opcode,
        masking_key,
        payload_length: payload.len() as u64,
    };
    header.encode(out);
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(key) = masking_key {
        mask(&mut out[start..], key, 0);
    }
}

/// Returns the header of a frame that is a message by itself, as a server sends it, and how many of the bytes it has.
/// [`FrameHeader::encode`] makes the same bytes one by one.
#[inline]
pub fn unmasked_header(opcode: Opcode, payload_length: u64) -> ([u8; 10], usize) {
    let first = 0b1000_0000 | opcode.bits();
    let mut header = [0; 10];
    header[0] = first;
    match payload_length {
        0..=125 => {
            header[1] = payload_length as u8;
            (header, 2)
        }
        126..=0xffff => {
            header[1] = 126;
            header[2..4].copy_from_slice(&(payload_length as u16).to_be_bytes());
            (header, 4)
        }
        _ => {
            header[1] = 127;
            header[2..10].copy_from_slice(&payload_length.to_be_bytes());
            (header, 10)
        }
    }
}
