//! Keeps the learner's progress in `.workshop/progress`, one line for each step.
//!
//! ```text
//! hello passed
//! polling skipped
//! accept-key open hints=2
//! ```
//!
//! A step is known by its id, so that steps can be renumbered. The file is written whole or not at all. If it can't be
//! written, the session goes on with the progress in memory.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use crate::backup::is_finished_by_skip;
use crate::judge::Verdict;
use crate::project::{Project, Step};
use crate::starter::write_file;
use crate::timestamp;

/// The state of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// Neither passed nor skipped.
    #[default]
    Open,
    /// Every check passed in the latest verdict.
    Passed,
    /// The reference has replaced the learner's files.
    Skipped,
}

impl State {
    const ALL: [Self; 3] = [Self::Open, Self::Passed, Self::Skipped];

    /// The word for it, in the file and on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Passed => "passed",
            Self::Skipped => "skipped",
        }
    }
}

/// What the progress knows about one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StepRecord {
    /// Its state.
    pub state: State,
    /// The number of its hints that have been shown.
    pub hints: usize,
}

type Records = BTreeMap<String, StepRecord>;

/// The learner's progress.
#[derive(Debug)]
pub struct Progress {
    folder: PathBuf,
    records: Records,
    is_unsaved: bool,
}

impl Progress {
    /// Reads the progress. If the file is damaged, this keeps the lines that can be read, puts the file aside, and
    /// returns a notice about it.
    pub fn load(project: &Project) -> (Self, Option<String>) {
        let folder = project.state_folder();
        let (records, notice) = match read(&folder.join("progress")) {
            Read::Records(records) => (records, None),
            Read::Damaged(records, why) => (records, Some(put_aside(&folder, &why))),
        };
        let progress = Self {
            folder,
            records,
            is_unsaved: false,
        };
        (progress, notice)
    }

    /// Returns a progress in which these steps are passed. It is kept in memory only.
    pub fn of_passed<'a>(steps: impl Iterator<Item = &'a Step>) -> Self {
        let passed = StepRecord {
            state: State::Passed,
            hints: 0,
        };
        Self {
            folder: PathBuf::new(),
            records: steps.map(|step| (step.id.clone(), passed)).collect(),
            is_unsaved: true,
        }
    }

    /// The record of a step.
    pub fn record(&self, step: &Step) -> StepRecord {
        self.records.get(&step.id).copied().unwrap_or_default()
    }

    /// The state of a step.
    pub fn state(&self, step: &Step) -> State {
        self.record(step).state
    }

    /// The first step that is neither passed nor skipped.
    pub fn current<'a>(&self, project: &'a Project) -> Option<&'a Step> {
        project
            .steps
            .iter()
            .find(|step| self.state(step) == State::Open)
    }

    /// The last step that is passed or skipped.
    pub fn last_solved<'a>(&self, project: &'a Project) -> Option<&'a Step> {
        project
            .steps
            .iter()
            .rfind(|step| self.state(step) != State::Open)
    }

    /// How many steps are passed, and how many skipped.
    pub fn count(&self, project: &Project) -> (usize, usize) {
        let count = |state| {
            project
                .steps
                .iter()
                .filter(|step| self.state(step) == state)
                .count()
        };
        (count(State::Passed), count(State::Skipped))
    }

    /// Sets the state of a step. Returns a notice if that can't be saved.
    pub fn set_state(&mut self, step: &Step, state: State) -> Option<String> {
        self.change(step, |record| record.state = state)
    }

    /// Sets the state of a step according to a verdict on it. A step that was skipped stays skipped until the learner's
    /// own code passes. Returns a notice if the state can't be saved.
    pub fn record_verdict(
        &mut self,
        project: &Project,
        step: &Step,
        verdict: &Verdict,
    ) -> Option<String> {
        // Another `cargo workshop` may have skipped it a moment ago.
        self.refresh();
        let was_skipped = self.state(step) == State::Skipped;
        let state = match verdict {
            Verdict::Stopped => return None,
            _ if verdict.is_passed() && was_skipped && is_finished_by_skip(project, step) => {
                State::Skipped
            }
            _ if verdict.is_passed() => State::Passed,
            _ if was_skipped => State::Skipped,
            _ => State::Open,
        };
        self.set_state(step, state)
    }

    /// Forgets a step: it is open again, and no hint has been shown.
    pub fn clear(&mut self, step: &Step) -> Option<String> {
        self.change(step, |record| *record = StepRecord::default())
    }

    /// Sets the number of hints that have been shown. Returns a notice if that can't be saved.
    pub fn set_hints(&mut self, step: &Step, hints: usize) -> Option<String> {
        self.change(step, |record| record.hints = hints)
    }

    /// Reads the file again, because another `cargo workshop` may have written it.
    pub fn refresh(&mut self) {
        if self.is_unsaved {
            return;
        }
        if let Read::Records(records) = read(&self.folder.join("progress")) {
            self.records = records;
        }
    }

    fn change(&mut self, step: &Step, change: impl FnOnce(&mut StepRecord)) -> Option<String> {
        self.refresh();
        let record = self.records.entry(step.id.clone()).or_default();
        let before = *record;
        change(record);
        if *record == before && !self.is_unsaved {
            return None;
        }
        let text: String = self.records.iter().map(line).collect();
        let was_unsaved = self.is_unsaved;
        let written = write_file(&self.folder.join("progress"), text.as_bytes());
        self.is_unsaved = written.is_err();
        match written {
            Err(error) if !was_unsaved => Some(format!(
                "Your progress can't be saved now, so it lasts only as long as this command: \
                 {error:#}."
            )),
            _ => None,
        }
    }
}

