//! What the checks say of a step.

/// What the checks say of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It doesn't compile: what the compiler says.
    DoesNotCompile(String),
    /// It was judged: one entry for each check, in the order in which they are to be fixed.
    Judged(Vec<CheckResult>),
    /// A stop was asked for before there was a verdict.
    Stopped,
}

/// One check and its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// The name of the test function.
    pub name: String,
    /// What became of it.
    pub state: CheckState,
    /// The report; empty if the check is right.
    pub report: String,
}

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckState {
    /// As expected.
    Right,
    /// A `todo!()` was reached.
    NotWritten,
    /// Anything else.
    Wrong,
    /// It had no turn, because another check hung.
    NotJudged,
}

impl Verdict {
    /// Whether every check is right.
    pub fn is_passed(&self) -> bool {
        matches!(self, Self::Judged(checks) if checks.iter().all(|check| check.state == CheckState::Right))
    }

    /// Whether the step fails for no other reason than that parts are not written yet.
    pub fn is_unwritten(&self) -> bool {
        let Self::Judged(checks) = self else {
            return false;
        };
        let red: Vec<&CheckResult> = checks
            .iter()
            .filter(|check| check.state != CheckState::Right)
            .collect();
        !red.is_empty()
            && red
                .iter()
                .all(|check| check.state == CheckState::NotWritten)
    }

    /// The check to look at next: the first check that is wrong, or else the first that is unwritten.
    /// What was written comes before what was not.
    pub fn first_red(&self) -> Option<&CheckResult> {
        let Self::Judged(checks) = self else {
            return None;
        };
        let first = |state| checks.iter().find(|check| check.state == state);
        first(CheckState::Wrong).or_else(|| first(CheckState::NotWritten))
    }

    /// How many checks had no turn.
    pub fn not_judged(&self) -> usize {
        let Self::Judged(checks) = self else {
            return 0;
        };
        let had_no_turn = |check: &&CheckResult| check.state == CheckState::NotJudged;
        checks.iter().filter(had_no_turn).count()
    }

    /// How many checks are right, and how many there are.
    pub fn count(&self) -> (usize, usize) {
        let Self::Judged(checks) = self else {
            return (0, 0);
        };
        (
            checks
                .iter()
                .filter(|check| check.state == CheckState::Right)
                .count(),
            checks.len(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_comes_first() {
        let check = |name: &str, state| CheckResult {
            name: name.to_string(),
            state,
            report: String::new(),
        };
        let verdict = Verdict::Judged(vec![
            check("a", CheckState::NotWritten),
            check("b", CheckState::Right),
            check("c", CheckState::Wrong),
        ]);
        assert_eq!(verdict.first_red().unwrap().name, "c");
        assert!(!verdict.is_passed());
    }

    #[test]
    fn only_todos_make_a_step_unwritten() {
        let check = |state| CheckResult {
            name: String::new(),
            state,
            report: String::new(),
        };
        assert!(
            Verdict::Judged(vec![
                check(CheckState::Right),
                check(CheckState::NotWritten)
            ])
            .is_unwritten()
        );
        assert!(
            !Verdict::Judged(vec![
                check(CheckState::Wrong),
                check(CheckState::NotWritten)
            ])
            .is_unwritten()
        );
        assert!(!Verdict::Judged(vec![check(CheckState::Right)]).is_unwritten());
    }
}
