//! Keeps a learner's files before anything replaces them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Error, Result, anyhow};

use crate::project::{Project, Step};
use crate::starter::{Files, finished, read_folder, same_files, starter, write_file, write_folder};
use crate::timestamp;

/// The fate of the files that were in a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupOutcome {
    /// They are in this backup now.
    In(Backup),
    /// There was nothing to keep, for this reason.
    Nothing(String),
}

/// A folder with the files of a step, as a learner left them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The time at which it was made: `2026-11-21T05-43-10Z`. No two backups of a step have the same.
    pub when: String,
    /// The folder.
    pub folder: PathBuf,
}

/// Replaces the learner's files by the reference.
///
/// # Errors
/// Returns an error if the files can't be kept (then nothing was touched), or the reference can't be written.
pub fn skip(project: &Project, step: &Step) -> Result<BackupOutcome> {
    replace(project, step, &finished(project, step)?)
}

/// Resets the step to its starting point.
///
/// # Errors
/// Returns an error if the files can't be kept (then nothing was touched), or the starter can't be written.
pub fn reset(project: &Project, step: &Step) -> Result<BackupOutcome> {
    replace(project, step, &starter(project, step)?)
}

/// Writes the files of a backup into the step. Every file is written, even one that is the same already: cargo builds
/// only files that are newer than its latest build, and a backup that was copied by hand may have kept its old times.
///
/// # Errors
/// Returns an error if the backup can't be read or the files can't be kept (then nothing was touched), or its files
/// can't be written.
pub fn restore(project: &Project, step: &Step, backup: &Backup) -> Result<BackupOutcome> {
    let files = read_folder(&backup.folder)?;
    let folder = project.step_folder(step);
    let outcome = match read_folder(&folder) {
        Ok(theirs) if same_files(&theirs, &files) => {
            BackupOutcome::Nothing("the step held the same files already".to_string())
        }
        _ => keep(project, step)?,
    };
    write_folder(&folder, &files)
        .and_then(|()| {
            files
                .iter()
                .try_for_each(|(path, content)| write_file(&folder.join(path), content))
        })
        .map_err(|error| still_there(error, project, &outcome))?;
    Ok(outcome)
}

/// The backups of a step, the newest first.
pub fn backups(project: &Project, step: &Step) -> Vec<Backup> {
    let Ok(entries) = fs::read_dir(folder(project)) else {
        return Vec::new();
    };
    let backup = |entry: fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let when = name.strip_prefix(&step.id)?.strip_prefix('-')?;
        let is_one = timestamp::is_timestamp(split(when).0) && entry.path().is_dir();
        is_one.then(|| Backup {
            when: when.to_string(),
            folder: entry.path(),
        })
    };
    let mut backups: Vec<Backup> = entries.flatten().filter_map(backup).collect();
    backups.sort_by(|one, other| split(&other.when).cmp(&split(&one.when)));
    backups
}

/// Splits the time of a backup from its number among the backups of that second.
fn split(when: &str) -> (&str, u32) {
    match when.split_once("Z-") {
        Some((stamp, number)) => (&when[..=stamp.len()], number.parse().unwrap_or(0)),
        None => (when, 1),
    }
}

/// Whether the step's files are the reference's.
pub fn is_finished_by_skip(project: &Project, step: &Step) -> bool {
    let there = read_folder(&project.step_folder(step));
    let reference = finished(project, step);
    matches!((there, reference), (Ok(there), Ok(reference)) if same_files(&there, &reference))
}

fn replace(project: &Project, step: &Step, files: &Files) -> Result<BackupOutcome> {
    let outcome = keep(project, step)?;
    write_folder(&project.step_folder(step), files)
        .map_err(|error| still_there(error, project, &outcome))?;
    Ok(outcome)
}

fn still_there(error: Error, project: &Project, outcome: &BackupOutcome) -> Error {
    match outcome {
        BackupOutcome::In(backup) => anyhow!(
            "{error:#}. Your files are all in {}; try again when there is room.",
            relative(project, &backup.folder)
        ),
        BackupOutcome::Nothing(_) => error,
    }
}

fn folder(project: &Project) -> PathBuf {
    project.state_folder().join("backups")
}

fn keep(project: &Project, step: &Step) -> Result<BackupOutcome> {
    let nothing = |why: &str| Ok(BackupOutcome::Nothing(why.to_string()));
    let theirs = project.step_folder(step);
    if !theirs.is_dir() {
        return nothing("the step was not there");
    }
    let theirs = read_folder(&theirs)?;
    let is_ours = |files: Result<Files>| files.is_ok_and(|files| same_files(&files, &theirs));
    if theirs.is_empty() {
        return nothing("the step's folder was empty");
    }
    if is_ours(starter(project, step)) {
        return nothing("the step was unchanged");
    }
    if is_ours(finished(project, step)) {
        return nothing("the step held the reference");
    }
    let (when, folder) = unused(&folder(project), &step.id);
    for (path, content) in &theirs {
        write_file(&folder.join(path), content).map_err(|error| {
            _ = fs::remove_dir_all(&folder);
            anyhow!("Your files can't be kept, so nothing was touched: {error:#}. Make room, and try again.")
        })?;
    }
    Ok(BackupOutcome::In(Backup { when, folder }))
}

fn unused(folder: &Path, id: &str) -> (String, PathBuf) {
    let first = timestamp::now();
    let others = (2..).map(|number| format!("{first}-{number}"));
    std::iter::once(first.clone())
        .chain(others)
        .map(|when| (when.clone(), folder.join(format!("{id}-{when}"))))
        .find(|(_, path)| !path.exists())
        .expect("some number is unused")
}

/// A path as a person in the workshop's folder would type it.
pub fn relative(project: &Project, path: &Path) -> String {
    let path = path.strip_prefix(&project.root).unwrap_or(path);
    path.display().to_string().replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_of_one_second_are_told_apart_by_number() {
        let mut names = [
            "2026-11-21T05-43-10Z-10",
            "2026-11-21T05-43-11Z",
            "2026-11-21T05-43-10Z",
            "2026-11-21T05-43-10Z-2",
        ];
        names.sort_by_key(|name| split(name));
        assert_eq!(
            names,
            [
                "2026-11-21T05-43-10Z",
                "2026-11-21T05-43-10Z-2",
                "2026-11-21T05-43-10Z-10",
                "2026-11-21T05-43-11Z",
            ]
        );
    }
}
