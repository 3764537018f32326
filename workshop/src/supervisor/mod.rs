//! Runs a program to its exit, and ends it early if it takes too much time or memory, falls silent, or isn't wanted
//! any more.

use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::process::Running;

mod memory;
mod output;

use output::spawn_reader;

/// The memory limit for a program that has a deadline, in bytes.
pub(crate) const MAX_MEMORY: u64 = 1 << 30;

/// The time between two looks at a running program.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The time between two looks at a program's memory. On a system that has no file with that figure, each look runs a
/// command.
const MEMORY_CHECK_INTERVAL: Duration =
    Duration::from_millis(if cfg!(target_os = "linux") { 100 } else { 1000 });

/// A request to stop, shared by the thread that asks and the threads that work.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks to stop.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether a stop was asked for.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A program's output, and how it ended.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// The limit that it exceeded, if it was ended for that.
    pub exceeded: Option<Limit>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// A limit that a program can exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// How long it may run.
    Time,
    /// How much memory it may take.
    Memory,
    /// How long it may print nothing.
    Silence,
}

/// The limits within which a program runs; by default, none.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Limits {
    /// How long it may run.
    pub(crate) time: Option<Duration>,
    /// How many bytes of memory it may take.
    pub(crate) memory: Option<u64>,
    /// How long it may print nothing.
    pub(crate) silence: Option<Duration>,
}

/// A callback for each line that a program prints.
pub(crate) type Listener = Box<dyn FnMut(&str) + Send>;

/// Runs a command to its exit, its deadline, or a request to stop, whichever comes first. Returns `None` for the last.
/// A program with a deadline may take `MAX_MEMORY`.
///
/// # Errors
/// Returns an error if the command can't be started.
pub fn run_to_exit(
    command: Command,
    deadline: Option<Duration>,
    stop: &Stop,
) -> Result<Option<Output>> {
    let limits = Limits {
        time: deadline,
        memory: deadline.map(|_| MAX_MEMORY),
        silence: None,
    };
    run_within(limits, command, stop, None)
}

/// Runs a command to its exit, a limit, or a request to stop, whichever comes first. Returns `None` for the last.
/// `listener` gets each line of the command's standard error.
pub(crate) fn run_within(
    limits: Limits,
    mut command: Command,
    stop: &Stop,
    listener: Option<Listener>,
) -> Result<Option<Output>> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let program = command.get_program().to_string_lossy().into_owned();
    let mut running =
        Running::start(&mut command).with_context(|| format!("`{program}` can't be started"))?;
    let (line_was_printed, lines) = mpsc::channel();
    let on_line: Listener = Box::new(move |_| _ = line_was_printed.send(()));
    let stdout = spawn_reader(
        running.child().stdout.take(),
        limits.silence.map(|_| on_line),
    );
    let stderr = spawn_reader(running.child().stderr.take(), listener);
    let mut guard = Guard::new(limits, lines);
    let mut exceeded = None;
    let status = loop {
        let status = running
            .try_wait()
            .with_context(|| format!("`{program}` can't be waited for"))?;
        if let Some(status) = status {
            break status;
        }
        if stop.is_asked() {
            return Ok(None);
        }
        exceeded = exceeded.or_else(|| guard.exceeded(running.child().id()));
        if exceeded.is_some() {
            _ = running.child().kill();
        }
        thread::sleep(POLL_INTERVAL);
    };
    running.kill_leftovers();
    let text = |reader: JoinHandle<String>| reader.join().unwrap_or_default();
    Ok(Some(Output {
        status,
        exceeded,
        stdout: text(stdout),
        stderr: text(stderr),
    }))
}

/// Compares a program's use of time and memory with its limits.
struct Guard {
    limits: Limits,
    start: Instant,
    /// Each line that the program prints.
    lines: Receiver<()>,
    last_line: Instant,
    next_memory_check: Instant,
}

impl Guard {
    fn new(limits: Limits, lines: Receiver<()>) -> Self {
        let start = Instant::now();
        Self {
            limits,
            start,
            lines,
            last_line: start,
            next_memory_check: start + MEMORY_CHECK_INTERVAL,
        }
    }

    /// The limit that the program with this process id has exceeded.
    fn exceeded(&mut self, id: u32) -> Option<Limit> {
        let now = Instant::now();
        if self.lines.try_iter().count() > 0 {
            self.last_line = now;
        }
        let is_over = |limit: Option<Duration>, since| {
            limit.is_some_and(|limit| now.duration_since(since) > limit)
        };
        if is_over(self.limits.time, self.start) {
            return Some(Limit::Time);
        }
        if is_over(self.limits.silence, self.last_line) {
            return Some(Limit::Silence);
        }
        let max = self
            .limits
            .memory
            .filter(|_| now > self.next_memory_check)?;
        let memory = memory::of_process(id).unwrap_or(0);
        self.next_memory_check = Instant::now() + MEMORY_CHECK_INTERVAL;
        (memory > max).then_some(Limit::Memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn leftover_processes_hold_nothing_up() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & echo done"]);
        let begin = Instant::now();
        let output = run_to_exit(command, None, &Stop::default());
        assert_eq!(output.unwrap().unwrap().stdout, "done\n");
        assert!(begin.elapsed() < Duration::from_secs(30));
    }
}
