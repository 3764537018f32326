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
// ANCHOR: text_buffer
#[derive(Debug, Clone, Default)]
pub struct TextBuffer {
    /// The whole characters.
    text: String,
    /// The first bytes of a character that is not whole yet: at most three.
    incomplete: Vec<u8>,
}
// ANCHOR_END: text_buffer

/// The error for bytes that are not UTF-8.
// ANCHOR: not_utf8
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotUtf8 {
    /// How many bytes of the text are valid. The first invalid character begins after them.
    pub valid_up_to: usize,
}
// ANCHOR_END: not_utf8

impl TextBuffer {
    /// Takes the next bytes of the text.
    ///
    /// # Errors
    /// Returns [`NotUtf8`] if the text can't be UTF-8 any more, whatever follows. After that, don't use
    /// the buffer.
    // ANCHOR: push
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), NotUtf8> {
        // Task: a text may be cut anywhere. Where it was cut must make no difference.
        if self.incomplete.is_empty() {
            return self.take_characters(bytes);
        }
        self.incomplete.extend_from_slice(bytes);
        let joined = mem::take(&mut self.incomplete);
        self.take_characters(&joined)
    }
    // ANCHOR_END: push

    // ANCHOR: take_characters
    fn take_characters(&mut self, bytes: &[u8]) -> Result<(), NotUtf8> {
        // Task: an incomplete character isn't an error. Bytes that can't become a character are.
        let first = bytes.utf8_chunks().next();
        let valid = first.map_or("", |chunk| chunk.valid());
        self.text.push_str(valid);
        let rest = &bytes[valid.len()..];
        match str::from_utf8(rest) {
            Err(error) if error.error_len().is_some() => Err(self.not_utf8()),
            _ => {
                self.incomplete = rest.to_vec();
                Ok(())
            }
        }
    }
    // ANCHOR_END: take_characters

    /// Ends the text and returns it.
    ///
    /// # Errors
    /// Returns [`NotUtf8`] if the text ends inside a character.
    // ANCHOR: finish
    pub fn finish(self) -> Result<String, NotUtf8> {
        // Task: an incomplete character at the end is an error, too.
        if !self.incomplete.is_empty() {
            return Err(self.not_utf8());
        }
        Ok(self.text)
    }
    // ANCHOR_END: finish

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
