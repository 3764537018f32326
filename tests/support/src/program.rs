//! A step's own program, run as a learner runs it: `cargo run -p <id> -- …`. Cargo builds it beside
//! the check, and [`program!`](crate::program!)
//! finds it. Every wait has a deadline, and no program outlives its check.

use std::io::{BufRead, BufReader, Read, Write};
use std::iter;
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::check::{self, Panic, lock};
use crate::machine::stretched;

/// How long a program may take to do what it does, or a server to say that it listens, on a machine that isn't
/// busy: less than a check has.
const DEADLINE: Duration = Duration::from_secs(5);

/// The program of the package under test.
///
/// ```ignore
/// program!().runs(&[&[], &["81 05"]])
/// ```
#[macro_export]
macro_rules! program {
    () => {
        $crate::program::Program {
            package: env!("CARGO_PKG_NAME"),
            path: env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME"))),
        }
    };
}

/// A step's program. Made by [`program!`].
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// The package: `accept-key`, or `accept-key-solution`.
    pub package: &'static str,
    /// Where cargo has put it.
    pub path: &'static str,
}

impl Program {
    /// Runs the program once with each of these arguments, to its end. Shows the command and what was
    /// printed; on stderr with `!` before each line. An exit code other than 0 comes last.
    ///
    /// # Panics
    /// The program panicked, or was not done by the deadline.
    pub fn runs(self, all_arguments: &[&[&str]]) -> String {
        let runs = all_arguments.iter().map(|arguments| self.run(arguments));
        runs.collect::<Vec<_>>().join("\n")
    }

    /// Runs the program once, to its end, with this text in a pipe on stdin. Shows the same.
    ///
    /// # Panics
    /// The program panicked, or was not done by the deadline.
    pub fn runs_in_a_pipe(self, arguments: &[&str], input: &str) -> String {
        let (sender, texts) = mpsc::channel();
        // The other end is there.
        _ = sender.send(input.to_string());
        drop(sender);
        self.reads_a_pipe(arguments, texts)
    }

    /// Runs the program once, to its end, with a pipe on stdin: the texts go into it as they come, and it ends when the
    /// channel does. Shows the same.
    ///
    /// # Panics
    /// The program panicked, or was not done by the deadline.
    pub fn reads_a_pipe(self, arguments: &[&str], texts: Receiver<String>) -> String {
        let mut running = Running::start_with(Stdio::piped(), self.path, arguments);
        let stdin = lock(&running.child).stdin.take();
        let mut stdin = stdin.expect("stdin is a pipe");
        // A program that ends without reading it all is no error.
        thread::spawn(move || {
            texts
                .iter()
                .try_for_each(|text| stdin.write_all(text.as_bytes()))
        });
        self.ends(arguments, &mut running)
    }

    fn run(self, arguments: &[&str]) -> String {
        let mut running = Running::start(self.path, arguments);
        self.ends(arguments, &mut running)
    }

    /// What a program has printed by its end.
    fn ends(self, arguments: &[&str], running: &mut Running) -> String {
        let mut stdout = running.stdout();
        let (done, is_done) = mpsc::channel();
        thread::spawn(move || done.send(read_all(&mut stdout)));
        let Ok(printed) = is_done.recv_timeout(stretched(DEADLINE)) else {
            panic!("your program was not done after {} s", DEADLINE.as_secs());
        };
        let code = lock(&running.child).wait();
        let code = code.ok().and_then(|status| status.code());
        let errors = running.stop();
        if let Some(panic) = panic_in(&errors) {
            check::note_panic(panic);
            panic!("your program panicked");
        }
        let errors: String = errors.lines().map(|line| format!("! {line}\n")).collect();
        let code = match code {
            Some(0) => String::new(),
            Some(code) => format!("(exit code {code})\n"),
            None => "(ended by a signal)\n".to_string(),
        };
        format!("{}\n{printed}{errors}{code}", self.command(arguments))
    }

