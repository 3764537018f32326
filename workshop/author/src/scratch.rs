//! A copy of the workshop to try things in: steps that are unwritten, finished, or wrong.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use workshop::project::{Project, Step};
use workshop::starter::{Files, read_folder, write_folder};

/// The files and folders that cargo needs to build the steps and their checks.
const FOLDERS: [&str; 5] = [".cargo", "solutions", "steps", "tests", "workshop"];
const FILES: [&str; 2] = ["Cargo.toml", "Cargo.lock"];

/// Copies the workshop to `target/author/<name>`. Earlier builds there are kept, so that the next one is quick.
///
/// # Errors
/// Returns an error if something can't be read or written.
pub fn copy(project: &Project, name: &str) -> Result<Project> {
    let root = project.root.join("target").join("author").join(name);
    for folder in FOLDERS {
        write_folder(
            &root.join(folder),
            &read_folder(&project.root.join(folder))?,
        )?;
    }
    for file in FILES {
        let to = root.join(file);
        fs::copy(project.root.join(file), &to)
            .with_context(|| format!("{} can't be written", to.display()))?;
    }
    let target = Some(root.join("target"));
    Ok(Project {
        target,
        ..Project::at(&root)?
    })
}

/// Replaces the files of a step by these.
///
/// # Errors
/// Returns an error if they can't be written.
pub fn put(scratch: &Project, step: &Step, files: &Files) -> Result<()> {
    write_folder(&scratch.step_folder(step), files)
}

/// Returns the names of the files in a folder that have this extension: without it, and sorted.
pub fn names(folder: &Path, ending: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            Some(
                entry
                    .file_name()
                    .to_str()?
                    .strip_suffix(ending)?
                    .to_string(),
            )
        })
        .collect();
    names.sort();
    names
}
