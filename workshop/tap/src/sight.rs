//! What there is to see, before it is laid out in columns.

use workshop_terminal::text::columns;
use workshop_wire::side::Side;

/// Of a payload or a body, so many bytes are kept to be shown.
pub const KEPT: usize = 512;

/// Something to be shown: one line, and perhaps some more below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Who sent it. `None`: the tap itself has something to say.
    pub from: Option<Side>,
    /// What it is.
    pub title: String,
    /// What is in it.
    pub content: Option<Content>,
    /// What else is to be said.
    pub notes: Vec<Note>,
}

/// A line below the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Something to know.
    Plain(String),
    /// A rule that is broken, or something that went wrong.
    Fault(String),
    /// Lines that keep their columns.
    Drawing(String),
}

/// What was sent, as far as it is kept; laid out where it is known how wide it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The bytes, unmasked.
    pub bytes: Vec<u8>,
    /// Whether there are more than these.
    pub has_more: bool,
    /// Whether they are shown as text, whatever they are.
    pub is_text: bool,
    /// How many lines they may take.
    pub lines: usize,
}

impl Sight {
    /// Only a title, for now.
    pub fn new(from: Side, title: impl Into<String>) -> Self {
        Self {
            from: Some(from),
            title: title.into(),
            content: None,
            notes: Vec::new(),
        }
    }

    /// Said by the tap itself.
    pub fn own(title: impl Into<String>) -> Self {
        Self {
            from: None,
            ..Self::new(Side::Client, title)
        }
    }

    /// With this content, unless it is empty.
    pub fn with(mut self, content: Content) -> Self {
        self.content = (!content.bytes.is_empty()).then_some(content);
        self
    }

    /// With something else to know.
    pub fn noting(mut self, text: impl Into<String>) -> Self {
        self.notes.push(Note::Plain(text.into()));
        self
    }

    /// With something that is wrong.
    pub fn blaming(mut self, text: impl Into<String>) -> Self {
        self.notes.push(Note::Fault(text.into()));
        self
    }
}

impl Content {
    /// In at most `width` columns: text in quotes, or hexadecimal; with `…` where that isn't all.
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

/// Text in quotes. What is no UTF-8 stands there as `\xff`.
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

/// As Rust would write it in a string. Quotes have no backslash: JSON would be full of them.
fn escaped(character: char) -> String {
    match character {
        '\'' | '"' => character.to_string(),
        other => other.escape_debug().to_string(),
    }
}

/// A number of bytes, with the right noun.
pub fn bytes_in_words(count: u64) -> String {
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
