//! The terminal: taken for a screen of our own, and given back whatever happens.

use std::io::{self, Write};
use std::panic;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{
    self, BeginSynchronizedUpdate, Clear, ClearType, DisableLineWrap, EnableLineWrap,
    EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
};
use crossterm::{execute, queue};

use crate::process::end_all;

static IS_TAKEN: AtomicBool = AtomicBool::new(false);

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
        terminal::enable_raw_mode()?;
        IS_TAKEN.store(true, Ordering::SeqCst);
        execute!(io::stdout(), EnterAlternateScreen, Hide, DisableLineWrap)?;
        Ok(Self {
            has_colours,
            shown: Vec::new(),
        })
    }

    /// Shows these lines; only those that differ from what is there are written.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn show(&mut self, lines: Vec<Line>) -> io::Result<()> {
        let mut out = io::stdout().lock();
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
        self.shown.clear();
        execute!(io::stdout(), Clear(ClearType::All))
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

/// Gives the terminal back as it was, where it was taken.
pub fn restore() {
    if IS_TAKEN.swap(false, Ordering::SeqCst) {
        _ = execute!(
            io::stdout(),
            EnableLineWrap,
            Show,
            LeaveAlternateScreen,
            ResetColor
        );
        _ = terminal::disable_raw_mode();
    }
}
