//! `author new-step`: a new step that is small and whole. It has a solution with one task, a check with its
//! signs, four mistakes and a chapter, and passes everything. Replace its parts one by one and keep it green.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};
use workshop::project::{Project, Step, number_and_part};
use workshop::starter::write_file;

use crate::mistakes::Selection;
use crate::{book, mistakes, snapshots, starters};

const MANIFEST: &str = include_str!("new_step/manifest.txt");
const CHECK: &str = include_str!("new_step/check.txt");
const LIB: &str = include_str!("new_step/lib.txt");
const CHECKS: &str = include_str!("new_step/checks.txt");
const MISTAKE: &str = include_str!("new_step/mistake.txt");
const CHAPTER: &str = include_str!("new_step/chapter.txt");

/// The name of each mistake, what it is, the part of the guess that names it, and its code.
const MISTAKES: [[&str; 4]; 4] = [
    [
        "zeros",
        "the bits that are 0 are counted",
        "bits that are 0 were counted",
        "byte.count_zeros()",
    ],
    [
        "value",
        "the byte's value is returned",
        "the value of the byte",
        "byte.into()",
    ],
    [
        "only-the-front",
        "counting ends at the first 0",
        "at the front of the byte",
        "byte.leading_ones()",
    ],
    [
        "only-the-end",
        "counting begins at the end, and ends at the first 0",
        "at the end of the byte",
        "byte.trailing_ones()",
    ],
];

/// Writes a new step after the last one, with all that belongs to it.
///
/// # Errors
/// Returns an error if the id isn't valid or is taken, a file can't be written, or the new step doesn't pass.
pub fn run(project: &Project, id: &str, title: &str) -> Result<()> {
    refuse(project, id)?;
    let place = Place {
        project,
        number: format!("{:02}", next_number(project, title)?),
        id,
        title,
    };
    let folder = format!("{}-{id}", place.number);
    place.write(&format!("solutions/{folder}/Cargo.toml"), MANIFEST)?;
    place.write(&format!("solutions/{folder}/check.rs"), CHECK)?;
    place.write(&format!("solutions/{folder}/src/lib.rs"), LIB)?;
    place.write(
        &format!("tests/{}_{}.rs", place.number, id.replace('-', "_")),
        CHECKS,
    )?;
    place.write(&format!("book/src/{id}.md"), CHAPTER)?;
    for [name, mistake, often, code] in MISTAKES {
        let diff = MISTAKE
            .replace("{mistake}", mistake)
            .replace("{often}", often);
        let diff = diff.replace("{code}", code);
        place.write(&format!("tests/mistakes/{folder}/{name}.diff"), &diff)?;
    }
    place.enter_in_summary()?;
    finish(&Project::at(&project.root)?, id)
}

/// Returns the number that the book has planned for this title, or else the first that is neither taken nor planned.
fn next_number(project: &Project, title: &str) -> Result<u32> {
    let summary = summary(project)?;
    let planned = Vec::from_iter(summary.lines().filter_map(planned));
    if let Some((number, _)) = planned.iter().find(|(_, planned)| *planned == title) {
        return Ok(*number);
    }
    let taken = project.steps.iter();
    let taken = taken.filter_map(|step| Some(number_and_part(&step.number)?.0));
    let last = taken.chain(planned.iter().map(|(number, _)| *number)).max();
    Ok(last.map_or(0, |last| last + 1))
}

/// `- [13 Compression]()` plans step 13.
fn planned(line: &str) -> Option<(u32, &str)> {
    let entry = line.strip_prefix("- [")?.strip_suffix("]()")?;
    let (number, title) = entry.split_once(' ')?;
    Some((number.parse().ok()?, title))
}

fn summary(project: &Project) -> Result<String> {
    let file = summary_file(project);
    fs::read_to_string(&file).with_context(|| format!("{} can't be read", file.display()))
}

fn summary_file(project: &Project) -> PathBuf {
    project.root.join("book/src/SUMMARY.md")
}

/// Formats what was written: the order of imports depends on the id.
fn format(project: &Project, step: &Step) -> Result<()> {
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args(["--edition", "2024"]);
    rustfmt.arg(project.root.join("tests").join(step.test_file()));
    let status = rustfmt.status().context("rustfmt can't be started")?;
    if status.success() {
        Ok(())
    } else {
        Err(anyhow!("rustfmt can't format the new checks"))
    }
}

/// Everything that is generated.
fn finish(project: &Project, id: &str) -> Result<()> {
    let step = project.step(id)?;
    format(project, step)?;
    starters::write(project)?;
    book::write(project)?;
    snapshots::write_one(project, step)?;
    let which = Selection {
        step: Some(id),
        update: true,
        ..Selection::default()
    };
    mistakes::run(project, which)?;
    println!("\n{}", next(step));
    Ok(())
}

