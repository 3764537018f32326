//! Chooses the step that is shown, and runs its checks after a save.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::view::{Mode, TimedVerdict};
use super::{Event, Watch};
use crate::backup::is_finished_by_skip;
use crate::cargo::{Activity, OnActivity};
use crate::commands::{self, Session, name};
use crate::file_watcher::is_source;
use crate::judge::{PackageKind, Verdict, judge_until_red};
use crate::progress::State;
use crate::project::Step;
use crate::status_line::{self, PLAIN_TICK};
use crate::supervisor::Stop;
use crate::text::say;
use crate::verdict_text;

/// The pause between the latest save and the run of the checks: an editor may save several files.
const QUIET: Duration = Duration::from_millis(50);
/// The longest time by which further saves put the run off.
const PATIENCE: Duration = Duration::from_millis(300);

/// Files that were saved a moment ago.
pub(super) struct Saved {
    pub(super) since: Instant,
    /// The time at which the checks run, unless another save puts it off.
    pub(super) settled: Instant,
    pub(super) paths: Vec<PathBuf>,
}

/// The checks of the step that is shown.
#[derive(Default)]
pub(super) struct Checks {
    /// Their latest verdict.
    pub(super) judged: Option<TimedVerdict>,
    /// The run that is going on.
    pub(super) run: Option<Run>,
    /// The number of runs so far, of any step.
    pub(super) runs: u64,
    /// The save that the next run waits for.
    pub(super) saved: Option<Saved>,
}

/// Finished steps in which a file was saved. They are judged after the step that is shown.
#[derive(Default)]
pub(super) struct DoneSteps {
    /// The steps to judge.
    pub(super) saved: Vec<Step>,
    /// The run that judges the first of them.
    pub(super) run: Option<Run>,
    /// The steps that such a save has turned red.
    pub(super) broken: Vec<Broken>,
}

/// A run of checks.
pub(super) struct Run {
    pub(super) number: u64,
    pub(super) stop: Stop,
    pub(super) since: Instant,
    pub(super) activity: Activity,
    /// The time at which its activity is printed next, if there is no screen.
    pub(super) next_word: Instant,
    pub(super) thread: JoinHandle<()>,
}

/// A step that passed until a save turned it red.
#[derive(Debug, Clone)]
pub struct Broken {
    pub(super) step: Step,
    /// Its verdict, in one line.
    pub(super) summary: String,
}

impl Watch {
    pub(super) fn say_where(&self) {
        let Some(step) = &self.step else {
            let Session {
                project, progress, ..
            } = &self.session;
            say(&commands::ending(project, progress));
            return;
        };
        say(&format!(
            "{}: {} ({} min), chapter book/src/{}, files in steps/{}/src/",
            name(step),
            step.title,
            step.minutes,
            step.chapter,
            step.folder()
        ));
    }

    pub(super) fn go_to_current(&mut self) {
        let current = self.session.progress.current(&self.session.project);
        self.go_to(current.cloned());
    }

    pub(super) fn go_to(&mut self, step: Option<Step>) {
        self.step = step;
        self.checks.judged = None;
        self.pane.open(Mode::Verdict);
        self.check();
    }

    pub(super) fn files_changed(&mut self, paths: Vec<PathBuf>) {
        let now = Instant::now();
        let since = self
            .checks
            .saved
            .as_ref()
            .map_or(now, |change| change.since);
        let before = self.checks.saved.take().map(|saved| saved.paths);
        let paths = before.into_iter().flatten().chain(paths).collect();
        self.checks.saved = Some(Saved {
            since,
            settled: (now + QUIET).min(since + PATIENCE),
            paths,
        });
        // The code that is being judged is out of date.
        self.stop();
    }

    pub(super) fn files_settled(&mut self, paths: &[PathBuf]) {
        let names = self.names(paths);
        if let Some(name) = names.first() {
            let more = match names.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            self.log(&format!("Changed: {name}{more}"));
        }
        if self
            .notice
            .keep_until
            .is_none_or(|end| Instant::now() > end)
        {
            self.notice.text = None;
        }
        // A learner who saves has read enough of those.
        if matches!(self.pane.mode, Mode::Greeting | Mode::List) {
            self.pane.mode = Mode::Verdict;
        }
        self.follow(paths);
        self.remember_done(paths);
        self.check();
    }

    /// Remembers the finished steps in which a file was saved.
    fn remember_done(&mut self, paths: &[PathBuf]) {
        let Session {
            project, progress, ..
        } = &self.session;
        for step in &project.steps {
            let is_shown = self.step.as_ref().is_some_and(|shown| shown.id == step.id);
            let was_saved = paths.iter().any(|path| is_in_step(path, step));
            let is_known = self.done.saved.iter().any(|known| known.id == step.id);
            let was_done = match progress.state(step) {
                State::Passed => true,
                State::Skipped => !is_finished_by_skip(project, step),
                State::Open => self
                    .done
                    .broken
                    .iter()
                    .any(|broken| broken.step.id == step.id),
            };
            if was_saved && !is_shown && !is_known && was_done {
                self.done.saved.push(step.clone());
            }
        }
    }

