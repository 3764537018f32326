//! `play`: runs a step's program.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::browser;
use crate::cargo::{self, Activity, MESSAGE_OPTIONS, OnActivity};
use crate::commands::{Exit, Session, name};
use crate::judge::PackageKind;
use crate::process::Running;
use crate::progress::{Progress, State};
use crate::project::{Project, Step};
use crate::signals;
use crate::status_line::StatusLine;
use crate::supervisor::Stop;
use crate::text::{sanitize, say};

/// The time that a server may take to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(2);

/// A program of a step: its `main`, or one of its examples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The step.
    pub step: Step,
    /// Whether it is the learner's or the reference's.
    pub kind: PackageKind,
    /// The name of the example; `None` for the step's `main`.
    pub example: Option<String>,
}

impl Program {
    /// Finds the program of a step: its `main` or, if it has none, the first of its examples.
    ///
    /// # Errors
    /// Returns an error if it has neither.
    pub fn of(project: &Project, step: &Step, kind: PackageKind) -> Result<Self> {
        let mut program = Self {
            step: step.clone(),
            kind,
            example: None,
        };
        if !program.main(project).is_file() {
            let first = program.examples(project).into_iter().next();
            let nothing = || anyhow!("`{}` has no program.", program.package());
            program.example = Some(first.ok_or_else(nothing)?);
        }
        Ok(program)
    }

    /// Selects the step's example with this name.
    ///
    /// # Errors
    /// Returns an error if there is none.
    pub fn with_example(self, project: &Project, name: &str) -> Result<Self> {
        let examples = self.examples(project);
        if !examples.iter().any(|example| example == name) {
            let there = if examples.is_empty() {
                "it has none".to_string()
            } else {
                format!("it has {}", examples.join(", "))
            };
            bail!(
                "`{}` has no example `{}`: {there}.",
                self.package(),
                sanitize(name)
            );
        }
        Ok(Self {
            example: Some(name.to_string()),
            ..self
        })
    }

    /// Its name in a sentence: `your 10 chat`.
    pub fn name(&self) -> String {
        let step = match &self.example {
            Some(example) => format!("{}: {example}", name(&self.step)),
            None => name(&self.step),
        };
        match self.kind {
            PackageKind::Step => format!("your {step}"),
            PackageKind::Solution => format!("the finished {step}"),
        }
    }

    /// The command that runs it without `cargo workshop`.
    pub fn command(&self) -> String {
        let package = self.package();
        match &self.example {
            Some(example) => format!("cargo run -p {package} --example {example}"),
            None => format!("cargo run -p {package}"),
        }
    }

    /// A sentence that says how to run the step's other examples; `None` if there are none.
    pub fn others(&self, project: &Project) -> Option<String> {
        let played = self.example.as_ref()?;
        let others = self.examples(project);
        let others: Vec<&str> = others
            .iter()
            .filter(|name| *name != played)
            .map(String::as_str)
            .collect();
        let first = others.first()?;
        Some(format!(
            "There is more: {}. `cargo workshop play {} --example {first}` runs one.",
            others.join(", "),
            self.step.id
        ))
    }

    /// The names of the step's examples, in order.
    fn examples(&self, project: &Project) -> Vec<String> {
        let folder = self.folder(project).join("examples");
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let name = |entry: fs::DirEntry| {
            let path = entry.path();
            let is_one = path.join("main.rs").is_file()
                || path.extension().is_some_and(|extension| extension == "rs");
            is_one.then(|| path.file_stem()?.to_str().map(str::to_string))?
        };
        BTreeSet::from_iter(entries.filter_map(name))
            .into_iter()
            .collect()
    }

    /// The file that holds its `main`.
    fn main(&self, project: &Project) -> PathBuf {
        let folder = self.folder(project);
        let Some(example) = &self.example else {
            return folder.join("src").join("main.rs");
        };
        let examples = folder.join("examples");
        let alone = examples.join(format!("{example}.rs"));
        if alone.is_file() {
            alone
        } else {
            examples.join(example).join("main.rs")
        }
    }

