//! Makes steps out of solutions.
//!
//! A solution marks each exercise by a comment:
//!
//! ```text
//! pub fn accept_key(key: &str) -> String {
//!     // Task: encode the 20 bytes of the digest with base64.
//!     STANDARD.encode(digest(key))
//! }
//! ```
//!
//! In the starter, `todo!("…")` replaces what follows the comment in that block. If lines `// Starter: code` follow
//! the comment, that code replaces it instead. A comment at the left margin is about the item below it, up to the next
//! blank line. Anchors for the book are left out. Everything else is the same to the letter, except for the names: a
//! solution's package ends in `-solution`, a starter's does not.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::check_file::check_file;
use crate::project::{Project, Step};

/// The files of a folder: path within it (with forward slashes), and content.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Returns a step as a learner gets it.
///
/// # Errors
/// Returns an error if the solution can't be read, or one of its task comments makes no sense.
pub fn starter(project: &Project, step: &Step) -> Result<Files> {
    written_out(project, step, without_answers)
}

/// Returns a step that has the reference in it: the solution's files, with the step's names.
///
/// # Errors
/// Returns an error if the solution can't be read.
pub fn finished(project: &Project, step: &Step) -> Result<Files> {
    written_out(project, step, |text| Ok(without_starter_lines(text)))
}

fn written_out(
    project: &Project,
    step: &Step,
    write_out: impl Fn(&str) -> Result<String>,
) -> Result<Files> {
    let mut files = read_folder(&project.solution_folder(step))?;
    files.remove("check.rs");
    for (path, content) in &mut files {
        let Ok(text) = std::str::from_utf8(content) else {
            continue;
        };
        let text = text.replace("\r\n", "\n");
        let text = match path.as_str() {
            "Cargo.toml" => own_names(&manifest(&text, &check_file(project, step)), project),
            _ if path.ends_with(".rs") => {
                let text = write_out(&text)
                    .with_context(|| format!("solutions/{}/{path}", step.folder()))?;
                own_names(&without_anchors(&text), project)
            }
            _ => text,
        };
        *content = text.into_bytes();
    }
    Ok(files)
}

/// Whether every exercise of the solution starts with a `todo!()`. One that starts with wrong code
/// instead (`// Starter:`) is red from the start, not unwritten.
pub fn starts_unwritten(files: &Files) -> bool {
    let has_todo = |content: &Vec<u8>| String::from_utf8_lossy(content).contains("todo!(");
    files
        .iter()
        .any(|(path, content)| path.ends_with(".rs") && has_todo(content))
}

/// Reads all files in a folder and its subfolders, except for the output of builds.
///
/// # Errors
/// Returns an error if a folder or a file can't be read.
pub fn read_folder(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    collect(folder, "", &mut files)?;
    Ok(files)
}

fn collect(folder: &Path, prefix: &str, files: &mut Files) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("{} can't be read", folder.display()))?;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        if path.is_dir() {
            if name != "target" {
                collect(&path, &format!("{prefix}{name}/"), files)?;
            }
        } else {
            let content =
                fs::read(&path).with_context(|| format!("{} can't be read", path.display()))?;
            files.insert(format!("{prefix}{name}"), content);
        }
    }
    Ok(())
}

/// Makes the folder hold exactly these files, and removes all others. A text that differs only in its line endings
/// stays as it is.
///
/// # Errors
/// Returns an error if a file can't be written or removed.
pub fn write_folder(folder: &Path, files: &Files) -> Result<()> {
    let there = if folder.is_dir() {
        read_folder(folder)?
    } else {
        Files::new()
    };
    for (path, content) in files {
        let is_there = |found: &Vec<u8>| same_text(found, content);
        if !there.get(path).is_some_and(is_there) {
            write_file(&folder.join(path), content)?;
        }
    }
    for path in there.keys().filter(|path| !files.contains_key(*path)) {
        let path = folder.join(path);
        fs::remove_file(&path).with_context(|| format!("{} can't be removed", path.display()))?;
        remove_empty_parents(&path, folder);
    }
    Ok(())
}

/// Removes the folders of a file that is gone, up to `root`, if they are empty. Cargo takes an empty folder in
/// `solutions` for a package without a manifest.
fn remove_empty_parents(path: &Path, root: &Path) {
    let parents = path.ancestors().skip(1);
    for parent in parents.take_while(|parent| *parent != root) {
        // It fails if something is still in it.
        if fs::remove_dir(parent).is_err() {
            return;
        }
    }
}

