//! Signs: what differs, and the mistake that it points to.
//!
//! A check lists its signs in the order in which they are to be tried, and the report shows the sentence of
//! the first that fits. Where none fits it shows none, because a wrong guess costs an evening.
//!
//! ```
//! # use support::sign::{only, panics, swapped, yours};
//! # let _ =
//! [
//!     yours(["keep-alive, Upgrade", "no"]).says("The whole field was compared with `Upgrade`."),
//!     swapped().says("The list is sorted by name, not by age."),
//!     panics("index out of bounds").says("The header was read before all of it had arrived."),
//!     only(["200 OK"]).and(yours(["204"])).says("An empty answer is an answer too."),
//! ]
//! # ;
//! ```
//!
//! A text fits a line that contains it. Text that is part of another number or word fits as well: write
//! enough of the line.

use std::fmt;

use similar::{ChangeTag, TextDiff};

use crate::check::Outcome;

/// Something that one can see in a red check.
pub struct Sign(Box<dyn Fn(&Seen) -> bool>);

/// A sign, and the sentence about the mistake that it points to.
#[derive(Debug)]
pub struct Guess {
    sign: Sign,
    sentence: &'static str,
}

/// What a red check has seen, made ready to look for signs.
#[derive(Debug, Default)]
struct Seen {
    /// The lines that only the snapshot has.
    missing: Vec<Line>,
    /// The lines that only the code under test has.
    yours: Vec<Line>,
    /// Whether both sides have the same lines, in a different order.
    is_swapped: bool,
    /// Whether the code under test showed nothing.
    is_empty: bool,
    /// The message of a panic.
    panic: Option<String>,
    /// Why an answer didn't come.
    no_answer: Option<String>,
    /// Whether the check ran into its deadline.
    never_finished: bool,
}

/// A line on one side only.
#[derive(Clone, Debug)]
struct Line {
    text: String,
    /// The line that it belongs to: the nearest one, at or above it on its side, that isn't indented.
    heading: String,
}

/// A line that only yours has contains all of these texts: in a table, a row and what it reads.
pub fn yours<const N: usize>(texts: [&str; N]) -> Sign {
    let texts = texts.map(str::to_string);
    Sign::new(move |seen| has_line_with(&seen.yours, &texts))
}

/// A line that only the snapshot has contains all of these texts: yours lacks it, or has something else in
/// its place.
pub fn missing<const N: usize>(texts: [&str; N]) -> Sign {
    let texts = texts.map(str::to_string);
    Sign::new(move |seen| has_line_with(&seen.missing, &texts))
}

/// Lines differ, and each one, on both sides, contains one of these texts: all other rows are right.
pub fn only<const N: usize>(texts: [&str; N]) -> Sign {
    let texts = texts.map(str::to_string);
    Sign::new(move |seen| {
        let mut differing = seen.missing.iter().chain(&seen.yours).peekable();
        differing.peek().is_some()
            && differing.all(|line| texts.iter().any(|text| line.text.contains(text)))
    })
}

/// The sign is there among the lines below a heading, which contains this text: a line that isn't indented
/// is the heading of itself and of the indented lines that follow it.
pub fn under(heading: &'static str, sign: Sign) -> Sign {
    Sign::new(move |seen| {
        let below = |lines: &[Line]| {
            let lines = lines.iter().filter(|line| line.heading.contains(heading));
            lines.cloned().collect()
        };
        (sign.0)(&Seen {
            missing: below(&seen.missing),
            yours: below(&seen.yours),
            ..Seen::default()
        })
    })
}

/// Yours has the right lines, in a different order.
pub fn swapped() -> Sign {
    Sign::new(|seen| seen.is_swapped)
}

/// Yours is empty.
pub fn nothing() -> Sign {
    Sign::new(|seen| seen.is_empty)
}

/// Yours has lines too many, and lacks none.
pub fn too_much() -> Sign {
    Sign::new(|seen| seen.missing.is_empty() && !seen.yours.is_empty())
}

/// Yours lacks lines, and has none of its own.
pub fn too_little() -> Sign {
    Sign::new(|seen| seen.yours.is_empty() && !seen.missing.is_empty())
}

/// The code under test, or the check about it, panicked with a message that contains this text.
pub fn panics(text: &'static str) -> Sign {
    Sign::new(move |seen| {
        seen.panic
            .as_ref()
            .is_some_and(|panic| panic.contains(text))
    })
}

/// No answer came, and the reason contains this text.
pub fn no_answer(text: &'static str) -> Sign {
    Sign::new(move |seen| {
        seen.no_answer
            .as_ref()
            .is_some_and(|why| why.contains(text))
    })
}

