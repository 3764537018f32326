//! Lays out the screen.

use std::time::Duration;

use anyhow::Result;

use crate::cargo::Activity;
use crate::commands::{count_line, ending, list_lines, name};
use crate::doctor;
use crate::judge::Verdict;
use crate::progress::{Progress, State};
use crate::project::{Project, Step};
use crate::screen::{Line, Style};
use crate::status_line;
use crate::text::{columns, cut, fit_snippets, fold_report, reflow, wrap};
use crate::verdict_text;

use super::checks::{Broken, broken_line};

/// Everything that the screen shows.
pub struct View<'a> {
    /// The workshop.
    pub project: &'a Project,
    /// How far the learner has come.
    pub progress: &'a Progress,
    /// The step that is shown; none if all are done.
    pub step: Option<&'a Step>,
    /// The latest verdict.
    pub judged: Option<&'a TimedVerdict>,
    /// The activity of the checks that are running, and how long they have been running.
    pub checking: Option<(Activity, Duration)>,
    /// The program that runs, and how to end it.
    pub playing: Option<String>,
    /// Finished steps that a save has turned red.
    pub broken: &'a [Broken],
    /// A notice below the text.
    pub notice: Option<&'a str>,
    /// The reason why the files are looked at, if they are.
    pub polling: Option<&'a str>,
    /// The book.
    pub book: BookState,
    /// The text in the middle of the screen.
    pub mode: &'a Mode,
    /// The number of lines of the text that are scrolled away.
    pub scroll: usize,
}

/// A verdict, and the time that it took.
#[derive(Debug, Clone)]
pub struct TimedVerdict {
    /// The verdict, or why there is none.
    pub verdict: Result<Verdict, String>,
    /// The time that it took.
    pub took: Duration,
}

/// The state of the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BookState {
    /// It wasn't asked for.
    Off,
    /// It is being built, for this long. The plain text of the step's chapter is at this address.
    Building(Duration, String),
    /// It can be read: the address of the book, and of the step's chapter.
    Readable(String, String),
    /// It can't be built; why.
    Broken(String),
}

/// The text in the middle of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// The verdict.
    Verdict,
    /// The welcome of a newcomer.
    Greeting,
    /// A question, and the action that a yes starts.
    Ask(Action),
    /// A hint.
    Hint(String),
    /// Another text.
    Text(String),
    /// All steps.
    List,
}

/// An action that needs a yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Reset the step.
    Reset,
    /// Put the reference in its place.
    Skip,
}

/// A window with fewer lines than this shows only the step, the verdict, the text and the keys.
const SMALL: usize = 12;

const NAME: &str = "WebSocket, bit by bit";

/// Returns the screen's lines, cut to its width and height, and how far its text can be scrolled.
pub fn lines(view: &View, width: usize, height: usize) -> (Vec<Line>, usize) {
    let width = width.max(20);
    let (mut top, mut bottom) = (head(view, width), foot(view, width));
    if height < SMALL {
        let keys = bottom.pop();
        (top, bottom) = (small_head(view, width), Vec::from_iter(keys));
    }
    let body = body(view, width);
    let room = height.saturating_sub(top.len() + bottom.len()).max(1);
    let (body, max_scroll) = window(body, view, room, width);
    let empty = room.saturating_sub(body.len());
    top.extend(body);
    top.extend((0..empty).map(|_| Line::new(Style::Plain, "")));
    top.extend(bottom);
    top.truncate(height);
    for line in &mut top {
        line.text = cut(&line.text, width);
    }
    (top, max_scroll)
}

