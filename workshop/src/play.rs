//! `play`: runs the finished thing of a step.

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
use crate::judge::Side;
use crate::process::Running;
use crate::progress::{Progress, State};
use crate::project::{Project, Step};
use crate::signals;
use crate::supervisor::Stop;
use crate::text::{sanitize, say};
use crate::waiting::Waiting;

/// How long a server may take to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is played with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Game {
    /// The step.
    pub step: Step,
    /// Whose: the learner's, or the reference.
    pub side: Side,
    /// Which of the step's examples; `None`: its program.
    pub example: Option<String>,
}

impl Game {
    /// What there is to run of a step: its program, or if it has none, the first of its examples.
    ///
    /// # Errors
    /// Returns an error if it has neither.
    pub fn of(project: &Project, step: &Step, side: Side) -> Result<Self> {
        let mut game = Self {
            step: step.clone(),
            side,
            example: None,
        };
        if !game.main(project).is_file() {
            let first = game.examples(project).into_iter().next();
            let nothing = || anyhow!("`{}` has no program.", game.package());
            game.example = Some(first.ok_or_else(nothing)?);
        }
        Ok(game)
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

    /// What it is, in a few words.
    pub fn name(&self) -> String {
        let step = match &self.example {
            Some(example) => format!("{}: {example}", name(&self.step)),
            None => name(&self.step),
        };
        match self.side {
            Side::Step => format!("your {step}"),
            Side::Solution => format!("the finished {step}"),
        }
    }

    /// How cargo runs it.
    pub fn command(&self) -> String {
        let package = self.package();
        match &self.example {
            Some(example) => format!("cargo run -p {package} --example {example}"),
            None => format!("cargo run -p {package}"),
        }
    }

    /// How to run the step's other examples; `None` if there are none.
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
        self.side.folder(project, &self.step)
    }

    fn package(&self) -> String {
        self.side.package(&self.step)
    }
}

/// What there is to play with: the learner's last solved step, or if nothing is solved, the
/// reference of the step that shows off best.
///
/// # Errors
/// Returns an error if no step has a program.
pub fn choose(project: &Project, progress: &Progress) -> Result<Game> {
    let theirs = |step: &Step| Game::of(project, step, Side::Step).ok();
    let ours = |step: &Step| Game::of(project, step, Side::Solution).ok();
    if let Some(last) = progress.last_solved(project) {
        let up_to_it = project.steps.iter().rev().skip_while(|step| *step != last);
        let solved = up_to_it.filter(|step| progress.state(step) != State::Open);
        if let Some(game) = solved.filter_map(theirs).next() {
            return Ok(game);
        }
    }
    let showcase = project.steps.iter().filter(|step| step.showcase);
    showcase
        .chain(project.steps.iter().rev())
        .find_map(ours)
        .ok_or_else(|| anyhow!("No step has a program to play with yet."))
}

/// Builds a game; `None` if a stop was asked for.
fn build(
    project: &Project,
    game: &Game,
    stop: &Stop,
    on_activity: &OnActivity,
) -> Result<Option<PathBuf>> {
    let package = game.package();
    let mut command = cargo::command(project);
    command
        .args(["build", "--package", &package])
        .args(MESSAGE_OPTIONS);
    let kind = match &game.example {
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
        let id = &game.step.id;
        bail!(
            "{}\n`{package}` can't be built. `cargo workshop check {id}` shows the first error.",
            sanitize(output.stderr.trim_end())
        );
    }
    cargo::built_program(&output.stdout, kind, game.example.as_deref())
        .map(Some)
        .ok_or_else(|| anyhow!("`{package}` has no program."))
}

/// A line of a game's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// It is ready, at this address.
    Ready(String),
    /// Its usual port is taken, so it listens on any free one.
    Taken(u16),
    /// Anything else.
    Text(String),
}

fn start(
    project: &Project,
    game: &Game,
    executable: PathBuf,
    arguments: &[String],
    tell: impl Fn(Line) + Send + Sync + 'static,
) -> Result<(Running, Vec<JoinHandle<()>>)> {
    let mut command = Command::new(&executable);
    command.current_dir(&project.root).args(arguments);
    let port = default_port(&game.step);
    if arguments.is_empty() && is_server(project, game) && !is_free(port) {
        command.args(["--listen", "127.0.0.1:0"]);
        tell(Line::Taken(port));
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = Running::start(&mut command)
        .with_context(|| format!("{} can't be started", game.name()))?;
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

/// Whether it takes `--listen`.
fn is_server(project: &Project, game: &Game) -> bool {
    fs::read_to_string(game.main(project)).is_ok_and(|text| text.contains("launch::"))
}

/// Every server's default: 9000 and the number of its step.
pub fn default_port(step: &Step) -> u16 {
    9000 + step.number.parse::<u16>().unwrap_or(0)
}

/// Whether no program listens on this port of the loopback address.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_ok()
}

/// Asks a game to end; ends it if it doesn't.
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

/// Builds and runs a game until it ends or a stop is asked for; each line that it prints goes to
/// `tell`, which is called from other threads.
///
/// # Errors
/// Returns an error if it can't be built or started, or it failed.
pub fn run(
    project: &Project,
    game: &Game,
    arguments: &[String],
    stop: &Stop,
    tell: impl Fn(Line) + Send + Sync + 'static,
) -> Result<()> {
    match build(project, game, stop, &(Arc::new(|_| {}) as OnActivity))? {
        Some(executable) => run_built(project, game, executable, arguments, stop, tell),
        None => Ok(()),
    }
}

fn run_built(
    project: &Project,
    game: &Game,
    executable: PathBuf,
    arguments: &[String],
    stop: &Stop,
    tell: impl Fn(Line) + Send + Sync + 'static,
) -> Result<()> {
    let (mut running, output) = start(project, game, executable, arguments, tell)?;
    while !stop.is_asked() {
        let status = running
            .try_wait()
            .with_context(|| format!("{} can't be waited for", game.name()))?;
        if let Some(status) = status {
            // What it printed last is still on its way.
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

/// `play`: runs the game until it ends or Ctrl-C is pressed.
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
    let game = match id {
        Some(id) => Game::of(project, &session.step(Some(id))?, Side::Step)?,
        None => choose(project, progress)?,
    };
    let game = match example {
        Some(example) => game.with_example(project, example)?,
        None => game,
    };
    say(&format!("Building {} …", game.name()));
    if let Some(others) = game.others(project) {
        say(&others);
    }
    let stop = Stop::default();
    signals::on_ctrl_c({
        let stop = stop.clone();
        move || stop.ask()
    });
    let show = move |line| match line {
        Line::Text(text) => say(&text),
        Line::Taken(port) => say(&format!("Port {port} is taken, so any free one is used.")),
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
    let waiting = Waiting::start(&game.name(), Activity::Building(None));
    let built = build(project, &game, &stop, &waiting.on_activity());
    drop(waiting);
    if let Some(executable) = built? {
        run_built(project, &game, executable, arguments, &stop, show)?;
    }
    if stop.is_asked() {
        say("Ended.");
    }
    Ok(Exit::Success)
}