    /// `$ cargo run -p frames -- --pieces 3 "81 05"`
    fn command(self, arguments: &[&str]) -> String {
        let suffixes = ["-solution", "-speed"];
        let id = suffixes.iter().find_map(|it| self.package.strip_suffix(it));
        let mut command = format!("$ cargo run -p {}", id.unwrap_or(self.package));
        if !arguments.is_empty() {
            command += " --";
        }
        for argument in arguments {
            command += &if argument.contains(' ') {
                format!(" {argument:?}")
            } else {
                format!(" {argument}")
            };
        }
        command
    }

    /// Starts a server on a free port of loopback, and waits until it says that it listens. It runs
    /// until what is returned is dropped.
    ///
    /// # Panics
    /// It doesn't say so by the deadline.
    pub fn serve(self, arguments: &[&str]) -> Server {
        let arguments = [&["--listen", "127.0.0.1:0"], arguments].concat();
        Server::start(self.path, &arguments)
    }

    /// The same, for a program that is several: the command comes first.
    ///
    /// # Panics
    /// It doesn't say by the deadline that it listens.
    pub fn serve_as(self, command: &[&str]) -> Server {
        let arguments = [command, &["--listen", "127.0.0.1:0"]].concat();
        Server::start(self.path, &arguments)
    }

    /// The same as [`serve`](Self::serve), and it may have so many open files at most.
    ///
    /// # Panics
    /// It doesn't say by the deadline that it listens.
    #[cfg(unix)]
    pub fn serve_with_files(self, most: usize) -> Server {
        let limited = format!("ulimit -n {most} && exec \"$0\" --listen 127.0.0.1:0");
        Server::start("sh", &["-c", &limited, self.path])
    }
}

/// A server in a process of its own.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    running: Running,
}