fn head(view: &View, width: usize) -> Vec<Line> {
    let book = match &view.book {
        BookState::Off => String::new(),
        BookState::Building(time, _) => format!("the book is being built ({} s)", time.as_secs()),
        BookState::Readable(address, _) => format!("the book: {address}"),
        BookState::Broken(_) => "the book can't be built".to_string(),
    };
    let gap = width.saturating_sub(columns(NAME) + columns(&book)).max(2);
    let mut lines = vec![Line::new(
        Style::Bold,
        format!("{NAME}{}{book}", " ".repeat(gap)),
    )];
    // A newcomer doesn't need to know yet that nothing is written.
    let is_for_later = *view.mode == Mode::Greeting && view.judged.is_some();
    if matches!(view.mode, Mode::Greeting | Mode::List) {
        if !is_for_later {
            lines.extend(status(view, width));
        }
        lines.push(Line::new(Style::Plain, ""));
        return lines;
    }
    let Some(step) = view.step else {
        lines.push(Line::new(Style::Plain, ""));
        lines.extend(status(view, width));
        return lines;
    };
    let title = format!("{} · {} · {} min", name(step), step.title, step.minutes);
    lines.push(Line::new(Style::Bold, title));
    let read = match &view.book {
        BookState::Readable(_, chapter) | BookState::Building(_, chapter) => {
            format!("  read  {chapter}")
        }
        _ => format!("  read  book/src/{}", step.chapter),
    };
    let write = format!("  write steps/{}/src/", step.folder());
    let both = format!("{read}{write}");
    if columns(&both) <= width {
        lines.push(Line::new(Style::Plain, both));
    } else {
        lines.extend([read, write].map(|line| Line::new(Style::Plain, line)));
    }
    lines.push(Line::new(Style::Plain, ""));
    lines.extend(status(view, width));
    if *view.mode != Mode::Verdict {
        lines.push(Line::new(Style::Plain, ""));
    }
    lines
}

fn small_head(view: &View, width: usize) -> Vec<Line> {
    let text = view
        .notice
        .map_or_else(|| view.step.map(name), |text| Some(text.replace('\n', " ")));
    let mut lines = vec![Line::new(Style::Bold, text.unwrap_or(NAME.to_string()))];
    lines.extend(status(view, width));
    lines
}

fn foot(view: &View, width: usize) -> Vec<Line> {
    let mut lines = vec![Line::new(Style::Plain, "")];
    if let Some(why) = view.polling {
        let text = format!("The files are looked at twice a second: {why}.");
        lines.extend(wrapped(Style::Dim, &text, width));
    }
    if let BookState::Broken(why) = &view.book {
        let first = why.lines().next().unwrap_or_default();
        let text = format!("The book can't be built: {first}");
        lines.extend(wrapped(Style::Bad, &text, width));
    }
    for Broken { step, summary } in view.broken {
        lines.extend(wrapped(Style::Bad, &broken_line(step, summary), width));
    }
    if let Some(playing) = &view.playing {
        lines.extend(wrapped(Style::Plain, playing, width));
    }
    if let Some(notice) = view.notice {
        lines.extend(wrapped(Style::Question, notice, width));
    }
    lines.push(Line::new(Style::Plain, progress_line(view, width)));
    lines.push(Line::new(Style::Bold, keys(view, width)));
    lines
}

fn progress_line(view: &View, width: usize) -> String {
    let mark = |step: &Step| match view.progress.state(step) {
        State::Passed => '✓',
        State::Skipped => '–',
        State::Open if view.step == Some(step) => '▸',
        State::Open => '·',
    };
    let marks: String = view.project.steps.iter().map(mark).collect();
    let count = count_line(view.project, view.progress);
    let line = format!("[{marks}] {count}");
    if columns(&line) <= width {
        line
    } else {
        let (short, _) = count.split_once(", about").unwrap_or((&count, ""));
        format!("[{marks}] {short}")
    }
}

/// The keys in the bottom line, then those to leave out, in this order, if the line is too narrow for all.
const KEYS: &str =
    "h hint  n next  b back  c check  l list  r reset  s skip  o book  p play  q quit";
const CAN_BE_MISSED: [&str; 5] = ["p play  ", "b back  ", "r reset  ", "o book  ", "l list  "];

fn keys(view: &View, width: usize) -> String {
    let mut keys = match view.mode {
        Mode::Ask(_) => "y yes  any other key no".to_string(),
        Mode::Hint(_) => "h next hint  Esc back  q quit".to_string(),
        Mode::Text(_) | Mode::List => "Esc back  q quit".to_string(),
        Mode::Greeting => "Enter begin  p play first  q quit".to_string(),
        Mode::Verdict if view.step.is_none() => {
            "b back  l list  o book  p play  q quit".to_string()
        }
        Mode::Verdict => KEYS.to_string(),
    };
    for key in CAN_BE_MISSED {
        if columns(&keys) > width {
            keys = keys.replace(key, "");
        }
    }
    match view.playing {
        Some(_) => keys
            .replace("p play first", "p end")
            .replace("p play", "p end"),
        None => keys,
    }
}

