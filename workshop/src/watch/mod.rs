//! `cargo workshop` alone: serves the book, watches the steps, and shows where the learner is.
//!
//! Everything that happens (a file is saved, a verdict comes, a key is pressed) is an event in
//! one queue. What takes time runs on threads of its own, so that no key ever waits.

use std::env;
use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crossterm::terminal;

use crate::book::{Book, News, USUAL_PORT};
use crate::commands::{End, Session};
use crate::judge::Doing;
use crate::play;
use crate::process::end_all;
use crate::progress::Lock;
use crate::project::{Problem, Step};
use crate::screen::Screen;
use crate::signals;
use crate::text::say;
use crate::watcher::{Change, Watcher};

mod beside;
mod checks;
mod keys;
pub mod view;

use beside::Game;
use checks::{Broken, Run, Saved};
use keys::{Key, read_keys, read_lines};
use view::{BookState, Judged, Mode, View};

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
    Doing(u64, Doing),
    /// The run with this number has ended.
    Judged(u64, Judged),
    Book(News),
    Key(Key),
    Resized,
    Play(play::Line),
    /// The game is over; why, where it ended by itself.
    PlayOver(Result<(), Problem>),
    End,
}
/// Watches until the learner quits.
///
/// # Errors
/// Another `cargo workshop` watches already, the book's port is taken, or the terminal is gone.
pub fn watch(session: Session, options: &Options) -> Result<End, Problem> {
    let is_first = !session.project.state_folder().exists();
    let _lock = Lock::take(&session.project)?;
    let (sender, inbox) = mpsc::channel();
    signals::listen({
        let sender = sender.clone();
        move || _ = sender.send(Event::End)
    });
    signals::listen_for_return({
        let sender = sender.clone();
        move || _ = sender.send(Event::Resized)
    });
    let mut watch = Watch::new(session, options, sender.clone());
    watch.go_to_current();
    let watcher = Watcher::start(&watch.session.project, options.polls, {
        let sender = sender.clone();
        move |change| _ = sender.send(Event::Change(change))
    });
    if options.book {
        let sender = sender.clone();
        let tell = move |news| _ = sender.send(Event::Book(news));
        let book = Book::start(&watch.session.project, options.port, tell);
        watch.book = Some(book.inspect_err(|_| end_all())?);
    }
    let is_screen = !options.plain
        && io::stdout().is_terminal()
        && io::stdin().is_terminal()
        && env::var_os("TERM").is_none_or(|term| term != "dumb");
    watch.greet(is_first, is_screen);
    if let Some(book) = watch.book.as_ref().filter(|book| book.is_elsewhere()) {
        let address = book.address();
        watch.note(format!(
            "Port {USUAL_PORT} is taken: the book is at {address}"
        ));
    }
    if let Some(notice) = watch.session.notice.take() {
        watch.note(notice);
    }
    if is_screen {
        let has_colours = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        match Screen::take(has_colours) {
            Ok(screen) => watch.screen = Some(screen),
            Err(error) => {
                end_all();
                return Err(Problem(format!(
                    "The terminal can't be used ({error}); `--plain` does without a screen."
                )));
            }
        }
        thread::spawn(move || read_keys(&sender));
    } else {
        thread::spawn(move || read_lines(&sender));
    }
    watch.run(&inbox);
    watch.end();
    drop(watcher);
    Ok(End::Fine)
}
struct Watch {
    session: Session,
    opens: bool,
    sender: Sender<Event>,
    screen: Option<Screen>,
    step: Option<Step>,
    judged: Option<Judged>,
    run: Option<Run>,
    runs: u64,
    /// Steps that are done, in which something was saved.
    touched: Vec<Step>,
    /// The run that judges the first of them.
    second_run: Option<Run>,
    broken: Vec<Broken>,
    change: Option<Saved>,
    notice: Option<String>,
    /// Until when it stays whatever is saved.
    notice_stays: Option<Instant>,
    polling: Option<String>,
    mode: Mode,
    scroll: usize,
    most_scroll: usize,
    page: usize,
    book: Option<Book>,
    book_since: Instant,
    book_is_readable: bool,
    book_is_broken: Option<String>,
    book_was_opened: bool,
    opens_at_start: bool,
    game: Option<Game>,
}
impl Watch {
    fn new(session: Session, options: &Options, sender: Sender<Event>) -> Self {
        Self {
            session,
            opens: options.opens,
            sender,
            screen: None,
            step: None,
            judged: None,
            run: None,
            runs: 0,
            touched: Vec::new(),
            second_run: None,
            broken: Vec::new(),
            change: None,
            notice: None,
            notice_stays: None,
            polling: None,
            mode: Mode::Verdict,
            scroll: 0,
            most_scroll: 0,
            page: 1,
            book: None,
            book_since: Instant::now(),
            book_is_readable: false,
            book_is_broken: None,
            book_was_opened: false,
            opens_at_start: false,
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
            if let Some(saved) = self.change.take_if(is_settled) {
                self.files_settled(&saved.paths);
            }
            self.say_doing();
            if self.draw().is_err() {
                return;
            }
        }
    }

