//! The line that a person is typing, and the lines typed before it. Nothing in here does I/O.
//!
//! ```text
//!   a key ──▶ press ──▶ a change, a whole line, or the wish to leave
//!
//!   > hello wor|ld
//!     └ before ┘└ after
//! ```

use std::mem;

use unicode_width::UnicodeWidthChar;

/// The most lines that are remembered.
const MAX_HISTORY: usize = 500;

/// A key, or what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A key that types a character.
    Character(char),
    /// The end of the line.
    Enter,
    /// Erases the character before the cursor.
    Backspace,
    /// Erases the character under the cursor.
    Delete,
    /// Ctrl-W: erases the word before the cursor.
    EraseWord,
    /// Ctrl-U: erases everything before the cursor.
    EraseStart,
    /// Moves a character to the left.
    Left,
    /// Moves a character to the right.
    Right,
    /// Moves to the start.
    Home,
    /// Moves to the end.
    End,
    /// The line typed before this one.
    Up,
    /// The line typed after this one.
    Down,
    /// Ctrl-D: leaves if the line is empty, and is `Delete` otherwise.
    LeaveIfEmpty,
    /// Ctrl-C.
    Leave,
}

/// What a key has led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// The line may look different now.
    Change,
    /// This line is whole. A new one begins.
    Line(String),
    /// The person wants to leave.
    Leave,
}

/// The line and its cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Editor {
    before: String,
    after: String,
    history: Vec<String>,
    /// Which line of the history is shown. The one after the last is the new line.
    place: usize,
    /// The new line, while one of the history is shown.
    draft: String,
}

impl Editor {
    /// Takes a key.
    pub fn press(&mut self, key: Key) -> Typed {
        match key {
            Key::Character(character) => self.before.push(character),
            Key::Enter => return Typed::Line(self.finish()),
            Key::Leave => return Typed::Leave,
            Key::LeaveIfEmpty if self.before.is_empty() && self.after.is_empty() => {
                return Typed::Leave;
            }
            Key::Backspace => _ = self.before.pop(),
            Key::Delete | Key::LeaveIfEmpty => _ = self.take_next(),
            Key::EraseWord => {
                let word = self.before.trim_end().trim_end_matches(|it| it != ' ');
                self.before.truncate(word.len());
            }
            Key::EraseStart => self.before.clear(),
            Key::Left => {
                if let Some(character) = self.before.pop() {
                    self.after.insert(0, character);
                }
            }
            Key::Right => {
                let next = self.take_next();
                self.before.extend(next);
            }
            Key::Home => {
                let line = self.take_line();
                self.after = line;
            }
            Key::End => self.before += &mem::take(&mut self.after),
            Key::Up => self.go_to(self.place.checked_sub(1)),
            Key::Down => self.go_to(self.place.checked_add(1)),
        }
        Typed::Change
    }

    /// Takes the character under the cursor.
    fn take_next(&mut self) -> Option<char> {
        let next = self.after.chars().next()?;
        self.after.remove(0);
        Some(next)
    }

    /// Takes the line, and leaves an empty one.
    fn take_line(&mut self) -> String {
        mem::take(&mut self.before) + &mem::take(&mut self.after)
    }

    /// Ends the line, and remembers it: an empty line isn't worth that, nor one that is the same as the last.
    fn finish(&mut self) -> String {
        let line = self.take_line();
        if !line.is_empty() && self.history.last() != Some(&line) {
            self.history.push(line.clone());
        }
        if self.history.len() > MAX_HISTORY {
            self.history.remove(0);
        }
        self.place = self.history.len();
        self.draft.clear();
        line
    }

    /// Shows a line of the history, or the new one, which comes after it.
    fn go_to(&mut self, place: Option<usize>) {
        let Some(place) = place.filter(|place| *place <= self.history.len()) else {
            return;
        };
        let line = self.take_line();
        if self.place == self.history.len() {
            self.draft = line;
        }
        self.before = match self.history.get(place) {
            Some(line) => line.clone(),
            None => mem::take(&mut self.draft),
        };
        self.place = place;
    }

    /// Returns the part of the line around the cursor that fits into so many columns, and the cursor's column in it.
    /// One column is left for a cursor at the end.
    pub fn view(&self, columns: usize) -> (String, usize) {
        let room = columns.saturating_sub(1);
        let (backwards, column) = fitting(self.before.chars().rev(), room);
        let (after, _) = fitting(self.after.chars(), room - column);
        let before = backwards.chars().rev();
        (before.chain(after.chars()).collect(), column)
    }
}

/// Returns as many characters as fit, and how many columns they take.
fn fitting(characters: impl Iterator<Item = char>, room: usize) -> (String, usize) {
    let (mut text, mut width) = (String::new(), 0);
    for character in characters {
        let wider = width + character.width().unwrap_or(0);
        if wider > room {
            break;
        }
        text.push(character);
        width = wider;
    }
    (text, width)
}
