//! A rule, and the report of what trying each of them showed.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use workshop_terminal::command_line::Exit;
use workshop_terminal::text::{sanitize, wrap};
use workshop_wire::side::Side;

use crate::outcome::{Mark, Outcome, line};

/// How many times the usual deadline a slow rule has.
const SLOW: u32 = 4;

/// How a rule came out, or in words, what the other side did before the rule could be tried.
pub type Tried = Result<Outcome, String>;

/// A rule, and how to try it.
pub struct Rule<Trial> {
    /// What the rule asks for.
    pub words: &'static str,
    /// The section of RFC 6455, or of another RFC whose number is before it.
    pub section: &'static str,
    is_slow: bool,
    ask: fn(&Trial) -> Tried,
}

impl<Trial> Rule<Trial> {
    /// A rule that takes at most the usual time.
    pub const fn new(words: &'static str, section: &'static str, ask: fn(&Trial) -> Tried) -> Self {
        Self {
            words,
            section,
            is_slow: false,
            ask,
        }
    }

    /// Gives it more time.
    pub const fn slow(mut self) -> Self {
        self.is_slow = true;
        self
    }

    /// How long it may take if a rule may usually take as long as `usual`.
    pub fn patience(&self, usual: Duration) -> Duration {
        usual * if self.is_slow { SLOW } else { 1 }
    }

    /// Tries it.
    pub fn outcome(&self, trial: &Trial) -> Outcome {
        (self.ask)(trial).unwrap_or_else(Outcome::broken)
    }
}

/// Rules that belong together, and their title.
pub type Group<Trial> = (&'static str, &'static [Rule<Trial>]);

/// The longest wait for a rule, and which rules are tried.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// How long a rule may usually take. A slow one may take four times as long.
    pub patience: Duration,
    /// Only rules whose words, or whose group's title, contain this text are tried.
    pub only: &'a str,
}

impl Terms<'_> {
    /// Fails if no rule has the text.
    ///
    /// # Errors
    /// Returns an error if no rule would be tried.
    pub fn check<Trial>(&self, groups: &[Group<Trial>]) -> Result<()> {
        let has_any =
            |(title, rules): &Group<Trial>| rules.iter().any(|rule| self.has(title, rule));
        if !groups.iter().any(has_any) {
            bail!("No rule has `{}` in its words.", sanitize(self.only));
        }
        Ok(())
    }

    fn has<Trial>(&self, title: &str, rule: &Rule<Trial>) -> bool {
        let only = self.only.to_lowercase();
        [title, rule.words]
            .iter()
            .any(|text| text.to_lowercase().contains(&only))
    }
}

/// Tries the rules with `outcome`, and gives `say` a line for each. The rules are those of this side.
pub fn report<Trial>(
    groups: &[Group<Trial>],
    side: Side,
    terms: Terms,
    mut outcome: impl FnMut(&Rule<Trial>) -> Outcome,
    say: &mut dyn FnMut(&str),
) -> Exit {
    let begun = Instant::now();
    let mut marks = Vec::new();
    say(&format!(
        "✓ kept  ✗ a MUST is broken  ! a SHOULD isn't followed  · the {side}'s choice"
    ));
    for (title, rules) in groups {
        let rules: Vec<_> = rules.iter().filter(|rule| terms.has(title, rule)).collect();
        if !rules.is_empty() {
            say("");
            say(title);
            marks.extend(try_all(&rules, &mut outcome, say));
        }
    }
    say("");
    say(&summary(&marks, side, begun.elapsed()));
    if marks.contains(&Mark::Broken) {
        Exit::Red
    } else {
        Exit::Success
    }
}

/// Tries the rules of a group, with a line for each. If none of them is asked, one line says so for all.
fn try_all<Trial>(
    rules: &[&Rule<Trial>],
    outcome: &mut impl FnMut(&Rule<Trial>) -> Outcome,
    say: &mut dyn FnMut(&str),
) -> Vec<Mark> {
    let mut marks = Vec::new();
    // Lines that wait for a rule that is asked.
    let mut waiting = Vec::new();
    for rule in rules {
        let outcome = outcome(rule);
        marks.push(outcome.mark);
        waiting.push(line(rule.words, &outcome, rule.section));
        if marks.iter().any(|mark| *mark != Mark::NotAsked) {
            waiting.drain(..).for_each(|line| say(&line));
        } else if rules.len() > 1 && marks.len() == rules.len() {
            let words = format!("{} rules aren't asked", rules.len());
            waiting = vec![line(&words, &outcome, "")];
        }
    }
    waiting.iter().for_each(|line| say(line));
    marks
}

fn summary(marks: &[Mark], side: Side, took: Duration) -> String {
    let count = |mark| marks.iter().filter(|found| **found == mark).count();
    let not_asked = match count(Mark::NotAsked) {
        0 => String::new(),
        count => format!(" {count} not asked,"),
    };
    let text = format!(
        "{} {}: {} kept, {} broken, {} not followed,{not_asked} {} the {side}'s choice; {} s.",
        marks.len(),
        if marks.len() == 1 { "rule" } else { "rules" },
        count(Mark::Kept),
        count(Mark::Broken),
        count(Mark::NotFollowed),
        count(Mark::Chosen),
        took.as_secs(),
    );
    wrap(&text, 80, 0)
}
