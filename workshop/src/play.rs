//! `play`: runs the finished thing of a step.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::browser;
use crate::commands::{End, Session, name};
use crate::judge::{Side, Stop, cargo, finish};
use crate::process::Running;
use crate::progress::Progress;
use crate::project::{Explain, Problem, Project, Step};
use crate::signals;
use crate::text::{harmless, say};

/// How long a server may take to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is played with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Game {
    /// The step.
    pub step: Step,
    /// Whose: the learner's, or the reference.
    pub side: Side,
}

impl Game {
    /// What it is, in a few words.
    pub fn name(&self) -> String {
        match self.side {
            Side::Step => format!("your {}", name(&self.step)),
            Side::Solution => format!("the finished {}", name(&self.step)),
        }
    }

    fn folder(&self, project: &Project) -> PathBuf {
        match self.side {
            Side::Step => project.step_folder(&self.step),
            Side::Solution => project.solution_folder(&self.step),
        }
    }

    fn package(&self) -> String {
        match self.side {
            Side::Step => self.step.id.clone(),
            Side::Solution => format!("{}-solution", self.step.id),
        }
    }
}

/// What there is to play with: the learner's last solved step, or where nothing is solved, the
/// reference of the step that shows off best.
///
/// # Errors
/// No step has a program.
pub fn choose(project: &Project, progress: &Progress) -> Result<Game, Problem> {
    let has_program = |game: &Game| game.folder(project).join("src").join("main.rs").is_file();
    let theirs = |step: &Step| Game {
        step: step.clone(),
        side: Side::Step,
    };
    let ours = |step: &Step| Game {
        step: step.clone(),
        side: Side::Solution,
    };
    if let Some(last) = progress.last_solved(project) {
        let up_to_it = project.steps.iter().rev().skip_while(|step| *step != last);
        let solved = up_to_it.filter(|step| progress.state(step) != crate::progress::State::Open);
        if let Some(game) = solved.map(theirs).find(has_program) {
            return Ok(game);
        }
    }
    let showcase = project.steps.iter().filter(|step| step.showcase);
    showcase
        .chain(project.steps.iter().rev())
        .map(ours)
        .find(has_program)
        .ok_or_else(|| Problem("No step has a program to play with yet.".to_string()))
}

/// Builds a game; `None` where somebody asked to stop.
fn build(project: &Project, game: &Game, stop: &Stop) -> Result<Option<PathBuf>, Problem> {
    let package = game.package();
    let mut command = cargo(project);
    command.args(["build", "--quiet", "--package", &package, "--bins"]);
    command.args([
        "--message-format",
        "json-render-diagnostics",
        "--color",
        "never",
    ]);
    let Some(output) = finish(command, None, stop)? else {
        return Ok(None);
    };
    if !output.status.success() {
        let id = &game.step.id;
        return Err(Problem(format!(
            "{}\n`{package}` can't be built. `cargo workshop check {id}` shows the first error.",
            harmless(output.stderr.trim_end())
        )));
    }
    let messages = output
        .stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    messages
        .filter(|message| message["target"]["kind"][0] == "bin")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .map(Some)
        .ok_or_else(|| no_program(&package, &game.folder(project)))
}

fn no_program(package: &str, folder: &Path) -> Problem {
    let examples = fs::read_dir(folder.join("examples")).into_iter().flatten();
    let names = examples.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let names = BTreeSet::from_iter(names);
    let Some(first) = names.first() else {
        return Problem(format!("`{package}` has no program."));
    };
    let all = Vec::from_iter(names.iter().map(String::as_str)).join(", ");
    Problem(format!(
        "`{package}` has no program of its own, but {all}: `cargo run -p {package} --example {first}` starts one."
    ))
}

/// A line of a game's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// It is ready, at this address.
    Ready(String),
    /// Anything else.
    Text(String),
}

fn start(
    project: &Project,
    game: &Game,
    executable: PathBuf,
    arguments: &[String],
    tell: impl Fn(Line) + Send + Sync + 'static,
) -> Result<(Running, Vec<JoinHandle<()>>), Problem> {
    let mut command = Command::new(&executable);
    command.current_dir(&project.root).args(arguments);
    if arguments.is_empty() && is_server(project, game) && !is_free(default_port(&game.step)) {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running =
        Running::start(&mut command).explain(|| format!("{} can't be started", game.name()))?;
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
            let text = harmless(String::from_utf8_lossy(&line).trim_end());
            let address = text.strip_prefix("listening on ").map(str::to_string);
            tell(address.map_or(Line::Text(text), Line::Ready));
            line.clear();
        }
    }))
}

/// Whether it takes `--listen`.
fn is_server(project: &Project, game: &Game) -> bool {
    let main = game.folder(project).join("src").join("main.rs");
    fs::read_to_string(main).is_ok_and(|text| text.contains("launch::"))
}

/// Every server's default: 9000 and the number of its step.
pub fn default_port(step: &Step) -> u16 {
    9000 + step.number.parse::<u16>().unwrap_or(0)
}

/// Whether nobody listens on this port of the loopback address.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_ok()
}

/// Asks a game to end; ends it where it doesn't.
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

/// Builds and runs a game until it ends or somebody asks to stop; each line that it prints goes to
/// `tell`, which is called from other threads.
///
/// # Errors
/// It can't be built or started, or it failed.
pub fn run(
    project: &Project,
    game: &Game,
    arguments: &[String],
    stop: &Stop,
    tell: impl Fn(Line) + Send + Sync + 'static,
) -> Result<(), Problem> {
    let Some(executable) = build(project, game, stop)? else {
        return Ok(());
    };
    let (mut running, output) = start(project, game, executable, arguments, tell)?;
    while !stop.is_asked() {
        let status = running
            .try_wait()
            .explain(|| format!("{} can't be waited for", game.name()))?;
        if let Some(status) = status {
            // What it printed last is still on its way.
            output.into_iter().for_each(|thread| _ = thread.join());
            return match status.success() {
                true => Ok(()),
                false => Err(Problem(format!("It ended with {status}."))),
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
/// There is nothing to play with, or it can't be built or started.
pub fn play(
    session: &Session,
    id: Option<&str>,
    arguments: &[String],
    opens: bool,
) -> Result<End, Problem> {
    let Session {
        project, progress, ..
    } = session;
    let game = match id {
        Some(id) => Game {
            step: session.step(Some(id))?,
            side: Side::Step,
        },
        None => choose(project, progress)?,
    };
    say(&format!("Building {} …", game.name()));
    let stop = Stop::default();
    signals::listen({
        let stop = stop.clone();
        move || stop.ask()
    });
    let show = move |line| match line {
        Line::Text(text) => say(&text),
        Line::Ready(address) => {
            say(&format!("listening on {address}"));
            let is_open = opens && browser::open(&address);
            say(match is_open {
                true => "It opens in your browser. Ctrl-C ends it.",
                false => "Open that address in a browser. Ctrl-C ends it.",
            });
        }
    };
    run(project, &game, arguments, &stop, show)?;
    if stop.is_asked() {
        say("Ended.");
    }
    Ok(End::Fine)
}