    /// The names of the files that were saved. An editor may also have written files of its own, which are gone by now;
    /// they have no name here.
    fn names(&self, paths: &[PathBuf]) -> Vec<String> {
        let project = &self.session.project;
        let root = fs::canonicalize(&project.root).unwrap_or(project.root.clone());
        let name = |path: &PathBuf| {
            let name = path.strip_prefix(&root).unwrap_or(path);
            let name = name.display().to_string().replace('\\', "/");
            let is_folder = |step: &Step| name == format!("steps/{}", step.folder());
            let is_folder = name == "steps" || project.steps.iter().any(is_folder);
            let is_there = is_source(path) && path.is_file();
            (is_folder || is_there || self.was_ours(&name)).then_some(name)
        };
        let names: BTreeSet<String> = paths.iter().filter_map(name).collect();
        names.into_iter().collect()
    }

    /// Whether a step starts with a file of this name.
    fn was_ours(&self, name: &str) -> bool {
        let project = &self.session.project;
        project.steps.iter().any(|step| {
            let path = name.strip_prefix(&format!("steps/{}/", step.folder()));
            path.is_some_and(|path| project.solution_folder(step).join(path).is_file())
        })
    }

    /// Shows the step in which a file was saved, instead of the current step. The current step stays if it uses the
    /// saved one and that is finished, or if `skip` wrote the files.
    pub(super) fn follow(&mut self, paths: &[PathBuf]) {
        let steps = &self.session.project.steps;
        let is_in = |step: &&Step| paths.iter().all(|path| is_in_step(path, step));
        let Some(edited) = steps.iter().find(is_in).cloned() else {
            return;
        };
        self.session.progress.refresh();
        let state = self.session.progress.state(&edited);
        let stays = self.step.as_ref().is_some_and(|current| {
            let is_used = needs(steps, current).contains(&edited.id);
            current.id == edited.id || is_used && state != State::Open
        });
        let is_skips =
            state == State::Skipped && is_finished_by_skip(&self.session.project, &edited);
        let was_written = paths.iter().any(|path| path.is_file());
        if stays || is_skips || !was_written {
            return;
        }
        let back = self.session.progress.current(&self.session.project);
        let back = back.filter(|step| step.id != edited.id).map(name);
        let back = back.map_or(String::new(), |back| {
            format!(" The first open step is {back}.")
        });
        self.step = Some(edited.clone());
        self.checks.judged = None;
        self.pane.scroll = 0;
        self.note(format!(
            "You're working on {}: it is judged now.{back}",
            name(&edited)
        ));
    }

    pub(super) fn stop(&mut self) {
        let runs = [self.checks.run.take(), self.done.run.take()];
        runs.iter().flatten().for_each(|run| run.stop.ask());
    }

    pub(super) fn check(&mut self) {
        self.stop();
        let Some(step) = self.step.clone() else {
            return;
        };
        self.checks.run = Some(self.judge(step));
    }

    /// Judges the finished steps in which a file was saved, one after the other.
    fn check_done(&mut self) {
        if let Some(step) = self.done.saved.first().cloned() {
            self.done.run = Some(self.judge(step));
        }
    }

    fn judge(&mut self, step: Step) -> Run {
        self.checks.runs += 1;
        let (number, stop) = (self.checks.runs, Stop::default());
        let on_activity: OnActivity = Arc::new({
            let sender = self.sender.clone();
            move |activity| _ = sender.send(Event::Activity(number, activity))
        });
        let thread = thread::spawn({
            let (project, sender, stop) = (
                self.session.project.clone(),
                self.sender.clone(),
                stop.clone(),
            );
            move || {
                let since = Instant::now();
                let verdict =
                    judge_until_red(&project, &step, PackageKind::Step, &stop, &on_activity);
                let verdict = verdict.map_err(|error| format!("{error:#}"));
                let took = since.elapsed();
                _ = sender.send(Event::Judged(number, TimedVerdict { verdict, took }));
            }
        });
        Run {
            number,
            stop,
            since: Instant::now(),
            activity: Activity::Building(None),
            next_word: Instant::now() + PLAIN_TICK,
            thread,
        }
    }

    /// Takes note of a run's activity, unless the run was stopped.
    pub(super) fn take_activity(&mut self, number: u64, activity: Activity) {
        if let Some(run) = self.checks.run.as_mut().filter(|run| run.number == number) {
            if activity == Activity::Waiting {
                run.next_word = Instant::now();
            }
            run.activity = activity;
        }
    }

    /// Prints the activity of the checks now and then, if there is no screen.
    pub(super) fn say_activity(&mut self) {
        let now = Instant::now();
        let is_due = |run: &&mut Run| now >= run.next_word;
        if self.screen.is_none()
            && let Some(run) = self.checks.run.as_mut().filter(is_due)
        {
            say(&format!(
                "… {}",
                status_line::in_words(&run.activity, run.since.elapsed())
            ));
            run.next_word = now + PLAIN_TICK;
        }
    }

