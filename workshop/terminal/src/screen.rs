//! Takes the whole terminal for a screen of our own, and gives it back whatever happens.

use std::io::{self, Write};
use std::panic;
use std::process;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{
    self, BeginSynchronizedUpdate, Clear, ClearType, DisableLineWrap, EnableLineWrap,
    EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
};
use crossterm::{execute, queue};

use crate::process::kill_all;

/// How long to wait while the terminal is given back: one that is stopped (Ctrl-S) accepts no output.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The program that has the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// The shell.
    Shell,
    /// This process.
    Us,
    /// The shell, until this process continues.
    ShellForNow,
}

/// Changes only while standard output is locked, so that nothing is drawn on a terminal that isn't ours.
static OWNER: Mutex<Owner> = Mutex::new(Owner::Shell);

fn owner() -> Owner {
    *OWNER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn set_owner(owner: Owner) {
    *OWNER.lock().unwrap_or_else(PoisonError::into_inner) = owner;
}

/// How a line is shown if colours are wanted. Its words say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Ordinary text.
    Plain,
    /// A heading.
    Bold,
    /// Less important text.
    Dim,
    /// Something right.
    Good,
    /// Something wrong.
    Bad,
    /// A question.
    Question,
}

/// A line of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How the line is shown.
    pub style: Style,
    /// Its text.
    pub text: String,
}

impl Line {
    /// A line with this text.
    pub fn new(style: Style, text: impl Into<String>) -> Self {
        Self {
            style,
            text: text.into(),
        }
    }
}

/// The terminal, while it is ours.
pub struct Screen {
    has_colours: bool,
    shown: Vec<Line>,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Returns the system's error if there is no terminal.
    pub fn take(has_colours: bool) -> io::Result<Self> {
        let hook = panic::take_hook();
        // The other threads would wait forever for a thread that has panicked.
        panic::set_hook(Box::new(move |panic| {
            restore();
            hook(panic);
            kill_all();
            process::exit(2);
        }));
        // Dropped if `take` fails, so that nothing stays half taken.
        let screen = Self {
            has_colours,
            shown: Vec::new(),
        };
        take(&mut io::stdout().lock())?;
        Ok(screen)
    }

    /// Shows these lines, and writes only those that have changed. Shows nothing while the terminal isn't ours.
    ///
    /// # Errors
    /// Returns the system's error if the terminal is gone.
    pub fn show(&mut self, lines: Vec<Line>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if owner() != Owner::Us {
            return Ok(());
        }
        queue!(out, BeginSynchronizedUpdate)?;
        for (row, line) in lines.iter().enumerate() {
            if self.shown.get(row) == Some(line) {
                continue;
            }
            let row = u16::try_from(row).unwrap_or(u16::MAX);
            queue!(out, MoveTo(0, row), Clear(ClearType::UntilNewLine))?;
            self.write(&mut out, line)?;
        }
        if lines.len() < self.shown.len() {
            let row = u16::try_from(lines.len()).unwrap_or(u16::MAX);
            queue!(out, MoveTo(0, row), Clear(ClearType::FromCursorDown))?;
        }
        queue!(out, EndSynchronizedUpdate)?;
        out.flush()?;
        self.shown = lines;
        Ok(())
    }

    /// Forgets the lines on the screen, so that all of them are written the next time.
    ///
    /// # Errors
    /// Returns the system's error if the terminal is gone.
    pub fn clear(&mut self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        self.shown.clear();
        match owner() {
            Owner::Us => execute!(out, Clear(ClearType::All)),
            Owner::Shell | Owner::ShellForNow => Ok(()),
        }
    }

    fn write(&self, out: &mut impl Write, line: &Line) -> io::Result<()> {
        let colour = match line.style {
            _ if !self.has_colours => None,
            Style::Good => Some(Color::Green),
            Style::Bad => Some(Color::Red),
            Style::Question => Some(Color::Yellow),
            Style::Plain | Style::Bold | Style::Dim => None,
        };
        let attribute = match line.style {
            Style::Plain => None,
            Style::Dim => self.has_colours.then_some(Attribute::Dim),
            _ => Some(Attribute::Bold),
        };
        if let Some(colour) = colour {
            queue!(out, SetForegroundColor(colour))?;
        }
        if let Some(attribute) = attribute {
            queue!(out, SetAttribute(attribute))?;
        }
        queue!(out, Print(&line.text))?;
        if colour.is_some() {
            queue!(out, ResetColor)?;
        }
        if attribute.is_some() {
            queue!(out, SetAttribute(Attribute::Reset))?;
        }
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

fn take(out: &mut impl Write) -> io::Result<()> {
    set_owner(Owner::Us);
    terminal::enable_raw_mode()?;
    execute!(out, EnterAlternateScreen, Hide, DisableLineWrap)
}

/// Gives the terminal back as it was, if it was taken.
pub fn restore() {
    give_to(Owner::Shell);
}

/// Does the same, but doesn't wait long for a terminal that accepts no output.
pub fn try_restore() {
    // This part never waits.
    _ = terminal::disable_raw_mode();
    let (sender, is_done) = mpsc::channel();
    let restoring = thread::Builder::new().spawn(move || {
        restore();
        _ = sender.send(());
    });
    if restoring.is_ok() {
        _ = is_done.recv_timeout(TIMEOUT);
    }
}

/// Gives the terminal back as it was, until [`retake`] takes it again.
pub fn release() {
    give_to(Owner::ShellForNow);
}

/// Takes the terminal again if it was [`release`]d or is ours. Returns whether it was.
pub fn retake() -> bool {
    let mut out = io::stdout().lock();
    if owner() == Owner::Shell {
        return false;
    }
    // If the system stopped this process without notice, the shell has changed the terminal's settings.
    _ = terminal::disable_raw_mode();
    _ = take(&mut out);
    true
}

fn give_to(next: Owner) {
    // This part never waits, even for a terminal that accepts no output.
    _ = terminal::disable_raw_mode();
    let mut out = io::stdout().lock();
    match owner() {
        Owner::Us => {
            set_owner(next);
            _ = terminal::disable_raw_mode();
            _ = execute!(out, EnableLineWrap, Show, LeaveAlternateScreen, ResetColor);
        }
        Owner::ShellForNow => set_owner(next),
        Owner::Shell => {}
    }
}