/// Writes a file whole or not at all, so that a full disk leaves the old file as it was.
///
/// # Errors
/// Returns an error if the file can't be written.
pub fn write_file(path: &Path, content: &[u8]) -> Result<()> {
    let explain = || format!("{} can't be written", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(explain)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let written = fs::write(&beside, content).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        _ = fs::remove_file(&beside);
    }
    written.with_context(explain)
}

/// Compares a folder with these files. Returns a line for each difference.
pub fn differences(folder: &Path, files: &Files) -> Vec<String> {
    let there = read_folder(folder).unwrap_or_default();
    let name = |path: &str| folder.join(path).display().to_string();
    let mut lines = Vec::new();
    for (path, content) in files {
        match there.get(path) {
            None => lines.push(format!("{} is missing", name(path))),
            Some(found) if !same_text(found, content) => {
                lines.push(format!("{} differs", name(path)))
            }
            Some(_) => {}
        }
    }
    let extra = there.keys().filter(|path| !files.contains_key(*path));
    lines.extend(extra.map(|path| format!("{} has no counterpart in the solution", name(path))));
    lines
}

/// Whether two folders hold the same files. Every test for "unchanged" uses this.
pub fn same_files(one: &Files, other: &Files) -> bool {
    let mut pairs = one.iter().zip(other);
    one.len() == other.len() && pairs.all(|(a, b)| a.0 == b.0 && same_text(a.1, b.1))
}

/// Whether two files are the same, apart from line endings: git or an editor may have changed those.
fn same_text(a: &[u8], b: &[u8]) -> bool {
    let plain = |text: &[u8]| str::from_utf8(text).map(|text| text.replace("\r\n", "\n"));
    a == b || matches!((plain(a), plain(b)), (Ok(a), Ok(b)) if a == b)
}

/// Turns a solution's manifest into that of its step. The step's names the shared test directly, and allows unused code
/// without a warning.
fn manifest(text: &str, check_file: &str) -> String {
    let test = format!("path = \"../../tests/{check_file}\"");
    let lints = "# Code that isn't used yet leads to no warning.\n\
                 [lints.rust]\nunsafe_code = \"forbid\"\nunused = \"allow\"\n";
    text.replace("path = \"check.rs\"", &test)
        .replace("[lints]\nworkspace = true\n", lints)
}

/// Removes the suffix of `accept-key-solution` and `accept_key_solution`. It also removes `package = "…"` from a
/// dependency, which is redundant once the dependency and its package have the same name.
fn own_names(text: &str, project: &Project) -> String {
    project.steps.iter().fold(text.to_string(), |text, step| {
        let library = step.library();
        text.replace(&format!("package = \"{}-solution\", ", step.id), "")
            .replace(&format!("{}-solution", step.id), &step.id)
            .replace(&format!("{library}_solution"), &library)
    })
}

fn is_starter_line(line: &str) -> bool {
    line.trim_start().starts_with("// Starter:")
}

fn without_starter_lines(text: &str) -> String {
    let kept = text.lines().filter(|line| !is_starter_line(line));
    kept.map(|line| format!("{line}\n")).collect()
}

/// Removes anchors. They are for the book, which takes its listings only from solutions.
fn without_anchors(text: &str) -> String {
    let is_anchor = |line: &&str| {
        let line = line.trim_start();
        line.starts_with("// ANCHOR: ") || line.starts_with("// ANCHOR_END: ")
    };
    text.lines()
        .filter(|line| !is_anchor(line))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// Replaces each answer by the code that the starter has in its place.
fn without_answers(text: &str) -> Result<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut result: Vec<String> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        result.push(line.to_string());
        at += 1;
        let Some(task) = line.trim_start().strip_prefix("// Task: ") else {
            continue;
        };
        let margin = indentation(line);
        while at < lines.len() && is_comment(lines[at]) && !is_starter_line(lines[at]) {
            result.push(lines[at].to_string());
            at += 1;
        }
        let mut given = Vec::new();
        while at < lines.len() && is_starter_line(lines[at]) {
            let code = lines[at].trim_start().trim_start_matches("// Starter:");
            given.push(format!(
                "{}{}",
                " ".repeat(margin),
                code.strip_prefix(' ').unwrap_or(code)
            ));
            at += 1;
        }
        let end = end_of_answer(&lines, at, margin);
        if end == at {
            bail!("the task \"{task}\" has no answer below it");
        }
        if given.is_empty() && margin == 0 {
            bail!("the task \"{task}\" needs a `// Starter:` line");
        }
        if given.is_empty() {
            given.extend(unwritten(task, margin));
        }
        result.extend(given);
        at = end;
    }
    Ok(result.join("\n") + "\n")
}