fn wrapped(look: Style, text: &str, width: usize) -> Vec<Line> {
    let text: Vec<String> = text.lines().map(|line| wrap(line, width, 0)).collect();
    let text = text.join("\n");
    text.split('\n').map(|line| Line::new(look, line)).collect()
}

fn folded(look: Style, text: &str, width: usize) -> Vec<Line> {
    let lines = fold_report(&reflow(text, width), width);
    let line = |line| Line::new(look, line);
    lines.into_iter().map(line).collect()
}

/// The lines between head and foot: all of them, even if there is no room for so many.
fn body(view: &View, width: usize) -> Vec<Line> {
    match view.mode {
        Mode::Greeting => greeting(view, width),
        Mode::Hint(text) | Mode::Text(text) => folded(Style::Plain, text, width),
        Mode::List => {
            let lines = list_lines(view.project, view.progress, view.step);
            lines
                .into_iter()
                .map(|line| Line::new(Style::Plain, line))
                .collect()
        }
        Mode::Ask(action) => question(view, *action, width),
        Mode::Verdict if view.step.is_none() => {
            let text = ending(view.project, view.progress);
            // Its first line is above already.
            let (_, text) = text.split_once('\n').unwrap_or_default();
            folded(Style::Plain, text, width)
        }
        Mode::Verdict => report(view, width),
    }
}

/// The text that welcomes a newcomer.
pub fn greeting(view: &View, width: usize) -> Vec<Line> {
    let steps = view.project.steps.len();
    let book = match &view.book {
        BookState::Off => "You asked for no book; its pages are in book/src/.".to_string(),
        BookState::Readable(..) => "The book is ready; its address is above.".to_string(),
        BookState::Building(_, chapter) => format!(
            "The book is being built. That takes a minute or two; then it opens. Until then, the plain text is at {chapter} (press o)."
        ),
        BookState::Broken(_) => "The book can't be built: see below.".to_string(),
    };
    let needed = doctor::needed_version(view.project).unwrap_or_default();
    let text = format!(
        "Welcome. You are going to build the WebSocket protocol, one small crate at a time.\n\n\
         {book}\n\n\
         There are {steps} steps, in steps/. Each begins red: read its chapter, write, save. With \
         each save the checks run, and what is wrong first is shown here. Hints, skipping and \
         starting again are one key away, and nothing that you wrote gets lost.\n\n\
         ✓ Your Rust is new enough ({needed} or later). `cargo workshop doctor` looks at the rest.\n\n\
         First, play with the finished thing: press p (or run `cargo workshop play`)."
    );
    wrapped(Style::Plain, &text, width.min(78))
}

fn question(view: &View, action: Action, width: usize) -> Vec<Line> {
    let step = view.step.map(name).unwrap_or_default();
    let id = view.step.map_or("", |step| step.id.as_str());
    let text = match action {
        Action::Reset => format!(
            "Reset {step} to its starting point?\n\nYour files are kept under .workshop/backups/ first."
        ),
        Action::Skip => format!(
            "Skip {step}: let the reference take its place?\n\nYour files are kept under .workshop/backups/ first. `cargo workshop restore {id}` brings them back."
        ),
    };
    wrapped(Style::Question, &text, width)
}

fn status(view: &View, width: usize) -> Vec<Line> {
    let checking = view.checking.as_ref().map(|(activity, time)| {
        let words = status_line::in_words(activity, *time);
        match (activity, view.judged) {
            (Activity::Building(_), None) if time.as_secs() > 2 => {
                format!("… {words}; the first time takes longest")
            }
            _ => format!("… {words}"),
        }
    });
    let Some(judged) = view.judged else {
        let Some(checking) = checking else {
            return match view.step {
                Some(_) => Vec::new(),
                None => vec![Line::new(Style::Good, "✓ All steps are done.")],
            };
        };
        return vec![Line::new(Style::Plain, checking)];
    };
    let (look, mut text) = match &judged.verdict {
        Ok(verdict) if verdict.is_passed() => (Style::Good, verdict_text::summary(verdict)),
        Ok(verdict) => (Style::Bad, verdict_text::summary(verdict)),
        Err(_) => (Style::Bad, "✗ no verdict".to_string()),
    };
    // Other texts hide the report.
    let is_hidden = look == Style::Bad && *view.mode != Mode::Verdict;
    match checking {
        // The earlier report stays, so that the eye keeps its place.
        Some(checking) => return vec![Line::new(Style::Plain, before(&checking, &text, width))],
        None if is_hidden => text += "   (Esc shows it)",
        None => text += &format!("   ({:.1} s)", judged.took.as_secs_f64()),
    }
    vec![Line::new(look, text)]
}

