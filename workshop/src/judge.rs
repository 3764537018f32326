//! Runs the checks of one step and reads what they say.
//!
//! Cargo builds the test, and says where it is; then the test itself is run, so that it can be
//! stopped at any moment and nothing is left behind.

use std::env;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

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
}

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

/// Builds and runs the checks of a step.
///
/// # Errors
/// Cargo can't be started, or the checks themselves can't be read.
pub fn judge(project: &Project, step: &Step, side: Side, stop: &Stop) -> Result<Verdict, Problem> {
    let executable = match build(project, step, side, stop)? {
        Built::Executable(executable) => executable,
        Built::Errors(errors) => return Ok(Verdict::DoesNotCompile(errors)),
        Built::Stopped => return Ok(Verdict::Stopped),
    };
    let names = check_names(project, step)?;
    let Some(output) = run(&executable, project, stop)? else {
        return Ok(Verdict::Stopped);
    };
    Ok(Verdict::Judged(read_output(&names, &output)))
}

enum Built {
    Executable(PathBuf),
    Errors(String),
    Stopped,
}

fn build(project: &Project, step: &Step, side: Side, stop: &Stop) -> Result<Built, Problem> {
    let package = match side {
        Side::Step => step.id.clone(),
        Side::Solution => format!("{}-solution", step.id),
    };
    let mut command = cargo(project);
    command.args([
        "test",
        "--quiet",
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
    let Some(output) = finish(command, None, stop)? else {
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

fn run(executable: &Path, project: &Project, stop: &Stop) -> Result<Option<Output>, Problem> {
    let mut command = Command::new(executable);
    command
        .current_dir(&project.root)
        .args(["--color", "never", "--test-threads", "1"]);
    // What .cargo/config.toml sets for a run by cargo.
    command.env(
        "INSTA_UPDATE",
        env::var("INSTA_UPDATE").unwrap_or("no".to_string()),
    );
    command
        .env("INSTA_OUTPUT", "none")
        .env("INSTA_WORKSPACE_ROOT", &project.root);
    command.env("RUST_BACKTRACE", "0");
    finish(command, Some(DEADLINE), stop)
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

/// How much memory a test binary may take. It needs a hundredth of that.
const MOST_MEMORY: u64 = 1 << 30;

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
}

/// Runs a command to its end, its deadline, or a request to stop, whichever comes first; `None`
/// for the last.
///
/// # Errors
/// The command can't be started.
pub fn finish(
    mut command: Command,
    deadline: Option<Duration>,
    stop: &Stop,
) -> Result<Option<Output>, Problem> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let program = command.get_program().to_string_lossy().into_owned();
    let mut running =
        Running::start(&mut command).explain(|| format!("`{program}` can't be started"))?;
    let stdout = read_aside(running.child().stdout.take());
    let stderr = read_aside(running.child().stderr.take());
    let end = deadline.map(|deadline| Instant::now() + deadline);
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
        if was_ended.is_some() {
            // It takes a moment to go.
        } else if end.is_some_and(|end| now > end) {
            was_ended = Some(TooMuch::Time);
        } else if end.is_some() && now > next_weighing {
            let id = running.child().id();
            let weight = memory_of(id).unwrap_or(0);
            was_ended = (weight > MOST_MEMORY).then_some(TooMuch::Memory);
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

fn read_aside(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let bytes = pipe.map(read_ends).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    })
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

/// The checks of a step, in the order in which its test file has them.
///
/// # Errors
/// The file can't be read.
pub fn check_names(project: &Project, step: &Step) -> Result<Vec<String>, Problem> {
    let file = project.root.join("tests").join(step.test_file());
    let text = fs::read_to_string(&file).explain(|| format!("{} can't be read", file.display()))?;
    Ok(names_in(&text.replace("\r\n", "\n")))
}

fn names_in(test_file: &str) -> Vec<String> {
    let after_attribute = test_file.split("#[test]\n").skip(1);
    let name = |text: &str| Some(text.strip_prefix("fn ")?.split_once('(')?.0.to_string());
    after_attribute.filter_map(name).collect()
}

fn read_output(names: &[String], output: &Output) -> Vec<Checked> {
    let crash = crash_report(output);
    names
        .iter()
        .map(|name| read_check(name, &output.stdout, &crash))
        .collect()
}

fn read_check(name: &str, stdout: &str, crash: &str) -> Checked {
    let line = |word: &str| {
        let ends = [
            format!("test {name} ... {word}"),
            format!("test check::{name} ... {word}"),
        ];
        stdout
            .lines()
            .any(|line| ends.iter().any(|end| line == end))
    };
    let (state, report) = if line("ok") {
        (State::Right, String::new())
    } else if line("FAILED") {
        match split_report(name, &output_of(name, stdout)) {
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
fn output_of(name: &str, stdout: &str) -> String {
    let headings = [
        format!("\n---- {name} stdout ----\n"),
        format!("\n---- check::{name} stdout ----\n"),
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
            "Your code took more than 1 GB of memory, and was ended: something grows without \
             end, or prints without end."
        }
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
    fn checks_are_read_in_the_order_of_the_file() {
        let names = names_in(
            "#[test]\nfn c() {\n}\n\n#[test]\nfn a() {}\n#[test]\nfn b() {}\nfn table() {}\n",
        );
        assert_eq!(names, ["c", "a", "b"]);
        let checks = read_output(&names, &output(STDOUT, ""));
        let states: Vec<State> = checks.iter().map(|check| check.state).collect();
        assert_eq!(states, [State::Wrong, State::Right, State::NotWritten]);
        assert_eq!(checks[2].report, "○ b: not written yet   RFC\n  Task: x");
        assert_eq!(Verdict::Judged(checks).first_red().unwrap().name, "c");
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
