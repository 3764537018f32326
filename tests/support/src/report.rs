//! What a learner sees when a check is red.
//!
//! The first line names the check, the outcome and the RFC section; the runner reads it too. Then
//! come the rule, the mistake that the signs point to, and what to do next: all that fits above the fold.
//! Below are *expected* beside *yours* where they differ, and the first byte and bit that differ.
//! 80 columns are enough.

use std::fmt::Write as _;

use similar::{DiffOp, TextDiff};

use crate::check::{Check, Outcome, Panic};
use crate::{sign, wire};

const WIDTH: usize = 80;
/// How many equal lines are shown around those that differ.
const CONTEXT: usize = 2;
/// How many lines of a difference are shown. What comes first is what to fix first.
const MAX_LINES: usize = 24;
/// How many lines of one side are shown where the two sides have different numbers of them.
const MAX_OF_A_BLOCK: usize = 5;
/// How long a word may be that is quoted in a sentence.
const MAX_OF_A_WORD: usize = 24;

/// The report on a check, or `None` where it is right.
pub fn report(check: &Check, outcome: &Outcome) -> Option<String> {
    let (word, body) = match outcome {
        Outcome::Right => return None,
        Outcome::Wrong { expected, yours } => ("wrong", wrong(check, outcome, expected, yours)),
        Outcome::NotWritten(todo) => ("not written yet", not_written(check, todo)),
        Outcome::Panicked(panic) => ("panicked", panicked(check, outcome, panic)),
        Outcome::NoAnswer(what) => ("no answer", no_answer(check, outcome, what)),
        Outcome::TooSlow(deadline) => (
            "never finished",
            too_slow(check, outcome, deadline.as_secs()),
        ),
        Outcome::NoSnapshot(why) => ("no snapshot", paragraph("Why: ", why)),
    };
    let mark = if matches!(outcome, Outcome::NotWritten(_)) {
        '○'
    } else {
        '✗'
    };
    let title = format!("{mark} {}: {word}", check.name());
    let space = WIDTH
        .saturating_sub(title.chars().count() + check.rfc.chars().count())
        .max(2);
    let rule = paragraph("Rule: ", check.rule);
    Some(format!(
        "{title}{}{}\n{rule}{body}",
        " ".repeat(space),
        check.rfc
    ))
}

fn wrong(check: &Check, outcome: &Outcome, expected: &str, yours: &str) -> String {
    let likely = likely(check, outcome);
    let next = next(check, "fix it and save");
    format!("{likely}{next}\n{}", difference(expected, yours))
}

/// The guess whose sign fits, if one does.
fn likely(check: &Check, outcome: &Outcome) -> String {
    let guess = sign::guess(&check.guesses, outcome);
    guess.map_or_else(String::new, |guess| paragraph("Often: ", guess))
}

fn not_written(check: &Check, todo: &Panic) -> String {
    let task = todo
        .message
        .trim_start_matches("not yet implemented")
        .trim_start_matches(": ");
    let place = paragraph("Where: ", &format!("{}:{}", todo.file, todo.line));
    let task = paragraph("Task: ", task);
    let Some(earlier) = earlier_step(check, &todo.file) else {
        return format!("{place}{task}{}", next(check, "write it and save"));
    };
    let help = format!(
        "that is a part of an earlier step. Write it there (`cargo test -p {earlier}` judges it), \
         or let the reference take its place: `cargo workshop skip {earlier}` keeps your files."
    );
    format!("{place}{task}{}", paragraph("Next: ", &help))
}

/// The id of the step that the file belongs to, where it is not the step under test.
fn earlier_step(check: &Check, file: &str) -> Option<String> {
    let folder = file.strip_prefix("steps/")?.split('/').next()?;
    let (_number, id) = folder.split_once('-')?;
    (id != check.id()).then(|| id.to_string())
}

fn panicked(check: &Check, outcome: &Outcome, panic: &Panic) -> String {
    let message = paragraph("Panic: ", &panic.message);
    let likely = likely(check, outcome);
    let next = next(check, "fix it and save");
    // A check's own panic is about the learner's code too, but its place would only mislead.
    let place = if panic.file.contains("tests/") {
        String::new()
    } else {
        paragraph("Where: ", &format!("{}:{}", panic.file, panic.line))
    };
    format!("{place}{message}{likely}{next}")
}

