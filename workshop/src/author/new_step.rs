//! `author new-step`: a new step that is small and whole. It has a solution with one task, a check with its
//! signs, four mistakes and a chapter, and passes everything. Replace its parts one by one and keep it green.

use std::fs;

use crate::author::mistakes::Which;
use crate::author::{book, mistakes, snapshots, starters};
use crate::project::{Explain, Problem, Project, Step, number_and_part};
use crate::starter::write_file;

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
/// The id isn't one, or is taken; a file can't be written; or what was written doesn't pass.
pub fn run(project: &Project, id: &str, title: &str) -> Result<(), Problem> {
    refuse(project, id)?;
    let last = project.steps.last();
    let last = last.and_then(|step| number_and_part(&step.number));
    let number = format!("{:02}", last.map_or(0, |(last, _)| last + 1));
    let place = Place {
        project,
        number,
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

/// Everything that is generated.
fn finish(project: &Project, id: &str) -> Result<(), Problem> {
    let step = project.step(id)?;
    starters::write(project)?;
    book::write(project)?;
    snapshots::write_one(project, step)?;
    let which = Which {
        step: Some(id),
        update: true,
        ..Which::default()
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

fn refuse(project: &Project, id: &str) -> Result<(), Problem> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_id = id.bytes().all(is_plain)
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && !id.ends_with('-');
    if !is_id {
        return Err(Problem(format!(
            "`{id}` can't be a package's name here. Use lowercase letters, digits and hyphens, a letter first."
        )));
    }
    let is_taken = project.steps.iter().any(|step| step.id == id)
        || project
            .root
            .join("book/src")
            .join(format!("{id}.md"))
            .exists();
    match is_taken {
        true => Err(Problem(format!(
            "There is a step or a page `{id}` already."
        ))),
        false => Ok(()),
    }
}

/// Where a new step is written.
struct Place<'a> {
    project: &'a Project,
    number: String,
    id: &'a str,
    title: &'a str,
}

impl Place<'_> {
    fn write(&self, path: &str, template: &str) -> Result<(), Problem> {
        let text = template
            .replace("{number}", &self.number)
            .replace("{id}", self.id)
            .replace("{test}", &self.id.replace('-', "_"))
            .replace("{title}", self.title);
        write_file(&self.project.root.join(path), text.as_bytes())
    }

    /// After the last step's line, or in the place of a line without a page that has this title.
    fn enter_in_summary(&self) -> Result<(), Problem> {
        let file = self.project.root.join("book/src/SUMMARY.md");
        let explain = || format!("{} can't be read", file.display());
        let summary = fs::read_to_string(&file).explain(explain)?;
        let last = self.project.steps.last().map(|step| step.chapter.as_str());
        let entry = format!("- [{} {}]({}.md)", self.number, self.title, self.id);
        let entered = entered(&summary, &entry, self.title, last.unwrap_or_default());
        write_file(&file, entered.as_bytes())
    }
}

fn entered(summary: &str, entry: &str, title: &str, last: &str) -> String {
    let planned = format!(" {title}]()");
    let is_planned = summary.lines().any(|line| line.ends_with(&planned));
    let mut lines = Vec::new();
    for line in summary.lines() {
        match line.ends_with(&planned) {
            true => lines.push(entry),
            false => lines.push(line),
        }
        if !is_planned && line.ends_with(&format!("({last})")) {
            lines.push(entry);
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
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
    fn another_comes_after_the_last() {
        let summary = "- [11b Events](events.md)\n\n- [12 The client]()\n";
        assert_eq!(
            entered(summary, "- [12 Toy](toy.md)", "Toy", "events.md"),
            "- [11b Events](events.md)\n- [12 Toy](toy.md)\n\n- [12 The client]()\n"
        );
    }

    #[test]
    fn an_id_that_can_t_be_one_is_refused() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .unwrap();
        let project = Project::at(root).unwrap();
        for id in ["", "Toy", "1toy", "toy_2", "toy-", "../toy"] {
            assert!(refuse(&project, id).is_err(), "{id}");
        }
        assert!(refuse(&project, "hello").unwrap_err().0.contains("already"));
        assert!(refuse(&project, "glossary").is_err());
        assert!(refuse(&project, "toy-2").is_ok());
    }
}
