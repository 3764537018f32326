//! `cargo workshop` alone: serves the book, watches the steps, and shows where the learner is.
//!
//! Everything that happens (a file is saved, a verdict comes, a key is pressed) is an event in
//! one queue. What takes time runs on threads of its own, so that no key ever waits.

use std::env;
use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use crossterm::terminal;

use crate::book::{BookEvent, DEFAULT_PORT};
use crate::cargo::Activity;
use crate::changes::{Change, FileWatcher};
use crate::commands::{Exit, Session};
use crate::play;
use crate::process::kill_all;
use crate::progress::Lock;
use crate::project::Step;
use crate::screen::Screen;
use crate::signals;
use crate::text::say;

mod book;
mod checks;
mod game;
mod keys;
pub mod view;

use book::ServedBook;
use checks::{Checks, DoneSteps, Saved};
use game::Game;
use keys::{Key, read_keys, read_lines};
use view::{Mode, TimedVerdict, View};

/// How often a screen on which seconds are counted is drawn.
const TICK: Duration = Duration::from_secs(1);

/// What the command line says.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether a browser is opened.
    pub opens: bool,
    /// Whether the book is built and served.
    pub book: bool,
    /// The book's port.
    pub port: Option<u16>,
    /// Whether files are looked at, instead of waiting to be told.
    pub polls: bool,
    /// Whether there are plain lines on a terminal too.
    pub plain: bool,
}

/// Something that happened.
enum Event {
    Change(Change),
    /// What the run with this number does now.
    Activity(u64, Activity),
    /// The run with this number has ended.
    Judged(u64, TimedVerdict),
    Book(BookEvent),
    Key(Key),
    Resized,
    Play(play::Line),
    /// The game is over; the error, if it failed.
    PlayOver(Result<()>),
    End,
}

/// Watches until the learner quits.
///
/// # Errors
/// Returns an error if another `cargo workshop` watches already, the book's port is taken, or the terminal is gone.
pub fn watch(session: Session, options: &Options) -> Result<Exit> {
    let is_first = !session.project.state_folder().exists();
    let _lock = Lock::take(&session.project)?;
    let (sender, inbox) = mpsc::channel();
    signals::on_ctrl_c({
        let sender = sender.clone();
        move || _ = sender.send(Event::End)
    });
    signals::on_resume({
        let sender = sender.clone();
        move || _ = sender.send(Event::Resized)
    });
    let mut watch = Watch::new(session, options, sender.clone());
    watch.go_to_current();
    let watcher = FileWatcher::start(&watch.session.project, options.polls, {
        let sender = sender.clone();
        move |change| _ = sender.send(Event::Change(change))
    });
    if options.book {
        let book = watch.start_book(options.port, is_first);
        book.inspect_err(|_| kill_all())?;
    }
    let is_screen = !options.plain && is_drawable();
    watch.greet(is_first, is_screen);
    watch.say_notices();
    if is_screen {
        let screen = Screen::take(wants_colours());
        watch.screen = Some(screen.map_err(|error| {
            kill_all();
            anyhow!("The terminal can't be used ({error}); `--plain` needs no screen.")
        })?);
        thread::spawn(move || read_keys(&sender));
    } else {
        thread::spawn(move || read_lines(&sender));
    }
    watch.run(&inbox);
    watch.end();
    drop(watcher);
    Ok(Exit::Success)
}

