//! Runs the checks of one step and reads what they say.
//!
//! Cargo builds the test and says where it is. Then this module runs the test itself, so that it can be stopped at any
//! moment and leaves nothing behind. A check that hangs takes seconds, and an endless loop makes many of them hang; a
//! learner waits only for the first one.

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

pub use verdict::{CheckResult, CheckState, Verdict};

use run::Checks;

/// One of the two packages that a step has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageKind {
    /// The learner's package, in `steps`.
    Step,
    /// The reference, in `solutions`.
    Solution,
}

impl PackageKind {
    /// The name of a step's package of this kind.
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
pub fn judge(project: &Project, step: &Step, kind: PackageKind, stop: &Stop) -> Result<Verdict> {
    let on_activity: OnActivity = Arc::new(|_| {});
    judge_with_activity(project, step, kind, stop, &on_activity)
}

/// Does the same as [`judge`], and reports each [`Activity`] to `on_activity`.
///
/// # Errors
/// Returns the same as [`judge`].
pub fn judge_with_activity(
    project: &Project,
    step: &Step,
    kind: PackageKind,
    stop: &Stop,
    on_activity: &OnActivity,
) -> Result<Verdict> {
    build_and_run(project, step, kind, stop, on_activity, None)
}

/// Does the same for a learner, who is waiting. If a check hangs, this stops at the first check that is wrong: the one
/// that [`judge`], too, would report first.
///
/// # Errors
/// Returns the same as [`judge`].
pub fn judge_until_red(
    project: &Project,
    step: &Step,
    kind: PackageKind,
    stop: &Stop,
    on_activity: &OnActivity,
) -> Result<Verdict> {
    build_and_run(
        project,
        step,
        kind,
        stop,
        on_activity,
        Some(run::MAX_SILENCE),
    )
}

fn build_and_run(
    project: &Project,
    step: &Step,
    kind: PackageKind,
    stop: &Stop,
    on_activity: &OnActivity,
    silence: Option<Duration>,
) -> Result<Verdict> {
    let executable = match build(project, step, kind, stop, on_activity)? {
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

/// The result of a build.
enum Built {
    Executable(PathBuf),
    Errors(String),
    Stopped,
}

fn build(
    project: &Project,
    step: &Step,
    kind: PackageKind,
    stop: &Stop,
    on_activity: &OnActivity,
) -> Result<Built> {
    let (package, test) = (kind.package(step), step.test());
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
