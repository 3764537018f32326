//! The actions of the keys.

use std::fs;
use std::io::{self, BufRead, IsTerminal};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use crossterm::event::{self, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal;

use super::view::{Action, Mode};
use super::{Event, Watch};
use crate::chapter;
use crate::commands::{self, Session, hint_text, name};
use crate::progress::State;
use crate::project::Step;
use crate::signals;
use crate::text::say;

/// A key, or in plain mode, the first letter of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Letter(char),
    Enter,
    Escape,
    Scroll(isize),
    Page(isize),
    Interrupt,
}

pub(super) fn read_keys(sender: &Sender<Event>) {
    loop {
        let event = match event::read() {
            Ok(event::Event::Key(key)) if key.kind != KeyEventKind::Release => {
                let key = match key.code {
                    // `4` is how Ctrl-\ arrives.
                    KeyCode::Char('c' | 'd' | '4')
                        if key.modifiers.contains(KeyModifiers::CONTROL) =>
                    {
                        Key::Interrupt
                    }
                    KeyCode::Char('z') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                        signals::request_suspend();
                        continue;
                    }
                    KeyCode::Char(letter) => Key::Letter(letter),
                    KeyCode::Enter => Key::Enter,
                    KeyCode::Esc | KeyCode::Backspace | KeyCode::Left => Key::Escape,
                    KeyCode::Up => Key::Scroll(-1),
                    KeyCode::Down => Key::Scroll(1),
                    KeyCode::PageUp => Key::Page(-1),
                    KeyCode::PageDown => Key::Page(1),
                    _ => continue,
                };
                Event::Key(key)
            }
            Ok(event::Event::Resize(..)) => Event::Resized,
            Ok(_) => continue,
            // The terminal is gone.
            Err(_) => Event::End,
        };
        let is_end = matches!(event, Event::End);
        if sender.send(event).is_err() || is_end {
            return;
        }
    }
}

/// Reads lines as keys, without a screen: `h` or `hint`. The session ends when a pipe ends. If there was nothing to
/// read from the start (`< /dev/null`), it goes on until it is ended.
pub(super) fn read_lines(sender: &Sender<Event>) {
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else {
            break;
        };
        let key = line.trim().chars().next().map_or(Key::Enter, Key::Letter);
        if sender.send(Event::Key(key)).is_err() {
            return;
        }
    }
    if stdin_was_a_pipe() {
        _ = sender.send(Event::End);
    }
}

#[cfg(unix)]
fn stdin_was_a_pipe() -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileTypeExt;
    let kind = io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .and_then(|descriptor| fs::File::from(descriptor).metadata())
        .map(|metadata| metadata.file_type());
    kind.is_ok_and(|kind| kind.is_fifo() || kind.is_socket()) || io::stdin().is_terminal()
}

#[cfg(not(unix))]
fn stdin_was_a_pipe() -> bool {
    io::stdin().is_terminal()
}

const KEYS: &str =
    "h hint, n next, b back, c check, l list, r reset, s skip, o book, p play, q quit";

/// The time for which a notice about a learner's files stays on the screen, whatever is saved.
const FRESH: Duration = Duration::from_secs(2);

impl Watch {
    pub(super) fn take_key(&mut self, key: Key) -> bool {
        if key == Key::Interrupt {
            return false;
        }
        if let Mode::Ask(action) = self.pane.mode {
            self.pane.mode = Mode::Verdict;
            self.notice.text = None;
            match key {
                Key::Letter('y' | 'Y') => self.act(action),
                _ => self.note(match action {
                    Action::Reset => "Not reset.",
                    Action::Skip => "Not skipped.",
                }),
            }
            return true;
        }
        self.notice.text = None;
        match key {
            Key::Letter('q') => return false,
            Key::Letter('h') => self.hint(),
            Key::Letter('n') => self.next(),
            Key::Letter('l') => self.list(),
            Key::Letter('r') => self.ask(Action::Reset),
            Key::Letter('s') => self.ask(Action::Skip),
            Key::Letter('b') => self.back(),
            Key::Letter('o') => self.open_book(),
            Key::Letter('p') => self.play(),
            Key::Letter('c') => {
                self.pane.mode = Mode::Verdict;
                self.check();
            }
            Key::Letter('j') | Key::Scroll(1) => self.pane.scroll_by(1),
            Key::Letter('k') | Key::Scroll(_) => self.pane.scroll_by(-1),
            Key::Letter(' ') | Key::Page(1) => self.pane.scroll_by_page(1),
            Key::Page(_) => self.pane.scroll_by_page(-1),
            Key::Enter | Key::Escape => {
                self.pane.open(Mode::Verdict);
            }
            Key::Letter('?') => self.note(format!("Keys: {KEYS}.")),
            Key::Letter(other) => self.note(format!("`{other}` isn't a key here: {KEYS}.")),
            Key::Interrupt => return false,
        }
        true
    }