    fn folder(&self, project: &Project) -> PathBuf {
        self.kind.folder(project, &self.step)
    }

    fn package(&self) -> String {
        self.kind.package(&self.step)
    }
}

/// Chooses the program to run: that of the learner's latest solved step or, if none is solved, the reference's in the
/// step that shows off best.
///
/// # Errors
/// Returns an error if no step has a program.
pub fn choose(project: &Project, progress: &Progress) -> Result<Program> {
    let theirs = |step: &Step| Program::of(project, step, PackageKind::Step).ok();
    let ours = |step: &Step| Program::of(project, step, PackageKind::Solution).ok();
    if let Some(last) = progress.last_solved(project) {
        let up_to_it = project.steps.iter().rev().skip_while(|step| *step != last);
        let solved = up_to_it.filter(|step| progress.state(step) != State::Open);
        if let Some(program) = solved.filter_map(theirs).next() {
            return Ok(program);
        }
    }
    let showcase = project.steps.iter().filter(|step| step.showcase);
    showcase
        .chain(project.steps.iter().rev())
        .find_map(ours)
        .ok_or_else(|| anyhow!("No step has a program to play with yet."))
}

/// Builds a program. Returns `None` if a stop was asked for.
fn build(
    project: &Project,
    program: &Program,
    stop: &Stop,
    on_activity: &OnActivity,
) -> Result<Option<PathBuf>> {
    let package = program.package();
    let mut command = cargo::command(project);
    command
        .args(["build", "--package", &package])
        .args(MESSAGE_OPTIONS);
    let kind = match &program.example {
        Some(example) => {
            command.args(["--example", example]);
            "example"
        }
        None => {
            command.arg("--bins");
            "bin"
        }
    };
    let Some(output) = cargo::build(command, stop, on_activity)? else {
        return Ok(None);
    };
    if !output.status.success() {
        let id = &program.step.id;
        bail!(
            "{}\n`{package}` can't be built. `cargo workshop check {id}` shows the first error.",
            sanitize(output.stderr.trim_end())
        );
    }
    cargo::built_program(&output.stdout, kind, program.example.as_deref())
        .map(Some)
        .ok_or_else(|| anyhow!("`{package}` has no program."))
}

/// A line of a program's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// The program is ready, at this address.
    Ready(String),
    /// The program's usual port is taken, so it listens on any free one.
    PortTaken(u16),
    /// Anything else.
    Text(String),
}

fn start(
    project: &Project,
    program: &Program,
    executable: PathBuf,
    arguments: &[String],
    tell: impl Fn(Line) + Send + Sync + 'static,
) -> Result<(Running, Vec<JoinHandle<()>>)> {
    let mut command = Command::new(&executable);
    command.current_dir(&project.root).args(arguments);
    let port = default_port(&program.step);
    if arguments.is_empty() && is_server(project, program) && !is_free(port) {
        command.args(["--listen", "127.0.0.1:0"]);
        tell(Line::PortTaken(port));
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = Running::start(&mut command)
        .with_context(|| format!("{} can't be started", program.name()))?;
    let tell = Arc::new(tell);
    let output = [
        forward(running.child().stdout.take(), Arc::clone(&tell)),
        forward(running.child().stderr.take(), tell),
    ];
    Ok((running, output.into_iter().flatten().collect()))
}

fn forward(
    pipe: Option<impl Read + Send + 'static>,
    tell: Arc<impl Fn(Line) + Send + Sync + 'static>,
) -> Option<JoinHandle<()>> {
    let mut pipe = BufReader::new(pipe?);
    Some(thread::spawn(move || {
        let mut line = Vec::new();
        while pipe
            .read_until(b'\n', &mut line)
            .is_ok_and(|length| length > 0)
        {
            let text = sanitize(String::from_utf8_lossy(&line).trim_end());
            let address = text.strip_prefix("listening on ").map(str::to_string);
            tell(address.map_or(Line::Text(text), Line::Ready));
            line.clear();
        }
    }))
}

/// Whether the program takes `--listen`.
fn is_server(project: &Project, program: &Program) -> bool {
    fs::read_to_string(program.main(project)).is_ok_and(|text| text.contains("launch::"))
}

/// Every server's default: 9000 and the number of its step.
pub fn default_port(step: &Step) -> u16 {
    9000 + step.number.parse::<u16>().unwrap_or(0)
}

/// Whether no program listens on this port of the loopback address.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_ok()
}