/// The current activity, followed by the verdict before it if there is room.
fn before(checking: &str, text: &str, width: usize) -> String {
    let both = format!("{checking}   (before: {text})");
    if columns(&both) <= width {
        both
    } else {
        checking.to_string()
    }
}

fn report(view: &View, width: usize) -> Vec<Line> {
    let (Some(judged), Some(step)) = (view.judged, view.step) else {
        return Vec::new();
    };
    let verdict = match &judged.verdict {
        Ok(verdict) => verdict,
        Err(error) => return folded(Style::Plain, error, width),
    };
    let mut lines = Vec::new();
    if !verdict.is_passed() {
        lines.push(Line::new(Style::Plain, ""));
        let text = verdict_text::first_problem(view.project, step, verdict);
        match verdict {
            Verdict::DoesNotCompile(_) => {
                let text = fit_snippets(&text, width).into_iter();
                lines.extend(text.map(|line| Line::new(Style::Plain, line)));
            }
            _ => lines.extend(folded(Style::Plain, &text, width)),
        }
        lines.extend(remaining_line(step, verdict).map(|text| Line::new(Style::Dim, text)));
    }
    lines
}

fn remaining_line(step: &Step, verdict: &Verdict) -> Option<String> {
    match verdict_text::remaining_count(verdict) {
        0 => None,
        more => Some(format!(
            "({more} more: `cargo workshop check {} --all`)",
            step.id
        )),
    }
}

