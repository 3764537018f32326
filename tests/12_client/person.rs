//! The program in a terminal: what a person types, and what the screen then shows. The terminal is the check's own.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::pty::{self, OpenptFlags};
use rustix::termios::{self, LocalModes, Winsize};
use support::frame::{CLOSE, PONG, TEXT, unmasked};
use support::machine::stretched;
use support::sign::missing;
use support::{check, program};
use vt100::Parser;

use super::shared::{Peer, Played, SHORT, SOON, comes_true};

const ROWS: NonZeroU16 = NonZeroU16::new(24).unwrap();
const COLUMNS: NonZeroU16 = NonZeroU16::new(100).unwrap();

/// Longer than a program needs to start, or a person waits for a key to show.
const LONG: Duration = Duration::from_secs(3);

/// A terminal in which the program runs. It ends with it.
struct Terminal {
    program: Arc<Mutex<Child>>,
    /// The end at which a person would sit.
    person: File,
    /// The program's end. While it is open, what the program has written can be read, and there is no end of it.
    terminal: Option<File>,
    screen: Arc<Mutex<Parser>>,
    /// Returns all that was written.
    reader: Option<JoinHandle<String>>,
    /// Where the program connects to: it is shown as 9012.
    port: u16,
    /// How long the screen may take to show something. After what never came, the check doesn't wait as long again.
    patience: Duration,
}

impl Terminal {
    /// Starts the program with these options and the played server's address.
    fn starts(options: &[&str], played: &Played) -> Self {
        Self::starts_with(options, played, |_| {})
    }