fn next(step: &Step) -> String {
    let folder = step.folder();
    let (chapter, checks) = (&step.chapter, step.test_file());
    format!(
        "Step {} is there, and green. Now make it yours, in this order:\n  \
         solutions/{folder}/           the reference, with `// Task:` where a learner writes\n  \
         tests/{checks:<24}  the checks and their signs\n  \
         tests/mistakes/{folder}/      wrong solutions\n  \
         book/src/{chapter:<21}  the chapter\n\
         `cargo workshop author verify` proves all of it; CONTRIBUTING.md says more.",
        step.number
    )
}

fn refuse(project: &Project, id: &str) -> Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_id = id.bytes().all(is_plain)
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && !id.ends_with('-');
    if !is_id {
        bail!(
            "`{id}` can't be a package's name here. Use lowercase letters, digits and hyphens, a letter first."
        );
    }
    let is_taken = project.steps.iter().any(|step| step.id == id)
        || project
            .root
            .join("book/src")
            .join(format!("{id}.md"))
            .exists();
    if is_taken {
        Err(anyhow!("There is a step or a page `{id}` already."))
    } else {
        Ok(())
    }
}

/// The places in which a new step is written.
struct Place<'a> {
    project: &'a Project,
    number: String,
    id: &'a str,
    title: &'a str,
}

impl Place<'_> {
    fn write(&self, path: &str, template: &str) -> Result<()> {
        let text = template
            .replace("{number}", &self.number)
            .replace("{id}", self.id)
            .replace("{test}", &self.id.replace('-', "_"))
            .replace("{title}", self.title);
        write_file(&self.project.root.join(path), text.as_bytes())
    }

    /// Enters the chapter in the book's summary.
    fn enter_in_summary(&self) -> Result<()> {
        let last = self.project.steps.last().map(|step| step.chapter.as_str());
        let entry = format!("- [{} {}]({}.md)", self.number, self.title, self.id);
        let summary = summary(self.project)?;
        let entered = entered(&summary, &entry, self.title, last.unwrap_or_default());
        write_file(&summary_file(self.project), entered.as_bytes())
    }
}

/// The summary with one more entry: in the place of the line that plans this title, or else after all that is planned,
/// or after the chapter `last`.
fn entered(summary: &str, entry: &str, title: &str, last: &str) -> String {
    let mut lines = Vec::from_iter(summary.lines());
    let is_planned = |line: &&str| planned(line).is_some();
    let planned_here = lines
        .iter()
        .position(|line| planned(line).is_some_and(|(_, planned)| planned == title));
    let after_last = |line: &&str| line.ends_with(&format!("({last})"));
    if let Some(at) = planned_here {
        lines[at] = entry;
    } else if let Some(at) = lines.iter().rposition(is_planned) {
        lines.insert(at + 1, entry);
    } else if let Some(at) = lines.iter().position(after_last) {
        lines.insert(at + 1, entry);
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_planned_chapter_gets_its_page() {
        let summary =
            "- [11b Events](events.md)\n\n# Part V\n\n- [12 The client]()\n- [13 TLS]()\n";
        assert_eq!(
            entered(
                summary,
                "- [12 The client](client.md)",
                "The client",
                "events.md"
            ),
            "- [11b Events](events.md)\n\n# Part V\n\n- [12 The client](client.md)\n- [13 TLS]()\n"
        );
    }

    #[test]
    fn another_comes_after_all_that_is_planned_or_after_the_last() {
        let summary =
            "- [11b Events](events.md)\n\n- [12 The client]()\n\n[Glossary](glossary.md)\n";
        assert_eq!(
            entered(summary, "- [13 Toy](toy.md)", "Toy", "events.md"),
            "- [11b Events](events.md)\n\n- [12 The client]()\n- [13 Toy](toy.md)\n\n[Glossary](glossary.md)\n"
        );
        let summary = "- [11b Events](events.md)\n\n[Glossary](glossary.md)\n";
        assert_eq!(
            entered(summary, "- [12 Toy](toy.md)", "Toy", "events.md"),
            "- [11b Events](events.md)\n- [12 Toy](toy.md)\n\n[Glossary](glossary.md)\n"
        );
    }

    #[test]
    fn a_planned_number_is_only_for_its_title() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
        let project = Project::at(root.unwrap()).unwrap();
        let summary = summary(&project).unwrap();
        for (number, title) in summary.lines().filter_map(planned) {
            assert_eq!(next_number(&project, title).unwrap(), number, "{title}");
            assert!(next_number(&project, "Toy").unwrap() > number, "{title}");
        }
    }

    #[test]
    fn an_id_that_can_t_be_one_is_refused() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.ancestors().nth(2).unwrap();
        let project = Project::at(root).unwrap();
        for id in ["", "Toy", "1toy", "toy_2", "toy-", "../toy"] {
            assert!(refuse(&project, id).is_err(), "{id}");
        }
        assert!(
            refuse(&project, "hello")
                .unwrap_err()
                .to_string()
                .contains("already")
        );
        assert!(refuse(&project, "glossary").is_err());
        assert!(refuse(&project, "toy-2").is_ok());
    }
}
