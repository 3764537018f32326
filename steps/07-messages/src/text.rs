//! Text that arrives in pieces. A piece may end anywhere, also inside a character.
//!
//! ```text
//! pieces     43 61 66 c3 │ a9 20 e2 82 │ ac 31
//! text       C  a  f     │ é     …     │ €  1
//! begun               c3 │       e2 82 │
//! ```

use std::error::Error;
use std::fmt;
use std::mem;

/// Text in UTF-8, as far as it has come.
#[derive(Debug, Clone, Default)]
pub struct TextBuffer {
    /// The characters that are whole.
    text: String,
    /// The first bytes of a character that is not whole yet: three at most.
    begun: Vec<u8>,
}

/// The bytes are no UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotUtf8 {
    /// How many bytes of the text were right: where the first wrong character begins.
    pub at: usize,
}

impl TextBuffer {
    /// Takes the next bytes of the text.
    ///
    /// # Errors
    /// With these bytes it can't become UTF-8 any more, whatever follows. What is kept after that
    /// is of no use.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), NotUtf8> {
        // Task: a text may be cut anywhere. Where it was cut must make no difference.
        todo!("a text may be cut anywhere. Where it was cut must make no difference")
    }

    fn take_characters(&mut self, bytes: &[u8]) -> Result<(), NotUtf8> {
        // Task: an unfinished character isn't an error. Bytes that can't become a character are.
        todo!("an unfinished character isn't an error. Bytes that can't become a character are")
    }

    /// The text, at its end.
    ///
    /// # Errors
    /// It ends inside a character.
    pub fn finish(self) -> Result<String, NotUtf8> {
        // Task: a character that has begun and never ended is an error, too.
        todo!("a character that has begun and never ended is an error, too")
    }

    /// How many bytes have come.
    pub fn length(&self) -> usize {
        self.text.len() + self.begun.len()
    }

    /// How many bytes of memory it has.
    pub fn memory(&self) -> usize {
        self.text.capacity() + self.begun.capacity()
    }

    fn not_utf8(&self) -> NotUtf8 {
        NotUtf8 {
            at: self.text.len(),
        }
    }
}

impl fmt::Display for NotUtf8 {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(
            formatter,
            "text that is not UTF-8 from its byte {} on: RFC 6455 §8.1",
            self.at
        )
    }
}

impl Error for NotUtf8 {}
