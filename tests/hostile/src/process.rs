//! A server in a process of its own: started by its own command, with limits of the system where an attack
//! needs them, and looked at from outside.

use std::env;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::{self, Read};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::servers::Kind;

/// How long a server may take to say that it is ready.
const READY: Duration = Duration::from_secs(60);
/// How much of what a server says is kept, in bytes.
const KEPT: usize = 4096;
/// The users for whom the number of threads is limited begin here: nothing else runs for them.
const FIRST_USER: u32 = 61_200;

/// What the system allows a server.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// Open files.
    pub files: Option<u64>,
    /// Threads. Linux doesn't hold the superuser to it: so the server runs as a user of its own, which
    /// only the superuser can ask for.
    pub threads: Option<u64>,
}

/// What a process takes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Taken {
    /// Memory, in kB: `VmRSS`.
    pub memory: u64,
    /// The most memory so far, in kB: `VmHWM`.
    pub most_memory: u64,
    /// Threads.
    pub threads: u64,
    /// Open files, sockets among them.
    pub files: u64,
}

/// A running server. Dropping it ends it.
pub struct Running {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// The last that it has said.
    said: Arc<Mutex<Vec<u8>>>,
    /// What goes with it: the server to which a tap passes on.
    beside: Option<Box<Running>>,
    folder: Option<PathBuf>,
}

/// Builds all servers, in the profile in which this program was built. Each is built alone, as
/// `cargo run -p echo` builds it: together they would share the features of their dependencies, and one
/// might have from another what it lacks itself.
///
/// # Errors
/// Returns a sentence if cargo can't build them.
pub fn build() -> Result<(), String> {
    for package in Kind::PACKAGES {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
        cargo.args(["build", "--quiet", "--package", package]);
        cargo.args(["--bins", "--examples"]);
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
        match cargo.status() {
            Ok(status) if status.success() => {}
            Ok(_) => return Err(format!("cargo can't build {package}")),
            Err(error) => return Err(format!("cargo can't be run: {error}")),
        }
    }
    Ok(())
}

/// The folder that cargo builds into: this program is in it.
fn built() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    let mut folder = program.parent().unwrap_or(Path::new(".")).to_path_buf();
    // A test's program is one further down.
    if folder.ends_with("deps") {
        folder.pop();
    }
    Ok(folder)
}

impl Running {
    /// Starts a server on a free port, and waits until it is ready.
    ///
    /// # Errors
    /// Returns a sentence if it can't be started, or doesn't say that it is ready.
    pub fn start(kind: Kind, arguments: &[&str], limits: Limits) -> Result<Self, String> {
        let failed = |error: io::Error| format!("{} can't be started: {error}", kind.name());
        let program = built().map_err(failed)?.join(kind.program());
        let mut command = limited(limits, &program);
        let (mut beside, mut folder) = (None, None);
        match kind {
            Kind::Book => {
                let book = book_folder().map_err(failed)?;
                command.args(["--plain", "--no-open", "--port", "0"]);
                // It would compile the builder of the book. What it serves is there already.
                command.env("CARGO", "false").current_dir(&book);
                command.env_remove("CARGO_MANIFEST_DIR");
                folder = Some(book);
            }
            Kind::Tap => {
                let echo = Self::start(Kind::Echo, Kind::Echo.impatient(), Limits::default())?;
                let to = echo.address.to_string();
                command.args(["--listen", "127.0.0.1:0", "--to", &to]);
                beside = Some(Box::new(echo));
            }
            // Their programs are several.
            Kind::Compression | Kind::SpeedEcho | Kind::SpeedChat => {
                let which = if kind == Kind::SpeedChat {
                    "chat"
                } else {
                    "echo"
                };
                command
                    .args([which, "--listen", "127.0.0.1:0"])
                    .args(arguments);
            }
            _ => _ = command.args(["--listen", "127.0.0.1:0"]).args(arguments),
        }
        command.env("RUST_BACKTRACE", "0");
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        let said = Arc::new(Mutex::new(Vec::new()));
        let (ready, is_ready) = mpsc::channel();
        listen(child.stdout.take(), &said, Some(ready));
        listen(child.stderr.take(), &said, None);
        let mut running = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            said,
            beside,
            folder,
        };
        match is_ready.recv_timeout(READY) {
            Ok(address) => running.address = address,
            Err(_) => return Err(format!("{} isn't ready: {}", kind.name(), running.said())),
        }
        Ok(running)
    }

    /// Whether the process is still there.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The last lines that it has said.
    pub fn said(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&said).replace('\n', " | ");
        let text = text.trim_end_matches([' ', '|']);
        let from = text.char_indices().rev().nth(600).map_or(0, |(at, _)| at);
        text[from..].to_string()
    }

    /// What it takes just now.
    pub fn taken(&self) -> Taken {
        let process = format!("/proc/{}", self.child.id());
        let status = fs::read_to_string(format!("{process}/status")).unwrap_or_default();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let digits = line.and_then(|rest| rest.split_whitespace().next());
            digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
        };
        let files = fs::read_dir(format!("{process}/fd"));
        Taken {
            memory: number("VmRSS:"),
            most_memory: number("VmHWM:"),
            threads: number("Threads:"),
            files: files.map_or(0, |files| files.count() as u64),
        }
    }

    /// Sends it a signal, if it is still there: the number of a process that has ended may be that of a
    /// different one by now.
    pub fn signal(&mut self, signal: Signal) {
        if !self.is_alive() {
            return;
        }
        _ = signal::kill(Pid::from_raw(self.child.id() as i32), signal);
    }

    /// Waits until it has ended.
    pub fn ended(&mut self, within: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + within;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                _ if Instant::now() >= deadline => return None,
                _ => thread::sleep(Duration::from_millis(2)),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
        self.beside = None;
        if let Some(folder) = &self.folder {
            _ = fs::remove_dir_all(folder);
        }
    }
}