    /// Shows the next hint. On the screen, the latest hint that was seen comes first: a hint is easily closed too
    /// early, and the next one gives away more.
    pub(super) fn hint(&mut self) {
        let Some(step) = self.step.clone() else {
            return self.note("All steps are done: there is nothing to hint at.");
        };
        let hints = match chapter::hints(&self.session.project, &step) {
            Ok(hints) => hints,
            Err(error) => return self.note(format!("{error:#}")),
        };
        let seen = self.session.progress.record(&step).hints.min(hints.len());
        if hints.is_empty() {
            return self.note(commands::no_hints(&step));
        }
        let width = self.screen.is_some().then(terminal::size);
        let width = width
            .and_then(Result::ok)
            .map_or(80, |(width, _)| width.into());
        let width = width.min(80);
        let is_open = matches!(self.pane.mode, Mode::Hint(_));
        let number = if self.screen.is_some() && !is_open {
            seen.saturating_sub(1)
        } else {
            seen
        };
        let Some(hint) = hints.get(number) else {
            let all: Vec<String> = hints.iter().map(|hint| hint_text(hint, width)).collect();
            let text = format!(
                "{}\n\nThose were all the hints. `cargo workshop solution {}` shows the reference.",
                all.join("\n\n"),
                step.id
            );
            return self.show(text, Mode::Hint);
        };
        let mut text = hint_text(hint, width);
        let left = hints.len() - number - 1;
        if left == 0 {
            text += "\n\n(the last hint; `h` shows all of them again)";
        } else {
            text += &format!("\n\n(`h` again for a stronger one, {left} left)");
        }
        self.show(text, Mode::Hint);
        let seen = seen.max(number + 1);
        if let Some(notice) = self.session.progress.set_hints(&step, seen) {
            self.note(notice);
        }
    }

    pub(super) fn next(&mut self) {
        let Session {
            project, progress, ..
        } = &mut self.session;
        progress.refresh();
        let Some(step) = &self.step else {
            return self.note("All steps are done.");
        };
        if progress.state(step) == State::Open {
            let text = format!(
                "{} is not passed yet. `s` lets the reference take its place.",
                name(step)
            );
            self.pane.mode = Mode::Verdict;
            return self.note(text);
        }
        let next = progress.current(project).cloned();
        self.go_to(next);
        if self.screen.is_none() {
            self.say_where();
        }
    }

    /// Goes to a step that a save has broken or, if there is none, to the one before the step that is shown.
    fn back(&mut self) {
        let steps = &self.session.project.steps;
        let shown = |step: &Step| steps.iter().position(|other| other.id == step.id);
        let at = self.step.as_ref().and_then(shown).unwrap_or(steps.len());
        let before = at.checked_sub(1).map(|at| &steps[at]);
        let broken = self.done.broken.first().map(|broken| &broken.step);
        let Some(step) = broken.or(before).cloned() else {
            return self.note("This is the first step.");
        };
        self.go_to(Some(step));
        if self.screen.is_none() {
            self.say_where();
        }
    }

    pub(super) fn list(&mut self) {
        let Session {
            project, progress, ..
        } = &mut self.session;
        progress.refresh();
        if self.screen.is_some() {
            self.pane.mode = Mode::List;
        } else {
            for line in commands::list_lines(project, progress, self.step.as_ref()) {
                say(&line);
            }
        }
    }

    pub(super) fn ask(&mut self, action: Action) {
        let Some(step) = &self.step else {
            return self
                .note("All steps are done. `cargo workshop reset <id>` resets one of them.");
        };
        let what = match action {
            Action::Reset => "Reset it to its starting point",
            Action::Skip => "Let the reference take its place",
        };
        let text = format!(
            "{}: {what}? Your files are kept. y + Enter: yes",
            name(step)
        );
        self.log(&text);
        self.pane.open(Mode::Ask(action));
    }

    pub(super) fn act(&mut self, action: Action) {
        let Some(step) = self.step.clone() else {
            return;
        };
        // Otherwise its checks would read files that are half written.
        self.stop();
        let Session {
            project, progress, ..
        } = &mut self.session;
        let done = match action {
            Action::Reset => commands::reset_step(project, progress, &step),
            Action::Skip => commands::skip_step(project, progress, &step),
        };
        match done {
            Ok((text, notice)) => {
                self.forget_broken(&step);
                match action {
                    Action::Skip => self.go_to_current(),
                    Action::Reset => self.check(),
                }
                self.note(notice.map_or(text.clone(), |notice| format!("{text} {notice}")));
                // The files that were just written are about to be noticed.
                self.notice.keep_until = Some(Instant::now() + FRESH);
                if action == Action::Skip && self.screen.is_none() {
                    self.say_where();
                }
            }
            Err(error) => {
                self.check();
                self.note(format!("{error:#}"));
            }
        }
    }
}
