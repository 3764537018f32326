//! Runs the checks of one step and reads what they say.
//!
//! Cargo builds the test, and says where it is; then the test itself is run, so that it can be
//! stopped at any moment and nothing is left behind. A check that hangs takes seconds, and a loop that
//! never ends hangs many of them: a learner waits for the first one only.

use std::env;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::check_file::{check_paths, name_of};
use crate::process::Running;
use crate::project::{Explain, Problem, Project, Step};
use crate::text::wrap;

/// A test binary that runs longer than this is ended. Each check in it has its own deadline, much shorter also on
/// a busy machine; this one is for code that takes the whole process with it.
const DEADLINE: Duration = Duration::from_secs(600);

/// Which of the two packages of a step is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The learner's, in `steps`.
    Step,
    /// The reference, in `solutions`.
    Solution,
}

/// What the checks say of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It doesn't compile: what the compiler says.
    DoesNotCompile(String),
    /// It was judged: one entry for each check, in the order in which they are to be mended.
    Judged(Vec<Checked>),
    /// Somebody asked to stop before there was a verdict.
    Stopped,
}

/// One check and its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The name of the test function.
    pub name: String,
    /// What became of it.
    pub state: State,
    /// The report; empty where the check is right.
    pub report: String,
}

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As expected.
    Right,
    /// A `todo!()` was reached.
    NotWritten,
    /// Anything else.
    Wrong,
    /// It had no turn, because another check hung.
    NotJudged,
}

/// What is being done until there is a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doing {
    /// Cargo waits until another cargo has built in the same folder.
    Waiting,
    /// Cargo builds this package, or looks which ones are to be built.
    Building(Option<String>),
    /// The checks run.
    Checking,
}

/// Is told what is being done; called from several threads.
pub type Tell = Arc<dyn Fn(Doing) + Send + Sync>;

impl Verdict {
    /// Whether every check is right.
    pub fn is_passed(&self) -> bool {
        matches!(self, Self::Judged(checks) if checks.iter().all(|check| check.state == State::Right))
    }

    /// Whether the step fails for no other reason than that parts are not written yet.
    pub fn is_unwritten(&self) -> bool {
        let Self::Judged(checks) = self else {
            return false;
        };
        let red: Vec<&Checked> = checks
            .iter()
            .filter(|check| check.state != State::Right)
            .collect();
        !red.is_empty() && red.iter().all(|check| check.state == State::NotWritten)
    }

    /// What to look at next: the first check that is wrong, or else the first that is unwritten.
    /// What was written comes before what was not.
    pub fn first_red(&self) -> Option<&Checked> {
        let Self::Judged(checks) = self else {
            return None;
        };
        let first = |state| checks.iter().find(|check| check.state == state);
        first(State::Wrong).or_else(|| first(State::NotWritten))
    }

    /// How many checks had no turn.
    pub fn not_judged(&self) -> usize {
        let Self::Judged(checks) = self else {
            return 0;
        };
        let had_no_turn = |check: &&Checked| check.state == State::NotJudged;
        checks.iter().filter(had_no_turn).count()
    }

    /// How many checks are right, and how many there are.
    pub fn count(&self) -> (usize, usize) {
        let Self::Judged(checks) = self else {
            return (0, 0);
        };
        (
            checks
                .iter()
                .filter(|check| check.state == State::Right)
                .count(),
            checks.len(),
        )
    }
}

/// A request to stop, shared by whoever asks and whoever works.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks to stop.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody has asked.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Builds and runs all checks of a step.
///
/// # Errors
/// Cargo can't be started, or the checks themselves can't be read.
pub fn judge(project: &Project, step: &Step, side: Side, stop: &Stop) -> Result<Verdict, Problem> {
    let tell: Tell = Arc::new(|_| {});
    judge_all(project, step, side, stop, &tell)
}

/// The same; `tell` hears what is being done.
///
/// # Errors
/// Cargo can't be started, or the checks themselves can't be read.
pub fn judge_all(
    project: &Project,
    step: &Step,
    side: Side,
    stop: &Stop,
    tell: &Tell,
) -> Result<Verdict, Problem> {
    built_and_run(project, step, side, stop, tell, None)
}