    /// The same, and something about the program is different.
    fn starts_with(options: &[&str], played: &Played, differs: impl FnOnce(&mut Command)) -> Self {
        let (person, terminal) = open().expect("the system has a terminal for a check");
        let port = played.address().port();
        let side = || Stdio::from(terminal.try_clone().expect("a file can be used twice"));
        let mut command = Command::new(program!().path);
        command.args(options).arg(format!("ws://127.0.0.1:{port}/"));
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR");
        command.stdin(side()).stdout(side()).stderr(side());
        differs(&mut command);
        let program = program::start(&mut command);
        let screen = Arc::new(Mutex::new(Parser::new(ROWS, COLUMNS, 0)));
        let (shown, mut output) = (
            Arc::clone(&screen),
            person.try_clone().expect("a file can be used twice"),
        );
        let reader = thread::spawn(move || {
            let (mut written, mut buffer) = (Vec::new(), [0; 4096]);
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                written.extend(&buffer[..count]);
                lock(&shown).process(&buffer[..count]);
            }
            String::from_utf8_lossy(&written).replace("\r\n", "\n")
        });
        Self {
            program,
            person,
            terminal: Some(terminal),
            screen,
            reader: Some(reader),
            port,
            patience: LONG,
        }
    }

    /// Types as a person does.
    fn types(&mut self, keys: &str) {
        // A program that has ended reads nothing: the screen will say so.
        _ = self.person.write_all(keys.as_bytes());
    }

    /// Waits until the screen shows this. If that is never so, the check goes on: its last screen will tell.
    fn shows(&mut self, text: &str) {
        if !comes_true(stretched(self.patience), || self.screen().contains(text)) {
            self.patience = SHORT;
        }
    }

    /// What is on the screen, with the cursor as `▏`.
    fn screen(&self) -> String {
        let parser = lock(&self.screen);
        let screen = parser.screen();
        let (row, column) = screen.cursor_position();
        let mut rows: Vec<String> = screen.rows(0, COLUMNS.get()).collect();
        let before = screen.contents_between(row, 0, row, column);
        let line = &mut rows[usize::from(row)];
        *line = format!(
            "{before:<width$}▏{}",
            line.strip_prefix(&before).unwrap_or_default(),
            width = usize::from(column)
        );
        let rows = rows.join("\n");
        rows.trim_end().replace(&format!(":{}", self.port), ":9012")
    }

    /// What is left on the screen when the program has ended, its exit code, and whether the terminal is what it was.
    fn ends(mut self) -> String {
        let mut ended: Option<ExitStatus> = None;
        comes_true(stretched(LONG), || {
            ended = lock(&self.program).try_wait().ok().flatten();
            ended.is_some()
        });
        let Some(code) = ended.and_then(|status| status.code()) else {
            return format!("{}\n(the program didn't end)\n", self.screen());
        };
        // A terminal echoes what is typed. So this is on the screen after all that the program has written.
        self.types("▪");
        self.shows("▪");
        let modes = termios::tcgetattr(&self.person).map(|it| it.local_modes);
        let is_usual = modes.is_ok_and(|it| it.contains(LocalModes::ICANON | LocalModes::ECHO));
        let left = if is_usual {
            "as it was"
        } else {
            "still in the program's hands"
        };
        let screen = self.screen();
        let (screen, _) = screen.rsplit_once("▪").unwrap_or((&screen, ""));
        format!("{screen}\n(exit code {code}; the terminal is {left})\n")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let mut program = lock(&self.program);
        _ = program.kill();
        _ = program.wait();
        drop(program);
        self.terminal = None;
        // If the program has panicked, that says more than what is missing on the screen.
        if let Some(Ok(written)) = self.reader.take().map(JoinHandle::join) {
            program::note_panic_in(&written);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens a terminal. Returns the person's end and the program's.
fn open() -> std::io::Result<(File, File)> {
    let person = pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    pty::grantpt(&person)?;
    pty::unlockpt(&person)?;
    let name = pty::ptsname(&person, Vec::new())?;
    let terminal = rustix::fs::open(
        name,
        OFlags::RDWR | OFlags::NOCTTY,
        rustix::fs::Mode::empty(),
    )?;
    let size = Winsize {
        ws_row: ROWS.get(),
        ws_col: COLUMNS.get(),
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    termios::tcsetwinsize(&terminal, size)?;
    Ok((person.into(), terminal.into()))
}

/// The next client of the played server, with its WebSocket open.
fn opens(played: &Played) -> Peer {
    let peer = played.accept_while(stretched(LONG), || true);
    let mut peer = peer.expect("your client didn't connect");
    peer.patience = LONG;
    let answer = peer.answer("");
    peer.send(&answer);
    peer
}

/// Answers a Close, and ends TCP.
fn closes(mut peer: Peer) {
    peer.send(&unmasked(CLOSE, &1000_u16.to_be_bytes()));
    peer.end();
    peer.hears();
}

#[test]
fn a_person_types_and_reads() {
    check! {
        rfc: "the workshop's own rule",
        rule: "In a terminal, messages come above the line that is typed, and nothing of that line is lost.",
        signs: [],
        shows: || {
            let played = Played::listen();
            let mut terminal = Terminal::starts(&[], &played);
            let mut peer = opens(&played);
            terminal.shows("· open\n> ▏");
            terminal.types("hello\x1b[D\x1b[D");
            terminal.shows("> hel▏lo");
            peer.send(&unmasked(TEXT, b"two\nlines"));
            terminal.shows("< two\\nlines\n> hel▏lo");
            terminal.types("\r/binary 00 ff\r/ping x\r");
            let heard = [peer.hears(), peer.hears(), peer.hears()].join(", ");
            peer.send(&unmasked(PONG, b"x"));
            terminal.shows("· pong x\n> ▏");
            terminal.types("/shrug\r");
            terminal.shows("sends it\n> ▏");
            terminal.types("/help\r");
            terminal.shows("Ctrl-C.\n> ▏");
            terminal.types("\x1b[A");
            terminal.shows("> /help▏");
            // Ctrl-U.
            terminal.types("\x15");
            terminal.shows("Ctrl-C.\n> ▏");
            // Ctrl-D.
            terminal.types("\x04");
            let last = peer.hears();
            closes(peer);
            format!("{}\nthe server hears {heard}, {last}\n", terminal.ends())
        },
    }
}

#[test]
fn a_person_may_leave_at_any_time() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Whoever leaves a second time doesn't wait for the server. While there is no connection, once is enough.",
        signs: [],
        shows: || {
            let silent = || {
                let played = Played::listen();
                let mut terminal = Terminal::starts(&[], &played);
                let mut peer = opens(&played);
                terminal.shows("· open\n> ▏");
                terminal.types("\x03");
                let heard = peer.hears();
                terminal.types("\x03");
                format!("{}the server has heard {heard}, and answers nothing\n", terminal.ends())
            };
            let gone = || {
                let played = Played::listen();
                let mut terminal = Terminal::starts(&["--reconnect"], &played);
                let peer = opens(&played);
                terminal.shows("· open\n> ▏");
                drop((played, peer));
                terminal.shows("next try in");
                terminal.types("hello\r");
                terminal.shows("brings the line back");
                terminal.types("\x03");
                without_tries(&terminal.ends())
            };
            [silent(), gone()].join("\n")
        },
    }
}

/// Leaves out the lines about tries: how many there are is up to chance.
fn without_tries(screen: &str) -> String {
    let is_try = |line: &&str| line.contains("no connection to") || line.contains("next try in");
    screen
        .lines()
        .filter(|line| !is_try(line))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn a_close_that_was_typed_is_the_end() {
    check! {
        rfc: "the workshop's own rule",
        rule: "--reconnect is for connections that are lost, not for one that a person has closed.",
        signs: [],
        shows: || {
            let played = Played::listen();
            let mut terminal = Terminal::starts(&["--reconnect"], &played);
            let peer = opens(&played);
            terminal.shows("· open\n> ▏");
            terminal.types("/close 5\r");
            terminal.shows("§7.4\n> ▏");
            drop(peer);
            let mut peer = opens(&played);
            terminal.shows("· open\n> ▏");
            terminal.types("/close\rtoo late\r");
            let heard = peer.hears();
            terminal.shows("§5.5.1\n> ▏");
            drop(peer);
            let screen = terminal.ends();
            let again = played.accept_while(Duration::ZERO, || true);
            let again = if again.is_some() { "comes again" } else { "doesn't come again" };
            format!("{}the server hears {heard}, and ends TCP; the program {again}\n", without_tries(&screen))
        },
    }
}

#[test]
fn a_person_chats() {
    check! {
        rfc: "the workshop's own rule",
        rule: "In a chat, a line is a message. Before the program leaves, each message has its answer.",
        signs: [
            missing(["before it answers: nothing"]).says("The connection is closed while a message still waits for its answer."),
        ],
        shows: || {
            let played = Played::listen();
            let mut terminal = Terminal::starts(&["--chat", "ada"], &played);
            let mut peer = opens(&played);
            peer.hears();
            for line in [r#"{"people":[]}"#, r#"{"you":"ada"}"#] {
                peer.send(&unmasked(TEXT, line.as_bytes()));
            }
            terminal.shows("you are ada\n> ▏");
            terminal.types("/binary 00\r");
            terminal.shows("text only\n> ▏");
            terminal.types("hello\r");
            let message = peer.hears();
            // Ctrl-D.
            terminal.types("\x04");
            let early = peer.hears_within(SOON);
            peer.send(&unmasked(TEXT, br#"{"id":1,"username":"ada","message":"hello"}"#));
            let last = peer.hears();
            terminal.shows("ada: hello\n> ▏");
            terminal.types("too late\r");
            terminal.shows("§5.5.1\n> ▏");
            closes(peer);
            let screen = terminal.ends();
            format!("{screen}\nthe server hears {message}\n  before it answers: {early}\n  after that: {last}\n")
        },
    }
}

#[test]
fn only_a_terminal_is_drawn_on() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Whatever leads into a pipe or a file gets plain lines.",
        signs: [],
        shows: || {
            let talks = |title: &str, differs: &dyn Fn(&mut Command)| {
                let played = Played::listen();
                let terminal = Terminal::starts_with(&[], &played, differs);
                let mut peer = opens(&played);
                peer.send(&unmasked(TEXT, b"\x1b[31mred"));
                closes(peer);
                format!("{title}\n{}", terminal.ends())
            };
            let errors = || {
                let played = Played::listen();
                let (mut reads, writes) = std::io::pipe().expect("the system has pipes");
                let mut terminal = Terminal::starts_with(&[], &played, |command| _ = command.stderr(writes));
                let peer = opens(&played);
                terminal.shows("> ▏");
                closes(peer);
                let screen = terminal.ends();
                let mut errors = String::new();
                _ = reads.read_to_string(&mut errors);
                format!("stderr is a pipe\n{screen}in the pipe:\n{errors}")
            };
            [
                talks("stdin is no terminal", &|command| _ = command.stdin(Stdio::null())),
                talks("TERM=dumb", &|command| _ = command.env("TERM", "dumb")),
                errors(),
            ].join("\n")
        },
    }
}
