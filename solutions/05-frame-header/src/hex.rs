//! Bytes out of hexadecimal text, as people write and copy it.

use std::error::Error;
use std::fmt;

/// Why a text is no hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HexError {
    /// A character that is neither a digit nor white space.
    NotADigit(char),
    /// A number of digits that is odd: a byte has two.
    HalfAByte(usize),
}

impl fmt::Display for HexError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::NotADigit(character) => {
                write!(formatter, "{character:?} is no hexadecimal digit.")
            }
            Self::HalfAByte(1) => write!(formatter, "One digit is half a byte."),
            Self::HalfAByte(digits) => {
                write!(formatter, "{digits} digits end in the middle of a byte.")
            }
        }
    }
}

impl Error for HexError {}

/// The bytes that a text of hexadecimal digits stands for: `81 05` or `8105`, in any case, with any
/// white space.
///
/// # Errors
/// Something else is in it, or half a byte.
pub fn bytes_of(text: &str) -> Result<Vec<u8>, HexError> {
    let mut digits = Vec::new();
    for character in text.chars().filter(|character| !character.is_whitespace()) {
        let digit = character.to_digit(16);
        digits.push(digit.ok_or(HexError::NotADigit(character))? as u8);
    }
    if digits.len() % 2 == 1 {
        return Err(HexError::HalfAByte(digits.len()));
    }
    let bytes = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]);
    Ok(bytes.collect())
}
