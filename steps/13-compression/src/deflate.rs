//! The compressor: a message becomes a payload (RFC 7692 §7.2.1).
//!
//! ```text
//!   "Hello" ──▶ DEFLATE, flushed ──▶ f2 48 cd c9 c9 07 00 00 00 ff ff
//!                                    └────── payload ───┘ └─ cut off ┘
//! ```
//!
//! A flush ends the data at a byte, with an empty block that always ends in the same four bytes. The peer puts them
//! back.
//!
//! With *context takeover* the compressor lives on, and the next message may refer to this one. The peer's
//! decompressor must then have seen exactly the same. A message that is sent as it is breaks that, unless the
//! compressor hasn't seen it either, or refers to nothing before it any more.

use flate2::{Compress, FlushCompress};

use crate::parameters::Context;

/// The last four bytes of flushed data. They aren't sent.
pub const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// How much room the compressor is given each time, at least.
const ROOM: usize = 64;

/// Compresses the messages of one side.
#[derive(Debug)]
pub struct Deflater {
    context: Context,
    /// The shortest message that is worth a try.
    min_length: usize,
    /// The compressor, if it has seen something that the next message may refer to.
    compress: Option<Compress>,
}

impl Deflater {
    /// Creates the compressor of a side that compresses in this way. Messages shorter than `min_length` aren't packed.
    pub fn new(context: Context, min_length: usize) -> Self {
        Self {
            context,
            min_length,
            compress: None,
        }
    }

    /// Returns the compressed payload of a message, or `None` if the message goes out as it is.
    pub fn pack(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        // Task: a payload that isn't shorter than the message isn't worth sending. But the compressor has seen the
        // message by then, and the peer never will: what may the next message refer to?
        todo!(
            "a payload that isn't shorter than the message isn't worth sending. But the compressor has seen the"
        )
    }

    /// Compresses a message, whatever its length. Returns `None` if there is no compressor for so small a window.
    pub fn deflate(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        // Task: flush, and cut the tail off. An empty message has nothing to flush: it is an empty block, whose first
        // byte is 00 (RFC 7692 §7.2.3.6). What is left of the compressor for the next message?
        todo!(
            "flush, and cut the tail off. An empty message has nothing to flush: it is an empty block, whose first"
        )
    }
}

/// Compresses all of a message and flushes it.
fn flushed(compress: &mut Compress, message: &[u8]) -> Vec<u8> {
    let start = compress.total_in();
    let mut output = Vec::new();
    // The compressor takes as much as there is room for. Room that is left over means that everything is out.
    while output.len() == output.capacity() {
        output.reserve(message.len() / 2 + ROOM);
        let taken = (compress.total_in() - start) as usize;
        compress
            .compress_vec(&message[taken..], &mut output, FlushCompress::Sync)
            .expect("a compressor fails only after its last block");
    }
    output
}
