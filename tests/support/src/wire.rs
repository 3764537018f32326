//! Transcripts of a wire: who sent which bytes.
//!
//! Text is shown as text, with `␍␊` where a line ends on the wire; everything else as a dump of
//! hexadecimal bytes. The report reads both forms back into bytes, to say which bit differs.

use std::fmt::Write as _;

/// How many bytes one line of a dump holds.
const BYTES_PER_LINE: usize = 16;

/// A record of what two sides sent, in the order in which they sent it.
#[derive(Debug, Default)]
pub struct Transcript {
    text: String,
}

impl Transcript {
    /// An empty transcript.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records what the client sent.
    pub fn client(&mut self, bytes: &[u8]) {
        self.record("client → server", bytes);
    }

    /// Records what the server sent.
    pub fn server(&mut self, bytes: &[u8]) {
        self.record("server → client", bytes);
    }

    /// Records something that is no bytes: "the server closes the connection".
    pub fn note(&mut self, what: &str) {
        self.start_paragraph();
        writeln!(self.text, "({what})").expect("a String takes all text");
    }

    fn record(&mut self, direction: &str, bytes: &[u8]) {
        self.start_paragraph();
        writeln!(self.text, "{direction}").expect("a String takes all text");
        for line in show(bytes).lines() {
            writeln!(self.text, "  {line}").expect("a String takes all text");
        }
    }

    fn start_paragraph(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }
}

impl std::fmt::Display for Transcript {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// Bytes as text where they are text, as a dump where they are not.
///
/// A line's end is drawn: `␍␊` for CR LF, `␊` for a bare LF, `␍` for a bare CR.
pub fn show(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(is_plain) => show_text(text),
        _ => dump(bytes),
    }
}

fn is_plain(character: char) -> bool {
    !character.is_control() || matches!(character, '\r' | '\n')
}

fn show_text(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| line.replace('\r', "␍").replace('\n', "␊\n"))
        .collect()
}

/// Sixteen bytes a line: offset, hexadecimal, and what is printable as text.
pub fn dump(bytes: &[u8]) -> String {
    let mut lines = String::new();
    for (index, line) in bytes.chunks(BYTES_PER_LINE).enumerate() {
        let text: String = line.iter().map(|byte| printable(*byte)).collect();
        let offset = index * BYTES_PER_LINE;
        writeln!(lines, "{offset:04x}  {:<47}  {text}", hex(line))
            .expect("a String takes all text");
    }
    lines
}

/// The bytes in hexadecimal: `81 05 48`.
pub fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

/// The byte as a character, a dot where it has none.
pub fn printable(byte: u8) -> char {
    if byte.is_ascii_graphic() || byte == b' ' {
        char::from(byte)
    } else {
        '.'
    }
}

/// One byte in its three forms: `0x48  0100 1000  H`.
pub fn byte(byte: u8) -> String {
    let name = match byte {
        b'\r' => "␍ (CR)".to_string(),
        b'\n' => "␊ (LF)".to_string(),
        b' ' => "space".to_string(),
        other => printable(other).to_string(),
    };
    format!("0x{byte:02x}  {}  {name}", bits(byte))
}

/// Eight bits, most significant first, in two groups of four: `0100 1000`.
pub fn bits(byte: u8) -> String {
    format!("{:04b} {:04b}", byte >> 4, byte & 0b1111)
}

/// The bytes that a shown line stands for: those of a line of a dump, or those of the text, with
/// `␍␊` read as CR LF.
pub fn bytes_of(line: &str) -> Vec<u8> {
    match bytes_of_dump(line.trim_start()) {
        Some(bytes) => bytes,
        None => line.replace('␍', "\r").replace('␊', "\n").into_bytes(),
    }
}

/// Whether a shown line is a line of a dump.
pub fn is_dump(line: &str) -> bool {
    bytes_of_dump(line.trim_start()).is_some()
}

fn bytes_of_dump(line: &str) -> Option<Vec<u8>> {
    let (offset, rest) = line.split_once("  ")?;
    let is_offset = offset.len() == 4 && u16::from_str_radix(offset, 16).is_ok();
    let hex = rest.get(..47).or(Some(rest)).filter(|_| is_offset)?;
    hex.split_whitespace()
        .map(|byte| u8::from_str_radix(byte, 16).ok())
        .collect()
}

/// Replaces the value of a `Date` header, which is never the same twice.
pub fn without_date(response: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(response);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let lines = head.split("\r\n").map(|line| {
        if line.starts_with("Date: ") {
            "Date: (now)"
        } else {
            line
        }
    });
    let head = lines.collect::<Vec<_>>().join("\r\n");
    format!("{head}\r\n\r\n{body}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_shows_its_line_ends() {
        assert_eq!(
            show(b"GET / HTTP/1.1\r\n\r\nbody"),
            "GET / HTTP/1.1␍␊\n␍␊\nbody"
        );
    }

    #[test]
    fn bytes_are_dumped() {
        let expected = format!("0000  {:<47}  ..Hi\n", "81 02 48 69");
        assert_eq!(show(&[0x81, 0x02, 0x48, 0x69]), expected);
    }

    #[test]
    fn a_shown_line_can_be_read_back() {
        assert_eq!(bytes_of("  Host: x␍␊"), b"  Host: x\r\n");
        assert_eq!(
            bytes_of(&format!("  {}", dump(&[0x81, 0x02, 0x48, 0x69]).trim_end())),
            [0x81, 0x02, 0x48, 0x69]
        );
        assert_eq!(bytes_of("GET / HTTP/1.1"), b"GET / HTTP/1.1");
    }

    #[test]
    fn bits_are_grouped() {
        assert_eq!(byte(b'H'), "0x48  0100 1000  H");
        assert_eq!(byte(b'\r'), "0x0d  0000 1101  ␍ (CR)");
    }

    #[test]
    fn only_the_date_is_replaced() {
        let response = b"HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 05:15:36 GMT\r\n\r\nDate: none";
        assert_eq!(
            without_date(response),
            b"HTTP/1.1 200 OK\r\nDate: (now)\r\n\r\nDate: none"
        );
    }
}
