//! Text in pieces. Step 17 checks it where it lies, so the bytes are kept here.

use speed::utf8::Utf8;
use step_07::NotUtf8;

/// A text with the interface of [`step_07::TextBuffer`].
#[derive(Debug, Default)]
pub struct TextBuffer {
    checked: Utf8,
    bytes: Vec<u8>,
}

impl TextBuffer {
    /// Takes the next bytes of the text.
    ///
    /// # Errors
    /// Returns [`NotUtf8`] if the text can't be UTF-8 any more.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), NotUtf8> {
        self.checked.push(bytes)?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Ends the text and returns it.
    ///
    /// # Errors
    /// Returns [`NotUtf8`] if the text ends inside a character.
    pub fn finish(self) -> Result<String, NotUtf8> {
        self.checked.finish()?;
        Ok(String::from_utf8(self.bytes).expect("the text is UTF-8"))
    }

    /// Returns how many bytes have come.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }
}
