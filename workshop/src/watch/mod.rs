//! `cargo workshop` alone: serves the book, watches the steps, and shows where the learner is.
//!
//! Everything that happens (a file is saved, a verdict comes, a key is pressed) is an event in
//! one queue. What takes time runs on threads of its own, so that no key ever waits.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossterm::event::{self, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal;

use crate::book::{Book, News};
use crate::browser;
use crate::chapter;
use crate::commands::{self, End, Session, hint_text, name};
use crate::judge::{Side, Stop, Verdict, judge};
use crate::play;
use crate::process::end_all;
use crate::progress::{Lock, State};
use crate::project::{Problem, Step};
use crate::screen::Screen;
use crate::signals;
use crate::text::say;
use crate::verdict;
use crate::watcher::{Change, Watcher};

mod view;

use view::{Action, BookState, Judged, Mode, View};

/// How long nothing more may be saved before the checks run.
const QUIET: Duration = Duration::from_millis(50);
/// How long they are put off at most.
const PATIENCE: Duration = Duration::from_millis(300);
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

/// A key, or in plain mode, the first letter of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Letter(char),
    Enter,
    Escape,
    Scroll(isize),
    Page(isize),
    Interrupt,
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

fn read_keys(sender: &Sender<Event>) {
    loop {
        let event = match event::read() {
            Ok(event::Event::Key(key)) if key.kind != KeyEventKind::Release => {
                let key = match key.code {
                    KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                        Key::Interrupt
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

/// Without a screen, a line stands for a key: `h` or `hint`. Where a pipe ends, so do we; where
/// there was nothing to read from the start (`< /dev/null`), we go on until we are ended.
fn read_lines(sender: &Sender<Event>) {
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

struct Watch {
    session: Session,
    opens: bool,
    sender: Sender<Event>,
    screen: Option<Screen>,
    step: Option<Step>,
    judged: Option<Judged>,
    run: Option<Run>,
    runs: u64,
    change: Option<Saved>,
    notice: Option<String>,
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

/// Files that were saved a moment ago.
struct Saved {
    since: Instant,
    /// When nothing more is waited for.
    settled: Instant,
    paths: Vec<PathBuf>,
}

/// The checks that run.
struct Run {
    stop: Stop,
    since: Instant,
    thread: JoinHandle<()>,
}

/// What is played with.
struct Game {
    stop: Stop,
    name: String,
    address: Option<String>,
    output: Vec<String>,
    thread: JoinHandle<()>,
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
            change: None,
            notice: None,
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
            if self.draw().is_err() {
                return;
            }
        }
    }

    /// When there is something to do even if nothing happens.
    fn next_moment(&self) -> Option<Instant> {
        let counts = self.run.is_some() || (self.book.is_some() && !self.book_is_readable);
        let tick = (counts && self.screen.is_some()).then(|| Instant::now() + TICK);
        let settled = self.change.as_ref().map(|saved| saved.settled);
        tick.into_iter().chain(settled).min()
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
            Event::Judged(run, judged) if run == self.runs && self.run.is_some() => {
                self.run = None;
                self.take_verdict(judged);
            }
            Event::Judged(..) => {}
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
        if let Some(run) = &self.run {
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
        if let Some(run) = self.run.take() {
            _ = run.thread.join();
        }
        self.book = None;
    }

    /// Says something: on the screen until something else is said, else in a line.
    fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        self.log(&text);
        self.notice = Some(text);
    }

    /// Says something where there is no screen.
    fn log(&self, text: &str) {
        if self.screen.is_none() {
            say(text);
        }
    }

    /// Shows a text in the place of the verdict; where there is no screen, prints it.
    fn show(&mut self, text: String, keys: &'static str) {
        self.log(&text);
        if self.screen.is_some() {
            self.mode = Mode::Text(text, keys);
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
            checking: self.run.as_ref().map(|run| run.since.elapsed()),
            notice: self.notice.as_deref(),
            polling: self.polling.as_deref(),
            book: self.book_state(),
            mode: &self.mode,
            scroll: self.scroll,
        }
    }

    fn book_state(&self) -> BookState {
        match (&self.book, &self.book_is_broken) {
            (None, _) => BookState::Off,
            (_, Some(why)) => BookState::Broken(why.clone()),
            (Some(book), None) if self.book_is_readable => {
                let chapter = self.step.as_ref().map(|step| book.chapter(step));
                BookState::Readable(book.address(), chapter.unwrap_or_default())
            }
            _ => BookState::Building(self.book_since.elapsed()),
        }
    }

    // The first lines.

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
                "The book is being built. It will be at {}",
                book.address()
            ));
        }
        self.say_where();
    }

    // Checks.

    fn say_where(&self) {
        let Some(step) = &self.step else {
            say("All steps are done.");
            return;
        };
        say(&format!(
            "{}: {} ({} min), chapter book/src/{}, files in steps/{}/src/",
            name(step),
            step.title,
            step.minutes,
            step.chapter,
            step.folder()
        ));
    }

    fn go_to_current(&mut self) {
        let current = self.session.progress.current(&self.session.project);
        self.go_to(current.cloned());
    }

    fn go_to(&mut self, step: Option<Step>) {
        self.step = step;
        self.judged = None;
        self.scroll = 0;
        self.mode = Mode::Verdict;
        self.check();
    }

    fn files_changed(&mut self, paths: Vec<PathBuf>) {
        let now = Instant::now();
        let since = self.change.as_ref().map_or(now, |change| change.since);
        let before = self.change.take().map(|change| change.paths);
        let paths = before.into_iter().flatten().chain(paths).collect();
        self.change = Some(Saved {
            since,
            settled: (now + QUIET).min(since + PATIENCE),
            paths,
        });
        // What is being judged is out of date.
        self.stop();
    }

    fn files_settled(&mut self, paths: &[PathBuf]) {
        if self.screen.is_none()
            && let Some(path) = paths.first()
        {
            let root = &self.session.project.root;
            let root = fs::canonicalize(root).unwrap_or(root.clone());
            let path = path.strip_prefix(&root).unwrap_or(path);
            let path = path.display().to_string().replace('\\', "/");
            let more = match paths.iter().collect::<BTreeSet<_>>().len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            say(&format!("Changed: {path}{more}"));
        }
        self.follow(paths);
        self.check();
    }

    /// Somebody who works on another step, one that the current step doesn't use, wants to see
    /// the verdict on that one.
    fn follow(&mut self, paths: &[PathBuf]) {
        let steps = &self.session.project.steps;
        let is_in = |step: &&Step| paths.iter().all(|path| is_in_step(path, step));
        let Some(edited) = steps.iter().find(is_in).cloned() else {
            return;
        };
        let is_used = self.step.as_ref().is_some_and(|current| {
            current.id == edited.id || needs(steps, current).contains(&edited.id)
        });
        let was_written = paths.iter().any(|path| path.is_file());
        if is_used || !was_written {
            return;
        }
        let back = self.session.progress.current(&self.session.project);
        let back = back.filter(|step| step.id != edited.id).map(name);
        let back = back.map_or(String::new(), |back| {
            format!(" The first open step is {back}.")
        });
        self.step = Some(edited.clone());
        self.judged = None;
        self.scroll = 0;
        self.note(format!(
            "You work on {}: it is judged now.{back}",
            name(&edited)
        ));
    }

    fn stop(&mut self) {
        if let Some(run) = self.run.take() {
            run.stop.ask();
        }
    }

    fn check(&mut self) {
        self.stop();
        let Some(step) = self.step.clone() else {
            return;
        };
        self.runs += 1;
        let (number, stop) = (self.runs, Stop::default());
        let thread = thread::spawn({
            let (project, sender, stop) = (
                self.session.project.clone(),
                self.sender.clone(),
                stop.clone(),
            );
            move || {
                let since = Instant::now();
                let verdict = judge(&project, &step, Side::Step, &stop);
                let took = since.elapsed();
                _ = sender.send(Event::Judged(number, Judged { verdict, took }));
            }
        });
        self.run = Some(Run {
            stop,
            since: Instant::now(),
            thread,
        });
    }

    fn take_verdict(&mut self, judged: Judged) {
        let Some(step) = self.step.clone() else {
            return;
        };
        let Session {
            project, progress, ..
        } = &mut self.session;
        let was_passed = progress.state(&step) == State::Passed;
        let mut notice = None;
        let text = match &judged.verdict {
            Ok(verdict) => {
                notice = verdict::record(project, progress, &step, verdict);
                let seconds = judged.took.as_secs_f64();
                let summary = verdict::summary(verdict);
                let first = match verdict.is_passed() {
                    true => String::new(),
                    false => format!("\n\n{}\n", verdict::first_thing(project, &step, verdict)),
                };
                format!("{}: {summary} ({seconds:.1} s){first}", name(&step))
            }
            Err(problem) => format!("{}: ✗ no verdict. {problem}", name(&step)),
        };
        self.log(&text);
        let passed = judged.verdict.as_ref().is_ok_and(Verdict::is_passed);
        self.judged = Some(judged);
        self.scroll = 0;
        self.notice = None;
        if passed {
            self.say_next(&step, was_passed);
        }
        if let Some(notice) = notice {
            self.note(notice);
        }
    }

    /// A step is passed: says what is next. Without a screen there is no key to press, so goes
    /// there.
    fn say_next(&mut self, step: &Step, was_passed: bool) {
        let Session {
            project, progress, ..
        } = &self.session;
        let next = progress.current(project).cloned();
        let again = if was_passed { "again " } else { "" };
        let text = match &next {
            Some(next) => format!(
                "{} is {again}passed. Next: {}, {} ({} min)",
                name(step),
                name(next),
                next.title,
                next.minutes
            ),
            None => format!("{} is {again}passed. All steps are done.", name(step)),
        };
        if self.screen.is_some() {
            let key = if next.is_some() { ": press n." } else { "" };
            self.note(format!("{text}{key}"));
            return;
        }
        self.log(&text);
        if next.is_some() {
            self.go_to(next);
            self.say_where();
        }
    }

    // Keys.

    fn take_key(&mut self, key: Key) -> bool {
        if key == Key::Interrupt {
            return false;
        }
        if let Mode::Ask(action) = self.mode {
            self.mode = Mode::Verdict;
            self.notice = None;
            match key {
                Key::Letter('y' | 'Y') => self.act(action),
                _ => self.note("Then not."),
            }
            return true;
        }
        self.notice = None;
        match key {
            Key::Letter('q') => return false,
            Key::Letter('h') => self.hint(),
            Key::Letter('n') => self.next(),
            Key::Letter('l') => self.list(),
            Key::Letter('r') => self.ask(Action::Reset),
            Key::Letter('s') => self.ask(Action::Skip),
            Key::Letter('o' | 'b') => self.open_book(),
            Key::Letter('p') => self.play(),
            Key::Letter('c') => {
                self.mode = Mode::Verdict;
                self.check();
            }
            Key::Letter('j') | Key::Scroll(1) => self.scroll_by(1),
            Key::Letter('k') | Key::Scroll(_) => self.scroll_by(-1),
            Key::Letter(' ') | Key::Page(1) => self.scroll_by(self.page.cast_signed()),
            Key::Page(_) => self.scroll_by(-self.page.cast_signed()),
            Key::Enter | Key::Escape => {
                self.mode = Mode::Verdict;
                self.scroll = 0;
            }
            Key::Letter(other) => self.note(format!(
                "`{other}` is no key here: h hint, n next, l list, r reset, s skip, o book, p play, q quit."
            )),
            Key::Interrupt => return false,
        }
        true
    }

    fn scroll_by(&mut self, lines: isize) {
        self.scroll = self
            .scroll
            .saturating_add_signed(lines)
            .min(self.most_scroll);
    }

    /// The next hint. On the screen, one that has been seen is shown first, until it is asked on.
    fn hint(&mut self) {
        let Some(step) = self.step.clone() else {
            return self.note("All steps are done: there is nothing to hint at.");
        };
        let hints = match chapter::hints(&self.session.project, &step) {
            Ok(hints) => hints,
            Err(problem) => return self.note(problem.0),
        };
        let seen = self.session.progress.mark(&step).hints.min(hints.len());
        if hints.is_empty() {
            return self.note(commands::no_hints(&step));
        }
        let width = self.screen.is_some().then(terminal::size);
        let width = width
            .and_then(Result::ok)
            .map_or(80, |(width, _)| width.into());
        let width = width.min(80);
        let Some(hint) = hints.get(seen) else {
            let all: Vec<String> = hints.iter().map(|hint| hint_text(hint, width)).collect();
            let text = format!(
                "{}\n\nThose were all the hints. `cargo workshop solution {}` shows the reference.",
                all.join("\n\n"),
                step.id
            );
            return self.show(text, "Esc back");
        };
        let mut text = hint_text(hint, width);
        let left = hints.len() - seen - 1;
        if left == 0 {
            text += "\n\n(the last hint; `h` shows all of them again)";
        } else {
            text += &format!("\n\n(`h` again for a stronger one, {left} left)");
        }
        self.show(text, "h next hint  Esc back");
        if let Some(notice) = self.session.progress.set_hints(&step, seen + 1) {
            self.note(notice);
        }
    }

    fn next(&mut self) {
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
            self.mode = Mode::Verdict;
            return self.note(text);
        }
        let next = progress.current(project).cloned();
        self.go_to(next);
        if self.screen.is_none() {
            self.say_where();
        }
    }

    fn list(&mut self) {
        let Session {
            project, progress, ..
        } = &mut self.session;
        progress.refresh();
        match self.screen.is_some() {
            true => self.mode = Mode::List,
            false => {
                for line in commands::list_lines(project, progress, self.step.as_ref()) {
                    say(&line);
                }
            }
        }
    }

    fn ask(&mut self, action: Action) {
        let Some(step) = &self.step else {
            return self
                .note("All steps are done. `cargo workshop reset <id>` resets one of them.");
        };
        let what = match action {
            Action::Reset => "Write it anew, as it was at the beginning",
            Action::Skip => "Let the reference take its place",
        };
        let text = format!(
            "{}: {what}? Your files are kept. y + Enter: yes",
            name(step)
        );
        self.log(&text);
        self.mode = Mode::Ask(action);
        self.scroll = 0;
    }

    fn act(&mut self, action: Action) {
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
                match action {
                    Action::Skip => self.go_to_current(),
                    Action::Reset => self.check(),
                }
                self.note(notice.map_or(text.clone(), |notice| format!("{text} {notice}")));
                if action == Action::Skip && self.screen.is_none() {
                    self.say_where();
                }
            }
            Err(problem) => {
                self.check();
                self.note(problem.0);
            }
        }
    }

    // The book.

    fn take_news(&mut self, news: News) {
        match news {
            News::Readable => {
                let is_first = !self.book_is_readable;
                self.book_is_readable = true;
                self.book_is_broken = None;
                let Some(book) = &self.book else {
                    return;
                };
                self.log(&match is_first {
                    true => format!("The book can be read at {}", book.address()),
                    false => "The book has been built anew.".to_string(),
                });
                if is_first && self.opens && !self.book_was_opened {
                    self.book_was_opened = true;
                    let address = match &self.step {
                        Some(step) if !self.opens_at_start => book.chapter(step),
                        _ => book.address(),
                    };
                    if !browser::open(&address) {
                        self.note(format!("Open {address} in a browser."));
                    }
                }
            }
            News::Broken(why) => {
                self.log(&format!("The book can't be built: {why}"));
                self.book_is_broken = Some(why);
            }
        }
    }

    fn open_book(&mut self) {
        let text = match self.book_state() {
            BookState::Off => "You asked for no book: its pages are in book/src/.".to_string(),
            BookState::Building(_) => "The book is still being built.".to_string(),
            BookState::Broken(why) => format!("The book can't be built: {why}"),
            BookState::Readable(address, chapter) => {
                let address = if chapter.is_empty() { address } else { chapter };
                match browser::open(&address) {
                    true => format!("{address} opens in your browser."),
                    false => format!("Open {address} in a browser."),
                }
            }
        };
        self.note(text);
    }

    // Play.

    fn play(&mut self) {
        if let Some(game) = &self.game {
            game.stop.ask();
            return self.note(format!("{} is ended.", capital(&game.name)));
        }
        let game = match play::choose(&self.session.project, &self.session.progress) {
            Ok(game) => game,
            Err(problem) => return self.note(problem.0),
        };
        let (stop, name) = (Stop::default(), game.name());
        let thread = thread::spawn({
            let (project, sender, stop) = (
                self.session.project.clone(),
                self.sender.clone(),
                stop.clone(),
            );
            move || {
                let lines = sender.clone();
                let tell = move |line| _ = lines.send(Event::Play(line));
                let outcome = play::run(&project, &game, &[], &stop, tell);
                _ = sender.send(Event::PlayOver(outcome));
            }
        });
        self.note(format!(
            "{} is being built. `p` again ends it.",
            capital(&name)
        ));
        self.game = Some(Game {
            stop,
            name,
            address: None,
            output: Vec::new(),
            thread,
        });
    }

    fn take_line(&mut self, line: play::Line) {
        let Some(game) = &mut self.game else {
            return;
        };
        match line {
            play::Line::Text(text) => {
                game.output.push(text.clone());
                self.log(&text);
            }
            play::Line::Ready(address) => {
                game.address = Some(address.clone());
                let what = capital(&game.name);
                let opens = self.opens && browser::open(&address);
                let how = match opens {
                    true => format!("runs at {address} and opens in your browser."),
                    false => format!("runs at {address}: open that in a browser."),
                };
                self.note(format!("{what} {how} `p` ends it."));
            }
        }
    }

    fn game_over(&mut self, outcome: Result<(), Problem>) {
        let Some(game) = self.game.take() else {
            return;
        };
        match outcome {
            Err(problem) => {
                let output = game.output.join("\n");
                self.show(
                    format!("{output}\n{problem}").trim().to_string(),
                    "Esc back",
                );
            }
            // A program that prints something and ends.
            Ok(()) if game.address.is_none() && !game.output.is_empty() => {
                if self.screen.is_some() {
                    let text = format!(
                        "{} printed:\n\n{}",
                        capital(&game.name),
                        game.output.join("\n")
                    );
                    self.show(text, "Esc back");
                }
                self.notice = None;
            }
            Ok(()) => {}
        }
    }
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters
        .next()
        .map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + characters.as_str()
}

fn is_in_step(path: &Path, step: &Step) -> bool {
    let mut names = path.iter();
    names.any(|name| name == "steps") && names.next().is_some_and(|name| *name == *step.folder())
}

/// The ids of all steps that this one uses, and of those that they use.
fn needs(steps: &[Step], step: &Step) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open: Vec<String> = step.needs.clone();
    while let Some(id) = open.pop() {
        if !found.contains(&id) {
            let needed = steps.iter().find(|step| step.id == id);
            open.extend(needed.iter().flat_map(|step| step.needs.clone()));
            found.push(id);
        }
    }
    found
}
