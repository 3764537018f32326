//! The hints of a step, out of its chapter; and a whole page, until the book is built.
//!
//! A hint is a `<details class="hint">` block with a `<summary>`. What it includes from other
//! files is filled in, and its markdown is made plain text for a terminal.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::project::{Project, Step};

mod include;
mod plain;
mod references;

pub use plain::plain;

use include::with_includes;
use plain::inline;
use references::{labels, without_references};

/// One hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The text on its fold: `Hint 1: where to look`.
    pub title: String,
    /// Its text, in markdown, with all that it includes.
    pub markdown: String,
}

/// The hints of a step, the weakest first.
///
/// # Errors
/// Returns an error if the chapter, or what a hint includes, can't be read.
pub fn hints(project: &Project, step: &Step) -> Result<Vec<Hint>> {
    let folder = project.root.join("book").join("src");
    let chapter = folder.join(&step.chapter);
    let text = fs::read_to_string(&chapter)
        .with_context(|| format!("{} can't be read", chapter.display()))?;
    let text = text.replace("\r\n", "\n");
    let (blocks, labels) = (blocks(&text), labels(&text));
    let fill_in = |hint: Hint| {
        let markdown = without_references(&hint.markdown, &labels);
        let markdown = with_includes(&markdown, &folder)?;
        Ok(Hint { markdown, ..hint })
    };
    blocks.into_iter().map(fill_in).collect()
}

fn blocks(chapter: &str) -> Vec<Hint> {
    let mut hints = Vec::new();
    let mut rest = chapter;
    while let Some(at) = rest.find("<details") {
        let block = &rest[at..];
        let end = block.find("</details>").unwrap_or(block.len());
        let (block, after) = block.split_at(end);
        rest = after;
        let Some((tag, body)) = block.split_once('>') else {
            continue;
        };
        if !tag.contains("class=\"hint\"") {
            continue;
        }
        let summary = body
            .split_once("<summary>")
            .and_then(|(_, rest)| rest.split_once("</summary>"));
        let (title, markdown) = summary.unwrap_or(("Hint", body));
        hints.push(Hint {
            title: inline(title.trim()),
            markdown: markdown.trim().to_string(),
        });
    }
    hints
}

/// A page of the book as plain text, with all that it includes; `None` if there is no such page. Pictures are left
/// out, and what is folded stays so: hints and answers are there for later.
pub fn page(project: &Project, file: &Path) -> Option<String> {
    let folder = project.root.join("book").join("src");
    let text = fs::read_to_string(folder.join(file)).ok()?;
    let text = text.replace("\r\n", "\n");
    let text = without(&text, "<svg", "</svg>", |_| "(a picture)".to_string());
    let text = without(&text, "<details", "</details>", |fold| {
        let summary = fold.split_once("<summary>").unwrap_or_default().1;
        let (summary, _) = summary.split_once("</summary>").unwrap_or_default();
        format!("▸ {summary}\n\n")
    });
    let labels = labels(&text);
    let is_definition = |line: &&str| {
        labels
            .iter()
            .any(|label| line.starts_with(&format!("[{label}]: ")))
    };
    let heading = |line: &str| match line.trim_start_matches('#') {
        title if title == line => line.to_string(),
        title => format!("■{title}"),
    };
    let lines = text.lines().filter(|line| !is_definition(line));
    let lines: Vec<String> = lines.map(heading).collect();
    let text = without_references(&lines.join("\n"), &labels);
    let text = with_includes(&text, &folder).ok()?;
    Some(plain(&text, PAGE_WIDTH))
}

/// How many columns such a page has.
const PAGE_WIDTH: usize = 90;

/// The text with everything from `open` to `close` replaced.
fn without(text: &str, open: &str, close: &str, replace: impl Fn(&str) -> String) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once(open) {
        let (inner, after) = from.split_once(close).unwrap_or((from, ""));
        kept.push_str(before);
        kept.push_str(&replace(inner));
        rest = after;
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_found_among_other_folds() {
        let chapter = "# A\n\n<details class=\"hint\"><summary>Hint 1: *where*</summary>\n\nLook.\n\n</details>\n\n\
                       <details class=\"answer\"><summary>Answer</summary>\n\nNo.\n\n</details>\n\
                       <details class=\"hint\">\n<summary>Hint 2</summary>\n\n- `a`\n- b\n\n</details>\n";
        let hints = blocks(chapter);
        assert_eq!(hints.len(), 2);
        assert_eq!(
            (hints[0].title.as_str(), hints[0].markdown.as_str()),
            ("Hint 1: where", "Look.")
        );
        assert_eq!(hints[1].markdown, "- `a`\n- b");
    }

    #[test]
    fn every_page_of_the_book_can_be_read_before_it_is_built() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let project = Project::at(root).unwrap();
        let pages = fs::read_dir(root.join("book/src")).unwrap().flatten();
        let pages = pages.map(|entry| entry.path());
        let is_page = |file: &std::path::PathBuf| file.extension().is_some_and(|e| e == "md");
        let mut count = 0;
        for file in pages.filter(is_page) {
            let text = page(&project, Path::new(file.file_name().unwrap())).unwrap();
            for raw in ["{{#include", "<svg", "<details", "]: http"] {
                assert!(!text.contains(raw), "{}: {raw}", file.display());
            }
            count += 1;
        }
        assert!(count >= project.steps.len(), "{count}");
        let hello = page(&project, Path::new("hello.md")).unwrap();
        assert!(
            hello.contains("HTTP/1.1 200 OK") && hello.contains("▸ Hint 1"),
            "{hello}"
        );
        assert_eq!(page(&project, Path::new("nothing.md")), None);
    }

    #[test]
    fn a_fold_that_is_never_closed_does_no_harm() {
        assert!(blocks("<details class=\"hint\"").is_empty());
    }
}