/// The same for a learner, who waits: if checks hang, the first that is wrong is the last that is waited for. It
/// is the one that [`judge`] would put first, too.
///
/// # Errors
/// Cargo can't be started, or the checks themselves can't be read.
pub fn judge_soon(
    project: &Project,
    step: &Step,
    side: Side,
    stop: &Stop,
    tell: &Tell,
) -> Result<Verdict, Problem> {
    built_and_run(project, step, side, stop, tell, Some(SILENCE))
}

fn built_and_run(
    project: &Project,
    step: &Step,
    side: Side,
    stop: &Stop,
    tell: &Tell,
    silence: Option<Duration>,
) -> Result<Verdict, Problem> {
    let executable = match build(project, step, side, stop, tell)? {
        Built::Executable(executable) => executable,
        Built::Errors(errors) => return Ok(Verdict::DoesNotCompile(errors)),
        Built::Stopped => return Ok(Verdict::Stopped),
    };
    let paths = check_paths(project, step)?;
    tell(Doing::Checking);
    let checks = Checks {
        executable: &executable,
        project,
        stop,
    };
    let judged = match checks.side_by_side(&paths, silence)? {
        Some((judged, true)) => checks.one_by_one(&paths, judged)?,
        judged => judged.map(|(judged, _)| judged),
    };
    Ok(judged.map_or(Verdict::Stopped, Verdict::Judged))
}

enum Built {
    Executable(PathBuf),
    Errors(String),
    Stopped,
}

fn build(
    project: &Project,
    step: &Step,
    side: Side,
    stop: &Stop,
    tell: &Tell,
) -> Result<Built, Problem> {
    let package = match side {
        Side::Step => step.id.clone(),
        Side::Solution => format!("{}-solution", step.id),
    };
    let mut command = cargo(project);
    command.args([
        "test",
        "--no-run",
        "--package",
        &package,
        "--test",
        &step.test(),
    ]);
    command.args([
        "--message-format",
        "json-render-diagnostics",
        "--color",
        "never",
    ]);
    let Some(output) = finish_cargo(command, stop, tell)? else {
        return Ok(Built::Stopped);
    };
    if !output.status.success() {
        return Ok(Built::Errors(output.stderr));
    }
    let messages = output
        .stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let executable = messages
        .filter(|message| {
            message["target"]["name"] == step.test() && message["target"]["kind"][0] == "test"
        })
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    executable.map(Built::Executable).ok_or_else(|| {
        Problem(format!(
            "Cargo built no test for `{package}`. Is its [[test]] still in its Cargo.toml?"
        ))
    })
}

/// Runs a cargo that builds to its end; `tell` hears what it does. Its complaints are those of the compiler, and
/// its own. `None` if somebody asked to stop.
///
/// # Errors
/// It can't be started.
pub fn finish_cargo(command: Command, stop: &Stop, tell: &Tell) -> Result<Option<Output>, Problem> {
    tell(Doing::Building(None));
    let listener = cargo_listener(tell);
    let output = finish_heard(command, Limits::default(), stop, Some(listener))?;
    Ok(output.map(|output| Output {
        stderr: without_statuses(&output.stderr),
        ..output
    }))
}

/// Tells what cargo says that it does.
fn cargo_listener(tell: &Tell) -> Listener {
    let tell = Arc::clone(tell);
    Box::new(move |line| match status(line) {
        // The package cache is let go of in a moment.
        Some(("Blocking", what)) if !what.ends_with("package cache") => tell(Doing::Waiting),
        Some(("Compiling", what)) => {
            let package = what.split_whitespace().next().map(str::to_string);
            tell(Doing::Building(package));
        }
        _ => {}
    })
}

/// How wide the column is in which cargo says what it does.
const STATUS: usize = 12;

/// What cargo does, out of a line like `   Compiling hello v0.1.0`.
fn status(line: &str) -> Option<(&str, &str)> {
    let (word, what) = line.split_at_checked(STATUS)?;
    let what = what.strip_prefix(' ')?;
    let word = word.trim_start();
    let mut letters = word.chars();
    let is_word = letters.next()?.is_ascii_uppercase() && letters.all(|c| c.is_ascii_lowercase());
    is_word.then_some((word, what))
}

/// What cargo and the compiler complain of, without what cargo says that it does.
fn without_statuses(output: &str) -> String {
    let lines = output.split_inclusive('\n');
    lines.filter(|line| status(line).is_none()).collect()
}

/// How long no check may end until it looks as if one hangs. If it only took long, nothing is lost but this
/// time: it is run again, by itself.
const SILENCE: Duration = Duration::from_secs(2);

