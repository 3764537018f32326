//! A workshop of two small steps that needs no other crate, and the real `cargo workshop` in it.
//!
//! Nothing here waits by the clock: a test waits for a line, up to a deadline.

// Each test file uses a part of this.
#![allow(dead_code)]

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use workshop::project::Project;
use workshop::starter::{starter, write_folder};

/// How long a line may take. Cargo builds in between, perhaps on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// The folder of a small workshop, removed at the end.
pub struct Fixture {
    pub root: PathBuf,
}

/// The output of a command, and its exit code.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Fixture {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("workshop-{}-{number}", std::process::id());
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        _ = fs::remove_dir_all(&root);
        let fixture = Self { root };
        for (path, text) in FILES {
            fixture.write(path, text);
        }
        let project = fixture.project();
        for step in &project.steps {
            let files = starter(&project, step).unwrap();
            write_folder(&project.step_folder(step), &files).unwrap();
        }
        fixture
    }

    pub fn project(&self) -> Project {
        Project::at(&self.root).unwrap()
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap()
    }

    /// The names in a folder.
    pub fn names(&self, path: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.root.join(path)) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_workshop"));
        command
            .args(arguments)
            .current_dir(&self.root)
            .env_remove("CARGO_MANIFEST_DIR")
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("BROWSER")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .env("CARGO_NET_OFFLINE", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Done {
        let output = self.command(arguments).output().unwrap();
        Done {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Starts a command that goes on until it is ended.
    pub fn start(&self, arguments: &[&str]) -> Started {
        self.start_with(arguments, &[])
    }

    /// The same, with these environment variables.
    pub fn start_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Started {
        let mut child = self
            .command(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                _ = sender.send(line);
            }
        });
        Started {
            input: child.stdin.take(),
            child,
            lines,
            seen: String::new(),
        }
    }

    /// Starts to watch, without a book.
    pub fn watch(&self) -> Started {
        self.start(&["--no-book"])
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.root);
    }
}

/// A command that runs.
pub struct Started {
    pub child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    seen: String,
}

impl Started {
    /// Waits for a line that contains this, and returns it.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> String {
        let end = Instant::now() + DEADLINE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no line with {text:?} came. What came:\n{}", self.seen);
            };
            self.seen.push_str(&line);
            self.seen.push('\n');
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Closes its standard input.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Waits until it has ended, and returns its exit code.
    #[track_caller]
    pub fn exit_code(&mut self) -> i32 {
        let end = Instant::now() + DEADLINE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("it never ended. What came:\n{}", self.seen);
    }

    /// Its standard error, once it has ended.
    pub fn complaints(&mut self) -> String {
        let mut text = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Asked to, it ends what it has started.
        self.input = None;
        #[cfg(unix)]
        signal(self.child.id(), "TERM");
        #[cfg(not(unix))]
        {
            _ = self.child.kill();
        }
        _ = self.child.wait();
    }
}

/// Sends a signal.
#[cfg(unix)]
pub fn signal(id: u32, name: &str) {
    _ = Command::new("kill")
        .args([&format!("-{name}"), &id.to_string()])
        .stderr(Stdio::null())
        .status();
}

/// Waits until something is so.
#[track_caller]
pub fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + DEADLINE;
    while Instant::now() < end {
        if is_so() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{what}: not within {} s", DEADLINE.as_secs());
}

/// Asks a server for a path; returns the head and the body of the answer.
pub fn get(address: &str, path: &str) -> (String, String) {
    let address: SocketAddr = address
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .parse()
        .unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).unwrap();
    let response = String::from_utf8_lossy(&response).into_owned();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    (head.to_string(), body.to_string())
}