fn no_answer(check: &Check, outcome: &Outcome, what: &str) -> String {
    let what = paragraph("What: ", what);
    let likely = likely(check, outcome);
    format!("{what}{likely}{}", next(check, "fix it and save"))
}

fn too_slow(check: &Check, outcome: &Outcome, seconds: u64) -> String {
    let what = format!(
        "after {seconds} s the check gave up waiting. A loop that never ends, a lock that is held \
         while it is asked for again, or an answer that is never sent all look like this."
    );
    let what = paragraph("What: ", &what);
    let likely = likely(check, outcome);
    format!("{what}{likely}{}", next(check, "fix it and save"))
}

fn next(check: &Check, what: &str) -> String {
    paragraph(
        "Next: ",
        &format!("{what}. A hint: `cargo workshop hint {}`.", check.id()),
    )
}

/// The lines that differ, with a few around them, and the first byte and bit that differ.
fn difference(expected: &str, yours: &str) -> String {
    let whole = [expected, yours].map(sign::with_a_last_end);
    let diff = TextDiff::from_lines(&whole[0], &whole[1]);
    let mut lines = Vec::new();
    let mut first = None;
    for group in diff.grouped_ops(CONTEXT) {
        if !lines.is_empty() {
            lines.push("           ⋮".to_string());
        }
        for operation in group {
            let old = &diff.old_slices()[operation.old_range()];
            let new = &diff.new_slices()[operation.new_range()];
            if let DiffOp::Equal { .. } = operation {
                lines.extend(old.iter().map(|line| labelled("", line)));
                continue;
            }
            if first.is_none() {
                let line = operation.old_range().start;
                first = Some(first_difference(line, old, new));
            }
            lines.extend(side_by_side(old, new));
        }
    }
    if yours.trim().is_empty() {
        lines.push(labelled("yours", "(nothing)"));
        first = None;
    }
    let hidden = lines.len().saturating_sub(MAX_LINES);
    // A note in the place of a single line would save nothing.
    if hidden > 1 {
        lines.truncate(MAX_LINES);
        lines.push(format!("           ({hidden} more lines)"));
    }
    let first = swapped(expected, yours).or(first).unwrap_or_default();
    format!("{}\n\n{first}", lines.join("\n"))
        .trim_end()
        .to_string()
        + "\n"
}

/// Where the first line of yours belongs that has the wrong place, if the order is all that differs.
fn swapped(expected: &str, yours: &str) -> Option<String> {
    if !sign::is_swapped(expected, yours) {
        return None;
    }
    let mut pairs = expected.lines().zip(yours.lines());
    let at = pairs.position(|(expected, yours)| expected != yours)?;
    let should = expected.lines().nth(at)?;
    let is_at = yours.lines().skip(at).position(|line| line == should)?;
    Some(format!(
        "  First difference: the lines are right and their order isn't. Line {} of expected\n    \
         is line {} of yours.\n",
        at + 1,
        at + is_at + 1
    ))
}

/// Line under line where there are as many of yours as expected; one block under the other where
/// not.
fn side_by_side(expected: &[&str], yours: &[&str]) -> Vec<String> {
    if expected.len() != yours.len() {
        return [block("expected", expected), block("yours", yours)].concat();
    }
    let pairs = expected.iter().zip(yours);
    let rows = pairs.flat_map(|(expected, yours)| {
        [
            labelled("expected", expected),
            labelled("yours", yours),
            caret(expected, yours),
        ]
    });
    rows.collect()
}

/// The first lines of one side, and how many follow.
fn block(label: &str, lines: &[&str]) -> Vec<String> {
    let mut block: Vec<String> = lines.iter().map(|line| labelled(label, line)).collect();
    let hidden = block.len().saturating_sub(MAX_OF_A_BLOCK);
    // A note in the place of a single line would save nothing.
    if hidden > 1 {
        block.truncate(MAX_OF_A_BLOCK);
        block.push(labelled(label, &format!("(and {hidden} more lines)")));
    }
    block
}

fn labelled(label: &str, line: &str) -> String {
    format!("  {label:<8} │ {}", line.trim_end_matches('\n'))
        .trim_end()
        .to_string()
}

/// A caret under the first character that differs.
fn caret(expected: &str, yours: &str) -> String {
    let same = differing_at(&chars(expected), &chars(yours));
    format!("  {:<8} │ {}^", "", " ".repeat(same))
}

