//! `author ends`: proves both ends of every step. A starter fails its own check as "not written
//! yet" (or as wrong, if it starts with wrong code); a step with the reference in it passes;
//! and a finished step on unwritten earlier ones says which of them is missing.

use anyhow::{Result, anyhow};
use workshop::judge::{PackageKind, Verdict, judge};
use workshop::project::{Project, Step};
use workshop::starter::{finished, starter, starts_unwritten};
use workshop::supervisor::Stop;

use crate::scratch;

/// Proves both ends of every step.
///
/// # Errors
/// Returns an error if the verdict on a step isn't the intended one.
pub fn run(project: &Project) -> Result<()> {
    let scratch = scratch::copy(project, "scratch")?;
    let mut faults = Vec::new();
    for step in &project.steps {
        scratch::put(&scratch, step, &starter(project, step)?)?;
    }
    for step in &project.steps {
        let files = starter(project, step)?;
        let verdict = judge(&scratch, step, PackageKind::Step, &Stop::default())?;
        let intended = if starts_unwritten(&files) {
            verdict.is_unwritten()
        } else {
            matches!(verdict, Verdict::Judged(_)) && !verdict.is_unwritten() && !verdict.is_passed()
        };
        note(
            step,
            "the starter fails as intended",
            intended,
            &verdict,
            &mut faults,
        );
    }
    for step in &project.steps {
        scratch::put(&scratch, step, &finished(project, step)?)?;
        let verdict = judge(&scratch, step, PackageKind::Step, &Stop::default())?;
        let intended = verdict.is_passed() || names_an_earlier_step(project, &verdict, step);
        note(
            step,
            "alone, it passes or names the earlier step",
            intended,
            &verdict,
            &mut faults,
        );
        scratch::put(&scratch, step, &starter(project, step)?)?;
    }
    for step in &project.steps {
        scratch::put(&scratch, step, &finished(project, step)?)?;
        let verdict = judge(&scratch, step, PackageKind::Step, &Stop::default())?;
        note(
            step,
            "with the reference in it, it passes",
            verdict.is_passed(),
            &verdict,
            &mut faults,
        );
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(anyhow!(faults.join("\n")))
    }
}

fn note(step: &Step, what: &str, holds: bool, verdict: &Verdict, faults: &mut Vec<String>) {
    println!("{} {}: {what}", if holds { '✓' } else { '✗' }, step.id);
    if !holds {
        faults.push(format!("{}: not so: {what}.\n{}", step.id, told(verdict)));
    }
}

fn told(verdict: &Verdict) -> String {
    match verdict {
        Verdict::DoesNotCompile(errors) => errors.clone(),
        Verdict::Judged(checks) => checks
            .iter()
            .map(|check| format!("{:?} {}\n", check.state, check.name))
            .collect(),
        Verdict::Stopped => "It was stopped.".to_string(),
    }
}

/// Whether the step is red only because of a `todo!()` in an earlier step, and its report says so.
fn names_an_earlier_step(project: &Project, verdict: &Verdict, step: &Step) -> bool {
    let earlier = project
        .steps
        .iter()
        .filter(|other| other.number < step.number);
    let mut commands = earlier.map(|other| format!("cargo workshop skip {}", other.id));
    let report = verdict.first_red().map_or("", |check| &check.report);
    let report = report.split_whitespace().collect::<Vec<_>>().join(" ");
    verdict.is_unwritten() && commands.any(|command| report.contains(&command))
}
