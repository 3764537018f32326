//! Markdown as plain text for a terminal.
//!
//! The markdown is the book's own, so that reading it by hand is enough. `pulldown-cmark`, which mdBook uses, would add
//! 1.2 seconds of CPU time to the 25 that the first start takes to build (November 2026, on two cores).

use crate::text::wrap;

/// Markdown as plain text, at most `width` columns wide; code keeps its own width.
pub fn plain(markdown: &str, width: usize) -> String {
    let mut blocks: Vec<String> = Vec::new();
    let mut paragraph = Paragraph::default();
    let mut code: Option<Vec<String>> = None;
    for line in markdown.lines() {
        let is_fence = line.trim_start().starts_with("```");
        match (&mut code, is_fence) {
            (Some(_), true) => blocks.push(code.take().unwrap_or_default().join("\n")),
            (Some(lines), false) => lines.push(format!("    {line}").trim_end().to_string()),
            (None, true) => {
                paragraph.end(&mut blocks, width);
                code = Some(Vec::new());
            }
            (None, false) => paragraph.take(line, &mut blocks, width),
        }
    }
    paragraph.end(&mut blocks, width);
    blocks.extend(code.map(|lines| lines.join("\n")));
    // The items of a list, and the rows of a table, are close together.
    blocks
        .join("\n\n")
        .replace("\n\n- ", "\n- ")
        .replace("|\n\n|", "|\n|")
}

/// Lines that belong together, until a blank one or the next item of a list.
#[derive(Default)]
struct Paragraph {
    text: String,
    indent: usize,
}

impl Paragraph {
    fn take(&mut self, line: &str, blocks: &mut Vec<String>, width: usize) {
        let line = line.trim();
        let text = line.trim_start_matches('#').trim_start();
        let marker = marker_length(line);
        if line.is_empty() || marker > 0 || line.starts_with('|') || text != line {
            self.end(blocks, width);
        }
        if marker > 0 {
            self.indent = marker;
        }
        self.text.push_str(text);
        self.text.push(' ');
    }

    fn end(&mut self, blocks: &mut Vec<String>, width: usize) {
        let text = inline(self.text.trim());
        if !text.is_empty() {
            blocks.push(wrap(&text, width, self.indent));
        }
        *self = Self::default();
    }
}

/// How long the mark of a list's item is: 2 for `- `, 3 for `1. `; 0 if there is none.
fn marker_length(line: &str) -> usize {
    if line.starts_with("- ") || line.starts_with("* ") {
        return 2;
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    if line[digits..].starts_with(". ") && digits > 0 {
        digits + 2
    } else {
        0
    }
}

/// Text within a line: without emphasis and tags, links followed by their address. Text
/// between backticks is left as it is.
pub(super) fn inline(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let parts = parts.map(|(number, part)| match number % 2 {
        0 => without_marks(part),
        _ => part.to_string(),
    });
    without_links(&parts.collect::<Vec<_>>().join("`"))
}

fn without_marks(text: &str) -> String {
    let text = text.replace("**", "");
    let mut plain = String::new();
    let mut before = ' ';
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let after = characters.peek().copied().unwrap_or(' ');
        let opens = !before.is_alphanumeric() && !after.is_whitespace();
        let closes = !before.is_whitespace() && !after.is_alphanumeric();
        match character {
            '<' if after.is_ascii_alphabetic() || after == '/' => {
                characters.by_ref().find(|character| *character == '>');
            }
            '*' | '_' if opens || closes => {}
            _ => plain.push(character),
        }
        before = character;
    }
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(plain, |text, (entity, character)| {
        text.replace(entity, character)
    })
}

fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(middle) = rest.find("](") {
        let start = rest[..middle].rfind('[');
        let end = rest[middle..].find(')').map(|length| middle + length);
        let (Some(start), Some(end)) = (start, end) else {
            break;
        };
        plain.push_str(&rest[..start]);
        plain.push_str(&rest[start + 1..middle]);
        let address = &rest[middle + 2..end];
        if address.starts_with("http") {
            plain.push_str(&format!(" ({address})"));
        }
        rest = &rest[end + 1..];
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_is_made_plain() {
        let markdown = "Read *[RFC 6455 §4.2.2](https://www.rfc-editor.org/rfc/rfc6455)* and **mind** `*this*` in\nsnake_case text.\n\n\
                        - one\n- two, which is long enough to wrap\n\n```rust\nlet x = [1](2);\n```\n";
        let expected = "Read RFC 6455 §4.2.2\n(https://www.rfc-editor.org/rfc/rfc6455) and mind\n`*this*` in snake_case text.\n\
                        - one\n- two, which is long enough to wrap\n\n    let x = [1](2);";
        assert_eq!(plain(markdown, 50), expected);
    }

    #[test]
    fn numbers_and_entities_stay_readable() {
        assert_eq!(
            plain("1. a &lt;b&gt;\n2. <em>c</em> [x](y.md)", 80),
            "1. a <b>\n\n2. c x"
        );
        assert_eq!(plain("2 * 3 < 7 and a_b", 80), "2 * 3 < 7 and a_b");
    }

    #[test]
    fn what_is_never_closed_does_no_harm() {
        assert_eq!(plain("```\ncode", 80), "    code");
        assert_eq!(inline("[a](b"), "[a](b");
        assert_eq!(inline("a < b `c"), "a < b `c");
    }
}
