//! Messages that no single read has brought, and the buffers that they are put together in.
//!
//! ```text
//! bytes   │ came already ████████ │ room: the next read fills it │   grows, up to what the header declares
//!         0                    filled                      bytes.len()
//! ```

use std::ops::Deref;

use messages::MessageError;

use crate::utf8::Utf8;

/// The least size of a buffer, in bytes, unless less is declared. A client may declare a mebibyte and then send
/// nothing, so a buffer grows only with the bytes that have come.
const FIRST_SIZE: usize = 16 * 1024;

/// The most bytes that a thread keeps in buffers that no message uses.
const MAX_SPARE: usize = 8 << 20;

/// Buffers that the messages of one thread share. A buffer that a message has left is used again: to get fresh memory
/// from the system costs more than to copy what goes into it.
// ANCHOR: buffers
#[derive(Debug, Default)]
pub struct Buffers {
    spare: Vec<Vec<u8>>,
    bytes: usize,
}
// ANCHOR_END: buffers

impl Buffers {
    /// Takes a spare buffer, or an empty one.
    fn take(&mut self) -> Vec<u8> {
        let buffer = self.spare.pop().unwrap_or_default();
        self.bytes -= buffer.len();
        buffer
    }

    /// Takes back the buffer of a message that has been answered. If there are enough, it is dropped.
    // ANCHOR: give_back
    #[inline]
    pub fn give_back(&mut self, payload: Payload) {
        if let Payload::Joined { buffer, .. } = payload
            && self.bytes + buffer.len() <= MAX_SPARE
        {
            self.bytes += buffer.len();
            self.spare.push(buffer);
        }
    }
    // ANCHOR_END: give_back
}

/// The payload of a message or a control frame.
// ANCHOR: payload
#[derive(Debug, Clone)]
pub enum Payload<'read> {
    /// It lies where it was read.
    InPlace(&'read [u8]),
    /// It was put together: the first bytes of a buffer.
    Joined {
        /// The buffer.
        buffer: Vec<u8>,
        /// How many of its bytes are the payload.
        length: usize,
    },
}
// ANCHOR_END: payload

impl Deref for Payload<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::InPlace(bytes) => bytes,
            Self::Joined { buffer, length } => &buffer[..*length],
        }
    }
}

/// The kind of a message, with what has to be known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, and how far it is checked.
    Text(Utf8),
    /// Binary.
    Binary,
}

impl Kind {
    /// A text that begins.
    pub fn text() -> Self {
        Self::Text(Utf8::default())
    }

    fn check(&mut self, piece: &[u8]) -> Result<(), MessageError> {
        match self {
            Self::Text(utf8) => Ok(utf8.push(piece)?),
            Self::Binary => Ok(()),
        }
    }
}

/// A message that has begun.
// ANCHOR: unfinished
#[derive(Debug)]
pub struct Unfinished {
    kind: Kind,
    /// Whether the frame that is arriving is the last one.
    is_last: bool,
    max_message: u64,
    /// The first `filled` of these bytes have come.
    bytes: Vec<u8>,
    filled: usize,
}
// ANCHOR_END: unfinished

impl Unfinished {
    /// Begins a message with this kind of frame.
    pub fn new(kind: Kind, is_last: bool, max_message: u64, buffers: &mut Buffers) -> Self {
        Self {
            kind,
            is_last,
            max_message,
            bytes: buffers.take(),
            filled: 0,
        }
    }

    /// Continues it with one more frame.
    pub fn continue_with(&mut self, is_last: bool) {
        self.is_last = is_last;
    }

    /// Returns whether its last frame has begun.
    pub fn is_last(&self) -> bool {
        self.is_last
    }

    /// Appends a piece that was read elsewhere. After it, `missing` bytes of the frame are still to come.
    ///
    /// # Errors
    /// Returns [`MessageError::NotUtf8`] if the text can't be UTF-8 any more, and [`MessageError::TooLarge`] if the
    /// message is too long.
    pub fn append(&mut self, piece: &[u8], missing: u64) -> Result<(), MessageError> {
        let fits = piece.len().min(self.within_limit(piece.len() as u64));
        let end = self.filled + fits;
        self.make_room(end, missing);
        self.bytes[self.filled..end].copy_from_slice(&piece[..fits]);
        self.kind.check(&self.bytes[self.filled..end])?;
        self.filled = end;
        if fits < piece.len() {
            let limit = self.max_message;
            return Err(MessageError::TooLarge { limit });
        }
        Ok(())
    }

    /// Returns how many of `count` bytes the message may still take.
    fn within_limit(&self, count: u64) -> usize {
        let room = self.max_message - self.filled as u64;
        usize::try_from(room.min(count)).unwrap_or(usize::MAX)
    }

    /// Makes the buffer longer if it is shorter than `end`: twice as long as that, or [`FIRST_SIZE`], whichever is
    /// more, but no longer than the message will be. `missing` more bytes of its frame are still to come.
    // ANCHOR: make_room
    fn make_room(&mut self, end: usize, missing: u64) {
        // Task: a declared length is only a claim. A buffer that is larger already, because it was used before, stays.
        let declared = end + self.within_limit(missing);
        if self.bytes.len() < end {
            let size = declared.min((2 * end).max(FIRST_SIZE));
            self.bytes.resize(size, 0);
        }
    }
    // ANCHOR_END: make_room

    /// Returns the place for the next of the `missing` bytes. It is empty if a byte more would be over the limit.
    // ANCHOR: room
    pub fn room(&mut self, missing: u64) -> &mut [u8] {
        let missing = self.within_limit(missing);
        if missing == 0 {
            return &mut [];
        }
        self.make_room(self.filled + 1, missing as u64 - 1);
        let end = self.bytes.len().min(self.filled + missing);
        &mut self.bytes[self.filled..end]
    }

    /// Takes `count` bytes that were read into the room, and unmasks them there.
    ///
    /// # Errors
    /// Returns [`MessageError::NotUtf8`] if the text can't be UTF-8 any more.
    pub fn came(
        &mut self,
        count: usize,
        unmask: impl FnOnce(&mut [u8]),
    ) -> Result<(), MessageError> {
        let end = self.filled + count;
        let piece = &mut self.bytes[self.filled..end];
        unmask(piece);
        self.kind.check(piece)?;
        self.filled = end;
        Ok(())
    }
    // ANCHOR_END: room

    /// Returns how many bytes of memory it has allocated.
    pub fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// Ends the message, and returns its payload.
    ///
    /// # Errors
    /// Returns [`MessageError::NotUtf8`] if a text ends inside a character.
    pub fn finish(self) -> Result<(Kind, Payload<'static>), MessageError> {
        if let Kind::Text(utf8) = self.kind {
            utf8.finish()?;
        }
        let payload = Payload::Joined {
            buffer: self.bytes,
            length: self.filled,
        };
        Ok((self.kind, payload))
    }
}