    /// Takes the verdict of a run, unless the run was stopped.
    pub(super) fn take_judged(&mut self, number: u64, judged: TimedVerdict) {
        let is_it = |run: &mut Run| run.number == number;
        if self.checks.run.take_if(is_it).is_some() {
            self.take_verdict(judged);
            self.check_done();
        } else if self.done.run.take_if(is_it).is_some() {
            let step = self.done.saved.remove(0);
            if let Ok(verdict) = judged.verdict {
                self.take_done(step, &verdict);
            }
            self.check_done();
        }
    }

    /// Takes the new verdict on a finished step, and says so if it has turned red, or passes again.
    fn take_done(&mut self, step: Step, verdict: &Verdict) {
        let Session {
            project, progress, ..
        } = &mut self.session;
        let notice = progress.record_verdict(project, &step, verdict);
        let was_broken = self.forget_broken(&step);
        let step_name = name(&step);
        if !verdict.is_passed() {
            let summary = verdict_text::summary(verdict);
            self.log(&broken_line(&step, &summary));
            self.done.broken.push(Broken { step, summary });
        } else if was_broken {
            self.note(format!("{step_name} passes again."));
        }
        if let Some(notice) = notice {
            self.note(notice);
        }
    }

    /// Removes a step from the broken ones. Returns whether it was one.
    pub(super) fn forget_broken(&mut self, step: &Step) -> bool {
        let known = self.done.broken.len();
        self.done.broken.retain(|broken| broken.step.id != step.id);
        self.done.broken.len() < known
    }

    pub(super) fn take_verdict(&mut self, judged: TimedVerdict) {
        let Some(step) = self.step.clone() else {
            return;
        };
        let Session {
            project, progress, ..
        } = &mut self.session;
        let was_passed = progress.state(&step) == State::Passed;
        let mut notice = None;
        let text = match &judged.verdict {
            Ok(verdict) => {
                notice = progress.record_verdict(project, &step, verdict);
                let seconds = judged.took.as_secs_f64();
                let summary = verdict_text::summary(verdict);
                let first = if verdict.is_passed() {
                    String::new()
                } else {
                    format!(
                        "\n\n{}\n",
                        verdict_text::first_problem(project, &step, verdict)
                    )
                };
                format!("{}: {summary} ({seconds:.1} s){first}", name(&step))
            }
            Err(error) => format!("{}: ✗ no verdict. {error}", name(&step)),
        };
        self.log(&text);
        let passed = judged.verdict.as_ref().is_ok_and(Verdict::is_passed);
        self.checks.judged = Some(judged);
        self.pane.scroll = 0;
        self.forget_broken(&step);
        if passed {
            self.say_next(&step, was_passed);
        }
        if let Some(notice) = notice {
            self.note(notice);
        }
    }

    /// Says what is next, after a step has passed. Without a screen there is no key to press, so goes there.
    pub(super) fn say_next(&mut self, step: &Step, was_passed: bool) {
        let Session {
            project, progress, ..
        } = &self.session;
        let next = progress.current(project).cloned();
        let play = if self.screen.is_some() {
            "press p"
        } else {
            "`cargo workshop play`"
        };
        let run = commands::see_it_run(project, progress, step, play);
        let run = run.map_or(String::new(), |run| format!("{run}\n"));
        let next_one = match &next {
            Some(next) => format!(
                "Next: {}, {} ({} min)",
                name(next),
                next.title,
                next.minutes
            ),
            None if self.screen.is_some() => "All steps are done".to_string(),
            None => commands::ending(project, progress),
        };
        let passes = if was_passed { "passes again" } else { "passes" };
        let text = format!("{} {passes}.\n{run}{next_one}", name(step));
        if self.screen.is_some() {
            let key = ": press n.";
            self.note(format!("{text}{key}"));
            return;
        }
        self.log(&text);
        if next.is_some() {
            self.go_to(next);
            self.say_where();
        }
    }
}

/// The line about a step that a save has turned red.
pub(super) fn broken_line(step: &Step, summary: &str) -> String {
    format!(
        "{} is red since your save there: {summary}. `b` goes back to it.",
        name(step)
    )
}

fn is_in_step(path: &Path, step: &Step) -> bool {
    let mut names = path.iter();
    names.any(|name| name == "steps") && names.next().is_some_and(|name| *name == *step.folder())
}

/// The ids of all steps that this one uses, and of those that they use.
fn needs(steps: &[Step], step: &Step) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open: Vec<String> = step.needs.clone();
    while let Some(id) = open.pop() {
        if !found.contains(&id) {
            let needed = steps.iter().find(|step| step.id == id);
            open.extend(needed.iter().flat_map(|step| step.needs.clone()));
            found.push(id);
        }
    }
    found
}