/// A command that runs a program within these limits.
fn limited(limits: Limits, program: &Path) -> Command {
    static USERS: AtomicU32 = AtomicU32::new(0);
    let mut words = Vec::new();
    if limits.threads.is_some() {
        let user = FIRST_USER + USERS.fetch_add(1, Ordering::Relaxed) % 1000;
        words.push("setpriv".to_string());
        words.push(format!("--reuid={user}"));
        words.push(format!("--regid={user}"));
        words.push("--clear-groups".to_string());
    }
    if limits.files.is_some() || limits.threads.is_some() {
        words.push("prlimit".to_string());
        let files = limits.files.map(|files| format!("--nofile={files}"));
        let threads = limits.threads.map(|threads| format!("--nproc={threads}"));
        words.extend(files.into_iter().chain(threads));
    }
    let mut words = words
        .into_iter()
        .map(OsString::from)
        .chain([program.into()]);
    let mut command = Command::new(words.next().expect("the program is the last"));
    command.args(words);
    command
}

/// A folder that `cargo workshop` takes for a workshop without steps, with a book that is built.
fn book_folder() -> io::Result<PathBuf> {
    static FOLDERS: AtomicU32 = AtomicU32::new(0);
    let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
    let folder = env::temp_dir().join(format!("hostile-{}-{number}", std::process::id()));
    for name in ["book", "solutions", "steps", ".workshop/book/pages"] {
        fs::create_dir_all(folder.join(name))?;
    }
    fs::write(folder.join("Cargo.toml"), "[workspace]\n")?;
    let page =
        "<!DOCTYPE html><html lang=\"en\"><title>A book</title><body><p>A page.</p></body></html>";
    fs::write(folder.join(".workshop/book/pages/index.html"), page)?;
    for name in ["", ".workshop", ".workshop/book"] {
        fs::set_permissions(folder.join(name), Permissions::from_mode(0o777))?;
    }
    Ok(folder)
}

/// Keeps the last of what is said, and tells of the first address that is named.
fn listen(
    from: Option<impl Read + Send + 'static>,
    said: &Arc<Mutex<Vec<u8>>>,
    mut ready: Option<Sender<SocketAddr>>,
) {
    let said = Arc::clone(said);
    let Some(mut from) = from else { return };
    thread::spawn(move || {
        let mut start = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut piece) {
            if ready.is_some() {
                start.extend(&piece[..count]);
                if let Some(address) = address_in(&String::from_utf8_lossy(&start)) {
                    _ = ready.take().map(|ready| ready.send(address));
                }
            }
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            said.extend(&piece[..count]);
            let too_much = said.len().saturating_sub(KEPT);
            said.drain(..too_much);
        }
    });
}

/// The address in a whole line like `listening on http://127.0.0.1:9000`.
fn address_in(said: &str) -> Option<SocketAddr> {
    let whole = &said[..said.rfind('\n')?];
    let (_, rest) = whole.split_once("http://")?;
    let end = rest.find(|it: char| !it.is_ascii_digit() && it != '.' && it != ':');
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_in_a_whole_line() {
        let address = "127.0.0.1:9000".parse().ok();
        assert_eq!(address_in("listening on http://127.0.0.1:9000"), None);
        assert_eq!(address_in("listening on http://127.0.0.1:9000\n"), address);
        let tap = "listening on ws://127.0.0.1:1 (and http://127.0.0.1:9000), passing on to x\n";
        assert_eq!(address_in(tap), address);
    }
}
