//! A server in a process of its own: the chat of step 10, or one that it is compared with.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chat::{Chat, Pace, Server, Settings};
use support::cores;

use crate::plain;

/// The core of the server, and that of the clients.
const SERVERS: usize = 0;
const CLIENTS: usize = 1;

/// The argument by which this program is the server.
pub const ARGUMENT: &str = "--be-the-server";

/// The word for the chat as `cargo run -p chat` starts it.
const AS_IT_IS: &str = "as-it-is";

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The chat of step 10.
    Chat,
    /// A plain chat on tungstenite and two threads for each client.
    Threads,
    /// A plain chat on tokio-tungstenite and tokio's broadcast channel.
    Tokio,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Chat, Self::Threads, Self::Tokio];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "step 10",
            Self::Threads => "tungstenite, threads",
            Self::Tokio => "tokio-tungstenite",
        }
    }
}

/// A chat whose idle clients are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Two threads for each client.
    Ten,
    /// A task for each client.
    Fifteen,
}

impl Step {
    /// What it is called, in tables and on the command line of its process.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ten => "step 10",
            Self::Fifteen => "step 15",
        }
    }
}

/// Is the server until the standard input ends.
pub fn run(kind: Option<String>, room: Option<String>) -> ExitCode {
    for step in [Step::Ten, Step::Fifteen] {
        if kind.as_deref() == Some(step.name()) {
            return idle(step);
        }
    }
    if kind.as_deref() == Some(AS_IT_IS) {
        return as_it_is(room.and_then(|room| room.parse().ok()));
    }
    let kinds = Kind::ALL.into_iter();
    let kind = kinds
        .zip(0..)
        .find(|(_, number)| kind == Some(number.to_string()));
    match kind {
        Some((Kind::Threads, _)) => serve(plain::on_threads),
        Some((Kind::Tokio, _)) => serve(plain::on_tokio),
        _ => chat(),
    }
}

fn as_it_is(room: Option<u64>) -> ExitCode {
    let mut settings = Settings::default();
    settings.pace.deliveries = room.unwrap_or(settings.pace.deliveries);
    start(settings)
}

/// A server without limits, and without pings, so that idle clients are idle.
fn idle(step: Step) -> ExitCode {
    let mut settings = without_limits();
    settings.client.patience.ping_after = Duration::from_secs(3600);
    match step {
        Step::Ten => start(settings),
        Step::Fifteen => serve(|listener| {
            async_chat_solution::Server::start(listener, settings, Duration::ZERO)
                .map(std::mem::forget)
        }),
    }
}

fn chat() -> ExitCode {
    start(without_limits())
}

fn without_limits() -> Settings {
    Settings {
        max_connections: 100_000,
        max_outbox_bytes: 256 * 1024,
        pace: Pace {
            messages: 1_000_000,
            deliveries: u64::MAX,
        },
        max_history: 1,
        ..Settings::default()
    }
}

fn start(settings: Settings) -> ExitCode {
    serve(|listener| {
        // The process ends, and with it everything that waits for an answer to a Close.
        Server::start(listener, Arc::new(Chat::new(settings))).map(std::mem::forget)
    })
}

fn serve(start: impl FnOnce(TcpListener) -> io::Result<()>) -> ExitCode {
    let started = TcpListener::bind("127.0.0.1:0").and_then(|listener| {
        let address = listener.local_addr()?;
        start(listener)?;
        Ok(address)
    });
    let address = match started {
        Ok(address) => address,
        Err(error) => {
            eprintln!("the server can't be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{address}");
    _ = io::stdout().flush();
    _ = io::stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}

/// Keeps the clients to one core, and leaves another one to the server. Whether that can be done here.
pub fn keep_apart() -> bool {
    cores::has(SERVERS) && cores::keep_to(CLIENTS)
}

/// A line for a table: where server and clients run.
pub fn where_they_run(apart: bool) -> &'static str {
    if apart {
        "the server on one core, the clients on another"
    } else {
        "servers and clients on the same cores: much of it is how the system moves threads"
    }
}

/// A running server. It ends when it is dropped.
pub struct Running {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Running {
    /// Starts this program once more, as the server; where it is kept [apart](keep_apart), on its own core.
    pub fn start(kind: Kind, apart: bool) -> io::Result<Self> {
        Self::start_with(&[(kind as u8).to_string()], apart)
    }

    /// The chat as `cargo run -p chat` starts it; where `room` says so, with another limit for the room.
    pub fn start_as_it_is(room: Option<u64>, apart: bool) -> io::Result<Self> {
        let room = room.map(|room| room.to_string());
        let arguments = [AS_IT_IS.to_string()].into_iter().chain(room);
        Self::start_with(&Vec::from_iter(arguments), apart)
    }

    /// A chat for idle clients.
    pub fn start_step(step: Step, apart: bool) -> io::Result<Self> {
        Self::start_as(&[step.name().to_string()], apart, Stdio::piped())
    }

    fn start_with(arguments: &[String], apart: bool) -> io::Result<Self> {
        Self::start_as(arguments, apart, Stdio::inherit())
    }

    fn start_as(arguments: &[String], apart: bool, errors: Stdio) -> io::Result<Self> {
        let program = env::current_exe()?;
        let mut command = if apart {
            cores::command_on(SERVERS, program)
        } else {
            Command::new(program)
        };
        let mut child = command
            .arg(ARGUMENT)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()?;
        let mut line = String::new();
        let output = child.stdout.as_mut().expect("it is piped");
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse().map_err(io::Error::other)?;
        Ok(Self { child, address })
    }

    /// Why its process has ended, if it has: what it said last, and how it ended.
    pub fn end(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok()??;
        let mut said = String::new();
        if let Some(errors) = &mut self.child.stderr {
            _ = errors.read_to_string(&mut said);
        }
        // A thread that panics is named on a line of its own.
        let is_word = |line: &&str| !line.trim().is_empty() && !line.starts_with("thread ");
        let first = said.lines().find(is_word).unwrap_or("it said nothing");
        Some(format!("{} ({status})", first.trim_end_matches('.')))
    }

    /// How many bytes of memory it takes just now, where the system says so in /proc.
    pub fn memory(&self) -> Option<u64> {
        let kibibytes = self.status("VmRSS:")?;
        Some(kibibytes * 1024)
    }

    /// How many threads it has just now, where the system says so in /proc.
    pub fn threads(&self) -> Option<u64> {
        self.status("Threads:")
    }

    fn status(&self, name: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|it| it.strip_prefix(name))?;
        line.trim().trim_end_matches("kB").trim().parse().ok()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its standard input ends, and then it does.
        drop(self.child.stdin.take());
        _ = self.child.wait();
    }
}
