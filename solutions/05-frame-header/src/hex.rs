//! Hexadecimal text as bytes, in the forms in which people write and copy it.

use std::error::Error;
use std::fmt;

/// Why a text isn't hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HexError {
    /// This character is neither a hexadecimal digit nor a separator.
    NotADigit(char),
    /// This many digits are in a row, which is an odd number: a byte has two.
    OddDigits(usize),
}

impl fmt::Display for HexError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::NotADigit(character) => {
                write!(formatter, "{character:?} isn't a hexadecimal digit.")
            }
            Self::OddDigits(1) => write!(formatter, "One digit is half a byte."),
            Self::OddDigits(digits) => {
                write!(
                    formatter,
                    "{digits} digits in a row end in the middle of a byte."
                )
            }
        }
    }
}

impl Error for HexError {}

/// Parses hexadecimal digits, ignoring case, with any separators that people copy along: `8105`, `81 05`,
/// `81:05`, `0x81, 0x05`, `\x81\x05`, with any white space and any brackets.
///
/// # Errors
/// Returns [`HexError::NotADigit`] if the text has any other character, and [`HexError::OddDigits`] if
/// it has half a byte.
pub fn parse(text: &str) -> Result<Vec<u8>, HexError> {
    let mut bytes = Vec::new();
    for token in text.split(is_separator) {
        let digits = without_prefix(token);
        let mut values = Vec::new();
        // `0x5` is a byte, where `5` is half of one.
        if digits.len() == 1 && digits != token {
            values.push(0);
        }
        for character in digits.chars() {
            let digit = character.to_digit(16);
            values.push(digit.ok_or(HexError::NotADigit(character))? as u8);
        }
        if values.len() % 2 == 1 {
            return Err(HexError::OddDigits(values.len()));
        }
        bytes.extend(values.chunks(2).map(|pair| pair[0] << 4 | pair[1]));
    }
    Ok(bytes)
}

/// Whether the character separates bytes. The backslash is that of `\x81`, whose `x` is a prefix like `0x`.
fn is_separator(character: char) -> bool {
    character.is_whitespace() || ",:;-_\\\"'[](){}<>".contains(character)
}

fn without_prefix(token: &str) -> &str {
    ["0x", "0X", "x"]
        .iter()
        .find_map(|prefix| token.strip_prefix(prefix))
        .filter(|digits| !digits.is_empty())
        .unwrap_or(token)
}
