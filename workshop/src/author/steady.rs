//! `author steady`: proves that a check says the same each time.

use crate::judge::{Side, Stop, judge};
use crate::project::{Problem, Project};

/// Runs the checks of every solution this many times.
///
/// # Errors
/// One of them failed once.
pub fn run(project: &Project, times: u32) -> Result<(), Problem> {
    for step in &project.steps {
        for time in 1..=times {
            let verdict = judge(project, step, Side::Solution, &Stop::default())?;
            if !verdict.is_passed() {
                let report = verdict
                    .first_red()
                    .map_or(format!("{verdict:?}"), |check| check.report.clone());
                return Err(Problem(format!(
                    "{}: failed in run {time} of {times}.\n{report}",
                    step.id
                )));
            }
        }
        println!("✓ {}: passed {times} times in a row", step.id);
    }
    Ok(())
}