/// Whether there is a terminal that can be drawn on.
fn is_drawable() -> bool {
    io::stdout().is_terminal()
        && io::stdin().is_terminal()
        && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

fn wants_colours() -> bool {
    env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The session: what is shown, and what runs.
struct Watch {
    session: Session,
    /// Whether a browser is opened.
    opens: bool,
    /// The way into the queue of events.
    sender: Sender<Event>,
    /// `None` for plain lines.
    screen: Option<Screen>,
    /// The step that is shown; `None` if all are done.
    step: Option<Step>,
    pane: Pane,
    notice: Notice,
    /// Why we look at the files ourselves, if we do.
    polling: Option<String>,
    /// The checks of the step that is shown.
    checks: Checks,
    /// The steps that are done, if something was saved in them.
    done: DoneSteps,
    book: Option<ServedBook>,
    game: Option<Game>,
}

/// The text in the middle of the screen.
struct Pane {
    mode: Mode,
    /// How many of its lines are scrolled away.
    scroll: usize,
    /// How many can be.
    max_scroll: usize,
    /// How many lines a page key scrolls.
    page: usize,
}

impl Pane {
    /// Shows another text, from its first line.
    fn open(&mut self, mode: Mode) {
        self.mode = mode;
        self.scroll = 0;
    }

    fn scroll_by(&mut self, lines: isize) {
        let scroll = self.scroll.saturating_add_signed(lines);
        self.scroll = scroll.min(self.max_scroll);
    }

    fn scroll_by_page(&mut self, pages: isize) {
        self.scroll_by(pages * self.page.cast_signed());
    }
}

/// What is said until something else is.
#[derive(Default)]
struct Notice {
    text: Option<String>,
    /// Until when it is kept, whatever is saved.
    keep_until: Option<Instant>,
}

impl Watch {
    fn new(session: Session, options: &Options, sender: Sender<Event>) -> Self {
        Self {
            session,
            opens: options.opens,
            sender,
            screen: None,
            step: None,
            pane: Pane {
                mode: Mode::Verdict,
                scroll: 0,
                max_scroll: 0,
                page: 1,
            },
            notice: Notice::default(),
            polling: None,
            checks: Checks::default(),
            done: DoneSteps::default(),
            book: None,
            game: None,
        }
    }

    fn run(&mut self, inbox: &Receiver<Event>) {
        if self.draw().is_err() {
            return;
        }
        loop {
            let event = match self.next_moment() {
                Some(moment) => {
                    inbox.recv_timeout(moment.saturating_duration_since(Instant::now()))
                }
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let goes_on = match event {
                Ok(event) => self.take(event),
                Err(error) => error == RecvTimeoutError::Timeout,
            };
            if !goes_on {
                return;
            }
            let is_settled = |saved: &mut Saved| Instant::now() >= saved.settled;
            if let Some(saved) = self.checks.saved.take_if(is_settled) {
                self.files_settled(&saved.paths);
            }
            self.say_activity();
            if self.draw().is_err() {
                return;
            }
        }
    }

    /// When there is something to do even if nothing happens.
    fn next_moment(&self) -> Option<Instant> {
        let counts = self.checks.run.is_some()
            || self.book.as_ref().is_some_and(ServedBook::is_awaited)
            || self.game.as_ref().is_some_and(Game::is_being_built);
        let tick = (counts && self.screen.is_some()).then(|| Instant::now() + TICK);
        let word = self.checks.run.as_ref().filter(|_| self.screen.is_none());
        let word = word.map(|run| run.next_word);
        let settled = self.checks.saved.as_ref().map(|saved| saved.settled);
        tick.into_iter().chain(word).chain(settled).min()
    }

    /// Deals with an event; `false` if it is the last one.
    fn take(&mut self, event: Event) -> bool {
        match event {
            Event::Change(Change::Steps(paths)) => self.files_changed(paths),
            Event::Change(Change::Book) => {
                if let Some(served) = &self.book {
                    served.book.rebuild();
                }
            }
            Event::Change(Change::Polling(why)) => {
                self.log(&format!("The files are looked at twice a second: {why}."));
                self.polling = Some(why);
            }
            Event::Activity(run, activity) => self.take_activity(run, activity),
            Event::Judged(run, judged) => self.take_judged(run, judged),
            Event::Book(news) => self.take_book_event(news),
            Event::Key(key) => return self.take_key(key),
            Event::Resized => {
                if let Some(screen) = &mut self.screen {
                    return screen.clear().is_ok();
                }
            }
            Event::Play(line) => self.take_line(line),
            Event::PlayOver(outcome) => self.game_over(outcome),
            Event::End => return false,
        }
        true
    }

    /// Ends everything that was started.
    fn end(&mut self) {
        for run in [&self.checks.run, &self.done.run].into_iter().flatten() {
            run.stop.ask();
        }
        if let Some(game) = &self.game {
            game.stop.ask();
        }
        self.screen = None;
        // A server of the learner's may want to say goodbye; it has two seconds.
        if let Some(game) = self.game.take() {
            _ = game.thread.join();
        }
        kill_all();
        for run in [self.checks.run.take(), self.done.run.take()] {
            _ = run.map(|run| run.thread.join());
        }
        self.book = None;
    }

    /// Says something: on the screen until something else is said, or without one in a line.
    fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        self.log(&text);
        self.notice.text = Some(text);
        self.notice.keep_until = None;
    }

    /// Says something if there is no screen.
    fn log(&self, text: &str) {
        if self.screen.is_none() {
            say(text);
        }
    }

    /// Shows a text in the verdict's place; without a screen, prints it.
    fn show(&mut self, text: String, mode: impl FnOnce(String) -> Mode) {
        self.log(&text);
        if self.screen.is_some() {
            self.pane.open(mode(text));
        }
    }

    fn draw(&mut self) -> io::Result<()> {
        let Some(mut screen) = self.screen.take() else {
            return Ok(());
        };
        let (width, height) = terminal::size()?;
        let (lines, max_scroll) = view::lines(&self.view(), width.into(), height.into());
        self.pane.max_scroll = max_scroll;
        self.pane.scroll = self.pane.scroll.min(max_scroll);
        self.pane.page = usize::from(height / 2).max(1);
        screen.show(lines)?;
        self.screen = Some(screen);
        Ok(())
    }

    fn view(&self) -> View<'_> {
        View {
            project: &self.session.project,
            progress: &self.session.progress,
            step: self.step.as_ref(),
            judged: self.checks.judged.as_ref(),
            checking: self
                .checks
                .run
                .as_ref()
                .map(|run| (run.activity.clone(), run.since.elapsed())),
            playing: self.game.as_ref().map(Game::line),
            broken: &self.done.broken,
            notice: self.notice.text.as_deref(),
            polling: self.polling.as_deref(),
            book: self.book_state(),
            mode: &self.pane.mode,
            scroll: self.pane.scroll,
        }
    }

    /// Says what is known before anything has happened.
    fn say_notices(&mut self) {
        let book = self.book.as_ref().map(|served| &served.book);
        if let Some(book) = book.filter(|book| book.uses_other_port()) {
            let address = book.address();
            self.note(format!(
                "Port {DEFAULT_PORT} is taken: the book is at {address}"
            ));
        }
        if let Some(notice) = self.session.notice.take() {
            self.note(notice);
        }
    }

    fn greet(&mut self, is_first: bool, is_screen: bool) {
        if is_screen {
            if is_first {
                self.pane.mode = Mode::Greeting;
            }
            return;
        }
        say(
            "WebSocket, bit by bit: your steps are watched. Ctrl-C ends this; so does q and Enter.",
        );
        if is_first {
            for line in view::greeting(&self.view(), 80) {
                say(&line.text);
            }
        }
        if let Some(served) = &self.book {
            say(&format!(
                "The book is being built. Its plain text, and later the book, is at {}",
                served.book.address()
            ));
        }
        self.say_where();
    }
}
