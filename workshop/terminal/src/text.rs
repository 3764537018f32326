//! Text for a terminal: wrapped, cut, sanitized, printed.

use std::io::{self, Write};
use std::process;

use unicode_width::UnicodeWidthChar;

use crate::process::kill_all;
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

/// Wraps the paragraphs of a report (`  Rule: …`, and the lines indented below it) again if one of its lines is wider
/// than `width` columns.
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

/// The indentation of the text after a label: 8 for `  Rule: …`.
fn indent_of_label(line: &str) -> Option<usize> {
    let (label, _) = line.strip_prefix("  ")?.split_once(": ")?;
    let is_word = !label.is_empty() && label.chars().all(char::is_alphabetic);
    is_word.then(|| columns(label) + 4)
}

/// Breaks one line of a report into lines of at most `width` columns: at a space if one is near,
/// and with the line's own indentation. Text after a `│` stays to the right of it.
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
        // A line has one character at least, even if that is too wide.
        let first = byte_at(&rest, columns(&margin));
        let first = first + rest[first..].chars().next().map_or(0, char::len_utf8);
        let end = byte_at(&rest, width).max(first);
        if end == rest.len() {
            break;
        }
        let (head, tail) = rest.split_at(end);
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

/// Breaks a report into lines of at most `width` columns. *Expected* and *yours*, line under line with a caret
/// below, are broken at the same column, so that what is compared stays one below the other.
pub fn fold_report(report: &str, width: usize) -> Vec<String> {
    let all: Vec<&str> = report.lines().collect();
    let mut rest = all.as_slice();
    let mut lines = Vec::new();
    while let [first, others @ ..] = rest {
        match pair(rest).filter(|pair| pair.iter().any(|line| columns(line) > width)) {
            Some(rows) => {
                lines.extend(fold_pair(rows, width));
                rest = &rest[rows.len()..];
            }
            None => {
                lines.extend(fold(first, width));
                rest = others;
            }
        }
    }
    lines
}

/// The number of columns that the widest character takes.
const WIDEST: usize = 2;

/// The gap between a row's label and its text.
const BAR: &str = "│ ";

