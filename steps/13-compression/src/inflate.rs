//! The decompressor: payloads become a message again, piece by piece (RFC 7692 §7.2.2).
//!
//! ```text
//!   receive(payload)   finish()
//!         │               │ 00 00 ff ff
//!         └──────┬────────┘
//!                ▼
//!             DEFLATE ──▶ next_piece(): at most 4 KiB
//! ```
//!
//! One kilobyte can become a megabyte. So nothing here holds a whole message: each piece is handed on before the next
//! is made, and whoever counts them can stop at any of them.

use std::error::Error;
use std::fmt;

use flate2::{Decompress, FlushDecompress, Status};

use crate::deflate::TAIL;
use crate::parameters::Context;

/// The most bytes of a piece.
pub const MAX_PIECE: usize = 4096;

/// A payload that can't be decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotDeflate;

/// Decompresses the messages of the other side.
#[derive(Debug)]
pub struct Inflater {
    /// How the other side compresses.
    context: Context,
    /// The decompressor, if it has seen something that the next block may refer to.
    decompress: Option<Decompress>,
    /// The payload that is being decompressed.
    input: Vec<u8>,
    /// How many bytes of `input` have been taken.
    taken: usize,
    /// Whether there may be another piece without more input.
    has_more: bool,
    /// Whether a block has begun whose last bytes the sender has cut off.
    lacks_tail: bool,
    /// Whether the message ends with this input.
    is_finished: bool,
}

impl Inflater {
    /// Creates the decompressor for a side that compresses in this way.
    pub fn new(context: Context) -> Self {
        Self {
            context,
            decompress: None,
            input: Vec::new(),
            taken: 0,
            has_more: false,
            lacks_tail: false,
            is_finished: false,
        }
    }

    /// Takes the next bytes of a compressed message. Call it only if `next_piece` has returned `None`.
    pub fn receive(&mut self, payload: Vec<u8>) {
        self.input = payload;
        self.taken = 0;
        self.has_more = true;
        self.lacks_tail = true;
    }

    /// Notes that the compressed message is complete. What is left of it comes from `next_piece`.
    pub fn finish(&mut self) {
        // Task: put back what the sender has cut off, if it has.
        todo!("put back what the sender has cut off, if it has")
    }

    /// Returns the next bytes of the message, at most [`MAX_PIECE`]. `None` if there are none without more input.
    ///
    /// # Errors
    /// Returns [`NotDeflate`] if the payload isn't DEFLATE, or refers to what isn't there.
    pub fn next_piece(&mut self) -> Result<Option<Vec<u8>>, NotDeflate> {
        // Task: go on while there may be more. Some input leads to nothing yet, and some to many pieces.
        todo!(
            "go on while there may be more. Some input leads to nothing yet, and some to many pieces"
        )
    }

    fn end_message(&mut self) {
        // Task: with context takeover, the next message may refer to this one. Without, it may not.
        todo!("with context takeover, the next message may refer to this one. Without, it may not")
    }

    /// Lets the decompressor work once. What it has made may be empty. What it made before a fault comes first, and the
    /// fault with the next call: so it makes no difference how the payload was cut.
    fn inflate(&mut self) -> Result<Vec<u8>, NotDeflate> {
        let bits = self.context.window.for_decompressor();
        let decompress = self
            .decompress
            .get_or_insert_with(|| Decompress::new_with_window_bits(false, bits));
        let start = decompress.total_in();
        let mut piece = Vec::with_capacity(MAX_PIECE);
        let input = &self.input[self.taken..];
        let status = decompress.decompress_vec(input, &mut piece, FlushDecompress::None);
        self.taken += (decompress.total_in() - start) as usize;
        // It stops in the middle of its input only when the piece is full.
        self.has_more = piece.len() == piece.capacity();
        match status {
            Ok(Status::StreamEnd) => self.end_stream(),
            Ok(_) => {}
            Err(_) if piece.is_empty() => return Err(NotDeflate),
            Err(_) => self.has_more = true,
        }
        Ok(piece)
    }

    /// Ends a DEFLATE stream: its last block had the bit BFINAL. The message may go on with another stream, which
    /// refers to nothing before it (RFC 7692 §7.2.3.4). Some senders end every message like this, and have no tail to
    /// cut off.
    fn end_stream(&mut self) {
        // Task: this decompressor takes no more. What it didn't take is for a new one.
        todo!("this decompressor takes no more. What it didn't take is for a new one")
    }
}

impl fmt::Display for NotDeflate {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a compressed payload that is not DEFLATE: RFC 7692 §7.2.2")
    }
}

impl Error for NotDeflate {}