/// The check ran into its deadline.
pub fn never_finished() -> Sign {
    Sign::new(|seen| seen.never_finished)
}

impl Sign {
    fn new(fits: impl Fn(&Seen) -> bool + 'static) -> Self {
        Self(Box::new(fits))
    }

    /// Both signs are there.
    pub fn and(self, other: Sign) -> Sign {
        Sign::new(move |seen| (self.0)(seen) && (other.0)(seen))
    }

    /// One of the signs is there, or both.
    pub fn or(self, other: Sign) -> Sign {
        Sign::new(move |seen| (self.0)(seen) || (other.0)(seen))
    }

    /// This sign is there, and the other one isn't.
    pub fn but_not(self, other: Sign) -> Sign {
        Sign::new(move |seen| (self.0)(seen) && !(other.0)(seen))
    }

    /// The sentence for a learner who sees this sign: what was done, and why it looks like this.
    pub fn says(self, sentence: &'static str) -> Guess {
        Guess {
            sign: self,
            sentence,
        }
    }
}

impl fmt::Debug for Sign {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("Sign")
    }
}

/// The sentence of the first sign that fits, if one does.
pub fn guess(guesses: &[Guess], outcome: &Outcome) -> Option<&'static str> {
    let seen = Seen::of(outcome);
    let first = guesses.iter().find(|guess| (guess.sign.0)(&seen));
    first.map(|guess| guess.sentence)
}

impl Seen {
    fn of(outcome: &Outcome) -> Self {
        let nothing = Self::default();
        match outcome {
            Outcome::Wrong { expected, yours } => Self::difference(expected, yours),
            Outcome::Panicked(panic) => Self {
                panic: Some(panic.message.clone()),
                ..nothing
            },
            Outcome::NoAnswer(why) => Self {
                no_answer: Some(why.clone()),
                ..nothing
            },
            Outcome::TooSlow(_) => Self {
                never_finished: true,
                ..nothing
            },
            Outcome::Right | Outcome::NotWritten(_) | Outcome::NoSnapshot(_) => nothing,
        }
    }

    fn difference(expected: &str, yours: &str) -> Self {
        let [expected_lines, yours_lines] = [expected, yours].map(with_a_last_end);
        let diff = TextDiff::from_lines(&expected_lines, &yours_lines);
        let lines = |tag| {
            let mut heading = "";
            let mut lines = Vec::new();
            for change in diff.iter_all_changes() {
                let text = change.value().trim_end();
                let is_there = change.tag() == tag || change.tag() == ChangeTag::Equal;
                if is_there && text.starts_with(|first: char| !first.is_whitespace()) {
                    heading = text;
                }
                if change.tag() == tag {
                    let (text, heading) = (text.to_string(), heading.to_string());
                    lines.push(Line { text, heading });
                }
            }
            lines
        };
        Self {
            missing: lines(ChangeTag::Delete),
            yours: lines(ChangeTag::Insert),
            is_swapped: is_swapped(expected, yours),
            is_empty: yours.trim().is_empty(),
            ..Self::default()
        }
    }
}

/// Whether both texts have the same lines, in a different order.
pub(crate) fn is_swapped(expected: &str, yours: &str) -> bool {
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
        lines.sort();
        lines
    };
    expected.trim_end() != yours.trim_end()
        && sorted(expected.trim_end()) == sorted(yours.trim_end())
}

/// The text with an end after its last line, too: one that is missing there is no difference.
pub(crate) fn with_a_last_end(text: &str) -> String {
    match text.trim_end() {
        "" => String::new(),
        text => format!("{text}\n"),
    }
}

