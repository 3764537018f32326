//! Where a fuzzer begins: `seeds/*.txt`, a seed a line, so that a person can read and change them.
//!
//! ```text
//! # a masked "Hello"
//! 00 ffffff  81 85 37fa213d 7f9f4d5158
//! 00 ffffff  "GET / HTTP/1.1\r\n"
//! ```
//!
//! Bytes are in hexadecimal, with spaces anywhere between them, or text in quotation marks, in which
//! a backslash comes before `r`, `n`, `"` and itself.

use std::path::PathBuf;
use std::{fs, io};

/// The seeds of a target.
///
/// # Errors
/// The file can't be read, or a line of it makes no sense.
pub fn of(target: &str) -> io::Result<Vec<Vec<u8>>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let text = fs::read_to_string(folder.join(format!("{target}.txt")))?;
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| bytes_of(line).ok_or_else(|| io::Error::other(format!("{target}: {line}"))))
        .collect()
}

/// What a line stands for. `None` where it makes no sense.
pub fn bytes_of(line: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' => {}
            '"' => loop {
                match characters.next()? {
                    '"' => break,
                    '\\' => bytes.push(match characters.next()? {
                        'r' => b'\r',
                        'n' => b'\n',
                        other => u8::try_from(other).ok()?,
                    }),
                    other => bytes.extend(other.to_string().into_bytes()),
                }
            },
            high => {
                let digits = [high, characters.next()?];
                let [high, low] = digits.map(|digit| digit.to_digit(16));
                bytes.push((high? << 4 | low?) as u8);
            }
        }
    }
    Some(bytes)
}
