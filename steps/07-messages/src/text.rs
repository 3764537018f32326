//! Text that arrives in pieces. A piece may end anywhere, even inside a character.
//!
//! ```text
//! pieces      43 61 66 c3 │ a9 20 e2 82 │ ac 31
//! text        C  a  f     │ é     …     │ €  1
//! incomplete           c3 │       e2 82 │
//! ```

use std::error::Error;
use std::fmt;
use std::mem;

/// The UTF-8 text that has come so far.
#[derive(Debug, Clone, Default)]
pub struct TextBuffer {
    /// The whole characters.
    text: String,
    /// The first bytes of a character that is not whole yet: at most three.
    incomplete: Vec<u8>,
}

/// The error for bytes that are not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotUtf8 {
    /// How many bytes of the text are valid. The first invalid character begins after them.
    pub valid_up_to: usize,
}

impl TextBuffer {
    /// Takes the next bytes of the text.
    ///
    /// # Errors
    /// Returns [`NotUtf8`] if the text can't be UTF-8 any more, whatever follows. After that, don't use
    /// the buffer.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), NotUtf8> {
        // Task: a text may be cut anywhere. Where it was cut must make no difference.
        todo!("a text may be cut anywhere. Where it was cut must make no difference")
    }

    fn take_characters(&mut self, bytes: &[u8]) -> Result<(), NotUtf8> {
        // Task: an incomplete character isn't an error. Bytes that can't become a character are.
        todo!("an incomplete character isn't an error. Bytes that can't become a character are")
    }

    /// Ends the text and returns it.
    ///
    /// # Errors
    /// Returns [`NotUtf8`] if the text ends inside a character.
    pub fn finish(self) -> Result<String, NotUtf8> {
        // Task: an incomplete character at the end is an error, too.
        todo!("an incomplete character at the end is an error, too")
    }

    /// Returns how many bytes have come.
    pub fn length(&self) -> usize {
        self.text.len() + self.incomplete.len()
    }

    /// Returns how many bytes of memory the buffer has allocated.
    pub fn memory(&self) -> usize {
        self.text.capacity() + self.incomplete.capacity()
    }

    fn not_utf8(&self) -> NotUtf8 {
        NotUtf8 {
            valid_up_to: self.text.len(),
        }
    }
}

impl fmt::Display for NotUtf8 {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(
            formatter,
            "text that is not UTF-8 from its byte {} on: RFC 6455 §8.1",
            self.valid_up_to
        )
    }
}

impl Error for NotUtf8 {}