enum Read {
    Records(Records),
    Damaged(Records, String),
}

fn read(file: &Path) -> Read {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Read::Records(Records::new());
        }
        Err(error) => return Read::Damaged(Records::new(), format!("can't be read ({error})")),
    };
    let text = String::from_utf8_lossy(&bytes);
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let records = lines().filter_map(parse).collect();
    match lines().position(|line| parse(line).is_none()) {
        None => Read::Records(records),
        Some(at) => Read::Damaged(records, format!("makes no sense in line {}", at + 1)),
    }
}

fn put_aside(folder: &Path, why: &str) -> String {
    let name = format!("progress.damaged-{}", timestamp::now());
    match fs::rename(folder.join("progress"), folder.join(&name)) {
        Ok(()) => format!(
            ".workshop/progress {why}: it is now .workshop/{name}, and what could be read of it is kept. \
             `cargo workshop check <id>` marks a step as passed again."
        ),
        Err(_) => format!(
            ".workshop/progress {why}: what could be read of it is kept. \
             `cargo workshop check <id>` marks a step as passed again."
        ),
    }
}

fn line((id, record): (&String, &StepRecord)) -> String {
    match record.hints {
        0 => format!("{id} {}\n", record.state.word()),
        hints => format!("{id} {} hints={hints}\n", record.state.word()),
    }
}

fn parse(line: &str) -> Option<(String, StepRecord)> {
    let mut words = line.split_whitespace();
    let id = words.next()?;
    let is_id_character = |character: char| character.is_ascii_alphanumeric() || character == '-';
    if !id.chars().all(is_id_character) {
        return None;
    }
    let word = words.next()?;
    let state = State::ALL.into_iter().find(|state| state.word() == word)?;
    let hints = match words.next() {
        None => 0,
        Some(word) => word.strip_prefix("hints=")?.parse().ok()?,
    };
    words
        .next()
        .is_none()
        .then(|| (id.to_string(), StepRecord { state, hints }))
}

/// Keeps a second `cargo workshop` from watching the same folder.
#[derive(Debug)]
pub struct Lock {
    _file: Option<File>,
}

impl Lock {
    /// Takes the lock. On a file system that has no locks, nothing is locked.
    ///
    /// # Errors
    /// Returns an error if another `cargo workshop` holds it.
    pub fn take(project: &Project) -> Result<Self> {
        let folder = project.state_folder();
        let file = fs::create_dir_all(&folder).and_then(|()| {
            File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(folder.join("lock"))
        });
        let Ok(file) = file else {
            return Ok(Self { _file: None });
        };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let message = "`cargo workshop` already watches this folder, in another terminal; go there, or end it with q. \
                               Here, `cargo workshop check` judges the current step once.";
                Err(anyhow!(message))
            }
            Err(TryLockError::Error(_)) | Ok(()) => Ok(Self { _file: Some(file) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        for (state, hints) in [(State::Open, 2), (State::Passed, 0), (State::Skipped, 3)] {
            let record = StepRecord { state, hints };
            let id = "accept-key".to_string();
            assert_eq!(parse(&line((&id, &record))), Some((id, record)));
        }
    }

    #[test]
    fn nonsense_is_not_a_line() {
        for text in [
            "accept-key",
            "accept-key perhaps",
            "accept-key passed hints=x",
            "a passed hints=1 b",
            "\0\0 passed",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
