//! Counts the wrong solutions, and the reports that name the mistake. The result is a table for the book, in
//! `tests/mistakes/figures.md`.
//!
//! The figures come from the headers of the diffs. `author mistakes` proves that the headers are true.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use workshop::project::Project;
use workshop::starter::write_file;

use crate::{mistakes, scratch};

/// The folder of the wrong solutions.
pub fn folder(project: &Project) -> PathBuf {
    project.root.join("tests").join("mistakes")
}

/// The number of mistakes, and of those that are named.
pub struct Figures {
    /// For each step with mistakes: its folder, their number, and the number of those that are named.
    steps: Vec<(String, usize, usize)>,
}

impl Figures {
    /// Counts the mistakes.
    ///
    /// # Errors
    /// Returns an error if a diff can't be read, or its header isn't complete.
    pub fn of(project: &Project) -> Result<Self> {
        let mut steps = Vec::new();
        for step in &project.steps {
            let folder = folder(project).join(step.folder());
            let (mut all, mut named) = (0, 0);
            for name in scratch::names(&folder, ".diff") {
                let file = folder.join(format!("{name}.diff"));
                let diff = fs::read_to_string(&file)
                    .with_context(|| format!("{} can't be read", file.display()))?;
                all += 1;
                named += usize::from(mistakes::read(&name, &diff)?.is_named());
            }
            steps.push((step.folder(), all, named));
        }
        Ok(Self { steps })
    }

    /// `307 mistakes, 300 named by their reports (98 %), 7 without a guess, 0 with a wrong one`
    pub fn total(&self) -> String {
        let (all, named) = self.sums();
        format!(
            "{all} mistakes, {named} named by their reports ({} %), {} without a guess, 0 with a wrong one",
            percent(named, all),
            all - named
        )
    }

    fn sums(&self) -> (usize, usize) {
        let add = |(all, named): (usize, usize), step: &(String, usize, usize)| {
            (all + step.1, named + step.2)
        };
        self.steps.iter().fold((0, 0), add)
    }

    fn table(&self) -> String {
        let mut table =
            "| step | mistakes | caught | named | no guess | wrong guess |\n".to_string();
        table += "|---|--:|--:|--:|--:|--:|\n";
        let (all, named) = self.sums();
        let sum = ("**all**".to_string(), all, named);
        for (step, all, named) in self.steps.iter().chain([&sum]) {
            let none = all - named;
            writeln!(table, "| {step} | {all} | {all} | {named} | {none} | 0 |")
                .expect("a String takes all text");
        }
        table
    }
}

fn percent(part: usize, whole: usize) -> usize {
    100 * part / whole.max(1)
}

/// Writes the table if `update`, and otherwise checks it.
///
/// # Errors
/// Returns an error if the table in the repository is not what the diffs say, or can't be written.
pub fn check_or_write(project: &Project, update: bool) -> Result<()> {
    let table = Figures::of(project)?.table();
    let file = folder(project).join("figures.md");
    if update {
        return write_file(&file, table.as_bytes());
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    if kept.replace("\r\n", "\n") == table {
        Ok(())
    } else {
        Err(anyhow!(
            "{} is not what the mistakes' headers say. `cargo workshop author mistakes --update` writes it.",
            file.display()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_are_in_the_table() {
        let figures = Figures {
            steps: vec![("00-a".to_string(), 4, 4), ("01-b".to_string(), 6, 5)],
        };
        assert!(
            figures
                .table()
                .ends_with("| 01-b | 6 | 6 | 5 | 1 | 0 |\n| **all** | 10 | 10 | 9 | 1 | 0 |\n")
        );
        assert_eq!(
            figures.total(),
            "10 mistakes, 9 named by their reports (90 %), 1 without a guess, 0 with a wrong one"
        );
    }
}
