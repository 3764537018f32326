//! Entries to show, before they are laid out in columns.

use workshop_terminal::text::columns;
use workshop_wire::side::Side;

/// The number of bytes that are kept of a payload or a body, to be shown.
pub const MAX_KEPT: usize = 512;

/// Something to show: one line, and perhaps more below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The side that sent it. `None` for an entry from the tap itself.
    pub from: Option<Side>,
    /// Its title: `text, FIN, 5 bytes`, for example.
    pub title: String,
    /// Its content.
    pub content: Option<Content>,
    /// Its details.
    pub notes: Vec<Note>,
}

/// More about an entry, below its first line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A remark.
    Plain(String),
    /// A rule that is broken, or something that went wrong.
    Fault(String),
    /// Lines that keep their columns.
    Drawing(String),
}

/// The bytes that were sent, as far as they are kept. They are laid out once the width is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The bytes, unmasked.
    pub bytes: Vec<u8>,
    /// Whether there are more than these.
    pub has_more: bool,
    /// Whether they are shown as text, even if they aren't UTF-8.
    pub is_text: bool,
    /// How many lines they may take.
    pub lines: usize,
}

impl Entry {
    /// An entry with a title, and nothing else yet.
    pub fn new(from: Side, title: impl Into<String>) -> Self {
        Self {
            from: Some(from),
            title: title.into(),
            content: None,
            notes: Vec::new(),
        }
    }

    /// An entry from the tap itself.
    pub fn from_tap(title: impl Into<String>) -> Self {
        Self {
            from: None,
            ..Self::new(Side::Client, title)
        }
    }

    /// Sets the content, unless it is empty.
    pub fn with(mut self, content: Content) -> Self {
        self.content = (!content.bytes.is_empty()).then_some(content);
        self
    }

    /// Adds a remark.
    pub fn with_note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(Note::Plain(text.into()));
        self
    }

    /// Adds something that is wrong.
    pub fn with_fault(mut self, text: impl Into<String>) -> Self {
        self.notes.push(Note::Fault(text.into()));
        self
    }
}

impl Content {
    /// The content in at most `width` columns: text in quotes, or hexadecimal. A `…` says that there is more.
    pub fn line(&self, width: usize) -> String {
        let width = width.max(8);
        if self.is_text {
            return quoted(&self.bytes, self.has_more, width);
        }
        let fits = width.saturating_sub(2) / 3;
        let shown = self.bytes.iter().take(fits);
        let mut line = shown.map(|byte| format!("{byte:02x} ")).collect::<String>();
        if self.has_more || self.bytes.len() > fits {
            line.push('…')
        } else {
            _ = line.pop()
        }
        line
    }
}

/// Text in quotes. A byte that isn't UTF-8 is written as `\xff`.
fn quoted(bytes: &[u8], has_more: bool, width: usize) -> String {
    let mut pieces = Vec::new();
    for chunk in bytes.utf8_chunks() {
        pieces.extend(chunk.valid().chars().map(escaped));
        pieces.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    let length = |pieces: &[String]| -> usize { pieces.iter().map(|p| columns(p)).sum() };
    if !has_more && length(&pieces) + 2 <= width {
        return format!("\"{}\"", pieces.concat());
    }
    while length(&pieces) + 4 > width {
        pieces.pop();
    }
    format!("\"{}\" …", pieces.concat())
}

/// A character as Rust writes it in a string, but quotes have no backslash: JSON would be full of them.
fn escaped(character: char) -> String {
    match character {
        '\'' | '"' => character.to_string(),
        other => other.escape_debug().to_string(),
    }
}

/// A number of bytes, in words.
pub fn byte_count(count: u64) -> String {
    match count {
        1 => "1 byte".to_string(),
        _ => format!("{count} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], has_more: bool, width: usize) -> String {
        let bytes = bytes.to_vec();
        let is_text = true;
        Content {
            bytes,
            has_more,
            is_text,
            lines: 1,
        }
        .line(width)
    }

    #[test]
    fn content_fits_its_width() {
        assert_eq!(text(b"Hello", false, 10), "\"Hello\"");
        assert_eq!(text(b"Hello", true, 10), "\"Hello\" …");
        assert_eq!(text(b"Hello, world", false, 10), "\"Hello,\" …");
        assert_eq!(
            text("é\n\u{1b}\"'".as_bytes(), false, 40),
            "\"é\\n\\u{1b}\"'\""
        );
        assert_eq!(text(b"\xc3\xa9\xc3", true, 40), "\"é\\xc3\" …");
        let hex = |has_more, width| {
            let bytes = vec![1, 2, 3];
            let is_text = false;
            Content {
                bytes,
                has_more,
                is_text,
                lines: 1,
            }
            .line(width)
        };
        assert_eq!(hex(false, 20), "01 02 03");
        assert_eq!(hex(true, 20), "01 02 03 …");
        assert_eq!(hex(false, 8), "01 02 …");
        for width in 8..40 {
            let line = text("é\u{7}".repeat(20).as_bytes(), true, width);
            assert!(columns(&line) <= width, "{line}");
        }
    }
}
