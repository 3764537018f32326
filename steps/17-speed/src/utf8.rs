//! UTF-8 that comes in pieces, looked at many bytes at a time.
//!
//! Step 07 keeps the text that it has checked. Here, the text stays where it is: all that has to be kept is the
//! beginning of a character that a piece has cut, three bytes at most.

use messages::NotUtf8;
use simdutf8::compat::from_utf8;

/// The check of one text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Utf8 {
    /// How many bytes are whole characters.
    valid: usize,
    /// The first bytes of a character that isn't whole yet, and how many there are.
    cut: [u8; 4],
    cut_length: usize,
}

/// Checks a whole text.
///
/// # Errors
/// Returns [`NotUtf8`] if it isn't UTF-8, or ends inside a character.
pub fn check(text: &[u8]) -> Result<(), NotUtf8> {
    match from_utf8(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(NotUtf8 {
            valid_up_to: error.valid_up_to(),
        }),
    }
}

impl Utf8 {
    /// Checks the next piece of the text.
    ///
    /// # Errors
    /// Returns [`NotUtf8`] if the text can't be UTF-8 any more, whatever follows.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), NotUtf8> {
        let mut piece = piece;
        // The character that was cut gets its missing bytes one by one.
        while self.cut_length > 0
            && let Some((next, rest)) = piece.split_first()
        {
            self.cut[self.cut_length] = *next;
            self.cut_length += 1;
            piece = rest;
            let (cut, length) = (self.cut, self.cut_length);
            self.cut_length = 0;
            self.take(&cut[..length])?;
        }
        self.take(piece)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), NotUtf8> {
        let Err(error) = from_utf8(bytes) else {
            self.valid += bytes.len();
            return Ok(());
        };
        self.valid += error.valid_up_to();
        if error.error_len().is_some() {
            return Err(self.error());
        }
        let cut = &bytes[error.valid_up_to()..];
        self.cut[..cut.len()].copy_from_slice(cut);
        self.cut_length = cut.len();
        Ok(())
    }

    /// Ends the text.
    ///
    /// # Errors
    /// Returns [`NotUtf8`] if it ends inside a character.
    pub fn finish(self) -> Result<(), NotUtf8> {
        match self.cut_length {
            0 => Ok(()),
            _ => Err(self.error()),
        }
    }

    fn error(&self) -> NotUtf8 {
        NotUtf8 {
            valid_up_to: self.valid,
        }
    }
}
