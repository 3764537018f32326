//! The verdict of the checks on a step.

/// The verdict of the checks on a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The step doesn't compile, because of these errors.
    DoesNotCompile(String),
    /// One result for each check, in the order in which a learner fixes them.
    Judged(Vec<CheckResult>),
    /// A stop was asked for before there was a verdict.
    Stopped,
}

/// One check and its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// The name of the test function.
    pub name: String,
    /// The outcome.
    pub state: CheckState,
    /// The report; empty if the check is right.
    pub report: String,
}

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckState {
    /// The check passes.
    Right,
    /// A `todo!()` was reached.
    NotWritten,
    /// Anything else.
    Wrong,
    /// The check wasn't run, because a different check hung.
    NotJudged,
}

impl Verdict {
    /// Whether every check is right.
    pub fn is_passed(&self) -> bool {
        matches!(self, Self::Judged(checks) if checks.iter().all(|check| check.state == CheckState::Right))
    }

    /// Whether the step fails only because parts of it aren't written yet.
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
    /// Code that is written comes before code that isn't.
    pub fn first_red(&self) -> Option<&CheckResult> {
        let Self::Judged(checks) = self else {
            return None;
        };
        let first = |state| checks.iter().find(|check| check.state == state);
        first(CheckState::Wrong).or_else(|| first(CheckState::NotWritten))
    }

    /// The number of checks that weren't run.
    pub fn not_judged(&self) -> usize {
        let Self::Judged(checks) = self else {
            return 0;
        };
        let had_no_turn = |check: &&CheckResult| check.state == CheckState::NotJudged;
        checks.iter().filter(had_no_turn).count()
    }

    /// The number of checks that pass, and the number of all checks.
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
    fn wrong_checks_come_first() {
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