/// The rows *expected*, *yours* and the caret, if a text begins with them.
fn pair<'a>(lines: &'a [&'a str]) -> Option<&'a [&'a str; 3]> {
    let rows: &[&str; 3] = lines.first_chunk()?;
    let [expected, yours, caret] = rows.map(|row| row.split_once(BAR));
    let is_caret = caret?.0.trim().is_empty() && caret?.1.trim() == "^";
    let is_pair = expected?.0.trim() == "expected" && yours?.0.trim() == "yours";
    (is_pair && is_caret).then_some(rows)
}

fn fold_pair(rows: &[&str; 3], width: usize) -> Vec<String> {
    let mut parts = rows.map(|row| row.split_once(BAR).unwrap_or(("", row)));
    let room = width
        .saturating_sub(columns(parts[0].0) + columns(BAR))
        .max(WIDEST);
    let mut bar = BAR;
    let mut lines = Vec::new();
    while parts.iter().any(|(_, text)| !text.is_empty()) {
        let end = common_break(&[parts[0].1, parts[1].1], room);
        for (label, text) in &mut parts {
            let (head, tail) = text.split_at(byte_at(text, end));
            if !head.trim().is_empty() {
                lines.push(format!("{label}{bar}{head}").trim_end().to_string());
            }
            *text = tail;
        }
        bar = "┊ ";
    }
    lines
}

/// The column at which all of these texts can be broken: where each has a space, if there is such a column near the end
/// of the line.
fn common_break(texts: &[&str], room: usize) -> usize {
    if texts.iter().all(|text| columns(text) <= room) {
        return room;
    }
    let is_gap = |column: usize, text: &str| {
        let rest = &text[byte_at(text, column)..];
        rest.is_empty() || rest.starts_with(' ')
    };
    let is_common = |column: &usize| texts.iter().all(|text| is_gap(*column, text));
    (room * 2 / 3 + 1..=room)
        .rev()
        .find(is_common)
        .unwrap_or(room)
}

/// A compiler's error in lines of at most `width` columns. Lines of code keep their columns, because there are marks
/// below them. If they are too wide, the part with the marks is shown.
pub fn fit_snippets(error: &str, width: usize) -> Vec<String> {
    let all: Vec<&str> = error.lines().collect();
    // A line of code and its marks belong together.
    let belongs = |one: &&str, other: &&str| match (gutter(one), gutter(other)) {
        (Some(_), Some(_)) => !other.trim_start().starts_with(|c: char| c.is_ascii_digit()),
        (None, None) => true,
        _ => false,
    };
    let parts = all.chunk_by(belongs);
    let fit = |part: &[&str]| match gutter(part[0]) {
        Some(_) => fit_snippet(part, width),
        None => part.iter().flat_map(|line| fold(line, width)).collect(),
    };
    parts.flat_map(fit).collect()
}

/// How wide the part of a compiler's line is that comes before the code: `12 | `.
fn gutter(line: &str) -> Option<usize> {
    let (number, _) = line.split_once('|')?;
    let is_gutter = number.trim().bytes().all(|byte| byte.is_ascii_digit());
    is_gutter.then(|| columns(number) + 1)
}

fn fit_snippet(lines: &[&str], width: usize) -> Vec<String> {
    let split = |line: &&str| {
        let at = byte_at(line, gutter(line).unwrap_or(0));
        let (gutter, code) = line.split_at(at);
        (gutter.to_string(), code.to_string())
    };
    let lines: Vec<(String, String)> = lines.iter().map(split).collect();
    let widest = lines.iter().map(|(gutter, _)| columns(gutter)).max();
    let room = width.saturating_sub(widest.unwrap_or(0)).max(1);
    let marks = lines.iter().filter(|(gutter, _)| gutter.trim() == "|");
    let ends = marks.clone().map(|(_, marks)| columns(marks));
    let begins = marks.filter_map(|(_, marks)| {
        let byte = marks.find(['^', '-', '_'])?;
        Some(columns(&marks[..byte]))
    });
    let beyond = ends.max().unwrap_or(0).saturating_sub(room);
    // The first mark stays visible, with a little of the code before it.
    let hidden = match begins.min() {
        Some(begin) if beyond > 0 => (beyond + 1).min(begin.saturating_sub(4)),
        _ => 0,
    };
    let fit = |(gutter, code): &(String, String)| {
        let code = match hidden {
            0 => code.clone(),
            _ if columns(code) <= hidden => String::new(),
            _ => format!("…{}", &code[byte_at(code, hidden + 1)..]),
        };
        cut(&format!("{gutter}{code}"), width)
            .trim_end()
            .to_string()
    };
    lines.iter().map(fit).collect()
}

/// Makes the wide gap of a line (between a title and a section number) small.
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

/// The width of a text in a terminal, in columns: one for most characters, two for a Chinese one or an emoji, none for
/// an accent that is a character of its own.
pub fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

fn columns_of(character: char) -> usize {
    character.width().unwrap_or(0)
}

/// The number of bytes of a text that fit in this many columns.
fn byte_at(text: &str, column: usize) -> usize {
    let mut used = 0;
    let beyond = text.char_indices().find(|(_, character)| {
        used += columns_of(*character);
        used > column
    });
    beyond.map_or(text.len(), |(at, _)| at)
}

/// Replaces control characters, so that what a learner's code prints can't control the terminal.
pub fn sanitize(text: &str) -> String {
    let safe = |character: char| match character {
        '\n' => '\n',
        '\t' => ' ',
        other if other.is_control() => '\u{fffd}',
        other => other,
    };
    text.replace("\r\n", "\n").chars().map(safe).collect()
}

/// Prints a line. Ends the process if the output isn't read any more (`| head`).
pub fn say(line: &str) {
    let mut out = io::stdout().lock();
    let printed = writeln!(out, "{}", line.trim_end()).and_then(|()| out.flush());
    if printed.is_err() {
        restore();
        kill_all();
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
    fn a_report_is_folded_to_the_right_of_its_bar() {
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
    fn compared_rows_stay_aligned() {
        let report = "  expected │ 0000  b3 7a 4f 2c  .zO,
  yours    │ 0000  b3 7a 4f 2d  .zO-
           │                ^";
        assert_eq!(fold_report(report, 80), report.lines().collect::<Vec<_>>());
        assert_eq!(
            fold_report(report, 33),
            [
                "  expected │ 0000  b3 7a 4f 2c",
                "  yours    │ 0000  b3 7a 4f 2d",
                "           │                ^",
                "  expected ┊  .zO,",
                "  yours    ┊  .zO-",
            ]
        );
        let after = "  expected │ abcdefghij\n  yours    │ abcdefghiJ\n           │          ^";
        assert_eq!(
            fold_report(after, 19),
            [
                "  expected │ abcdef",
                "  yours    │ abcdef",
                "  expected ┊ ghij",
                "  yours    ┊ ghiJ",
                "           ┊    ^",
            ]
        );
    }

    #[test]
    fn marks_stay_below_the_code_that_they_mark() {
        let error = "\
error[E0308]: mismatched types
  --> steps/00-hello/src/lib.rs:14:41
   |
14 |     let greeting_of_the_server: Vec<u8> = format!(\"Hello\");
   |                                 -------   ^^^^^^^^^^^^^^^^ expected `Vec<u8>`
   |                                 |
   |                                 expected due to this";
        assert_eq!(fit_snippets(error, 90), error.lines().collect::<Vec<_>>());
        let lines = fit_snippets(error, 60);
        assert!(lines.iter().all(|line| columns(line) <= 60), "{lines:#?}");
        let column = |text: &str, number: usize| {
            let line: &String = &lines[number];
            line.find(text).map(|byte| columns(&line[..byte]))
        };
        assert_eq!(column("format!", 3), column("^^^", 4));
        assert_eq!(column("Vec<u8> =", 3), column("---", 4));
        assert_eq!(column("expected due", 6), column("---", 4));
        assert!(lines[4].ends_with("expected `Vec<u8>`"), "{lines:#?}");
        let code = format!(
            "13 | let x: u64 = {}\n   | {}^ help: add `;`\n14 | }}\n   | - unexpected",
            "9".repeat(70),
            " ".repeat(84)
        );
        let lines = fit_snippets(&code, 60);
        assert!(lines[1].contains("^ help: add `;`"), "{lines:#?}");
        assert_eq!(lines[2..], ["14 | }", "   | - unexpected"]);
    }

    #[test]
    fn paragraphs_of_a_report_are_wrapped_again() {
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
        for text in ["é", "日", "日本 a ", "a"] {
            for margin in ["", "  ", "           │ "] {
                let line = format!("{margin}{}", text.repeat(200));
                for width in 1..40 {
                    let folded = fold(&line, width);
                    let fits = folded.iter().all(|line| columns(line) <= width);
                    assert!(fits || width < 10, "{folded:?}");
                }
            }
        }
    }

    #[test]
    fn a_wide_character_takes_two_columns_and_an_accent_none() {
        assert_eq!(columns("Grüße …│✓"), 9);
        assert_eq!(columns("日本"), 4);
        assert_eq!(columns("🦀"), 2);
        assert_eq!(columns("e\u{301}"), 1);
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(fold("日本語", 4), ["日本", "語"]);
        assert_eq!(wrap("日本 語", 6, 0), "日本\n語");
    }

    #[test]
    fn wide_characters_are_folded_even_if_there_is_no_room_for_one() {
        assert_eq!(fold("日本", 1), ["日", "本"]);
        assert_eq!(fold("  日本", 2).concat().replace(' ', ""), "日本");
        let report = "  expected │ 日本\n  yours    │ 日木\n           │ ^";
        assert!(fold_report(report, 3).len() > 3);
    }

    #[test]
    fn a_cut_is_marked() {
        assert_eq!(cut("über", 4), "über");
        assert_eq!(cut("über alles", 4), "übe…");
    }

    #[test]
    fn escape_sequences_are_sanitized() {
        assert_eq!(
            sanitize("a\u{1b}[2Jb\r\nc\td"),
            "a\u{fffd}[2Jb\nc d".to_string()
        );
    }
}