/// In how many processes so many checks run: enough that there is always one that doesn't wait, and each has
/// something to do.
fn processes(checks: usize) -> usize {
    const WORTH_A_PROCESS: usize = 4;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    (checks / WORTH_A_PROCESS).clamp(1, (2 * cores).min(4))
}

/// Deals the names out: neighbours are alike, and so the slow ones come into different parts.
fn parts(names: &[String], count: usize) -> Vec<Vec<&str>> {
    let part = |first: usize| names.iter().skip(first).step_by(count);
    let part = |first: usize| part(first).map(String::as_str).collect();
    (0..count).map(part).collect()
}

/// The checks of a step, built.
struct Checks<'a> {
    executable: &'a Path,
    project: &'a Project,
    stop: &'a Stop,
}

impl Checks<'_> {
    /// Runs the checks in several processes, because most of what a check does is wait. In one process they run one
    /// after the other, so that each panic belongs to the check that is running. Also says whether a process was
    /// ended because it was silent. `None` if somebody asked to stop.
    fn side_by_side(
        &self,
        paths: &[String],
        silence: Option<Duration>,
    ) -> Result<Option<(Vec<Checked>, bool)>, Problem> {
        let parts = parts(paths, processes(paths.len()));
        let outputs = thread::scope(|scope| {
            let run = |part| scope.spawn(move || self.run(part, silence));
            let running = Vec::from_iter(parts.iter().map(Vec::as_slice).map(run));
            let outputs = running.into_iter().map(|it| it.join().expect("no panic"));
            outputs.collect::<Result<Option<Vec<Output>>, Problem>>()
        })?;
        let Some(outputs) = outputs else {
            return Ok(None);
        };
        let was_silent = |output: &Output| output.was_ended == Some(TooMuch::Silence);
        let is_cut = outputs.iter().any(was_silent);
        let judged = parts.iter().zip(&outputs);
        let mut judged =
            Vec::from_iter(judged.flat_map(|(part, output)| read_output(part, output)));
        let place = |checked: &Checked| paths.iter().position(|path| name_of(path) == checked.name);
        judged.sort_by_key(place);
        Ok(Some((judged, is_cut)))
    }

    /// Runs the checks with these paths, one after the other.
    fn run(&self, paths: &[&str], silence: Option<Duration>) -> Result<Option<Output>, Problem> {
        let mut command = Command::new(self.executable);
        command.current_dir(&self.project.root).args([
            "--color",
            "never",
            "--test-threads",
            "1",
            "--exact",
        ]);
        for path in paths {
            command.args([path.to_string(), format!("check::{path}")]);
        }
        // What .cargo/config.toml sets for a run by cargo.
        command.env(
            "INSTA_UPDATE",
            env::var("INSTA_UPDATE").unwrap_or("no".to_string()),
        );
        command
            .env("INSTA_OUTPUT", "none")
            .env("INSTA_WORKSPACE_ROOT", &self.project.root);
        command.env("RUST_BACKTRACE", "0");
        let limits = Limits {
            deadline: Some(DEADLINE),
            silence,
            memory: MOST_MEMORY_OF_CHECKS,
        };
        finish_heard(command, limits, self.stop, None)
    }

    /// Goes on after a run that was cut: the checks that didn't end well in it run by themselves, in order, up to
    /// the first that is wrong. `None` if somebody asked to stop.
    fn one_by_one(
        &self,
        paths: &[String],
        mut checks: Vec<Checked>,
    ) -> Result<Option<Vec<Checked>>, Problem> {
        let mut is_red = false;
        let pairs = paths.iter().zip(&mut checks);
        for (path, check) in pairs.filter(|(_, check)| check.state != State::Right) {
            if is_red {
                check.state = State::NotJudged;
                check.report.clear();
                continue;
            }
            let Some(output) = self.run(&[path], None)? else {
                return Ok(None);
            };
            *check = read_check(path, &output.stdout, &crash_report(&output));
            is_red = check.state == State::Wrong;
        }
        Ok(Some(checks))
    }
}

/// `cargo`, the one that runs us, in the workshop's folder, with nothing inherited that would
/// change what it does there.
pub fn cargo(project: &Project) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    command
        .current_dir(&project.root)
        .env_remove("CARGO_MANIFEST_DIR");
    if let Some(target) = &project.target {
        command.env("CARGO_TARGET_DIR", target);
    }
    command
}

