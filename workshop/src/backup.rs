//! What a learner wrote is kept before anything takes its place.

use std::fs;
use std::path::{Path, PathBuf};

use crate::clock;
use crate::project::{Problem, Project, Step};
use crate::starter::{Files, drift, finished, read_folder, starter, write_file, write_folder};

/// Puts the reference in the place of the learner's files. Returns where those are kept; `None`
/// where there was nothing of theirs.
///
/// # Errors
/// The files can't be kept (then nothing was touched), or the reference can't be written.
pub fn skip(project: &Project, step: &Step) -> Result<Option<PathBuf>, Problem> {
    replace(project, step, &finished(project, step)?)
}

/// Writes the step as it was at the beginning. Returns where the learner's files are kept; `None`
/// where there was nothing of theirs.
///
/// # Errors
/// The files can't be kept (then nothing was touched), or the starter can't be written.
pub fn reset(project: &Project, step: &Step) -> Result<Option<PathBuf>, Problem> {
    replace(project, step, &starter(project, step)?)
}

/// Whether the step's files are the reference's.
pub fn is_finished_by_skip(project: &Project, step: &Step) -> bool {
    let folder = project.step_folder(step);
    finished(project, step).is_ok_and(|files| drift(&folder, &files).is_empty())
}

fn replace(project: &Project, step: &Step, files: &Files) -> Result<Option<PathBuf>, Problem> {
    let kept = keep(project, step)?;
    let folder = project.step_folder(step);
    write_folder(&folder, files).map_err(|problem| match &kept {
        Some(place) => Problem(format!(
            "{problem}. Your files are all in {}; try again when there is room.",
            shown(project, place)
        )),
        None => problem,
    })?;
    Ok(kept)
}

fn keep(project: &Project, step: &Step) -> Result<Option<PathBuf>, Problem> {
    let folder = project.step_folder(step);
    if !folder.is_dir() {
        return Ok(None);
    }
    let theirs = read_folder(&folder)?;
    let is_ours = |files: Result<Files, Problem>| files.is_ok_and(|files| files == theirs);
    if theirs.is_empty() || is_ours(starter(project, step)) || is_ours(finished(project, step)) {
        return Ok(None);
    }
    let backups = project.state_folder().join("backups");
    let name = format!("{}-{}", step.id, clock::stamp());
    let place = unused(&backups, &name);
    for (path, content) in &theirs {
        write_file(&place.join(path), content).map_err(|problem| {
            _ = fs::remove_dir_all(&place);
            Problem(format!(
                "Your files can't be kept, so nothing was touched: {problem}. Make room, and try again."
            ))
        })?;
    }
    Ok(Some(place))
}

fn unused(folder: &Path, name: &str) -> PathBuf {
    let first = folder.join(name);
    let others = (2..).map(|number| folder.join(format!("{name}-{number}")));
    std::iter::once(first)
        .chain(others)
        .find(|path| !path.exists())
        .expect("some number is unused")
}

/// A path as a person in the workshop's folder would type it.
pub fn shown(project: &Project, path: &Path) -> String {
    let path = path.strip_prefix(&project.root).unwrap_or(path);
    path.display().to_string().replace('\\', "/")
}