/// Asks a program to end, and kills it if it doesn't.
fn end(mut running: Running) {
    running.interrupt();
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if !matches!(running.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Builds and runs a program until it ends or a stop is asked for; each line that it prints goes to
/// `tell`, which is called from other threads.
///
/// # Errors
/// Returns an error if it can't be built or started, or it failed.
pub fn run(
    project: &Project,
    program: &Program,
    arguments: &[String],
    stop: &Stop,
    tell: impl Fn(Line) + Send + Sync + 'static,
) -> Result<()> {
    match build(project, program, stop, &(Arc::new(|_| {}) as OnActivity))? {
        Some(executable) => run_built(project, program, executable, arguments, stop, tell),
        None => Ok(()),
    }
}

fn run_built(
    project: &Project,
    program: &Program,
    executable: PathBuf,
    arguments: &[String],
    stop: &Stop,
    tell: impl Fn(Line) + Send + Sync + 'static,
) -> Result<()> {
    let (mut running, output) = start(project, program, executable, arguments, tell)?;
    while !stop.is_asked() {
        let status = running
            .try_wait()
            .with_context(|| format!("{} can't be waited for", program.name()))?;
        if let Some(status) = status {
            // The last lines that it printed are still on their way.
            output.into_iter().for_each(|thread| _ = thread.join());
            return if status.success() {
                Ok(())
            } else {
                Err(anyhow!("It ended with {status}."))
            };
        }
        thread::sleep(Duration::from_millis(20));
    }
    end(running);
    Ok(())
}

/// `play`: runs the program until it ends or Ctrl-C is pressed.
///
/// # Errors
/// Returns an error if there is nothing to play with, or it can't be built or started.
pub fn play(
    session: &Session,
    id: Option<&str>,
    example: Option<&str>,
    arguments: &[String],
    opens: bool,
) -> Result<Exit> {
    let Session {
        project, progress, ..
    } = session;
    let program = match id {
        Some(id) => Program::of(project, &session.step(Some(id))?, PackageKind::Step)?,
        None => choose(project, progress)?,
    };
    let program = match example {
        Some(example) => program.with_example(project, example)?,
        None => program,
    };
    say(&format!("Building {} …", program.name()));
    if let Some(others) = program.others(project) {
        say(&others);
    }
    let stop = Stop::default();
    signals::on_ctrl_c({
        let stop = stop.clone();
        move || stop.ask()
    });
    let show = move |line| match line {
        Line::Text(text) => say(&text),
        Line::PortTaken(port) => say(&format!("Port {port} is taken, so any free one is used.")),
        Line::Ready(address) => {
            say(&format!("listening on {address}"));
            let is_open = opens && browser::open(&address);
            say(if is_open {
                "It opens in your browser. Ctrl-C ends it."
            } else {
                "Open that address in a browser. Ctrl-C ends it."
            });
        }
    };
    let status_line = StatusLine::start(&program.name(), Activity::Building(None));
    let built = build(project, &program, &stop, &status_line.on_activity());
    drop(status_line);
    if let Some(executable) = built? {
        run_built(project, &program, executable, arguments, &stop, show)?;
    }
    if stop.is_asked() {
        say("Ended.");
    }
    Ok(Exit::Success)
}