/// How much memory a program with a deadline may take, in bytes.
const MOST_MEMORY: u64 = 1 << 30;

/// The same of each process that runs checks: there may be four. It needs 80 MB.
const MOST_MEMORY_OF_CHECKS: u64 = MOST_MEMORY / 4;

/// What a program printed, and how it ended.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Why we ended it, if we did.
    pub was_ended: Option<TooMuch>,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

/// Of what a program took too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooMuch {
    /// Of time.
    Time,
    /// Of memory.
    Memory,
    /// Of time in which it printed nothing.
    Silence,
}

/// Hears a line that a program prints.
type Listener = Box<dyn FnMut(&str) + Send>;

/// When a program is ended. Its memory is limited where its time is.
#[derive(Default)]
struct Limits {
    deadline: Option<Duration>,
    /// For how long it may print nothing.
    silence: Option<Duration>,
    /// How many bytes of memory it may take.
    memory: u64,
}

/// Runs a command to its end, its deadline, or a request to stop, whichever comes first; `None`
/// for the last.
///
/// # Errors
/// The command can't be started.
pub fn finish(
    command: Command,
    deadline: Option<Duration>,
    stop: &Stop,
) -> Result<Option<Output>, Problem> {
    let limits = Limits {
        deadline,
        silence: None,
        memory: MOST_MEMORY,
    };
    finish_heard(command, limits, stop, None)
}

/// The same with more limits; `listener` hears what it complains of.
fn finish_heard(
    mut command: Command,
    limits: Limits,
    stop: &Stop,
    listener: Option<Listener>,
) -> Result<Option<Output>, Problem> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let program = command.get_program().to_string_lossy().into_owned();
    let mut running =
        Running::start(&mut command).explain(|| format!("`{program}` can't be started"))?;
    let (tick, ticks) = mpsc::channel();
    let ticking: Listener = Box::new(move |_| _ = tick.send(()));
    let stdout = read_aside(
        running.child().stdout.take(),
        limits.silence.map(|_| ticking),
    );
    let stderr = read_aside(running.child().stderr.take(), listener);
    let mut last_line = Instant::now();
    let end = limits.deadline.map(|deadline| Instant::now() + deadline);
    let mut next_weighing = Instant::now() + WEIGHING;
    let mut was_ended = None;
    let status = loop {
        if let Some(status) = running
            .try_wait()
            .explain(|| format!("`{program}` can't be waited for"))?
        {
            break status;
        }
        if stop.is_asked() {
            return Ok(None);
        }
        let now = Instant::now();
        while ticks.try_recv().is_ok() {
            last_line = now;
        }
        let silence = now.duration_since(last_line);
        if was_ended.is_some() {
            // It takes a moment to go.
        } else if end.is_some_and(|end| now > end) {
            was_ended = Some(TooMuch::Time);
        } else if limits.silence.is_some_and(|most| silence > most) {
            was_ended = Some(TooMuch::Silence);
        } else if end.is_some() && now > next_weighing {
            let id = running.child().id();
            let weight = memory_of(id).unwrap_or(0);
            was_ended = (weight > limits.memory).then_some(TooMuch::Memory);
            next_weighing = Instant::now() + WEIGHING;
        }
        if was_ended.is_some() {
            _ = running.child().kill();
        }
        thread::sleep(Duration::from_millis(5));
    };
    running.end_left_behind();
    let text = |reader: thread::JoinHandle<String>| reader.join().unwrap_or_default();
    Ok(Some(Output {
        status,
        was_ended,
        stdout: text(stdout),
        stderr: text(stderr),
    }))
}

/// How often the memory of a program with a deadline is looked at. Where the system has no file
/// that says it, a command has to be run.
const WEIGHING: Duration =
    Duration::from_millis(if cfg!(target_os = "linux") { 100 } else { 1000 });

/// How much memory a process has, in bytes.
fn memory_of(id: u32) -> Option<u64> {
    if cfg!(target_os = "linux") {
        let text = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = text.lines().find(|line| line.starts_with("VmRSS:"))?;
        return Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024);
    }
    let id = id.to_string();
    let mut command = match cfg!(windows) {
        true => Command::new("tasklist"),
        false => Command::new("ps"),
    };
    match cfg!(windows) {
        true => command.args(["/NH", "/FO", "CSV", "/FI", &format!("PID eq {id}")]),
        false => command.args(["-o", "rss=", "-p", &id]),
    };
    let output = command.stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    // `1234` or `"a.exe","1","Console","1","1,234 K"`: the last number, in kilobytes.
    let number = text.trim().rsplit("\",\"").next()?;
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    Some(digits.parse::<u64>().ok()? * 1024)
}

