//! `cargo workshop` on a terminal: whatever ends it, the terminal is as it was before.

#![cfg(unix)]

use std::env;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::sys::termios::{LocalFlags, Termios, tcgetattr};
use workshop::screen::Screen;

mod common;

use common::{ENDLESS, Fixture, TWICE, eventually, signal};

/// How long it may take to end what it has started, before it is killed.
const PATIENCE: Duration = Duration::from_secs(10);
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";
const SHOW_CURSOR: &str = "\x1b[?25h";

/// A command on a terminal of its own.
struct OnTerminal {
    child: Child,
    terminal: File,
    keyboard: File,
    before: Termios,
    seen: Arc<Mutex<String>>,
}

impl OnTerminal {
    fn start(mut command: Command) -> Self {
        let size = Winsize {
            ws_row: 24,
            ws_col: 80,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let OpenptyResult { master, slave } = openpty(&size, None).expect("there is one");
        let before = tcgetattr(&slave).expect("it is a terminal");
        let end = || Stdio::from(slave.try_clone().expect("it can be cloned"));
        let child = command
            .env("TERM", "xterm-256color")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("it starts");
        let seen = Arc::new(Mutex::new(String::new()));
        let mut screen = File::from(master.try_clone().expect("it can be cloned"));
        thread::spawn({
            let seen = Arc::clone(&seen);
            move || {
                let mut buffer = [0; 4096];
                // On Linux the end is an error.
                while let Ok(count @ 1..) = screen.read(&mut buffer) {
                    let text = String::from_utf8_lossy(&buffer[..count]);
                    seen.lock().unwrap().push_str(&text);
                }
            }
        });
        Self {
            child,
            terminal: File::from(slave),
            keyboard: File::from(master),
            before,
            seen,
        }
    }

    fn seen(&self) -> String {
        self.seen.lock().unwrap().clone()
    }

    #[track_caller]
    fn wait_for(&self, text: &str) {
        let is_there = || self.seen().contains(text);
        eventually(&format!("{text:?} is shown"), is_there);
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    fn is_raw(&self) -> bool {
        let now = tcgetattr(&self.terminal).expect("it is a terminal");
        let cooked = LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG;
        !now.local_flags.contains(cooked)
    }

    /// The process as the system has it: `T` if it is stopped.
    fn is_stopped(&self) -> bool {
        let id = self.child.id().to_string();
        let ps = Command::new("ps").args(["-o", "stat=", "-p", &id]).output();
        ps.is_ok_and(|ps| ps.stdout.first() == Some(&b'T'))
    }

    /// Its end, once the terminal is seen to be as it was before.
    #[track_caller]
    fn ends_well(mut self, how: &str) -> ExitStatus {
        let child = Mutex::new(&mut self.child);
        eventually(&format!("{how} ends it"), || {
            child.lock().unwrap().try_wait().unwrap().is_some()
        });
        let status = self.child.wait().unwrap();
        self.is_given_back(how);
        status
    }

    #[track_caller]
    fn is_given_back(&self, how: &str) {
        eventually(&format!("{how}: the screen is left"), || {
            self.seen().rfind(LEAVE) > self.seen().rfind(ENTER)
        });
        let seen = self.seen();
        assert!(seen.rfind(SHOW_CURSOR) > seen.rfind(ENTER), "{how}: {seen}");
        let now = tcgetattr(&self.terminal).expect("it is a terminal");
        assert_eq!(now.local_flags, self.before.local_flags, "{how}");
        assert_eq!(now.input_flags, self.before.input_flags, "{how}");
        assert_eq!(now.output_flags, self.before.output_flags, "{how}");
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        // Asked to, it ends what it has started; even if a test has left it stopped.
        signal(self.child.id(), "TERM");
        signal(self.child.id(), "CONT");
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(10));
        }
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn watch(fixture: &Fixture) -> OnTerminal {
    let watch = OnTerminal::start(fixture.command(&["--no-book", "--no-open"]));
    watch.wait_for(ENTER);
    watch.wait_for("Welcome");
    assert!(watch.is_raw());
    watch
}

#[test]
fn the_terminal_is_given_back_whatever_signal_ends_it() {
    let fixture = Fixture::new();
    for name in ["TERM", "INT", "HUP", "QUIT", "USR1", "ALRM"] {
        _ = fs::remove_dir_all(fixture.root.join(".workshop"));
        let watch = watch(&fixture);
        signal(watch.child.id(), name);
        let status = watch.ends_well(name);
        // It ends by itself, in its own way: with a signal's end nothing could be given back.
        assert!(status.code().is_some(), "{name}: {status}");
    }
}

#[test]
fn the_terminal_is_given_back_whatever_key_ends_it() {
    let fixture = Fixture::new();
    // q, Ctrl-C, Ctrl-D, and Ctrl-\.
    for key in ["q", "\x03", "\x04", "\x1c"] {
        _ = fs::remove_dir_all(fixture.root.join(".workshop"));
        let mut watch = watch(&fixture);
        watch.press(key);
        let status = watch.ends_well(&format!("{key:?}"));
        assert_eq!(status.code(), Some(0), "{key:?}");
    }
}

#[test]
fn its_child_processes_end_with_it() {
    for name in ["QUIT", "TERM", "INT"] {
        let fixture = Fixture::new();
        fixture.write(TWICE, ENDLESS);
        let has_pid = || fixture.root.join("pid").is_file() && !fixture.read("pid").is_empty();
        let check = watch(&fixture);
        eventually("the endless check runs", has_pid);
        let looping = fixture.read("pid");
        signal(check.child.id(), name);
        check.ends_well(name);
        eventually("the check is ended", || !is_running(&looping));

        fs::remove_file(fixture.root.join("pid")).unwrap();
        fixture.write(TWICE, common::WRONG);
        let mut program = OnTerminal::start(fixture.command(&["--no-book", "--no-open"]));
        program.wait_for(ENTER);
        program.press("p");
        eventually("the program runs", has_pid);
        let playing = fixture.read("pid");
        signal(program.child.id(), name);
        program.ends_well(name);
        eventually("the program is ended", || !is_running(&playing));
    }
}

#[test]
fn suspended_it_leaves_the_terminal_to_the_shell_and_takes_it_again() {
    let fixture = Fixture::new();
    let mut watch = watch(&fixture);
    for key in [None, Some("\x1a"), None] {
        match key {
            Some(key) => watch.press(key),
            None => signal(watch.child.id(), "TSTP"),
        }
        eventually("it is stopped", || watch.is_stopped());
        watch.is_given_back("suspended");
        let shown = watch.seen().len();
        signal(watch.child.id(), "CONT");
        eventually("it shows its screen again", || {
            let seen = watch.seen();
            seen[shown..].contains(ENTER) && seen[shown..].contains("Welcome")
        });
        assert!(watch.is_raw());
    }
    watch.press("q");
    assert_eq!(watch.ends_well("q").code(), Some(0));
}

#[test]
fn the_last_screen_says_what_you_did_and_where_to_go() {
    let fixture = Fixture::new();
    fixture.write(".workshop/progress", "twice passed\nfour-times passed\n");
    let mut watch = OnTerminal::start(fixture.command(&["--no-book", "--no-open"]));
    for text in [
        "✓ All steps are done.",
        "You have written all 2 steps yourself.",
        "cargo workshop tap --to",
        "Any bytes at all",
    ] {
        watch.wait_for(text);
    }
    watch.press("q");
    watch.ends_well("q");
}

/// And the last hint is shown again before the next one, which gives away more.
#[test]
fn a_save_that_turns_red_is_seen_beside_a_hint() {
    let fixture = Fixture::new();
    let mut watch = watch(&fixture);
    watch.press("\r");
    watch.wait_for("○ not written yet");
    watch.press("h");
    watch.wait_for("Hint 1: where");
    fixture.write(TWICE, common::WRONG);
    watch.wait_for("✗ red: 1 of 2 checks right   (Esc shows it)");
    let progress = || fixture.read(".workshop/progress");
    assert_eq!(progress(), "twice open hints=1\n");
    let shown = watch.seen().len();
    watch.press("\x1b");
    let later = || watch.seen()[shown..].to_string();
    eventually("the report is shown", || later().contains("expected 4"));
    let shown = watch.seen().len();
    watch.press("h");
    eventually("the hint is shown again", || {
        watch.seen()[shown..].contains("Hint 1: where")
    });
    assert_eq!(progress(), "twice open hints=1\n");
    watch.press("h");
    watch.wait_for("Hint 2: how");
    watch.press("q");
    assert_eq!(watch.ends_well("q").code(), Some(0));
    assert_eq!(progress(), "twice open hints=2\n");
}

#[test]
fn a_panic_is_read_on_the_terminal_as_it_was() {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([
        "--ignored",
        "--exact",
        "--nocapture",
        "a_thread_that_panics",
    ]);
    let panicking = OnTerminal::start(command);
    let seen = Arc::clone(&panicking.seen);
    let status = panicking.ends_well("a panic");
    assert_eq!(status.code(), Some(2));
    let seen = seen.lock().unwrap();
    let message = seen.rfind("something is wrong");
    assert!(message > seen.rfind(LEAVE), "{seen}");
}

/// Run by the test above, on a terminal of its own.
#[test]
#[ignore = "takes the terminal, and ends the process"]
fn a_thread_that_panics() {
    let _screen = Screen::take(false).unwrap();
    let panicking = thread::spawn(|| panic!("something is wrong"));
    _ = panicking.join();
}

fn is_running(id: &str) -> bool {
    let status = Command::new("kill")
        .args(["-0", id])
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}
