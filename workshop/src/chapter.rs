//! The hints of a step, out of its chapter; and a whole page, until the book is built.
//!
//! A hint is a `<details class="hint">` block with a `<summary>`. What it includes from other
//! files is filled in, and its markdown is made plain text for a terminal.
//!
//! The markdown is the book's own, so that reading it by hand is enough. `pulldown-cmark`, which mdBook uses, would add
//! 1.2 seconds of CPU time to the 24 that the first start takes to build (November 2026, on two cores).

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};

use crate::project::{Project, Step};
use crate::text::wrap;

/// One hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The text on its fold: `Hint 1: where to look`.
    pub title: String,
    /// Its text, in markdown, with all that it includes.
    pub markdown: String,
}

/// The hints of a step, the weakest first.
///
/// # Errors
/// Returns an error if the chapter, or what a hint includes, can't be read.
pub fn hints(project: &Project, step: &Step) -> Result<Vec<Hint>> {
    let folder = project.root.join("book").join("src");
    let chapter = folder.join(&step.chapter);
    let text = fs::read_to_string(&chapter)
        .with_context(|| format!("{} can't be read", chapter.display()))?;
    let text = text.replace("\r\n", "\n");
    let (blocks, labels) = (blocks(&text), labels(&text));
    let fill_in = |hint: Hint| {
        let markdown = without_references(&hint.markdown, &labels);
        let markdown = with_includes(&markdown, &folder)?;
        Ok(Hint { markdown, ..hint })
    };
    blocks.into_iter().map(fill_in).collect()
}

fn blocks(chapter: &str) -> Vec<Hint> {
    let mut hints = Vec::new();
    let mut rest = chapter;
    while let Some(at) = rest.find("<details") {
        let block = &rest[at..];
        let end = block.find("</details>").unwrap_or(block.len());
        let (block, after) = block.split_at(end);
        rest = after;
        let Some((tag, body)) = block.split_once('>') else {
            continue;
        };
        if !tag.contains("class=\"hint\"") {
            continue;
        }
        let summary = body
            .split_once("<summary>")
            .and_then(|(_, rest)| rest.split_once("</summary>"));
        let (title, markdown) = summary.unwrap_or(("Hint", body));
        hints.push(Hint {
            title: inline(title.trim()),
            markdown: markdown.trim().to_string(),
        });
    }
    hints
}

/// What the chapter defines links for, by lines like "[`Read`]: https://…".
fn labels(chapter: &str) -> Vec<&str> {
    let label = |line: &'_ str| -> Option<usize> {
        let at = line.strip_prefix('[')?.find("]: ")?;
        (at > 0).then_some(at)
    };
    chapter
        .lines()
        .filter_map(|line| Some(&line[1..=label(line)?]))
        .collect()
}

/// The text without the brackets of links that are defined elsewhere: "[`Read`]" is `Read`, and
/// "[that][`Read`]" is "that".
fn without_references(markdown: &str, labels: &[&str]) -> String {
    let mut is_code = false;
    let mut text = String::new();
    for part in markdown.split_inclusive("```") {
        if is_code {
            text.push_str(part);
        } else {
            text.push_str(&labels.iter().fold(part.to_string(), one_without));
        }
        is_code = !is_code;
    }
    text
}

fn one_without(text: String, label: &&str) -> String {
    let mut plain = String::new();
    let mut rest = text.as_str();
    // A label may be broken where a line is.
    let spaced = text.replace('\n', " ");
    let spaced = spaced.as_str();
    let bracketed = format!("[{label}]");
    while let Some(at) = spaced[spaced.len() - rest.len()..].find(&bracketed) {
        let (before, from) = rest.split_at(at);
        let (link, after) = from.split_at(bracketed.len());
        let inner = &link[1..link.len() - 1];
        match before
            .strip_suffix(']')
            .map(|before| before.rsplit_once('['))
        {
            Some(Some((before, words))) => plain.extend([before, words]),
            _ if after.starts_with(['(', '[']) => plain.extend([before, link]),
            _ => plain.extend([before, inner]),
        }
        rest = after;
    }
    plain + rest
}

/// A page of the book as plain text, with all that it includes; `None` if there is no such page. Pictures are left
/// out, and what is folded stays so: hints and answers are there for later.
pub fn page(project: &Project, file: &Path) -> Option<String> {
    let folder = project.root.join("book").join("src");
    let text = fs::read_to_string(folder.join(file)).ok()?;
    let text = text.replace("\r\n", "\n");
    let text = without(&text, "<svg", "</svg>", |_| "(a picture)".to_string());
    let text = without(&text, "<details", "</details>", |fold| {
        let summary = fold.split_once("<summary>").unwrap_or_default().1;
        let (summary, _) = summary.split_once("</summary>").unwrap_or_default();
        format!("▸ {summary}\n\n")
    });
    let labels = labels(&text);
    let is_definition = |line: &&str| {
        labels
            .iter()
            .any(|label| line.starts_with(&format!("[{label}]: ")))
    };
    let heading = |line: &str| match line.trim_start_matches('#') {
        title if title == line => line.to_string(),
        title => format!("■{title}"),
    };
    let lines = text.lines().filter(|line| !is_definition(line));
    let lines: Vec<String> = lines.map(heading).collect();
    let text = without_references(&lines.join("\n"), &labels);
    let text = with_includes(&text, &folder).ok()?;
    Some(plain(&text, PAGE_WIDTH))
}

/// How many columns such a page has.
const PAGE_WIDTH: usize = 90;

/// The text with everything from `open` to `close` replaced.
fn without(text: &str, open: &str, close: &str, replace: impl Fn(&str) -> String) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once(open) {
        let (inner, after) = from.split_once(close).unwrap_or((from, ""));
        kept.push_str(before);
        kept.push_str(&replace(inner));
        rest = after;
    }
    kept + rest
}

