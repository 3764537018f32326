//! The book, built and served while the checks go on.

use std::time::Instant;

use anyhow::Result;

use super::view::BookState;
use super::{Event, Watch};
use crate::book::{Book, BookEvent};
use crate::browser;
use crate::project::Step;

/// The book of this session.
pub(super) struct ServedBook {
    pub(super) book: Book,
    since: Instant,
    is_readable: bool,
    /// Why it can't be built.
    error: Option<String>,
    was_opened: bool,
    /// Whether it opens at its first page, instead of the step's chapter.
    opens_at_start: bool,
}

impl ServedBook {
    fn new(book: Book, opens_at_start: bool) -> Self {
        Self {
            book,
            since: Instant::now(),
            is_readable: false,
            error: None,
            was_opened: false,
            opens_at_start,
        }
    }

    /// Whether it is being built for the first time.
    pub(super) fn is_awaited(&self) -> bool {
        !self.is_readable
    }

    fn state(&self, step: Option<&Step>) -> BookState {
        if let Some(why) = &self.error {
            return BookState::Broken(why.clone());
        }
        let address = self.book.address();
        let chapter = step.map_or(address.clone(), |step| self.book.chapter(step));
        if self.is_readable {
            BookState::Readable(address, chapter)
        } else {
            BookState::Building(self.since.elapsed(), chapter)
        }
    }
}

impl Watch {
    /// Starts to build and to serve the book, on `port` if there is one.
    pub(super) fn start_book(&mut self, port: Option<u16>, opens_at_start: bool) -> Result<()> {
        let sender = self.sender.clone();
        let tell = move |event| _ = sender.send(Event::Book(event));
        let book = Book::start(&self.session.project, port, tell)?;
        self.book = Some(ServedBook::new(book, opens_at_start));
        Ok(())
    }

    pub(super) fn book_state(&self) -> BookState {
        let state = |book: &ServedBook| book.state(self.step.as_ref());
        self.book.as_ref().map_or(BookState::Off, state)
    }

    pub(super) fn take_book_event(&mut self, event: BookEvent) {
        let Some(served) = &mut self.book else {
            return;
        };
        match event {
            BookEvent::Readable if served.is_readable => {
                served.error = None;
                self.log("The book has been rebuilt.");
            }
            BookEvent::Readable => {
                (served.is_readable, served.error) = (true, None);
                let text = format!("The book can be read at {}", served.book.address());
                self.log(&text);
                self.open_book_once();
            }
            BookEvent::Broken(why) => {
                let text = format!("The book can't be built: {why}");
                served.error = Some(why);
                self.log(&text);
            }
        }
    }

    /// Opens the book by itself: the first time that it can be read, unless no browser is wanted.
    fn open_book_once(&mut self) {
        let opens = self.opens;
        let Some(served) = self.book.as_mut().filter(|book| opens && !book.was_opened) else {
            return;
        };
        served.was_opened = true;
        let address = match &self.step {
            Some(step) if !served.opens_at_start => served.book.chapter(step),
            _ => served.book.address(),
        };
        if !browser::open(&address) {
            self.note(format!("Open {address} in a browser."));
        }
    }

    /// Opens the chapter, because a key was pressed.
    pub(super) fn open_book(&mut self) {
        let text = match self.book_state() {
            BookState::Off => "You asked for no book: its pages are in book/src/.".to_string(),
            BookState::Building(_, chapter) => {
                let text = opened(&chapter);
                format!("{text}\nThe book is still being built: for now this is its plain text.")
            }
            BookState::Broken(why) => format!("The book can't be built: {why}"),
            BookState::Readable(_, chapter) => opened(&chapter),
        };
        self.note(text);
    }
}

/// Opens an address, and says so.
fn opened(address: &str) -> String {
    if browser::open(address) {
        format!("{address} opens in your browser.")
    } else {
        format!("Open {address} in a browser.")
    }
}