/// `todo!("the task")`, as rustfmt breaks it.
fn unwritten(task: &str, margin: usize) -> Vec<String> {
    let indent = " ".repeat(margin);
    let task = format!("{:?}", task.trim_end_matches(['.', ':']));
    let line = format!("{indent}todo!({task})");
    if line.chars().count() <= 100 {
        vec![line]
    } else {
        vec![
            format!("{indent}todo!("),
            format!("{indent}    {task}"),
            format!("{indent})"),
        ]
    }
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("//") && !line.starts_with("///") && !line.starts_with("// ANCHOR")
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The index of the first line after an answer: the one that closes its block, or at the left margin, the first blank
/// line.
fn end_of_answer(lines: &[&str], start: usize, margin: usize) -> usize {
    let ends = |line: &&str| match margin {
        0 => line.is_empty(),
        _ => !line.trim().is_empty() && indentation(line) < margin,
    };
    lines[start..]
        .iter()
        .position(ends)
        .map_or(lines.len(), |length| start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_becomes_a_todo() {
        let solution = "/// Doc.\npub fn twice(n: u8) -> u8 {\n    // Task: double it.\n    // Mind the carry.\n    let m = n;\n\n    m + n\n}\n\nfn rest() {}\n";
        let starter = "/// Doc.\npub fn twice(n: u8) -> u8 {\n    // Task: double it.\n    // Mind the carry.\n    todo!(\"double it\")\n}\n\nfn rest() {}\n";
        assert_eq!(without_answers(solution).unwrap(), starter);
    }

    #[test]
    fn a_starter_line_is_taken_instead() {
        let solution = "fn f() -> u8 {\n    // Task: mend it.\n    // Starter: 1\n    2\n}\n";
        assert_eq!(
            without_answers(solution).unwrap(),
            "fn f() -> u8 {\n    // Task: mend it.\n    1\n}\n"
        );
    }

    #[test]
    fn a_task_at_the_margin_is_about_the_item_below() {
        let solution = "// Task: copy it.\n// Starter: const A: u8 = 0;\n// ANCHOR: a\nconst A: u8 = 1;\n// ANCHOR_END: a\n\nfn f() {}\n";
        let starter = "// Task: copy it.\nconst A: u8 = 0;\n\nfn f() {}\n";
        assert_eq!(without_answers(solution).unwrap(), starter);
    }

    #[test]
    fn the_rest_of_the_block_may_hold_blocks() {
        let solution = "fn f() {\n    if x {\n        // Task: do it.\n        loop {\n            y();\n        }\n        z();\n    }\n    w();\n}\n";
        let starter = "fn f() {\n    if x {\n        // Task: do it.\n        todo!(\"do it\")\n    }\n    w();\n}\n";
        assert_eq!(without_answers(solution).unwrap(), starter);
    }

    #[test]
    fn line_ends_are_not_a_difference_and_all_else_is() {
        let files = |entries: &[(&str, &[u8])]| -> Files {
            let file = |(path, content): &(&str, &[u8])| (path.to_string(), content.to_vec());
            entries.iter().map(file).collect()
        };
        let ours = files(&[("a", b"1\n2\n"), ("b", b"3\n")]);
        assert!(same_files(
            &ours,
            &files(&[("a", b"1\r\n2\n"), ("b", b"3\r\n")])
        ));
        for other in [
            files(&[("a", b"1\n2\n")]),
            files(&[("a", b"1\n2\n"), ("c", b"3\n")]),
            files(&[("a", b"1\n2\n"), ("b", b"3\n"), ("c", b"")]),
            files(&[("a", b"1\n2"), ("b", b"3\n")]),
            files(&[("a", b"1\n\r2\n"), ("b", b"3\n")]),
        ] {
            assert!(!same_files(&ours, &other), "{other:?}");
        }
        // A file that isn't text is compared byte by byte.
        let picture = files(&[("a", b"\xff\r\n")]);
        assert!(!same_files(&picture, &files(&[("a", b"\xff\n")])));
        assert!(!same_files(&picture, &files(&[("a", b"\xfe\r\n")])));
    }

    #[test]
    fn a_task_without_an_answer_is_refused() {
        assert!(without_answers("fn f() {\n    // Task: nothing.\n}\n").is_err());
        assert!(without_answers("// Task: x\nconst A: u8 = 1;\n").is_err());
    }
}