fn has_line_with(lines: &[Line], texts: &[String]) -> bool {
    let mut lines = lines.iter();
    lines.any(|line| texts.iter().all(|text| line.text.contains(text)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::check::Panic;

    const EXPECTED: &str =
        "keep-alive            no\nkeep-alive, Upgrade   yes\nUpgrade               yes\n";

    fn fits(sign: Sign, yours: &str) -> bool {
        let outcome = Outcome::Wrong {
            expected: EXPECTED.to_string(),
            yours: yours.to_string(),
        };
        guess(&[sign.says("it")], &outcome).is_some()
    }

    #[test]
    fn a_row_is_told_by_its_name_and_by_what_it_reads() {
        let wrong = EXPECTED.replace("keep-alive, Upgrade   yes", "keep-alive, Upgrade   no");
        assert!(fits(yours(["keep-alive, Upgrade", "no"]), &wrong));
        assert!(!fits(yours(["keep-alive, Upgrade", "yes"]), &wrong));
        assert!(
            !fits(yours(["keep-alive  ", "no"]), &wrong),
            "that row is right"
        );
        assert!(fits(missing(["keep-alive, Upgrade", "yes"]), &wrong));
        assert!(fits(only(["keep-alive, Upgrade"]), &wrong));
        assert!(
            !fits(only(["Upgrade   no"]), &wrong),
            "expected's line differs too"
        );
    }

    #[test]
    fn the_first_sign_that_fits_speaks() {
        let outcome = Outcome::Wrong {
            expected: "a\n".to_string(),
            yours: "b\n".to_string(),
        };
        let guesses = [
            yours(["c"]).says("one"),
            yours(["b"]).says("two"),
            missing(["a"]).says("three"),
        ];
        assert_eq!(guess(&guesses, &outcome), Some("two"));
        assert_eq!(guess(&guesses[..1], &outcome), None);
        assert_eq!(guess(&[], &outcome), None);
    }

    #[test]
    fn an_order_is_a_sign() {
        let turned: String = EXPECTED
            .lines()
            .rev()
            .map(|line| format!("{line}\n"))
            .collect();
        assert!(fits(swapped(), &turned));
        assert!(
            !fits(swapped(), EXPECTED.trim_end()),
            "only the last line's end differs"
        );
        assert!(!fits(swapped(), "keep-alive            no\n"));
    }

    #[test]
    fn so_is_a_length() {
        assert!(fits(nothing(), "") && fits(too_little(), ""));
        assert!(fits(too_much(), &format!("{EXPECTED}more\n")));
        let cut = EXPECTED.trim_end();
        let outcome = |expected: &str, yours: &str| Outcome::Wrong {
            expected: expected.to_string(),
            yours: yours.to_string(),
        };
        let more = outcome(cut, &format!("{cut}\nmore"));
        assert!(guess(&[too_much().says("it")], &more).is_some());
        let less = outcome(&format!("{cut}\nmore"), cut);
        assert!(guess(&[too_little().says("it")], &less).is_some());
        assert!(!fits(too_much(), &EXPECTED.replace("no", "yes")));
        assert!(!fits(nothing(), "x") && !fits(too_little(), "x"));
        let all_but_the_last = EXPECTED.trim_end().trim_end_matches(|it| it != '\n');
        assert!(
            fits(too_little(), all_but_the_last) && fits(too_little(), all_but_the_last.trim_end())
        );
    }

    #[test]
    fn signs_can_be_put_together() {
        let wrong = EXPECTED.replace("keep-alive, Upgrade   yes", "keep-alive, Upgrade   no");
        let yes = || yours(["keep-alive, Upgrade"]);
        let no = || yours(["something else"]);
        assert!(fits(yes().and(yes()), &wrong) && !fits(yes().and(no()), &wrong));
        assert!(fits(yes().or(no()), &wrong) && !fits(no().or(no()), &wrong));
        assert!(fits(yes().but_not(no()), &wrong) && !fits(yes().but_not(yes()), &wrong));
    }

    #[test]
    fn a_heading_tells_rows_apart_that_read_the_same() {
        let expected = "no Upgrade\n  → refused\nno key\n  → refused\n";
        let outcome = Outcome::Wrong {
            expected: expected.to_string(),
            yours: expected.replace("no key\n  → refused", "no key\n  → taken"),
        };
        let fits = |sign: Sign| guess(&[sign.says("it")], &outcome).is_some();
        assert!(fits(under("no key", yours(["taken"]))));
        assert!(fits(under("no key", missing(["refused"]))));
        assert!(!fits(under("no Upgrade", yours(["taken"]))));
        assert!(!fits(under("no Upgrade", missing(["refused"]))));
        assert!(
            !fits(under("no key", yours(["refused"]))),
            "that is the snapshot's"
        );
    }

    #[test]
    fn what_is_not_a_difference_has_signs_of_its_own() {
        let panic = Outcome::Panicked(Panic {
            message: "index out of bounds".to_string(),
            file: String::new(),
            line: 1,
        });
        let silent = Outcome::NoAnswer("nothing came within 3 s".to_string());
        let endless = Outcome::TooSlow(Duration::from_secs(8));
        let guesses = [
            panics("out of bounds").says("panic"),
            no_answer("nothing came").says("silent"),
            never_finished().says("endless"),
            nothing().says("empty"),
        ];
        assert_eq!(guess(&guesses, &panic), Some("panic"));
        assert_eq!(guess(&guesses, &silent), Some("silent"));
        assert_eq!(guess(&guesses, &endless), Some("endless"));
        assert_eq!(guess(&guesses, &Outcome::Right), None);
    }
}