fn read_aside(
    pipe: Option<impl Read + Send + 'static>,
    listener: Option<Listener>,
) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let bytes = match (pipe, listener) {
            (None, _) => Vec::new(),
            (Some(pipe), None) => read_ends(pipe),
            (Some(pipe), Some(listener)) => read_ends(Heard {
                pipe,
                listener,
                line: Vec::new(),
            }),
        };
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A pipe whose lines are heard while it is read.
struct Heard<Pipe> {
    pipe: Pipe,
    listener: Listener,
    /// The beginning of a line that is not complete yet.
    line: Vec<u8>,
}

/// A line that is longer than this is heard without its end, in bytes.
const MOST_OF_A_LINE: usize = 1000;

impl<Pipe: Read> Read for Heard<Pipe> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.pipe.read(buffer)?;
        for part in buffer[..length].split_inclusive(|byte| *byte == b'\n') {
            let room = MOST_OF_A_LINE.saturating_sub(self.line.len());
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                (self.listener)(String::from_utf8_lossy(&self.line).trim_end());
                self.line.clear();
            }
        }
        Ok(length)
    }
}

/// How much is kept of the beginning, and of the end, of what a program prints.
const MOST_OUTPUT: usize = 4_000_000;

/// Reads to the end. Of a program that prints without end (a `println!` in an endless loop), only
/// the beginning and the end are kept.
fn read_ends(mut pipe: impl Read) -> Vec<u8> {
    let mut head = Vec::new();
    let mut tail = Vec::new();
    let mut part = vec![0; 64 * 1024];
    while let Ok(length) = pipe.read(&mut part) {
        if length == 0 {
            break;
        }
        let kept = if head.len() < MOST_OUTPUT {
            &mut head
        } else {
            &mut tail
        };
        kept.extend_from_slice(&part[..length]);
        if tail.len() > 2 * MOST_OUTPUT {
            tail.drain(..tail.len() - MOST_OUTPUT);
        }
    }
    head.append(&mut tail);
    head
}

fn read_output(paths: &[impl AsRef<str>], output: &Output) -> Vec<Checked> {
    let crash = crash_report(output);
    paths
        .iter()
        .map(|path| read_check(path.as_ref(), &output.stdout, &crash))
        .collect()
}

fn read_check(path: &str, stdout: &str, crash: &str) -> Checked {
    let name = name_of(path);
    let line = |word: &str| {
        let ends = [
            format!("test {path} ... {word}"),
            format!("test check::{path} ... {word}"),
        ];
        stdout
            .lines()
            .any(|line| ends.iter().any(|end| line == end))
    };
    let (state, report) = if line("ok") {
        (State::Right, String::new())
    } else if line("FAILED") {
        match split_report(name, &output_of(path, stdout)) {
            // The process ended before libtest got to printing reports.
            None => {
                let text = format!("✗ {name}: red, and its report is lost\n{crash}");
                (State::Wrong, text)
            }
            Some((printed, report)) => {
                let is_unwritten = report
                    .lines()
                    .next()
                    .is_some_and(|line| line.contains(": not written yet"));
                let state = match is_unwritten {
                    true => State::NotWritten,
                    false => State::Wrong,
                };
                (state, report + &printed_part(&printed))
            }
        }
    } else {
        (State::Wrong, format!("✗ {name}: not judged\n{crash}"))
    };
    Checked {
        name: name.to_string(),
        state,
        report,
    }
}

/// What the code under test printed, and the report, which is the last thing that a check prints.
fn split_report(name: &str, output: &str) -> Option<(String, String)> {
    let starts = |line: &str| {
        ["✗", "○"].iter().any(|mark| {
            let rest = line
                .strip_prefix(mark)
                .and_then(|rest| rest.strip_prefix(' '));
            rest.and_then(|rest| rest.strip_prefix(name))
                .is_some_and(|rest| rest.starts_with(": "))
        })
    };
    let lines: Vec<&str> = output.lines().collect();
    if lines.is_empty() {
        return None;
    }
    let at = lines.iter().rposition(|line| starts(line)).unwrap_or(0);
    Some((lines[..at].join("\n"), lines[at..].join("\n")))
}