/// Fills in `{{#include path:anchor}}`, as mdBook does.
fn with_includes(markdown: &str, folder: &Path) -> Result<String> {
    let mut text = String::new();
    let mut rest = markdown;
    while let Some(at) = rest.find("{{#") {
        let Some(length) = rest[at..].find("}}") else {
            break;
        };
        text.push_str(&rest[..at]);
        text.push_str(&included(&rest[at + 3..at + length], folder)?);
        rest = &rest[at + length + 2..];
    }
    text.push_str(rest);
    Ok(text)
}

fn included(directive: &str, folder: &Path) -> Result<String> {
    let mut words = directive.split_whitespace();
    let (Some("include" | "rustdoc_include"), Some(what)) = (words.next(), words.next()) else {
        return Ok(String::new());
    };
    let (path, anchor) = match what.split_once(':') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (what, None),
    };
    let file = folder.join(path);
    let text =
        fs::read_to_string(&file).with_context(|| format!("{} can't be read", file.display()))?;
    let missing = || anyhow!("{} has no anchor `{what}`", file.display());
    anchored(&text, anchor).ok_or_else(missing)
}

fn anchored(text: &str, anchor: Option<&str>) -> Option<String> {
    let names = |line: &str, word: &str| {
        let name = line.split_once(word)?.1.split_whitespace().next()?;
        Some(name.to_string())
    };
    let mut is_inside = anchor.is_none();
    let mut was_found = is_inside;
    let mut lines = Vec::new();
    for line in text.lines() {
        if let Some(name) = names(line, "ANCHOR_END: ") {
            is_inside &= Some(name.as_str()) != anchor;
        } else if let Some(name) = names(line, "ANCHOR: ") {
            if Some(name.as_str()) == anchor {
                (is_inside, was_found) = (true, true);
            }
        } else if is_inside {
            lines.push(line);
        }
    }
    was_found.then(|| lines.join("\n"))
}

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
fn inline(text: &str) -> String {
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
    fn hints_are_found_among_other_folds() {
        let chapter = "# A\n\n<details class=\"hint\"><summary>Hint 1: *where*</summary>\n\nLook.\n\n</details>\n\n\
                       <details class=\"answer\"><summary>Answer</summary>\n\nNo.\n\n</details>\n\
                       <details class=\"hint\">\n<summary>Hint 2</summary>\n\n- `a`\n- b\n\n</details>\n";
        let hints = blocks(chapter);
        assert_eq!(hints.len(), 2);
        assert_eq!(
            (hints[0].title.as_str(), hints[0].markdown.as_str()),
            ("Hint 1: where", "Look.")
        );
        assert_eq!(hints[1].markdown, "- `a`\n- b");
    }

    #[test]
    fn links_that_are_defined_elsewhere_lose_their_brackets() {
        let chapter = "a\n\n[`Read`]: https://a.example\n[RFC 6455 §5.2]: https://b.example\n";
        let labels = labels(chapter);
        assert_eq!(labels, ["`Read`", "RFC 6455 §5.2"]);
        let plain = |text| without_references(text, &labels);
        assert_eq!(
            plain("See [`Read`], [that][`Read`], [RFC\n6455 §5.2] and [0]."),
            "See `Read`, that, RFC\n6455 §5.2 and [0]."
        );
        assert_eq!(plain("[`Read`](x.md)"), "[`Read`](x.md)");
        let code = "```rust\nlet x = [RFC 6455 §5.2];\n```";
        assert_eq!(plain(code), code);
        assert_eq!(plain("[`Read`"), "[`Read`");
    }

    #[test]
    fn an_anchor_is_cut_out_without_the_anchors_inside() {
        let text =
            "a\n// ANCHOR: x\nb\n// ANCHOR: y\nc\n// ANCHOR_END: y\nd\n// ANCHOR_END: x\ne\n";
        assert_eq!(anchored(text, Some("x")).as_deref(), Some("b\nc\nd"));
        assert_eq!(anchored(text, Some("y")).as_deref(), Some("c"));
        assert_eq!(anchored(text, None).as_deref(), Some("a\nb\nc\nd\ne"));
        assert_eq!(anchored(text, Some("z")), None);
    }

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
    fn every_page_of_the_book_can_be_read_before_it_is_built() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let project = Project::at(root).unwrap();
        let pages = fs::read_dir(root.join("book/src")).unwrap().flatten();
        let pages = pages.map(|entry| entry.path());
        let is_page = |file: &std::path::PathBuf| file.extension().is_some_and(|e| e == "md");
        let mut count = 0;
        for file in pages.filter(is_page) {
            let text = page(&project, Path::new(file.file_name().unwrap())).unwrap();
            for raw in ["{{#include", "<svg", "<details", "]: http"] {
                assert!(!text.contains(raw), "{}: {raw}", file.display());
            }
            count += 1;
        }
        assert!(count >= project.steps.len(), "{count}");
        let hello = page(&project, Path::new("hello.md")).unwrap();
        assert!(
            hello.contains("HTTP/1.1 200 OK") && hello.contains("▸ Hint 1"),
            "{hello}"
        );
        assert_eq!(page(&project, Path::new("nothing.md")), None);
    }

    #[test]
    fn what_is_never_closed_does_no_harm() {
        assert_eq!(plain("```\ncode", 80), "    code");
        assert_eq!(inline("[a](b"), "[a](b");
        assert_eq!(inline("a < b `c"), "a < b `c");
        assert!(blocks("<details class=\"hint\"").is_empty());
    }
}
