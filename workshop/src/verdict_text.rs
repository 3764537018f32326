//! Puts a verdict into words: a line, a table, and the first problem.

use std::env;

use crate::backup::relative;
use crate::commands::name;
use crate::judge::{CheckResult, CheckState, Verdict};
use crate::project::{Project, Step};
use crate::text::sanitize;

/// The verdict in one line, with its mark.
pub fn summary(verdict: &Verdict) -> String {
    let (right, all) = verdict.count();
    match verdict {
        Verdict::DoesNotCompile(output) if is_cargos(output) => {
            "✗ cargo can't build it".to_string()
        }
        Verdict::DoesNotCompile(output) => match compiler_errors(output).len() {
            0 | 1 => "✗ doesn't compile".to_string(),
            errors => format!("✗ doesn't compile: {errors} errors, the first one first"),
        },
        Verdict::Stopped => "– stopped".to_string(),
        Verdict::Judged(_) if verdict.is_passed() => match all {
            1 => "✓ passed: the one check is right".to_string(),
            _ => format!("✓ passed: all {all} checks are right"),
        },
        Verdict::Judged(_) if verdict.is_unwritten() => {
            format!("○ not written yet: {right} of {all} checks right")
        }
        Verdict::Judged(_) => match verdict.not_judged() {
            0 => format!("✗ red: {right} of {all} checks right"),
            left => format!("✗ red: {right} of {all} checks right, {left} not judged: one hangs"),
        },
    }
}

/// A line for each check.
pub fn table(verdict: &Verdict) -> Vec<String> {
    let Verdict::Judged(checks) = verdict else {
        return Vec::new();
    };
    let line = |check: &CheckResult| format!("  {} {}", mark(check.state), check.name);
    checks.iter().map(line).collect()
}

fn mark(state: CheckState) -> char {
    match state {
        CheckState::Right => '✓',
        CheckState::NotWritten => '○',
        CheckState::Wrong => '✗',
        CheckState::NotJudged => '·',
    }
}

/// The first problem to fix: the report of the first red check, or the first error.
pub fn first_problem(project: &Project, step: &Step, verdict: &Verdict) -> String {
    let text = match verdict {
        Verdict::DoesNotCompile(output) if is_cargos(output) => {
            output.trim_end().to_string() + &manifest_advice(project, step, output)
        }
        Verdict::DoesNotCompile(output) => {
            let errors = compiler_errors(output);
            let error = errors.first().cloned().unwrap_or(output.clone());
            match place(project, &error).filter(|other| other.id != step.id) {
                Some(other) => {
                    format!("This error is in another step, {}:\n\n{error}", name(other))
                }
                None => error,
            }
        }
        _ => verdict
            .first_red()
            .map(|check| check.report.clone())
            .unwrap_or_default(),
    };
    sanitize(text.trim_end())
}

/// All problems.
pub fn everything(project: &Project, step: &Step, verdict: &Verdict) -> String {
    let text = match verdict {
        Verdict::DoesNotCompile(output) if !is_cargos(output) => output.clone(),
        Verdict::Judged(checks) => {
            let reports = checks.iter().map(|check| check.report.trim_end());
            let reports: Vec<&str> = reports.filter(|report| !report.is_empty()).collect();
            reports.join("\n\n")
        }
        _ => return first_problem(project, step, verdict),
    };
    sanitize(text.trim_end())
}

/// The number of red checks or errors after the first one.
pub fn remaining_count(verdict: &Verdict) -> usize {
    let count = match verdict {
        // All of what cargo says is shown at once.
        Verdict::DoesNotCompile(output) if is_cargos(output) => 0,
        Verdict::DoesNotCompile(output) => compiler_errors(output).len(),
        _ => {
            let (right, all) = verdict.count();
            all - right - verdict.not_judged()
        }
    };
    count.saturating_sub(1)
}

/// The step that an error's file belongs to.
fn place<'a>(project: &'a Project, error: &str) -> Option<&'a Step> {
    let line = error
        .lines()
        .find(|line| line.trim_start().starts_with("--> "))?;
    let line = line.replace('\\', "/");
    let is_there = |step: &&Step| line.contains(&format!("steps/{}/", step.folder()));
    project.steps.iter().find(is_there)
}