/// The lines that there is room for, from the place to which the reader has scrolled.
fn window(body: Vec<Line>, view: &View, room: usize, width: usize) -> (Vec<Line>, usize) {
    let all = body.len();
    if all <= room {
        return (body, 0);
    }
    // The last line of the window says what is not shown.
    let shown = room.saturating_sub(1).max(1);
    let max_scroll = all - shown;
    let scroll = view.scroll.min(max_scroll);
    let mut lines: Vec<Line> = body.into_iter().skip(scroll).take(shown).collect();
    let below = all - scroll - lines.len();
    let short = match below {
        0 => "── the end: ↑ scrolls back".to_string(),
        1 => "── 1 more line: ↓ scrolls".to_string(),
        below => format!("── {below} more lines: ↓ scrolls"),
    };
    let text = match (view.mode, view.step) {
        (Mode::Verdict, Some(step)) if below > 0 => {
            format!("{short}; `cargo workshop check {}` prints all", step.id)
        }
        _ => short.clone(),
    };
    let text = if columns(&text) <= width { text } else { short };
    if room > 1 {
        lines.push(Line::new(Style::Dim, text));
    }
    (lines, max_scroll)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::judge::{CheckResult, CheckState};

    fn project() -> Project {
        let step = |number: &str, id: &str, title: &str| Step {
            number: number.to_string(),
            id: id.to_string(),
            title: title.to_string(),
            minutes: 20,
            needs: Vec::new(),
            chapter: format!("{id}.md"),
            showcase: false,
        };
        Project {
            root: PathBuf::from("/nowhere"),
            target: None,
            steps: vec![
                step("00", "hello", "Hello, and how to read red"),
                step("01", "polling", "Polling"),
            ],
        }
    }

    fn shown(
        mode: &Mode,
        judged: Option<&TimedVerdict>,
        width: usize,
        height: usize,
    ) -> Vec<String> {
        let project = project();
        let (progress, _) = Progress::load(&project);
        let view = View {
            project: &project,
            progress: &progress,
            step: project.steps.first(),
            judged,
            checking: None,
            playing: None,
            broken: &[],
            notice: Some("A notice that is long enough to be wrapped where the window is narrow."),
            polling: None,
            book: BookState::Readable(
                "http://127.0.0.1:3000/".to_string(),
                "http://127.0.0.1:3000/hello.html".to_string(),
            ),
            mode,
            scroll: 0,
        };
        let (lines, _) = lines(&view, width, height);
        lines.into_iter().map(|line| line.text).collect()
    }

    fn red(report: &str) -> TimedVerdict {
        let check = CheckResult {
            name: "a".to_string(),
            state: CheckState::Wrong,
            report: report.to_string(),
        };
        TimedVerdict {
            verdict: Ok(Verdict::Judged(vec![check])),
            took: Duration::from_millis(420),
        }
    }

    #[test]
    fn a_red_check_is_on_the_screen() {
        let lines = shown(&Mode::Verdict, Some(&red("✗ a: wrong\n  Rule: b")), 80, 24);
        assert_eq!(lines.len(), 24);
        assert!(lines[0].starts_with("WebSocket, bit by bit") && lines[0].ends_with(":3000/"));
        assert_eq!(lines[1], "00 hello · Hello, and how to read red · 20 min");
        assert_eq!(
            lines[2],
            "  read  http://127.0.0.1:3000/hello.html  write steps/00-hello/src/"
        );
        assert_eq!(lines[4], "✗ red: 0 of 1 checks right   (0.4 s)");
        assert_eq!(lines[6], "✗ a: wrong");
        assert_eq!(
            lines[22],
            "[▸·] 0 of 2 steps passed, about 40 minutes to go"
        );
        assert!(lines[23].starts_with("h hint  n next"));
    }

    #[test]
    fn no_window_is_too_small() {
        let judged =
            red(&"✗ a long line of a report, with many words in it, to be folded\n".repeat(30));
        let text = Mode::Text("word ".repeat(300));
        for mode in [
            Mode::Verdict,
            Mode::Ask(Action::Skip),
            Mode::Greeting,
            Mode::List,
            text,
        ] {
            for (width, height) in [(80, 24), (60, 20), (40, 10), (20, 3), (20, 1), (500, 200)] {
                let lines = shown(&mode, Some(&judged), width, height);
                assert_eq!(lines.len(), height, "{width}x{height} {lines:?}");
                assert!(lines.iter().all(|line| columns(line) <= width), "{lines:?}");
            }
        }
    }

    #[test]
    fn the_program_and_the_broken_steps_stay_in_sight() {
        let project = project();
        let (progress, _) = Progress::load(&project);
        let broken = Broken {
            step: project.steps[0].clone(),
            summary: "✗ red: 1 of 2 checks right".to_string(),
        };
        for mode in [Mode::Verdict, Mode::Hint("h".to_string()), Mode::List] {
            let view = View {
                project: &project,
                progress: &progress,
                step: project.steps.get(1),
                judged: Some(&red("✗ a: wrong")),
                checking: None,
                playing: Some(
                    "Your 00 hello runs at http://127.0.0.1:9000. `p` ends it.".to_string(),
                ),
                broken: std::slice::from_ref(&broken),
                notice: Some("http://127.0.0.1:3000/ opens in your browser."),
                polling: None,
                book: BookState::Off,
                mode: &mode,
                scroll: 0,
            };
            let (lines, _) = lines(&view, 80, 24);
            for text in [
                "✗ red: 0 of 1 checks right",
                "Your 00 hello runs at http://127.0.0.1:9000. `p` ends it.",
                "00 hello is red since your save there: ✗ red: 1 of 2 checks right.",
                "http://127.0.0.1:3000/ opens in your browser.",
            ] {
                let is_there = lines.iter().any(|line| line.text.contains(text));
                assert!(is_there, "{mode:?}: {text}");
            }
        }
    }

    #[test]
    fn lines_that_are_cut_off_are_counted() {
        let lines = shown(&Mode::Verdict, Some(&red(&"line\n".repeat(40))), 80, 20);
        let note = lines.iter().find(|line| line.starts_with("── ")).unwrap();
        assert!(
            note.contains("more lines: ↓ scrolls; `cargo workshop check hello` prints all"),
            "{note}"
        );
    }

    #[test]
    fn there_is_room_for_the_keys() {
        let lines = shown(&Mode::Verdict, None, 80, 24);
        assert_eq!(lines[23], KEYS);
        let lines = shown(&Mode::Verdict, None, 60, 20);
        assert_eq!(
            lines[19],
            "h hint  n next  c check  l list  s skip  o book  q quit"
        );
    }
}
