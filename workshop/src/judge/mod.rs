//! Runs the checks of one step and reads what they say.
//!
//! Cargo builds the test, and says where it is; then the test itself is run, so that it can be
//! stopped at any moment and nothing is left behind. A check that hangs takes seconds, and a loop that
//! never ends hangs many of them: a learner waits for the first one only.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};

use crate::cargo::{self, Activity, MESSAGE_OPTIONS, OnActivity};
use crate::check_file::check_paths;
use crate::project::{Project, Step};
use crate::supervisor::Stop;

mod crash;
mod libtest;
mod run;
mod verdict;

pub use verdict::{CheckState, Checked, Verdict};

use run::Checks;

/// Which of the two packages of a step is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The learner's, in `steps`.
    Step,
    /// The reference, in `solutions`.
    Solution,
}

impl Side {
    /// The name of a step's package on this side.
    pub fn package(self, step: &Step) -> String {
        match self {
            Self::Step => step.id.clone(),
            Self::Solution => format!("{}-solution", step.id),
        }
    }

    /// The folder of that package.
    pub fn folder(self, project: &Project, step: &Step) -> PathBuf {
        match self {
            Self::Step => project.step_folder(step),
            Self::Solution => project.solution_folder(step),
        }
    }
}

/// Builds and runs all checks of a step.
///
/// # Errors
/// Returns an error if cargo can't be started, or the checks themselves can't be read.
pub fn judge(project: &Project, step: &Step, side: Side, stop: &Stop) -> Result<Verdict> {
    let on_activity: OnActivity = Arc::new(|_| {});
    judge_all(project, step, side, stop, &on_activity)
}

/// Does the same as [`judge`]; `on_activity` hears what is being done.
///
/// # Errors
/// Returns the same as [`judge`].
pub fn judge_all(
    project: &Project,
    step: &Step,
    side: Side,
    stop: &Stop,
    on_activity: &OnActivity,
) -> Result<Verdict> {
    build_and_run(project, step, side, stop, on_activity, None)
}

/// Does the same for a learner, who waits: if checks hang, the first that is wrong is the last that is waited for. It
/// is the one that [`judge`] would put first, too.
///
/// # Errors
/// Returns the same as [`judge`].
pub fn judge_until_red(
    project: &Project,
    step: &Step,
    side: Side,
    stop: &Stop,
    on_activity: &OnActivity,
) -> Result<Verdict> {
    build_and_run(
        project,
        step,
        side,
        stop,
        on_activity,
        Some(run::MAX_SILENCE),
    )
}

fn build_and_run(
    project: &Project,
    step: &Step,
    side: Side,
    stop: &Stop,
    on_activity: &OnActivity,
    silence: Option<Duration>,
) -> Result<Verdict> {
    let executable = match build(project, step, side, stop, on_activity)? {
        Built::Executable(executable) => executable,
        Built::Errors(errors) => return Ok(Verdict::DoesNotCompile(errors)),
        Built::Stopped => return Ok(Verdict::Stopped),
    };
    let paths = check_paths(project, step)?;
    on_activity(Activity::Checking);
    let checks = Checks {
        executable: &executable,
        project,
        stop,
    };
    let judged = checks.judge(&paths, silence)?;
    Ok(judged.map_or(Verdict::Stopped, Verdict::Judged))
}

/// What became of a build.
enum Built {
    Executable(PathBuf),
    Errors(String),
    Stopped,
}

fn build(
    project: &Project,
    step: &Step,
    side: Side,
    stop: &Stop,
    on_activity: &OnActivity,
) -> Result<Built> {
    let (package, test) = (side.package(step), step.test());
    let mut command = cargo::command(project);
    command
        .args(["test", "--no-run", "--package", &package, "--test", &test])
        .args(MESSAGE_OPTIONS);
    let Some(output) = cargo::build(command, stop, on_activity)? else {
        return Ok(Built::Stopped);
    };
    if !output.status.success() {
        return Ok(Built::Errors(output.stderr));
    }
    let executable = cargo::built_program(&output.stdout, "test", Some(&test));
    executable.map(Built::Executable).ok_or_else(|| {
        anyhow!("Cargo built no test for `{package}`. Is its [[test]] still in its Cargo.toml?")
    })
}
