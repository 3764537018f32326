//! Bytes that were taken out of the outbox, but that TCP hasn't taken yet.
//!
//! A thread calls `write_all`, and has nothing to remember: it stays in there until all bytes are written. A task that
//! waits for other things meanwhile leaves `write_all` again and again. How many bytes it has written is known only
//! inside `write_all`, and is forgotten each time.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncWrite, AsyncWriteExt};

/// What is left to write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Unwritten {
    /// Nothing now.
    #[default]
    Nothing,
    /// The bytes after the first `written`.
    Bytes {
        /// All bytes.
        bytes: Vec<u8>,
        /// How many of them TCP has taken.
        written: usize,
    },
    /// The end of TCP in our direction: after it, we write no more.
    End,
    /// Nothing any more. The end is written.
    Ended,
}

impl Unwritten {
    /// Puts in what was taken out of the outbox, where `None` is the end. Everything earlier must have been written.
    pub fn put(&mut self, taken: Option<Vec<u8>>) {
        debug_assert_eq!(*self, Self::Nothing, "something is unwritten");
        *self = match taken {
            Some(bytes) => Self::Bytes { bytes, written: 0 },
            None => Self::End,
        };
    }

    /// Returns whether there is something to write.
    pub fn is_some(&self) -> bool {
        matches!(self, Self::Bytes { .. } | Self::End)
    }

    /// Writes once: as many bytes as the stream takes now, or the end. Waits until the stream takes something.
    ///
    /// If this is dropped while it waits, nothing has been written.
    ///
    /// # Errors
    /// Returns an error if the stream fails, or takes no bytes.
    pub async fn write_some(&mut self, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        // Task: `write` may take fewer bytes than it gets. When all are written, none of the memory is kept.
        todo!(
            "`write` may take fewer bytes than it gets. When all are written, none of the memory is kept"
        )
    }
}