const FILES: [(&str, &str); 16] = [
    (
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"solutions/*\", \"steps/*\", \"book-builder\"]\n\n\
         [workspace.package]\nrust-version = \"1.95\"\n\n[profile.dev]\ndebug = 0\n",
    ),
    ("solutions/00-twice/Cargo.toml", TWICE_MANIFEST),
    (
        "solutions/00-twice/check.rs",
        "extern crate twice_solution as twice;\n#[path = \"../../tests/00_twice.rs\"]\nmod check;\n",
    ),
    (
        "solutions/00-twice/src/lib.rs",
        "//! Doubles.\n\n// ANCHOR: twice\n/// Twice a number.\npub fn twice(number: u64) -> u64 {\n    \
         // Task: double it.\n    number + number\n}\n// ANCHOR_END: twice\n",
    ),
    (
        "solutions/00-twice/src/main.rs",
        "fn main() {\n    println!(\"twice 21 is {}\", twice_solution::twice(21));\n}\n",
    ),
    (
        "tests/00_twice.rs",
        "use twice::twice;\n\n\
         fn report(text: &str) {\n    println!(\"{text}\");\n    std::panic::resume_unwind(Box::new(()));\n}\n\n\
         fn yours(number: u64) -> Option<u64> {\n    std::panic::set_hook(Box::new(|_| {}));\n    \
         std::panic::catch_unwind(|| twice(number)).ok()\n}\n\n\
         #[test]\nfn two_and_two() {\n    match yours(2) {\n        \
         None => report(\"○ two_and_two: not written yet\\n  Task: double it\"),\n        \
         Some(4) => {}\n        \
         Some(yours) => report(&format!(\"✗ two_and_two: wrong\\n  expected 4, yours {yours}\")),\n    }\n}\n\n\
         #[test]\nfn nothing_at_all() {\n    match yours(0) {\n        \
         None => report(\"○ nothing_at_all: not written yet\"),\n        \
         Some(0) => {}\n        \
         Some(_) => report(\"✗ nothing_at_all: wrong\"),\n    }\n}\n",
    ),
    ("solutions/01-four-times/Cargo.toml", FOUR_TIMES_MANIFEST),
    (
        "solutions/01-four-times/check.rs",
        "extern crate four_times_solution as four_times;\n#[path = \"../../tests/01_four_times.rs\"]\nmod check;\n",
    ),
    (
        "solutions/01-four-times/src/lib.rs",
        "//! Doubles, and doubles again.\n\n/// Four times a number.\npub fn four_times(number: u64) -> u64 {\n    \
         // Task: double it, twice.\n    // Starter: number\n    twice::twice(twice::twice(number))\n}\n",
    ),
    (
        "solutions/01-four-times/src/main.rs",
        "//! Stands in for a server that is started by `launch::serve`.\n\
         fn main() {\n    println!(\"listening on http://127.0.0.1:9\");\n    \
         std::fs::write(\"pid\", std::process::id().to_string()).unwrap();\n    \
         loop {\n        std::thread::park();\n    }\n}\n",
    ),
    (
        "tests/01_four_times.rs",
        "#[test]\nfn four_times_ten() {\n    let yours = four_times::four_times(10);\n    \
         if yours != 40 {\n        println!(\"✗ four_times_ten: wrong\\n  expected 40, yours {yours}\");\n        std::panic::resume_unwind(Box::new(()));\n    }\n}\n",
    ),
    (
        "book/src/twice.md",
        "# Twice\n\n<details class=\"hint\"><summary>Hint 1: where</summary>\n\nLook at `src/lib.rs`.\n\n</details>\n\n\
         <details class=\"hint\"><summary>Hint 2: how</summary>\n\nAdd it to *itself*.\n\n</details>\n\n\
         <details class=\"hint\"><summary>Hint 3: the code</summary>\n\n```rust\n\
         {{#include ../../solutions/00-twice/src/lib.rs:twice}}\n```\n\n</details>\n",
    ),
    ("book/src/four-times.md", "# Four times\n\nNo hints here.\n"),
    (
        "book/src/page.html",
        "<!DOCTYPE html><html><body><p>edition 1</p></body></html>",
    ),
    (
        "book-builder/Cargo.toml",
        "[package]\nname = \"workshop-book\"\nedition = \"2024\"\n",
    ),
    // Stands in for the one that uses mdBook: copies a page.
    (
        "book-builder/src/main.rs",
        "use std::{env, fs, path::Path, process::ExitCode};\n\nfn main() -> ExitCode {\n    \
         let arguments: Vec<String> = env::args().skip(1).collect();\n    \
         let (book, output) = (Path::new(&arguments[0]), Path::new(&arguments[1]));\n    \
         fs::create_dir_all(output).unwrap();\n    \
         let page = fs::read_to_string(book.join(\"src/page.html\")).unwrap();\n    \
         if page.contains(\"BROKEN\") {\n        eprintln!(\"warning: the page is broken\");\n        return ExitCode::FAILURE;\n    }\n    \
         fs::write(output.join(\"index.html\"), page).unwrap();\n    \
         fs::write(output.join(\"style.css\"), \"p { color: red }\").unwrap();\n    \
         ExitCode::SUCCESS\n}\n",
    ),
];

const TWICE_MANIFEST: &str = "[package]\nname = \"twice-solution\"\nedition = \"2024\"\n\n\
    [package.metadata.workshop]\ntitle = \"Twice\"\nminutes = 5\nneeds = []\nchapter = \"twice.md\"\n\n\
    [[test]]\nname = \"twice\"\npath = \"check.rs\"\n";

const FOUR_TIMES_MANIFEST: &str = "[package]\nname = \"four-times-solution\"\nedition = \"2024\"\n\n\
    [package.metadata.workshop]\ntitle = \"Four times\"\nminutes = 10\nneeds = [\"twice\"]\nchapter = \"four-times.md\"\nshowcase = true\n\n\
    [[test]]\nname = \"four_times\"\npath = \"check.rs\"\n\n\
    [dependencies]\ntwice = { package = \"twice-solution\", path = \"../00-twice\" }\n";

/// The code that a learner writes in the first step.
pub const RIGHT: &str = "pub fn twice(number: u64) -> u64 {\n    number * 2\n}\n";
/// The same, with a mistake.
pub const WRONG: &str = "pub fn twice(number: u64) -> u64 {\n    number * 3\n}\n";
/// Code that never ends, and leaves word of which process it is.
pub const ENDLESS: &str = "pub fn twice(number: u64) -> u64 {\n    \
    std::fs::write(\"pid\", std::process::id().to_string()).unwrap();\n    \
    let mut sum = number;\n    loop {\n        sum = std::hint::black_box(sum.wrapping_add(1));\n    }\n}\n";
/// Where it goes.
pub const TWICE: &str = "steps/00-twice/src/lib.rs";
