//! `author book`: writes what the book says of the steps out of their metadata.
//!
//! `book/src/generated/schedule.md` is the table of all steps; `book/src/generated/<id>.md` is the
//! line below a chapter's title; `book/src/generated/watch.svg` is the README's picture.

use std::fs;

use crate::author::picture;
use crate::check_file::check_names;
use crate::project::{Explain, Problem, Project, Step};
use crate::starter::{Files, drift, finished, write_folder};

/// Writes `book/src/generated`.
///
/// # Errors
/// A solution can't be read, or a file can't be written.
pub fn write(project: &Project) -> Result<(), Problem> {
    write_folder(
        &project.root.join("book/src/generated"),
        &generated(project)?,
    )?;
    println!("✓ book/src/generated");
    titles(project)
}

/// Says where the book and the steps' metadata differ.
///
/// # Errors
/// They differ somewhere.
pub fn check(project: &Project) -> Result<(), Problem> {
    let lines = drift(
        &project.root.join("book/src/generated"),
        &generated(project)?,
    );
    if !lines.is_empty() {
        let command = "`cargo workshop author book` writes them again.";
        return Err(Problem(format!("{}\n{command}", lines.join("\n"))));
    }
    titles(project)?;
    println!("✓ the book says of the steps what their Cargo.toml says");
    Ok(())
}

/// A chapter has the title of its step, in SUMMARY.md and in its heading, and says its line. If it says how
/// many checks there are, it is right.
fn titles(project: &Project) -> Result<(), Problem> {
    let source = project.root.join("book").join("src");
    let read = |name: &str| {
        let file = source.join(name);
        fs::read_to_string(&file).explain(|| format!("{} can't be read", file.display()))
    };
    let summary = read("SUMMARY.md")?;
    let mut lines = Vec::new();
    for step in &project.steps {
        let entry = format!("[{} {}]({})", step.number, step.title, step.chapter);
        if !summary.contains(&entry) {
            lines.push(format!("book/src/SUMMARY.md lacks {entry}"));
        }
        let chapter = read(&step.chapter)?;
        for needed in [
            format!("# {} {}\n", step.number, step.title),
            format!("{{{{#include generated/{}.md}}}}", step.id),
        ] {
            if !chapter.contains(&needed) {
                lines.push(format!(
                    "book/src/{} lacks {:?}",
                    step.chapter,
                    needed.trim_end()
                ));
            }
        }
        let checks = check_names(project, step)?.len();
        for said in numbers_of_checks(&chapter) {
            if said != checks {
                lines.push(format!(
                    "book/src/{} says that there are {said} checks, and there are {checks}",
                    step.chapter
                ));
            }
        }
        let hints = chapter.matches("<details class=\"hint\">").count();
        if hints != 3 {
            lines.push(format!(
                "book/src/{} has {hints} hints, not 3",
                step.chapter
            ));
        }
    }
    if lines.is_empty() {
        Ok(())
    } else {
        Err(Problem(lines.join("\n")))
    }
}

/// How many checks a chapter says that there are: `There are 43 checks`, `the six checks`.
fn numbers_of_checks(chapter: &str) -> Vec<usize> {
    let words: Vec<&str> = chapter.split_whitespace().collect();
    let all = words.windows(3).filter_map(|words| match words {
        ["are" | "the", number, after] if after.starts_with("checks") => number_of(number),
        _ => None,
    });
    all.collect()
}

fn number_of(word: &str) -> Option<usize> {
    const WORDS: [&str; 21] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
        "twenty",
    ];
    let named = WORDS.iter().position(|name| *name == word);
    named.or_else(|| word.parse().ok())
}

fn generated(project: &Project) -> Result<Files, Problem> {
    let mut files = Files::new();
    files.insert(
        "schedule.md".to_string(),
        schedule(&project.steps).into_bytes(),
    );
    files.insert(
        "watch.svg".to_string(),
        picture::screen(project)?.into_bytes(),
    );
    for step in &project.steps {
        let task_files = files_with_tasks(project, step)?;
        let line = format!(
            "*Step {} · {} minutes · you edit {task_files}*\n",
            step.number, step.minutes
        );
        files.insert(format!("{}.md", step.id), line.into_bytes());
    }
    Ok(files)
}

fn schedule(steps: &[Step]) -> String {
    let mut table = "| step | title | minutes | needs |\n|---|---|--:|---|\n".to_string();
    for step in steps {
        let needs: Vec<String> = step.needs.iter().map(|id| format!("`{id}`")).collect();
        let needs = if needs.is_empty() {
            "–".to_string()
        } else {
            needs.join(", ")
        };
        let Step {
            number,
            title,
            chapter,
            minutes,
            ..
        } = step;
        table += &format!("| {number} | [{title}]({chapter}) | {minutes} | {needs} |\n");
    }
    let minutes: u32 = steps.iter().map(|step| step.minutes).sum();
    table + &format!("| | all of them | {minutes} | |\n")
}

/// The one file that holds tasks by its path, several by their folder and their names.
fn files_with_tasks(project: &Project, step: &Step) -> Result<String, Problem> {
    let files = finished(project, step)?;
    let has_task = |content: &[u8]| String::from_utf8_lossy(content).contains("// Task: ");
    let sources = files
        .iter()
        .filter_map(|(path, content)| Some((path.strip_prefix("src/")?, content)));
    let names: Vec<String> = sources
        .filter(|(_, content)| has_task(content))
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    let folder = format!("steps/{}/src/", step.folder());
    match names.as_slice() {
        [name] => Ok(format!("`{folder}{}", name.trim_start_matches('`'))),
        names => Ok(format!("{} in `{folder}`", names.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_checks_is_found() {
        let chapter = "There are 43\nchecks. Three of the nineteen checks pass; a row of two checks. The checks";
        assert_eq!(numbers_of_checks(chapter), [43, 19]);
    }

    #[test]
    fn the_schedule_adds_up() {
        let step = |number: &str, id: &str, minutes, needs: &[&str]| Step {
            number: number.to_string(),
            id: id.to_string(),
            title: id.to_uppercase(),
            minutes,
            needs: needs.iter().map(|id| id.to_string()).collect(),
            chapter: format!("{id}.md"),
            showcase: false,
        };
        let table = schedule(&[step("00", "a", 20, &[]), step("01", "b", 35, &["a"])]);
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            rows,
            [
                "| 00 | [A](a.md) | 20 | – |",
                "| 01 | [B](b.md) | 35 | `a` |",
                "| | all of them | 55 | |"
            ]
        );
    }
}
