//! The terminal, or the pipe. On a terminal, what comes in is written above the line that a person is typing.
//!
//! One lock guards the screen. So a line is on it when [`Screen::show`] returns, and no two threads write at once.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::{cursor, execute, terminal};

use crate::editor::{Editor, Key, Typed};
use crate::terminal::{ERASE_LINE, Kind, PROMPT, is_dumb, paint, redraw, wants_colours};

/// How many columns a terminal has that doesn't say it.
const COLUMNS: u16 = 80;

/// Where a person types and sees, or where a program writes and reads.
#[derive(Debug)]
pub struct Screen {
    /// If it is a terminal on both sides.
    person: Option<Mutex<Person>>,
}

/// A person at a terminal.
#[derive(Debug)]
struct Person {
    editor: Editor,
    colours: bool,
    /// Whether each key comes as it is pressed. Before and after that, the terminal does what it does for any program.
    types: bool,
}

impl Screen {
    /// Finds out what stdin and stdout are.
    pub fn new() -> Self {
        let (no_color, term) = (env::var_os("NO_COLOR"), env::var_os("TERM"));
        let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
        let person = (is_terminal && !is_dumb(term.as_deref())).then(|| {
            Mutex::new(Person {
                editor: Editor::default(),
                colours: wants_colours(no_color.as_deref(), term.as_deref()),
                types: false,
            })
        });
        Self { person }
    }

    /// Returns whether a person can type and edit lines here, once [`begin`](Self::begin) has been called.
    pub fn is_edited(&self) -> bool {
        self.person.is_some()
    }

    /// Begins to take each key as it is pressed.
    ///
    /// # Errors
    /// Returns an error if the terminal can't do that.
    pub fn begin(&self) -> io::Result<()> {
        let Some(mut person) = self.person() else {
            return Ok(());
        };
        terminal::enable_raw_mode()?;
        person.types = true;
        // On Windows, this also makes the console read escape sequences.
        execute!(io::stdout(), cursor::MoveToColumn(0))?;
        person.draw(None)
    }

    /// Makes the terminal what it was before [`begin`](Self::begin).
    pub fn end(&self) {
        if let Some(mut person) = self.person().filter(|person| person.types) {
            person.types = false;
            _ = write(ERASE_LINE);
            _ = terminal::disable_raw_mode();
        }
    }

    /// Waits until a person has typed a line, or wants to leave.
    ///
    /// # Errors
    /// Returns an error if no more keys can be read.
    pub fn read(&self) -> io::Result<Typed> {
        loop {
            let event = event::read()?;
            let Some(mut person) = self.person() else {
                return Ok(Typed::Leave);
            };
            let typed = match event {
                Event::Key(pressed) => key(pressed).map(|key| person.editor.press(key)),
                _ => Some(Typed::Change),
            };
            match typed {
                Some(Typed::Line(line)) => {
                    person.draw(Some((Kind::Own, &format!("{PROMPT}{line}"))))?;
                    return Ok(Typed::Line(line));
                }
                Some(Typed::Leave) => return Ok(Typed::Leave),
                Some(Typed::Change) => person.draw(None)?,
                None => {}
            }
        }
    }

    /// Shows lines. In a pipe, messages go to stdout and the rest to stderr. If stdout can't be written to any more,
    /// there is nothing left to do: the program ends.
    pub fn show(&self, kind: Kind, text: &str) {
        let is_news = matches!(kind, Kind::News | Kind::Wrong);
        let shown = match self.person() {
            Some(mut person) if !is_news || io::stderr().is_terminal() => {
                person.draw(Some((kind, text)))
            }
            _ if is_news => {
                _ = writeln!(io::stderr(), "{text}");
                return;
            }
            _ => write(&format!("{text}\n")),
        };
        if shown.is_err() {
            self.end();
            process::exit(1);
        }
    }

    fn person(&self) -> Option<MutexGuard<'_, Person>> {
        let person = self.person.as_ref()?;
        Some(person.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}

impl Person {
    /// Draws the line that is typed, and what comes above it.
    fn draw(&mut self, above: Option<(Kind, &str)>) -> io::Result<()> {
        let above = above.map(|(kind, text)| paint(kind, text, self.colours));
        if !self.types {
            return write(&above.map_or(String::new(), |above| above + "\n"));
        }
        let columns = terminal::size().map_or(COLUMNS, |(columns, _)| columns);
        let columns = usize::from(columns).saturating_sub(PROMPT.len());
        let view = self.editor.view(columns);
        write(&redraw(above.as_deref(), view, self.colours))
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Returns what a key stands for, if it stands for anything.
pub fn key(pressed: KeyEvent) -> Option<Key> {
    if pressed.kind == KeyEventKind::Release {
        return None;
    }
    let with_control = pressed.modifiers.contains(KeyModifiers::CONTROL);
    // Alt Gr is Ctrl and Alt at once on Windows, and types characters.
    let is_control = with_control && !pressed.modifiers.contains(KeyModifiers::ALT);
    Some(match pressed.code {
        KeyCode::Char(letter) if is_control => match letter {
            'a' => Key::Home,
            'b' => Key::Left,
            'c' => Key::Leave,
            'd' => Key::LeaveIfEmpty,
            'e' => Key::End,
            'f' => Key::Right,
            'h' => Key::Backspace,
            'n' => Key::Down,
            'p' => Key::Up,
            'u' => Key::EraseStart,
            'w' => Key::EraseWord,
            _ => return None,
        },
        KeyCode::Char(character) => Key::Character(character),
        KeyCode::Enter => Key::Enter,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        _ => return None,
    })
}
