//! Runs the checks of a step, once cargo has built them: in several processes at a time, and after a check that hangs,
//! one by one.

use std::env;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::crash::crash_report;
use super::libtest::{read_check, read_output};
use super::verdict::{CheckState, Checked};
use crate::check_file::name_of;
use crate::project::Project;
use crate::supervisor::{Limit, Limits, MAX_MEMORY, Output, Stop, run_within};

/// A process that runs checks longer than this is ended. Each check in it has its own deadline, much shorter also on
/// a busy machine; this one is for code that takes the whole process with it.
pub(super) const MAX_TIME: Duration = Duration::from_secs(600);

/// How much memory a process that runs checks may take, in bytes: there may be four. It needs 80 MB.
pub(super) const MAX_MEMORY_OF_CHECKS: u64 = MAX_MEMORY / 4;

/// How long no check may end until it looks as if one hangs. If it only took long, nothing is lost but this
/// time: it is run again, by itself.
pub(super) const MAX_SILENCE: Duration = Duration::from_secs(2);

/// In how many processes so many checks run: enough that there is always one that doesn't wait, and each has
/// something to do.
fn processes(checks: usize) -> usize {
    const WORTH_A_PROCESS: usize = 4;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    (checks / WORTH_A_PROCESS).clamp(1, (2 * cores).min(4))
}

/// Deals the paths out: neighbours are alike, and so the slow ones come into different parts.
fn parts(paths: &[String], count: usize) -> Vec<Vec<&str>> {
    let part = |first: usize| paths.iter().skip(first).step_by(count);
    let part = |first: usize| part(first).map(String::as_str).collect();
    (0..count).map(part).collect()
}

/// The checks of a step, built.
pub(super) struct Checks<'a> {
    pub(super) executable: &'a Path,
    pub(super) project: &'a Project,
    pub(super) stop: &'a Stop,
}

/// What came of running checks in several processes.
struct Judged {
    checks: Vec<Checked>,
    /// Whether a process was ended because it was silent.
    was_silent: bool,
}

impl Checks<'_> {
    /// Runs the checks with these paths. With `silence`, only up to the first that is wrong, if one hangs. `None` if a
    /// stop was asked for.
    pub(super) fn judge(
        &self,
        paths: &[String],
        silence: Option<Duration>,
    ) -> Result<Option<Vec<Checked>>> {
        match self.side_by_side(paths, silence)? {
            Some(judged) if judged.was_silent => self.one_by_one(paths, judged.checks),
            judged => Ok(judged.map(|judged| judged.checks)),
        }
    }

    /// Runs the checks in several processes, because most of what a check does is wait. In one process they run one
    /// after the other, so that each panic belongs to the check that is running.
    fn side_by_side(&self, paths: &[String], silence: Option<Duration>) -> Result<Option<Judged>> {
        let parts = parts(paths, processes(paths.len()));
        let outputs = thread::scope(|scope| {
            let run = |part| scope.spawn(move || self.run(part, silence));
            let running = Vec::from_iter(parts.iter().map(Vec::as_slice).map(run));
            let outputs = running.into_iter().map(|it| it.join().expect("no panic"));
            outputs.collect::<Result<Option<Vec<Output>>>>()
        })?;
        let Some(outputs) = outputs else {
            return Ok(None);
        };
        let judged = parts.iter().zip(&outputs);
        let mut checks =
            Vec::from_iter(judged.flat_map(|(part, output)| read_output(part, output)));
        checks.sort_by_key(|check| paths.iter().position(|path| name_of(path) == check.name));
        let was_silent = |output: &Output| output.exceeded == Some(Limit::Silence);
        Ok(Some(Judged {
            checks,
            was_silent: outputs.iter().any(was_silent),
        }))
    }

    /// Goes on after a run that was cut: the checks that didn't end well in it run by themselves, in order, up to
    /// the first that is wrong.
    fn one_by_one(
        &self,
        paths: &[String],
        mut checks: Vec<Checked>,
    ) -> Result<Option<Vec<Checked>>> {
        let mut is_red = false;
        let pairs = paths.iter().zip(&mut checks);
        for (path, check) in pairs.filter(|(_, check)| check.state != CheckState::Right) {
            if is_red {
                check.state = CheckState::NotJudged;
                check.report.clear();
                continue;
            }
            let Some(output) = self.run(&[path], None)? else {
                return Ok(None);
            };
            *check = read_check(path, &output.stdout, &crash_report(&output));
            is_red = check.state == CheckState::Wrong;
        }
        Ok(Some(checks))
    }

    /// Runs checks in one process, one after the other.
    fn run(&self, paths: &[&str], silence: Option<Duration>) -> Result<Option<Output>> {
        let mut command = Command::new(self.executable);
        command.current_dir(&self.project.root).args([
            "--color",
            "never",
            "--test-threads",
            "1",
            "--exact",
        ]);
        for path in paths {
            command.args([path.to_string(), format!("check::{path}")]);
        }
        // What .cargo/config.toml sets for a run by cargo.
        let update = env::var("INSTA_UPDATE").unwrap_or("no".to_string());
        command
            .env("INSTA_UPDATE", update)
            .env("INSTA_OUTPUT", "none")
            .env("INSTA_WORKSPACE_ROOT", &self.project.root)
            .env("RUST_BACKTRACE", "0");
        let limits = Limits {
            time: Some(MAX_TIME),
            memory: Some(MAX_MEMORY_OF_CHECKS),
            silence,
        };
        run_within(limits, command, self.stop, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_is_in_one_part() {
        let names = ["a", "b", "c", "d", "e"].map(str::to_string);
        assert_eq!(parts(&names, 2), [vec!["a", "c", "e"], vec!["b", "d"]]);
        assert_eq!((processes(0), processes(5)), (1, 1));
        assert!((2..=4).contains(&processes(50)));
    }
}
