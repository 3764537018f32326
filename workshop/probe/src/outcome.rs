//! The outcome of trying one rule, and the line that says it.

use workshop_terminal::text::{columns, wrap};
use workshop_wire::close_code::may_be_sent;

use crate::peer::{Ending, TcpEnd};

/// How good or bad an outcome is, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// The rule is about something that wasn't agreed on.
    NotAsked,
    /// The rule is kept.
    Kept,
    /// No rule decides: this is what the other side chose.
    Chosen,
    /// A SHOULD isn't followed.
    NotFollowed,
    /// A MUST is broken.
    Broken,
}

impl Mark {
    /// The character at the beginning of a line.
    pub fn sign(self) -> char {
        match self {
            Mark::NotAsked => '-',
            Mark::Kept => '✓',
            Mark::Chosen => '·',
            Mark::NotFollowed => '!',
            Mark::Broken => '✗',
        }
    }
}

/// What the other side did, and what that means for the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How good or bad it is.
    pub mark: Mark,
    /// What it did.
    pub did: String,
}

impl Outcome {
    /// The rule is kept.
    pub fn kept(did: impl Into<String>) -> Self {
        Self::new(Mark::Kept, did)
    }

    /// The rule is about something that wasn't agreed on.
    pub fn not_asked(why: impl Into<String>) -> Self {
        Self::new(Mark::NotAsked, why)
    }

    /// No rule decides.
    pub fn chosen(did: impl Into<String>) -> Self {
        Self::new(Mark::Chosen, did)
    }

    /// A SHOULD isn't followed.
    pub fn not_followed(did: impl Into<String>) -> Self {
        Self::new(Mark::NotFollowed, did)
    }

    /// A MUST is broken.
    pub fn broken(did: impl Into<String>) -> Self {
        Self::new(Mark::Broken, did)
    }

    fn new(mark: Mark, did: impl Into<String>) -> Self {
        let did = did.into();
        Self { mark, did }
    }

    /// Judges how a connection ended that the other side had to fail (§7.1.7). If it sent a Close, `code` is the one due.
    pub fn of_failure(ending: &Ending, code: u16) -> Self {
        Self::of_failure_with(ending, &[code])
    }

    /// Does the same where several codes are due.
    pub fn of_failure_with(ending: &Ending, codes: &[u16]) -> Self {
        let did = ending.in_words();
        if !ending.messages.is_empty() {
            return Self::broken(format!("echoed; then {did}"));
        }
        match (ending.end, ending.code()) {
            (TcpEnd::Open, _) => Self::broken(did),
            (_, Some(given)) if codes.contains(&given) => Self::kept(did),
            (_, Some(given)) if !may_be_sent(given) => Self::broken(did),
            (_, _) => {
                let due: Vec<String> = codes.iter().map(u16::to_string).collect();
                Self::not_followed(format!("{did} ({} is due)", due.join(" or ")))
            }
        }
    }

    /// The worst of several, or the first of those that are equally bad. It is named if the others differ from it.
    pub fn worst(all: Vec<(String, Self)>) -> Self {
        let same = all.windows(2).all(|pair| pair[0].1 == pair[1].1);
        let count = all.len();
        let mut worst: Option<(String, Self)> = None;
        for (name, outcome) in all {
            if worst
                .as_ref()
                .is_none_or(|(_, known)| outcome.mark > known.mark)
            {
                worst = Some((name, outcome));
            }
        }
        let Some((name, outcome)) = worst else {
            return Self::chosen("nothing was tried");
        };
        let did = match (same, count) {
            _ if outcome.mark == Mark::NotAsked => outcome.did,
            (true, 2..) => format!("each: {}", outcome.did),
            _ => format!("{name}: {}", outcome.did),
        };
        Self::new(outcome.mark, did)
    }
}

/// The line for a rule: mark, words, what the other side did, section. If what it did is too long for its
/// column, it goes on in that column of the next line.
pub fn line(words: &str, outcome: &Outcome, section: &str) -> String {
    const WORDS: usize = 33;
    const DID: usize = 34;
    let did = wrap(&outcome.did, DID, 0);
    let mut parts = did.lines();
    let pad = |text: &str, width: usize| {
        format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
    };
    let mut line = format!(
        "{} {} {} {section:>9}",
        outcome.mark.sign(),
        pad(words, WORDS),
        pad(parts.next().unwrap_or_default(), DID),
    );
    for part in parts {
        line.push_str(&format!("\n{}{part}", " ".repeat(WORDS + 3)));
    }
    let lines: Vec<&str> = line.lines().map(str::trim_end).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(close: Option<&[u8]>, end: TcpEnd) -> Ending {
        Ending {
            messages: Vec::new(),
            close: close.map(<[u8]>::to_vec),
            data_after_close: false,
            end,
        }
    }

    #[test]
    fn failing_a_connection_is_ending_it() {
        let with_1002: &[u8] = &[0x03, 0xea];
        let kept = Outcome::of_failure(&ending(Some(with_1002), TcpEnd::Fin), 1002);
        assert_eq!(kept, Outcome::kept("Close 1002, FIN"));
        let open = Outcome::of_failure(&ending(Some(with_1002), TcpEnd::Open), 1002);
        assert_eq!(open.mark, Mark::Broken);
        let silent = Outcome::of_failure(&ending(None, TcpEnd::Open), 1002);
        assert_eq!(silent.mark, Mark::Broken);
        let abrupt = Outcome::of_failure(&ending(None, TcpEnd::Reset), 1002);
        assert_eq!(
            abrupt,
            Outcome::not_followed("reset, no Close (1002 is due)")
        );
        let other = Outcome::of_failure(&ending(Some(&[0x03, 0xe8]), TcpEnd::Fin), 1002);
        assert_eq!(other.mark, Mark::NotFollowed);
        let forbidden = Outcome::of_failure(&ending(Some(&[0x03, 0xed]), TcpEnd::Fin), 1002);
        assert_eq!(forbidden.mark, Mark::Broken);
    }

    #[test]
    fn an_echo_of_what_had_to_be_refused_is_a_broken_rule() {
        let mut ending = ending(Some(&[0x03, 0xea]), TcpEnd::Fin);
        ending.messages.push(b"x".to_vec());
        assert_eq!(Outcome::of_failure(&ending, 1002).mark, Mark::Broken);
    }

    #[test]
    fn the_worst_is_reported() {
        let all = vec![
            ("3".to_string(), Outcome::kept("a")),
            ("4".to_string(), Outcome::broken("b")),
            ("5".to_string(), Outcome::broken("c")),
        ];
        assert_eq!(Outcome::worst(all.clone()), Outcome::broken("4: b"));
        assert_eq!(
            Outcome::worst(vec![all[0].clone(), all[0].clone()]),
            Outcome::kept("each: a")
        );
    }

    #[test]
    fn a_line_is_as_wide_as_a_terminal() {
        let outcome = Outcome::broken("something that takes more words than there is room for");
        let line = line("a rule in words", &outcome, "9112 §3.2");
        assert!(line.lines().all(|line| columns(line) <= 80), "{line}");
        assert_eq!(line.lines().count(), 2);
    }
}
