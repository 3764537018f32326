//! The README's picture: the screen of `cargo workshop` with a red check on it, as an SVG.
//!
//! What it shows comes from where the screen and the checks have it: the lines are the screen's own, the
//! report is that of a mistake, and the mistake says which checks it turns red.

use std::fs;
use std::time::Duration;

use crate::check_file::check_names;
use crate::judge::{Checked, State, Verdict};
use crate::progress::Progress;
use crate::project::{Explain, Problem, Project, Step};
use crate::screen::{Line, Look};
use crate::text::columns;
use crate::watch::view::{BookState, Judged, Mode, View, lines};

const STEP: &str = "accept-key";
const MISTAKE: &str = "decoded-first";
/// From a save to the verdict, on a laptop.
const TOOK: Duration = Duration::from_millis(600);

/// The size of the terminal.
const COLUMNS: usize = 92;
const ROWS: usize = 30;

/// The size of a character, and the margin around them all.
const WIDTH: f64 = 8.4;
const HEIGHT: usize = 19;
const MARGIN: usize = 16;

const HEAD: &str = "\
    font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" \
    font-size=\"14\" role=\"img\"><title>The screen of cargo workshop: one step is red</title>";

/// The screen after a save that turns a step red, as an SVG.
///
/// # Errors
/// The mistake, its report or the step's checks can't be read.
pub fn screen(project: &Project) -> Result<String, Problem> {
    let step = project.step(STEP)?;
    let judged = Judged {
        verdict: Ok(verdict(project, step)?),
        took: TOOK,
    };
    let passed = project.steps.iter().take_while(|before| *before != step);
    let address = "http://127.0.0.1:3000/";
    let chapter = step.chapter.replace(".md", ".html");
    let view = View {
        project,
        progress: &Progress::of_passed(passed),
        step: Some(step),
        judged: Some(&judged),
        checking: None,
        playing: None,
        broken: &[],
        notice: None,
        polling: None,
        book: BookState::Readable(address.to_string(), format!("{address}{chapter}")),
        mode: &Mode::Verdict,
        scroll: 0,
    };
    let (lines, _) = lines(&view, COLUMNS, ROWS);
    Ok(svg(&lines))
}

/// What the step's checks say of the mistake: `author mistakes` proves that they do.
fn verdict(project: &Project, step: &Step) -> Result<Verdict, Problem> {
    let folder = project.root.join("tests/mistakes").join(step.folder());
    let read = |ending: &str| {
        let file = folder.join(format!("{MISTAKE}.{ending}"));
        fs::read_to_string(&file).explain(|| format!("{} can't be read", file.display()))
    };
    let (diff, mut report) = (read("diff")?, read("txt")?);
    let caught_by = diff
        .lines()
        .find_map(|line| line.strip_prefix("# Caught by:"));
    let caught_by: Vec<&str> = caught_by
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .collect();
    let checks = check_names(project, step)?.into_iter().map(|name| {
        let is_red = caught_by.contains(&name.as_str());
        Checked {
            state: if is_red { State::Wrong } else { State::Right },
            // The report is that of the first red check.
            report: if is_red {
                std::mem::take(&mut report)
            } else {
                String::new()
            },
            name,
        }
    });
    Ok(Verdict::Judged(checks.collect()))
}

fn svg(lines: &[Line]) -> String {
    let (width, height) = (
        COLUMNS as f64 * WIDTH + 2.0 * MARGIN as f64,
        lines.len() * HEIGHT + 2 * MARGIN,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.1} {height}\" {HEAD}\n"
    );
    svg += &format!("<rect width=\"{width:.1}\" height=\"{height}\" rx=\"8\" fill=\"#0d1117\"/>\n");
    for (row, line) in lines.iter().enumerate() {
        svg += &text(row, line);
    }
    svg + "</svg>\n"
}

/// A line, stretched to its columns: so all lines have their characters one below the other, whatever
/// the font.
fn text(row: usize, line: &Line) -> String {
    let shown = line.text.trim();
    if shown.is_empty() {
        return String::new();
    }
    let indentation = columns(&line.text) - columns(line.text.trim_start());
    let x = MARGIN as f64 + indentation as f64 * WIDTH;
    let y = MARGIN + row * HEIGHT + 14;
    let length = columns(shown) as f64 * WIDTH;
    let shown = shown.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<text x=\"{x:.1}\" y=\"{y}\" textLength=\"{length:.1}\" xml:space=\"preserve\" {}>{shown}</text>\n",
        colour(line.look)
    )
}

fn colour(look: Look) -> &'static str {
    match look {
        Look::Plain => "fill=\"#e6edf3\"",
        Look::Bold => "fill=\"#ffffff\" font-weight=\"bold\"",
        Look::Dim => "fill=\"#9198a1\"",
        Look::Good => "fill=\"#56d364\"",
        Look::Bad => "fill=\"#ff7b72\"",
        Look::Asks => "fill=\"#e3b341\"",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_place_and_its_text_is_no_markup() {
        let line = Line::new(Look::Dim, "  a <b> & c");
        let text = text(2, &line);
        assert!(
            text.starts_with("<text x=\"32.8\" y=\"68\" textLength=\"75.6\""),
            "{text}"
        );
        assert!(text.contains(">a &lt;b> &amp; c<"), "{text}");
    }
}
