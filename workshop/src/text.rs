//! Text for a terminal: wrapped, cut, made harmless, printed.

use std::io::{self, Write};
use std::process;

use crate::process::end_all;
use crate::screen::restore;

/// Breaks a text at words, so that no line is wider than `width` columns. Each further line is
/// indented by `indent` columns. A word that is wider than a line stays whole.
pub fn wrap(text: &str, width: usize, indent: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is a first line");
        let used = columns(last);
        let is_empty = last.trim().is_empty();
        if !is_empty && used + 1 + columns(word) > width {
            lines.push(format!("{}{word}", " ".repeat(indent)));
        } else {
            if !is_empty {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines.join("\n")
}

/// A report with its paragraphs (`  Rule: …`, and the lines indented below it) broken anew, where
/// a line of it is wider than `width` columns.
pub fn reflow(report: &str, width: usize) -> String {
    if report.lines().all(|line| columns(line) <= width) {
        return report.to_string();
    }
    let mut text = String::new();
    let mut lines = report.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(indent) = indent_of_label(line) else {
            text.push_str(line);
            text.push('\n');
            continue;
        };
        let mut paragraph = line.trim().to_string();
        let margin = " ".repeat(indent);
        let belongs = |line: &&str| {
            line.strip_prefix(margin.as_str())
                .is_some_and(|rest| !rest.starts_with(' ') && !rest.is_empty())
        };
        while let Some(more) = lines.next_if(belongs) {
            paragraph.push(' ');
            paragraph.push_str(more.trim());
        }
        for line in wrap(&paragraph, width.saturating_sub(2), indent - 2).lines() {
            text.push_str("  ");
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// How far the text behind a label is indented: 8 for `  Rule: …`.
fn indent_of_label(line: &str) -> Option<usize> {
    let (label, _) = line.strip_prefix("  ")?.split_once(": ")?;
    let is_word = !label.is_empty() && label.chars().all(char::is_alphabetic);
    is_word.then(|| columns(label) + 4)
}

/// Breaks one line of a report into lines of at most `width` columns: at a space where one is
/// near, and with the line's own indentation. Columns behind a `│` stay behind it.
pub fn fold(line: &str, width: usize) -> Vec<String> {
    let mut rest: String = line.to_string();
    if columns(&rest) > width {
        rest = squeezed(&rest);
    }
    let margin = match rest.find("│ ") {
        Some(at) if columns(&rest[..at]) < width / 2 => {
            format!("{}┊ ", " ".repeat(columns(&rest[..at])))
        }
        _ => {
            let own = columns(&rest) - columns(rest.trim_start());
            " ".repeat(own.min(width / 2))
        }
    };
    let mut lines = Vec::new();
    while columns(&rest) > width {
        let (head, tail) = rest.split_at(byte_at(&rest, width));
        let nearest = head
            .rfind(' ')
            .filter(|at| columns(&head[*at..]) <= width / 3);
        match nearest {
            Some(at) if !head[..at].trim().is_empty() => {
                let next = format!("{margin}{}", rest[at..].trim_start());
                lines.push(rest[..at].trim_end().to_string());
                rest = next;
            }
            _ => {
                let next = format!("{margin}{tail}");
                lines.push(head.to_string());
                rest = next;
            }
        }
    }
    lines.push(rest);
    lines
}

/// A line whose wide gap (behind a title, in front of a section number) is made small.
fn squeezed(line: &str) -> String {
    let text = line.trim_start();
    let margin = &line[..line.len() - text.len()];
    match text.split_once("   ") {
        Some((title, section)) if !title.contains('│') => {
            format!("{margin}{title}  {}", section.trim_start())
        }
        _ => line.to_string(),
    }
}

/// The line, cut to `width` columns, with `…` where something was cut off.
pub fn cut(line: &str, width: usize) -> String {
    if columns(line) <= width {
        return line.to_string();
    }
    let kept = &line[..byte_at(line, width.saturating_sub(1))];
    format!("{kept}…")
}

/// How many columns a text takes.
pub fn columns(text: &str) -> usize {
    text.chars().count()
}

fn byte_at(text: &str, column: usize) -> usize {
    text.char_indices()
        .nth(column)
        .map_or(text.len(), |(at, _)| at)
}

/// The text without control characters: what a learner's code prints must not steer the terminal.
pub fn harmless(text: &str) -> String {
    let harmless = |character: char| match character {
        '\n' => '\n',
        '\t' => ' ',
        other if other.is_control() => '\u{fffd}',
        other => other,
    };
    text.replace("\r\n", "\n").chars().map(harmless).collect()
}

/// Prints a line. Where nobody reads any more (`| head`), the process ends.
pub fn say(line: &str) {
    let mut out = io::stdout().lock();
    let printed = writeln!(out, "{}", line.trim_end()).and_then(|()| out.flush());
    if printed.is_err() {
        restore();
        end_all();
        process::exit(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped() {
        assert_eq!(wrap("one two three", 8, 2), "one two\n  three");
        assert_eq!(wrap("  averylongword x", 5, 0), "averylongword\nx");
        assert_eq!(wrap("", 5, 0), "");
    }

    #[test]
    fn a_report_is_folded_behind_its_bar() {
        let line = "  expected │ HTTP/1.1 101 Switching Protocols";
        assert_eq!(
            fold(line, 34),
            [
                "  expected │ HTTP/1.1 101",
                "           ┊ Switching Protocols"
            ]
        );
        let title = "✗ the_server_says_hello: wrong                    RFC 9112 §4";
        assert_eq!(
            fold(title, 60),
            ["✗ the_server_says_hello: wrong  RFC 9112 §4"]
        );
        assert_eq!(fold("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(fold("", 3), [""]);
    }

    #[test]
    fn paragraphs_of_a_report_are_broken_anew() {
        let report =
            "✗ a: wrong\n  Rule: one two three\n        four five\n\n  expected │ x\n  Next: six";
        assert_eq!(reflow(report, 80), report);
        assert_eq!(
            reflow(report, 20),
            "✗ a: wrong\n  Rule: one two\n        three four\n        five\n\n  expected │ x\n  Next: six\n"
        );
    }

    #[test]
    fn folding_ends_whatever_the_width() {
        let line = format!("{}│ {}", " ".repeat(11), "é".repeat(200));
        for width in 1..40 {
            let folded = fold(&line, width.max(10));
            assert!(
                folded.iter().all(|line| columns(line) <= width.max(10)),
                "{folded:?}"
            );
        }
    }

    #[test]
    fn what_is_cut_is_marked() {
        assert_eq!(cut("über", 4), "über");
        assert_eq!(cut("über alles", 4), "übe…");
    }

    #[test]
    fn escape_sequences_are_made_harmless() {
        assert_eq!(
            harmless("a\u{1b}[2Jb\r\nc\td"),
            "a\u{fffd}[2Jb\nc d".to_string()
        );
    }
}