/// Where the first difference is, down to the bit where a line stands against a line.
fn first_difference(line: usize, expected: &[&str], yours: &[&str]) -> String {
    let number = line + 1;
    let (expected, yours) = match (expected, yours) {
        ([_, ..], []) => {
            return format!("  First difference: line {number} is missing in yours.\n");
        }
        ([], _) => {
            return format!(
                "  First difference: yours has a line too many before line {number}.\n"
            );
        }
        (expected, yours) if expected.len() != yours.len() => {
            let (expected, yours) = (lines(expected.len()), yours.len());
            return format!(
                "  First difference: line {number} and on, where expected has {expected} and yours has {yours}.\n"
            );
        }
        (expected, yours) => (expected[0].trim_end(), yours[0].trim_end()),
    };
    let dumps = wire::is_dump(expected) && wire::is_dump(yours);
    if !dumps && !is_about_bytes(expected, yours) {
        return words_that_differ(number, expected, yours);
    }
    let (expected, yours) = (shown_bytes(expected), shown_bytes(yours));
    let at = differing_at(&expected, &yours);
    let place = if dumps {
        format!("the byte at offset {at} of line {number}")
    } else {
        format!("line {number}, byte {}", at + 1)
    };
    match (expected.get(at), yours.get(at)) {
        (Some(expected), Some(yours)) => bytes_that_differ(&place, *expected, *yours),
        (Some(expected), None) => {
            format!(
                "  First difference: {place}. Yours ends there; expected goes on with\n    {}\n",
                wire::byte(*expected)
            )
        }
        (None, Some(yours)) => {
            format!(
                "  First difference: {place}. Expected ends there; yours goes on with\n    {}\n",
                wire::byte(*yours)
            )
        }
        (None, None) => format!("  First difference: line {number}, where only spaces differ.\n"),
    }
}

/// Whether two lines of text differ by a byte that is worth drawing: one letter of the same word, or a
/// line's end. Two different words have no bits in common that would mean anything.
fn is_about_bytes(expected: &str, yours: &str) -> bool {
    let (expected, yours) = (shown_bytes(expected), shown_bytes(yours));
    let differing = || expected.iter().zip(&yours).filter(|(a, b)| a != b);
    let is_ascii = expected.is_ascii() && yours.is_ascii();
    let is_one = expected.len() == yours.len()
        && differing().count() == 1
        && differing().all(|(a, b)| a.is_ascii_alphabetic() && b.is_ascii_alphabetic());
    let at = differing_at(&expected, &yours);
    let has_control = [&expected, &yours]
        .into_iter()
        .any(|line| line.get(at).is_some_and(u8::is_ascii_control));
    is_ascii && (is_one || has_control)
}

fn differing_at<T: PartialEq>(expected: &[T], yours: &[T]) -> usize {
    let pairs = expected.iter().zip(yours);
    pairs.take_while(|(a, b)| a == b).count()
}

/// The first words that differ, whole; where they are too long to be read, the column.
fn words_that_differ(number: usize, expected: &str, yours: &str) -> String {
    let same = differing_at(&chars(expected), &chars(yours));
    let words = |line: &str| {
        let line = line.trim_end_matches(['␍', '␊']);
        Vec::from_iter(line.split_whitespace().map(str::to_string))
    };
    let (expected, yours) = (words(expected), words(yours));
    if expected == yours {
        return format!("  First difference: line {number}, where only spaces differ.\n");
    }
    let at = differing_at(&expected, &yours);
    let word = |words: &[String]| match words.get(at) {
        Some(word) => format!("`{word}`"),
        None => "the end of the line".to_string(),
    };
    let (expected, yours) = (word(&expected), word(&yours));
    if [&expected, &yours]
        .iter()
        .any(|word| word.chars().count() > MAX_OF_A_WORD)
    {
        return format!("  First difference: line {number}, column {}\n", same + 1);
    }
    format!("  First difference: line {number}, {expected} expected, {yours} in yours\n")
}

fn chars(line: &str) -> Vec<char> {
    line.chars().collect()
}

/// `1 line`, `2 lines`
fn lines(count: usize) -> String {
    match count {
        1 => "1 line".to_string(),
        _ => format!("{count} lines"),
    }
}

