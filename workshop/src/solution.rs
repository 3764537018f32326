//! Shows the reference of a step as it would be in the step.

use std::fmt::Write as _;

use anyhow::Result;

use crate::project::{Project, Step};
use crate::starter::{Files, finished, starter};

/// The functions that have a task in them, with the reference's answer.
///
/// # Errors
/// Returns an error if the reference can't be read.
pub fn tasks(project: &Project, step: &Step) -> Result<String> {
    let mut text = String::new();
    for (path, content) in changed(project, step)? {
        for (line, code) in tasks_in(&content) {
            let place = format!("steps/{}/{path}, line {line}", step.folder());
            write!(text, "── {place}\n\n{code}\n\n").expect("a String takes all text");
        }
    }
    Ok(text.trim_end().to_string())
}

/// The files that have a task in them, whole.
///
/// # Errors
/// Returns an error if the reference can't be read.
pub fn whole_files(project: &Project, step: &Step) -> Result<String> {
    let mut text = String::new();
    for (path, content) in changed(project, step)? {
        let place = format!("steps/{}/{path}", step.folder());
        write!(text, "── {place}\n\n{content}\n").expect("a String takes all text");
    }
    Ok(text.trim_end().to_string())
}

fn changed(project: &Project, step: &Step) -> Result<Vec<(String, String)>> {
    let before: Files = starter(project, step)?;
    let after = finished(project, step)?;
    let differs = |(path, content): &(String, Vec<u8>)| before.get(path) != Some(content);
    let text =
        |(path, content): (String, Vec<u8>)| (path, String::from_utf8_lossy(&content).into_owned());
    Ok(after.into_iter().filter(differs).map(text).collect())
}

/// Each item that holds a task, once: the number of its first line, and its lines.
fn tasks_in(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut covered = 0;
    for (at, line) in lines.iter().enumerate() {
        if at < covered || !line.trim_start().starts_with("// Task: ") {
            continue;
        }
        let margin = indentation(line);
        let start = if margin == 0 {
            at
        } else {
            head_of(&lines[..at], margin)
        };
        let end = match margin {
            0 => position(&lines, at, |line| line.is_empty()),
            _ => {
                let outer = indentation(lines[start]);
                let closes =
                    |line: &str| indentation(line) <= outer && line.trim_start().starts_with('}');
                (position(&lines, at, closes) + 1).min(lines.len())
            }
        };
        found.push((start + 1, lines[start..end].join("\n")));
        covered = end;
    }
    found
}

/// Finds the line that opens the block around a line with this margin: that of a function, for example.
fn head_of(above: &[&str], margin: usize) -> usize {
    let encloses =
        |line: &str| !line.is_empty() && indentation(line) < margin && line.contains("fn ");
    let is_outside = |line: &str| !line.is_empty() && indentation(line) < margin;
    let function = above.iter().rposition(|line| encloses(line));
    function
        .or_else(|| above.iter().rposition(|line| is_outside(line)))
        .unwrap_or(0)
}

fn position(lines: &[&str], start: usize, is_it: impl Fn(&str) -> bool) -> usize {
    lines[start..]
        .iter()
        .position(|line| is_it(line))
        .map_or(lines.len(), |length| start + length)
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_shown_with_its_function() {
        let text = "/// Doc.\npub fn twice(\n    n: u8,\n) -> u8 {\n    // Task: double it.\n    if x {\n        // Task: and mind this.\n        y();\n    }\n    n\n}\n\nfn rest() {}\n";
        let tasks = tasks_in(text);
        assert_eq!(tasks.len(), 1);
        assert_eq!(tasks[0].0, 2);
        assert!(tasks[0].1.starts_with("pub fn twice(") && tasks[0].1.ends_with("    n\n}"));
    }

    #[test]
    fn a_task_at_the_margin_is_shown_with_its_item() {
        assert_eq!(
            tasks_in("a\n\n// Task: copy it.\nconst A: u8 = 1;\n\nb\n"),
            [(3, "// Task: copy it.\nconst A: u8 = 1;".to_string())]
        );
    }

    #[test]
    fn a_method_is_shown_without_its_impl() {
        let text = "impl A {\n    fn f() {\n        // Task: x.\n        1\n    }\n\n    fn g() {\n        // Task: y.\n        2\n    }\n}\n";
        let tasks = tasks_in(text);
        assert_eq!(
            tasks.iter().map(|(line, _)| *line).collect::<Vec<_>>(),
            [2, 7]
        );
    }
}
