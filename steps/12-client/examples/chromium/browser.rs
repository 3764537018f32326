//! Chromium itself: starts it without a window, finds out where it listens, and ends it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use client::random;

use crate::devtools::DEADLINE;

/// Where Chromium, or a browser that is built on it, may be on Linux, macOS and Windows.
const PROGRAMS: [&str; 10] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    r"C:\Program Files\Microsoft\Edge\Application\msedge.exe",
];

/// The line on stderr that says where Chromium listens begins like this.
const LISTENING: &str = "DevTools listening on ";

/// A running Chromium. It ends when this is dropped.
pub struct Browser {
    process: Child,
    /// A profile that is used once, so that nothing of yours is touched.
    profile: PathBuf,
    /// The lines of its stderr.
    lines: Receiver<String>,
    address: String,
}

impl Browser {
    /// Starts Chromium, and waits until it listens.
    pub fn start() -> Result<Self, String> {
        let name = format!("chromium-{:016x}", u64::from_ne_bytes(random::bytes()));
        let profile = env::temp_dir().join(name);
        let mut process = spawn(&profile)?;
        let mut browser = Self {
            lines: lines_of(&mut process),
            process,
            profile,
            address: String::new(),
        };
        let mut last = String::new();
        while let Ok(line) = browser.lines.recv_timeout(DEADLINE) {
            if let Some(address) = line.strip_prefix(LISTENING) {
                browser.address = address.to_string();
                return Ok(browser);
            }
            last = line;
        }
        Err(format!("Chromium doesn't listen. It said: {last}"))
    }

    /// Returns the URL of the WebSocket that drives it.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
        // Its own processes have its stderr, too. When the last of them has ended, nothing more is written.
        while self.lines.recv_timeout(DEADLINE).is_ok() {}
        _ = fs::remove_dir_all(&self.profile);
    }
}

/// Starts the first of the programs that is there.
fn spawn(profile: &Path) -> Result<Child, String> {
    let programs = match env::var_os("CHROME") {
        Some(own) => vec![own],
        None => PROGRAMS.map(OsString::from).to_vec(),
    };
    for program in &programs {
        match command(program, profile).spawn() {
            Ok(process) => return Ok(process),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{}: {error}", program.display())),
        }
    }
    Err("There is no Chromium here. If you have one, say where: CHROME=/path/to/chrome".to_string())
}

fn command(program: &OsString, profile: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--headless", "--remote-debugging-port=0"])
        .args(["--no-first-run", "--disable-background-networking"])
        // Otherwise some systems ask for a password first.
        .args(["--password-store=basic", "--use-mock-keychain"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    if is_root() {
        // Chromium refuses to start as root with its sandbox, which needs a user with fewer rights. Without it,
        // a page that breaks out can do everything: open only pages that you trust.
        command.arg("--no-sandbox");
    }
    command
}

/// Returns whether this runs as the superuser of a Linux, as it does in most containers.
fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}

/// Reads stderr to its end in a thread: Chromium would wait if nobody read it.
fn lines_of(process: &mut Child) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    if let Some(stderr) = process.stderr.take() {
        thread::spawn(move || {
            let all = BufReader::new(stderr).lines();
            all.map_while(io::Result::ok)
                .for_each(|line| _ = sender.send(line));
        });
    }
    lines
}