    /// When there is something to do even if nothing happens.
    fn next_moment(&self) -> Option<Instant> {
        let is_built = |game: &Game| game.address.is_some() || !game.output.is_empty();
        let counts = self.run.is_some()
            || (self.book.is_some() && !self.book_is_readable)
            || self.game.as_ref().is_some_and(|game| !is_built(game));
        let tick = (counts && self.screen.is_some()).then(|| Instant::now() + TICK);
        let word = self.run.as_ref().filter(|_| self.screen.is_none());
        let word = word.map(|run| run.next_word);
        let settled = self.change.as_ref().map(|saved| saved.settled);
        tick.into_iter().chain(word).chain(settled).min()
    }

    /// Deals with an event; `false` where it is the last one.
    fn take(&mut self, event: Event) -> bool {
        match event {
            Event::Change(Change::Steps(paths)) => self.files_changed(paths),
            Event::Change(Change::Book) => {
                if let Some(book) = &self.book {
                    book.rebuild();
                }
            }
            Event::Change(Change::Polling(why)) => {
                self.log(&format!("The files are looked at twice a second: {why}."));
                self.polling = Some(why);
            }
            Event::Doing(run, doing) => self.take_doing(run, doing),
            Event::Judged(run, judged) => self.take_judged(run, judged),
            Event::Book(news) => self.take_news(news),
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
        for run in [&self.run, &self.second_run].into_iter().flatten() {
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
        end_all();
        for run in [self.run.take(), self.second_run.take()] {
            _ = run.map(|run| run.thread.join());
        }
        self.book = None;
    }

    /// Says something: on the screen until something else is said, else in a line.
    fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        self.log(&text);
        self.notice = Some(text);
        self.notice_stays = None;
    }

    /// Says something where there is no screen.
    fn log(&self, text: &str) {
        if self.screen.is_none() {
            say(text);
        }
    }

    /// Shows a text in the place of the verdict; where there is no screen, prints it.
    fn show(&mut self, text: String, mode: impl FnOnce(String) -> Mode) {
        self.log(&text);
        if self.screen.is_some() {
            self.mode = mode(text);
            self.scroll = 0;
        }
    }

    fn draw(&mut self) -> io::Result<()> {
        let Some(mut screen) = self.screen.take() else {
            return Ok(());
        };
        let (width, height) = terminal::size()?;
        let (lines, most) = view::lines(&self.view(), width.into(), height.into());
        self.most_scroll = most;
        self.scroll = self.scroll.min(most);
        self.page = usize::from(height / 2).max(1);
        screen.show(lines)?;
        self.screen = Some(screen);
        Ok(())
    }

    fn view(&self) -> View<'_> {
        View {
            project: &self.session.project,
            progress: &self.session.progress,
            step: self.step.as_ref(),
            judged: self.judged.as_ref(),
            checking: self
                .run
                .as_ref()
                .map(|run| (run.doing.clone(), run.since.elapsed())),
            playing: self.game.as_ref().map(Game::line),
            broken: &self.broken,
            notice: self.notice.as_deref(),
            polling: self.polling.as_deref(),
            book: self.book_state(),
            mode: &self.mode,
            scroll: self.scroll,
        }
    }

    fn book_state(&self) -> BookState {
        let Some(book) = &self.book else {
            return BookState::Off;
        };
        if let Some(why) = &self.book_is_broken {
            return BookState::Broken(why.clone());
        }
        let chapter = self.step.as_ref().map(|step| book.chapter(step));
        let chapter = chapter.unwrap_or(book.address());
        match self.book_is_readable {
            true => BookState::Readable(book.address(), chapter),
            false => BookState::Building(self.book_since.elapsed(), chapter),
        }
    }

    fn greet(&mut self, is_first: bool, is_screen: bool) {
        self.opens_at_start = is_first;
        if is_screen {
            if is_first {
                self.mode = Mode::Greeting;
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
        if let Some(book) = &self.book {
            say(&format!(
                "The book is being built. Its plain text, and later the book, is at {}",
                book.address()
            ));
        }
        self.say_where();
    }
}