impl Server {
    fn start(program: &str, arguments: &[&str]) -> Self {
        let mut running = Running::start(program, arguments);
        let mut stdout = BufReader::new(running.stdout());
        let (first, is_there) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            _ = stdout.read_line(&mut line);
            _ = first.send(line);
            // The pipe stays open: what else the server says must not end it.
            read_all(&mut stdout)
        });
        let said = is_there
            .recv_timeout(stretched(DEADLINE))
            .unwrap_or_default();
        let address = said
            .trim_end()
            .strip_prefix("listening on http://")
            .or_else(|| said.trim_end().strip_prefix("listening on https://"));
        match address.and_then(|address| address.parse().ok()) {
            Some(address) => Self { address, running },
            None => {
                if let Some(panic) = panic_in(&running.stop()) {
                    check::note_panic(panic);
                    panic!("your server panicked");
                }
                panic!("your server said {said:?} instead of `listening on http://…`")
            }
        }
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        lock(&self.running.child).id()
    }

    /// The next line that it prints on stderr, if there is one by the deadline.
    pub fn complains(&self) -> Option<String> {
        let line = lock(&self.running.lines).recv_timeout(stretched(DEADLINE));
        line.ok()
    }

    /// How it has ended, if it does so within this time, or longer on a busy machine.
    pub fn end(&self, within: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + stretched(within);
        loop {
            let ended = lock(&self.running.child).try_wait().ok().flatten();
            if ended.is_some() || Instant::now() >= deadline {
                return ended;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A thread of the server that panicked has said more than the answer that went missing.
        note_panic_in(&self.running.stop());
    }
}

/// A program that runs. Dropping it ends it.
#[derive(Debug)]
struct Running {
    child: Arc<Mutex<Child>>,
    errors: Option<JoinHandle<String>>,
    /// The lines of `errors`, as they come.
    lines: Mutex<Receiver<String>>,
}

/// Every program that was started: not all of them are dropped. A check that hangs drops nothing.
static STARTED: Mutex<Vec<Weak<Mutex<Child>>>> = Mutex::new(Vec::new());

/// Starts a program that ends with its check at the latest.
///
/// # Panics
/// It can't be started.
pub fn start(command: &mut Command) -> Arc<Mutex<Child>> {
    let child = command.env("RUST_BACKTRACE", "0").spawn();
    let child = child.unwrap_or_else(|error| panic!("{command:?} can't be run: {error}"));
    let child = Arc::new(Mutex::new(child));
    lock(&STARTED).push(Arc::downgrade(&child));
    child
}

/// Ends the programs that a check has left running.
pub(crate) fn end_all() {
    for child in lock(&STARTED).drain(..) {
        if let Some(child) = child.upgrade() {
            end(&child);
        }
    }
}

fn end(child: &Mutex<Child>) {
    let mut child = lock(child);
    _ = child.kill();
    _ = child.wait();
}

impl Running {
    fn start(program: &str, arguments: &[&str]) -> Self {
        Self::start_with(Stdio::null(), program, arguments)
    }

    fn start_with(stdin: Stdio, program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).stdin(stdin);
        let child = start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let stderr = lock(&child).stderr.take();
        let stderr = stderr.expect("stderr is a pipe");
        let (sender, lines) = mpsc::channel();
        let errors = thread::spawn(move || {
            let mut all = String::new();
            for line in lines_of(stderr) {
                all += &line;
                // Perhaps nobody waits for it.
                _ = sender.send(line);
            }
            all
        });
        let errors = Some(errors);
        let lines = Mutex::new(lines);
        Self {
            child,
            errors,
            lines,
        }
    }

    fn stdout(&mut self) -> ChildStdout {
        let stdout = lock(&self.child).stdout.take();
        stdout.expect("stdout is a pipe")
    }

    /// Ends the program, if it still runs, and gives what it printed on stderr.
    fn stop(&mut self) -> String {
        end(&self.child);
        let errors = self.errors.take().and_then(|errors| errors.join().ok());
        errors.unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Text up to its end, with line ends as they are on most systems.
fn read_all(from: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    _ = from.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).replace("\r\n", "\n")
}

/// Notes the panic among what a program has printed, if there is one: the check is then red for that reason.
pub fn note_panic_in(printed: &str) {
    if let Some(panic) = panic_in(printed) {
        check::note_panic(panic);
    }
}

/// Lines up to the end, each with its end, which is as on most systems.
fn lines_of(from: impl Read) -> impl Iterator<Item = String> {
    let mut from = BufReader::new(from);
    iter::from_fn(move || {
        let mut bytes = Vec::new();
        _ = from.read_until(b'\n', &mut bytes);
        let line = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
        (!line.is_empty()).then_some(line)
    })
}

/// The first panic that a program printed on stderr:
///
/// ```text
/// thread 'main' (4711) panicked at steps/03-accept-key/src/lib.rs:29:5:
/// not yet implemented: encode the nonce with base64.
/// note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
/// ```
fn panic_in(errors: &str) -> Option<Panic> {
    let (_, panic) = errors.split_once(" panicked at ")?;
    let (place, message) = panic.split_once(":\n")?;
    let mut place = place.rsplitn(3, ':').skip(1);
    let line = place.next()?.parse().ok()?;
    let file = place.next()?.replace('\\', "/");
    let message = message.split("\nnote: run with ").next()?;
    let message = message.trim_end().to_string();
    Some(Panic {
        message,
        file,
        line,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_read_from_stderr() {
        let errors = "a line before\n\nthread 'main' (4711) panicked at steps\\03-accept-key\\src\\lib.rs:29:5:\n\
                      not yet implemented: encode\nthe nonce\n\
                      note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
        let panic = panic_in(errors).unwrap();
        assert_eq!(panic.file, "steps/03-accept-key/src/lib.rs");
        assert_eq!(panic.line, 29);
        assert_eq!(panic.message, "not yet implemented: encode\nthe nonce");
        assert_eq!(panic_in("`accept-key` takes one key\n"), None);
    }
}
