//! The terminal: taken for a screen of our own, and given back whatever happens.

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

use crate::process::end_all;

/// How long to wait while the terminal is given back: one that is stopped (Ctrl-S) accepts no output.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether the screen or the shell has the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// The shell, for good.
    Others,
    /// This process.
    Us,
    /// The shell, until this process goes on.
    Borrower,
}

/// Changes only while standard output is locked, so that nothing is drawn on a terminal that isn't ours.
static HOLDER: Mutex<Holder> = Mutex::new(Holder::Others);

fn holder() -> Holder {
    *HOLDER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn set_holder(holder: Holder) {
    *HOLDER.lock().unwrap_or_else(PoisonError::into_inner) = holder;
}

/// How a line is shown, where colours are wanted. The words say it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As it is.
    Plain,
    /// A heading.
    Bold,
    /// What matters less.
    Dim,
    /// What is right.
    Good,
    /// What is wrong.
    Bad,
    /// What is to be answered.
    Asks,
}

/// A line of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How it is shown.
    pub look: Look,
    /// What it says.
    pub text: String,
}

impl Line {
    /// A line.
    pub fn new(look: Look, text: impl Into<String>) -> Self {
        Self {
            look,
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
    /// It is none.
    pub fn take(has_colours: bool) -> io::Result<Self> {
        let hook = panic::take_hook();
        // A thread that panicked leaves the others waiting for it: nothing goes on.
        panic::set_hook(Box::new(move |panic| {
            restore();
            hook(panic);
            end_all();
            process::exit(2);
        }));
        // If only a part of it can be taken, this gives that back.
        let screen = Self {
            has_colours,
            shown: Vec::new(),
        };
        take(&mut io::stdout().lock())?;
        Ok(screen)
    }

    /// Shows these lines, and writes only those that differ from what is there. Shows nothing while the
    /// terminal is given back.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn show(&mut self, lines: Vec<Line>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if holder() != Holder::Us {
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

    /// Forgets what is shown, so that the next time all of it is written.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn clear(&mut self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        self.shown.clear();
        match holder() {
            Holder::Us => execute!(out, Clear(ClearType::All)),
            Holder::Others | Holder::Borrower => Ok(()),
        }
    }

    fn write(&self, out: &mut impl Write, line: &Line) -> io::Result<()> {
        let colour = match line.look {
            _ if !self.has_colours => None,
            Look::Good => Some(Color::Green),
            Look::Bad => Some(Color::Red),
            Look::Asks => Some(Color::Yellow),
            Look::Plain | Look::Bold | Look::Dim => None,
        };
        let attribute = match line.look {
            Look::Plain => None,
            Look::Dim => self.has_colours.then_some(Attribute::Dim),
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
    set_holder(Holder::Us);
    terminal::enable_raw_mode()?;
    execute!(out, EnterAlternateScreen, Hide, DisableLineWrap)
}

/// Gives the terminal back as it was, if it was taken.
pub fn restore() {
    give_to(Holder::Others);
}

/// The same, but doesn't wait long for a terminal that accepts no output.
pub fn restore_soon() {
    // This part never waits.
    _ = terminal::disable_raw_mode();
    let (sender, is_done) = mpsc::channel();
    let restoring = thread::Builder::new().spawn(move || {
        restore();
        _ = sender.send(());
    });
    if restoring.is_ok() {
        _ = is_done.recv_timeout(PATIENCE);
    }
}

/// Gives the terminal back as it was, until [`take_again`].
pub fn lend() {
    give_to(Holder::Borrower);
}

/// Takes the terminal again, if it was ours before. Returns whether it was.
pub fn take_again() -> bool {
    let mut out = io::stdout().lock();
    if holder() == Holder::Others {
        return false;
    }
    // The system may have stopped us without notice. Then the shell has changed our settings.
    _ = terminal::disable_raw_mode();
    _ = take(&mut out);
    true
}

fn give_to(next: Holder) {
    // First the part that never waits, even for a terminal that accepts no output.
    _ = terminal::disable_raw_mode();
    let mut out = io::stdout().lock();
    match holder() {
        Holder::Us => {
            set_holder(next);
            _ = terminal::disable_raw_mode();
            _ = execute!(out, EnableLineWrap, Show, LeaveAlternateScreen, ResetColor);
        }
        Holder::Borrower => set_holder(next),
        Holder::Others => {}
    }
}