/// How many lines are shown of what the code under test printed. The last ones matter.
const MOST_PRINTED: usize = 10;

fn printed_part(printed: &str) -> String {
    let lines: Vec<&str> = printed.trim_end().lines().collect();
    if lines.is_empty() {
        return String::new();
    }
    let shown = &lines[lines.len().saturating_sub(MOST_PRINTED)..];
    let heading = match lines.len() - shown.len() {
        0 => "Your code printed:".to_string(),
        hidden => format!("Your code printed ({hidden} lines are left out):"),
    };
    let line = |line: &&str| {
        let cut: String = line.chars().take(MOST_COLUMNS).collect();
        format!("\n    {cut}")
    };
    let shown: String = shown.iter().map(line).collect();
    format!("\n\n  {heading}{shown}")
}

/// How many columns of such a line are shown.
const MOST_COLUMNS: usize = 200;

/// What stands in libtest's output between this check's heading and the next.
fn output_of(path: &str, stdout: &str) -> String {
    let headings = [
        format!("\n---- {path} stdout ----\n"),
        format!("\n---- check::{path} stdout ----\n"),
    ];
    let rest = headings
        .iter()
        .find_map(|heading| Some(stdout.split_once(heading.as_str())?.1));
    let rest = rest.unwrap_or_default();
    let end = ["\n---- ", "\nfailures:\n"]
        .iter()
        .filter_map(|end| rest.find(end))
        .min();
    rest[..end.unwrap_or(rest.len())].trim_end().to_string()
}

