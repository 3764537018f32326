//! What goes out in one turn: as much as possible in one write.
//!
//! ```text
//! small answers   ─▶ joined in the thread's buffer ─────────────┐
//!                                                               ├─▶ one write (vectored) ─▶ socket
//! a large payload ─▶ stays where it lies, behind its header ────┘         │ it takes no more
//!                                                                         ▼
//!                                             the client's own buffer, until the socket is writable
//! ```

use std::io::{self, ErrorKind, IoSlice, Write};

use frames::Opcode;

use crate::frames::unmasked_header;

/// A payload of this many bytes or more isn't copied to the others, but goes out with them in one vectored write.
pub const LARGE: usize = 8 * 1024;

/// The bytes that a client's socket hasn't taken yet. Empty, it takes no memory.
#[derive(Debug, Default)]
pub struct Waiting {
    bytes: Vec<u8>,
    /// How many of them the socket has taken.
    sent: usize,
}

impl Waiting {
    /// Returns whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Adds bytes after those that wait.
    pub fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns how many bytes wait.
    pub fn length(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Writes what waits, until the socket takes no more. Returns how many bytes it took.
    ///
    /// # Errors
    /// Returns the stream's error if it has failed.
    pub fn write(&mut self, stream: &mut impl Write) -> io::Result<usize> {
        // Task: only `WouldBlock` makes the system tell us when there is room again. Free the memory at the end.
        todo!(
            "only `WouldBlock` makes the system tell us when there is room again. Free the memory at the end"
        )
    }
}

/// The answers of one turn, on their way to a client.
pub struct Answers<'turn, Stream> {
    stream: &'turn mut Stream,
    /// The thread's buffer.
    joined: &'turn mut Vec<u8>,
    waiting: &'turn mut Waiting,
}

impl<'turn, Stream: Write> Answers<'turn, Stream> {
    /// Creates the answers of a turn. `joined` is the thread's buffer, which is empty.
    pub fn new(
        stream: &'turn mut Stream,
        joined: &'turn mut Vec<u8>,
        waiting: &'turn mut Waiting,
    ) -> Self {
        Self {
            stream,
            joined,
            waiting,
        }
    }

    /// Returns the buffer that small answers are appended to.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        self.joined
    }

    /// Sends a message, unmasked, as a server does: at the end of the turn, or at once if it is large.
    ///
    /// # Errors
    /// Returns the stream's error if it has failed.
    #[inline]
    pub fn message(&mut self, opcode: Opcode, payload: &[u8]) -> io::Result<()> {
        // Task: a small payload joins the others. A large one goes out from where it lies, with all that is before it.
        todo!(
            "a small payload joins the others. A large one goes out from where it lies, with all that is before it"
        )
    }

    /// Writes everything that is left at the end of the turn.
    ///
    /// # Errors
    /// Returns the stream's error if it has failed.
    pub fn finish(mut self) -> io::Result<()> {
        self.write_with(&[])
    }

    /// Writes the joined bytes and then these. What the socket doesn't take is copied, and waits.
    fn write_with(&mut self, more: &[u8]) -> io::Result<()> {
        // Task: nothing overtakes what waits already. A vectored write may take any part of the two.
        todo!("nothing overtakes what waits already. A vectored write may take any part of the two")
    }
}

/// Returns what is left of two slices once `sent` bytes of them have been written.
fn left<'a>(first: &'a [u8], second: &'a [u8], sent: usize) -> (&'a [u8], &'a [u8]) {
    match sent.checked_sub(first.len()) {
        None => (&first[sent..], second),
        Some(sent) => (&[], &second[sent..]),
    }
}