fn shown_bytes(line: &str) -> Vec<u8> {
    wire::bytes_of(line.trim_start())
}

/// Both bytes, bit under bit, with a mark below the first bit that differs.
fn bytes_that_differ(place: &str, expected: u8, yours: u8) -> String {
    let bit = (expected ^ yours).leading_zeros() as usize;
    // A space stands between the two halves of the byte.
    let column = if bit < 4 { bit } else { bit + 1 };
    let differing = (expected ^ yours).count_ones();
    let how_many = if differing == 1 {
        "the one bit"
    } else {
        "the first bit"
    };
    let mut text = format!("  First difference: {place}\n");
    writeln!(text, "    expected  {}", wire::byte(expected)).expect("a String takes all text");
    writeln!(text, "    yours     {}", wire::byte(yours)).expect("a String takes all text");
    writeln!(
        text,
        "                    {}^ {how_many} that differs",
        " ".repeat(column)
    )
    .expect("a String takes all text");
    text
}

/// Text behind a label, broken at words, indented below the label.
fn paragraph(label: &str, text: &str) -> String {
    let indent = label.chars().count() + 2;
    let mut lines = vec![format!("  {label}")];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is a first line");
        let used = last.chars().count();
        if used > indent && used + 1 + word.chars().count() > WIDTH {
            lines.push(format!("{}{word}", " ".repeat(indent)));
        } else {
            if used > indent {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::yours;

    fn check() -> Check {
        Check {
            package: "accept-key",
            manifest_dir: "",
            function: "accept_key::the_rfc_example::here",
            rfc: "RFC 6455 §4.2.2",
            rule: "The accept key is the base64 of the SHA-1 of the key and the GUID.",
            guesses: vec![
                yours(["hello"]).says("The greeting has a lowercase h."),
                yours(["HELLO"]).says("The greeting was written in capitals."),
            ],
        }
    }

    fn panic(file: &str, message: &str) -> Panic {
        Panic {
            message: message.to_string(),
            file: file.to_string(),
            line: 7,
        }
    }

    #[test]
    fn right_needs_no_report() {
        assert_eq!(report(&check(), &Outcome::Right), None);
    }

    #[test]
    fn one_bit_is_shown_as_one_bit() {
        let expected = "HTTP/1.1 200 OK␍␊\n␍␊\nHello".to_string();
        let yours = "HTTP/1.1 200 OK␍␊\n␍␊\nhello".to_string();
        let text = report(&check(), &Outcome::Wrong { expected, yours }).unwrap();
        insta::assert_snapshot!(text, @r"
        ✗ the_rfc_example: wrong                                         RFC 6455 §4.2.2
          Rule: The accept key is the base64 of the SHA-1 of the key and the GUID.
          Often: The greeting has a lowercase h.
          Next: fix it and save. A hint: `cargo workshop hint accept-key`.

                   │ HTTP/1.1 200 OK␍␊
                   │ ␍␊
          expected │ Hello
          yours    │ hello
                   │ ^

          First difference: line 3, byte 1
            expected  0x48  0100 1000  H
            yours     0x68  0110 1000  h
                              ^ the one bit that differs
        ");
    }

    #[test]
    fn where_no_sign_fits_there_is_no_guess() {
        let expected = "Hello".to_string();
        let yours = "Hallo".to_string();
        let text = report(&check(), &Outcome::Wrong { expected, yours }).unwrap();
        assert!(!text.contains("Often:"), "{text}");
    }

    #[test]
    fn words_are_not_drawn_as_bits() {
        let said = difference("Upgrade   yes\n", "Upgrade   no\n");
        assert!(
            said.contains("line 1, `yes` expected, `no` in yours"),
            "{said}"
        );
        assert!(!said.contains("0x"), "{said}");
        let said = difference("a b\n", "a\n");
        assert!(
            said.contains("`b` expected, the end of the line in yours"),
            "{said}"
        );
        let said = difference(
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n",
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOp=\n",
        );
        assert!(said.contains("line 1, byte 27"), "one letter is: {said}");
        let said = difference(
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n",
            "Y2M4ZjA5ZmQ2ODk4NmE0NDEzN2Q=\n",
        );
        assert!(said.contains("line 1, column 1"), "{said}");
    }

    #[test]
    fn what_follows_the_last_line_does_not_make_it_differ() {
        let said = difference("a", "a\nb");
        assert!(!said.contains("expected │ a"), "{said}");
        let said = difference("Length: 17␍␊\n", "Length: 18␍␊\n");
        assert!(said.contains("`17` expected, `18` in yours"), "{said}");
    }

    #[test]
    fn a_line_s_end_is_drawn_as_bytes() {
        let said = difference("Host: x␍␊\n", "Host: x␊\n");
        assert!(
            said.contains("expected  0x0d") && said.contains("yours     0x0a"),
            "{said}"
        );
    }

    #[test]
    fn an_order_is_called_an_order() {
        let said = difference("a\nb\nc\n", "a\nc\nb\n");
        assert!(
            said.contains("Line 2 of expected\n    is line 3 of yours"),
            "{said}"
        );
    }

    #[test]
    fn nothing_is_called_nothing() {
        let said = difference("a\nb\n", "");
        assert!(said.contains("yours    │ (nothing)"), "{said}");
        assert!(!said.contains("First difference"), "{said}");
    }

    #[test]
    fn one_line_is_not_lines() {
        let said = difference("a\nb\n", "c\n");
        assert!(
            said.contains("expected has 2 lines and yours has 1"),
            "{said}"
        );
    }

    #[test]
    fn a_dump_is_compared_as_bytes() {
        let difference = difference(&wire::dump(&[0x81, 0x05]), &wire::dump(&[0x82, 0x05]));
        assert!(
            difference.contains("the byte at offset 0 of line 1"),
            "{difference}"
        );
        assert!(
            difference.contains("expected  0x81  1000 0001"),
            "{difference}"
        );
    }

    #[test]
    fn a_line_too_few_or_too_many_is_named() {
        assert!(difference("a\nb\n", "a\n").contains("line 2 is missing in yours"));
        assert!(difference("a\n", "a\nb\n").contains("a line too many before line 2"));
        assert!(difference("␍", "␍␊").contains("Expected ends there"));
        assert!(difference("␍␊", "␍").contains("Yours ends there"));
    }

    #[test]
    fn many_missing_lines_don_t_hide_yours() {
        let expected: String = (1..30).map(|line| format!("line {line}\n")).collect();
        let difference = difference(&expected, "something else\n");
        assert!(difference.contains("(and 24 more lines)"), "{difference}");
        assert!(
            difference.contains("yours    │ something else"),
            "{difference}"
        );
        assert!(
            difference.contains("expected has 29 lines and yours has 1."),
            "{difference}"
        );
    }

    #[test]
    fn a_panic_of_the_check_itself_is_not_sent_to_the_check() {
        let file = "steps/02-long-polling/../../tests/02_long_polling.rs";
        let text = report(&check(), &Outcome::Panicked(panic(file, "nobody waits"))).unwrap();
        assert!(
            text.contains("nobody waits") && !text.contains("Where:"),
            "{text}"
        );
    }

    #[test]
    fn unwritten_is_said_with_its_place() {
        let todo = panic(
            "steps/03-accept-key/src/lib.rs",
            "not yet implemented: append the GUID",
        );
        let text = report(&check(), &Outcome::NotWritten(todo)).unwrap();
        assert!(
            text.starts_with("○ the_rfc_example: not written yet"),
            "{text}"
        );
        assert!(
            text.contains("Where: steps/03-accept-key/src/lib.rs:7"),
            "{text}"
        );
        assert!(text.contains("Task: append the GUID"), "{text}");
    }

    #[test]
    fn what_an_earlier_step_lacks_is_said() {
        let todo = panic("steps/00-hello/src/lib.rs", "not yet implemented");
        let text = report(&check(), &Outcome::NotWritten(todo)).unwrap();
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            words.contains("that is a part of an earlier step"),
            "{text}"
        );
        assert!(words.contains("cargo workshop skip hello"), "{text}");
    }

    #[test]
    fn no_line_is_wider_than_eighty_columns() {
        for outcome in [
            Outcome::TooSlow(std::time::Duration::from_secs(10)),
            Outcome::Panicked(panic(
                "steps/03-accept-key/src/lib.rs",
                &"many words ".repeat(40),
            )),
        ] {
            let text = report(&check(), &outcome).unwrap();
            assert!(
                text.lines().all(|line| line.chars().count() <= 80),
                "{text}"
            );
        }
    }
}