/// Whether the error is cargo's (about a manifest or a missing file), not the compiler's.
fn is_cargos(output: &str) -> bool {
    let is_place = |line: &str| line.trim_start().starts_with("--> ");
    !output
        .lines()
        .any(|line| is_place(line) && line.contains(".rs:"))
}

/// Advice for a step that cargo can't find, or whose manifest it can't read. Because `cargo workshop` may then not
/// start either, the advice includes a way without cargo.
fn manifest_advice(project: &Project, current: &Step, output: &str) -> String {
    let output = output.replace('\\', "/");
    let is_named = |step: &&Step| output.contains(&format!("steps/{}", step.folder()));
    let is_gone = ["did not match any packages", "/steps/*"]
        .iter()
        .any(|text| output.contains(text));
    let step = project.steps.iter().find(is_named);
    let Some(step) = step.or_else(|| is_gone.then_some(current)) else {
        return String::new();
    };
    let us = env::current_exe().unwrap_or_default();
    let us = relative(project, &us);
    format!(
        "\n\n`cargo workshop reset {id}` writes the step again and keeps your files.\n\
         If cargo itself stops at this error, this does the same:\n  {us} reset {id}",
        id = step.id
    )
}

/// The compiler's errors as it prints them, without warnings and without the count at the end.
fn compiler_errors(output: &str) -> Vec<String> {
    let mut errors: Vec<String> = Vec::new();
    let mut is_error = false;
    for line in output.lines() {
        let starts = |word: &str| {
            line.strip_prefix(word)
                .is_some_and(|rest| rest.starts_with(':') || rest.starts_with('['))
        };
        if starts("error") || starts("warning") {
            is_error = starts("error")
                && !line.contains("could not compile")
                && !line.contains("aborting due to");
            if is_error {
                errors.push(String::new());
            }
        }
        if is_error && let Some(error) = errors.last_mut() {
            error.push_str(line);
            error.push('\n');
        }
    }
    // The text after the last error ("For more information …") isn't part of it.
    errors
        .iter()
        .map(|error| {
            let end = error.find("\n\n").unwrap_or(error.len());
            error[..end].trim_end().to_string()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "warning: unused\n --> steps/00-hello/src/lib.rs:1:1\n\n\
        error[E0425]: cannot find value `x`\n --> steps/00-hello/src/lib.rs:14:5\n  |\n14 |     x\n  |     ^\n\n\
        error: expected `;`\n --> steps/00-hello/src/lib.rs:20:5\n\n\
        error: aborting due to 2 previous errors; 1 warning emitted\n\n\
        For more information about this error, try `rustc --explain E0425`.\n\
        error: could not compile `hello` (lib) due to 2 previous errors\n";

    #[test]
    fn the_first_compiler_error_is_shown_alone() {
        let errors = compiler_errors(OUTPUT);
        assert_eq!(errors.len(), 2);
        assert!(errors[0].starts_with("error[E0425]") && errors[0].ends_with("|     ^"));
        let verdict = Verdict::DoesNotCompile(OUTPUT.to_string());
        assert_eq!(
            summary(&verdict),
            "✗ doesn't compile: 2 errors, the first one first"
        );
        assert_eq!(remaining_count(&verdict), 1);
        assert!(!is_cargos(OUTPUT));
    }

    #[test]
    fn errors_of_cargo_and_of_the_compiler_are_told_apart() {
        assert!(is_cargos(
            "error: failed to parse manifest at `/w/steps/00-hello/Cargo.toml`\n"
        ));
        assert!(is_cargos(
            "error: invalid key\n --> steps/00-hello/Cargo.toml:3:1\n"
        ));
    }

    #[test]
    fn each_verdict_has_its_mark_and_word() {
        let check = |state| CheckResult {
            name: "a".to_string(),
            state,
            report: String::new(),
        };
        let judged =
            |states: &[CheckState]| Verdict::Judged(states.iter().copied().map(check).collect());
        assert_eq!(
            summary(&judged(&[CheckState::Right, CheckState::Right])),
            "✓ passed: all 2 checks are right"
        );
        assert_eq!(
            summary(&judged(&[CheckState::Right, CheckState::NotWritten])),
            "○ not written yet: 1 of 2 checks right"
        );
        assert_eq!(
            summary(&judged(&[CheckState::Wrong, CheckState::NotWritten])),
            "✗ red: 0 of 2 checks right"
        );
    }
}