/// Why there is no verdict: the process ended before the checks did.
fn crash_report(output: &Output) -> String {
    let what = match output.was_ended {
        Some(TooMuch::Time) => {
            "It was ended after two minutes: a loop that never ends, or a deadlock."
        }
        Some(TooMuch::Memory) => {
            "Your code took more than 256 MB of memory, and was ended: something grows without \
             end, or prints without end."
        }
        Some(TooMuch::Silence) => "It was ended because nothing came of it any more.",
        None if output.stderr.contains("overflowed its stack") => {
            "Your code called itself until the stack was full: a recursion that never ends."
        }
        None => {
            "Your code ended the whole process before this check was done (`process::exit`, or \
             an abort)."
        }
    };
    let what = wrap(what, 78, 0).replace('\n', "\n  ");
    let said = output
        .stderr
        .lines()
        .rfind(|line| !line.trim().is_empty() && !line.starts_with("note: "));
    let said = said.map_or(String::new(), |line| {
        format!("  It said: {}\n", line.trim())
    });
    format!("  {what}\n{said}  It ended with: {}\n", output.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(stdout: &str, stderr: &str) -> Output {
        Output {
            status: ExitStatus::default(),
            was_ended: None,
            stdout: stdout.to_string(),
            stderr: stderr.to_string(),
        }
    }

    const STDOUT: &str = "\nrunning 3 tests\ntest a ... ok\ntest check::b ... FAILED\ntest c ... FAILED\n\nfailures:\n\n\
        ---- check::b stdout ----\n○ b: not written yet   RFC\n  Task: x\n\n\n---- c stdout ----\n✗ c: wrong\n\nfailures:\n    check::b\n    c\n";

    #[test]
    fn checks_are_read_in_the_order_of_their_paths() {
        let paths = ["c", "a", "b"];
        let checks = read_output(&paths, &output(STDOUT, ""));
        let states: Vec<State> = checks.iter().map(|check| check.state).collect();
        assert_eq!(states, [State::Wrong, State::Right, State::NotWritten]);
        assert_eq!(checks[2].report, "○ b: not written yet   RFC\n  Task: x");
        assert_eq!(Verdict::Judged(checks).first_red().unwrap().name, "c");
    }

    #[test]
    fn a_check_in_a_module_goes_by_its_name() {
        let stdout = STDOUT.replace("check::b", "check::rate::b");
        let checks = read_output(&["rate::b"], &output(&stdout, ""));
        assert_eq!(
            (checks[0].name.as_str(), checks[0].state),
            ("b", State::NotWritten)
        );
        assert_eq!(checks[0].report, "○ b: not written yet   RFC\n  Task: x");
    }

    #[test]
    fn every_check_is_in_one_part() {
        let names = ["a", "b", "c", "d", "e"].map(str::to_string);
        assert_eq!(parts(&names, 2), [vec!["a", "c", "e"], vec!["b", "d"]]);
        assert_eq!((processes(0), processes(5)), (1, 1));
        assert!((2..=4).contains(&processes(50)));
    }

    #[test]
    fn what_the_code_printed_stands_below_the_report() {
        let stdout = "test a ... FAILED\n\nfailures:\n\n---- a stdout ----\nx = 1\n○ b: not written yet\nx = 2\n\
                      ✗ a: wrong   RFC\n  Rule: r\n\n\nfailures:\n    a\n";
        let checks = read_output(&["a".to_string()], &output(stdout, ""));
        assert_eq!(checks[0].state, State::Wrong);
        assert_eq!(
            checks[0].report,
            "✗ a: wrong   RFC\n  Rule: r\n\n  Your code printed:\n    x = 1\n    ○ b: not written yet\n    x = 2"
        );
        let long = printed_part(&"line\n".repeat(1000));
        assert_eq!(long.lines().count(), 13);
        assert!(long.contains("(990 lines are left out)"));
    }

    #[cfg(unix)]
    #[test]
    fn what_a_process_leaves_behind_holds_nothing_up() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & echo done"]);
        let begin = Instant::now();
        let output = finish(command, None, &Stop::default()).unwrap().unwrap();
        assert_eq!(output.stdout, "done\n");
        assert!(begin.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn the_memory_of_a_process_is_known() {
        let ours = memory_of(std::process::id()).unwrap();
        assert!((100_000..MOST_MEMORY).contains(&ours), "{ours}");
    }

    #[test]
    fn endless_output_takes_no_endless_memory() {
        let bytes = read_ends(std::io::repeat(b'x').take(50_000_000));
        assert!(bytes.len() <= 4 * MOST_OUTPUT);
        assert_eq!(read_ends(&b"short"[..]), b"short");
    }

    #[test]
    fn a_process_that_ended_early_is_no_pass() {
        let names = ["a".to_string(), "d".to_string()];
        let checks = read_output(
            &names,
            &output(
                "test a ... FAILED\n",
                "\nthread 'x' has overflowed its stack\nfatal error\n",
            ),
        );
        assert!(
            checks[0]
                .report
                .starts_with("✗ a: red, and its report is lost\n")
        );
        assert_eq!(checks[1].state, State::Wrong);
        assert!(
            checks[1].report.contains("a recursion that never ends"),
            "{}",
            checks[1].report
        );
        assert!(checks[1].report.contains("It said: fatal error\n"));
        assert!(!Verdict::Judged(checks).is_passed());
    }

    #[test]
    fn what_cargo_does_is_told_from_what_it_complains_of() {
        assert_eq!(
            status("   Compiling hello v0.1.0 (/steps/00-hello)"),
            Some(("Compiling", "hello v0.1.0 (/steps/00-hello)"))
        );
        assert_eq!(
            status("    Blocking waiting for file lock on build directory"),
            Some(("Blocking", "waiting for file lock on build directory"))
        );
        let complaint = "error[E0425]: cannot find value `x`\n --> steps/00-hello/src/lib.rs:14:5\n   |\n14 |     X y\n   |     ^\n";
        let output = format!("   Compiling hello v0.1.0\n{complaint}    Finished in 1 s\n");
        assert_eq!(without_statuses(&output), complaint);
    }

    #[test]
    fn a_line_is_heard_whole_however_it_comes() {
        let (sender, heard) = std::sync::mpsc::channel();
        let pipe = io::Cursor::new("a\n")
            .chain(&b"b"[..])
            .chain(&b"c\r\nd"[..]);
        let listener: Listener = Box::new(move |line| sender.send(line.to_string()).unwrap());
        let text = read_aside(Some(pipe), Some(listener)).join().unwrap();
        assert_eq!(text, "a\nbc\r\nd");
        assert_eq!(heard.iter().collect::<Vec<_>>(), ["a", "bc"]);
    }

    #[test]
    fn only_todos_make_a_step_unwritten() {
        let check = |state| Checked {
            name: String::new(),
            state,
            report: String::new(),
        };
        assert!(
            Verdict::Judged(vec![check(State::Right), check(State::NotWritten)]).is_unwritten()
        );
        assert!(
            !Verdict::Judged(vec![check(State::Wrong), check(State::NotWritten)]).is_unwritten()
        );
        assert!(!Verdict::Judged(vec![check(State::Right)]).is_unwritten());
    }
}
