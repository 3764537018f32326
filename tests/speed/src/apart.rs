//! Servers in processes of their own, each on a core that the load doesn't use.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use support::cores;

use crate::servers::Speaks;

/// The core of the servers, and that of the load.
const SERVERS: usize = 1;
const LOAD: usize = 0;

/// The longest message that our servers take here, in bytes.
const MAX_MESSAGE: &str = "33554432";

/// The echo of step 17.
pub const OURS: &str = "step 17";

/// What is left when a server understands nothing: one thread that sends bytes back.
pub const LOOP: &str = "readiness loop";

/// The servers that are compared.
pub const ALL: [&str; 9] = [
    OURS,
    "step 09",
    "tungstenite",
    "tokio-tungstenite",
    "tokio-websockets",
    "fastwebsockets",
    "yawc",
    "sockudo-ws",
    LOOP,
];

/// The chats that are compared.
pub const CHATS: [&str; 4] = [
    "chat of step 17",
    "chat of step 10",
    "tokio broadcast",
    "loop that relays",
];

/// The program of the peers, in this folder.
const PEERS: &str = "peers/target/release/peers";

/// A server that runs until this is dropped.
pub struct Apart {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it speaks.
    pub speaks: Speaks,
    process: Child,
}

/// Whether a server has a thread for each client.
pub fn has_threads(name: &str) -> bool {
    matches!(name, "step 09" | "tungstenite")
}

/// Keeps the load to one core. Returns whether there is a second core for the servers.
pub fn keep_apart() -> bool {
    cores::has(SERVERS) && cores::keep_to(LOAD)
}

impl Apart {
    /// Starts one of [`ALL`].
    ///
    /// # Errors
    /// Returns an error if its program isn't there, or doesn't say where it listens.
    pub fn start(name: &'static str, apart: bool) -> io::Result<Self> {
        let (program, arguments) = command(name)?;
        let mut command = if apart {
            cores::command_on(SERVERS, &program)
        } else {
            Command::new(&program)
        };
        let child = command.args(&arguments).stdin(Stdio::null());
        let child = child.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = child.spawn()?;
        let mut line = String::new();
        let stdout = process.stdout.take().expect("stdout is a pipe");
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim_end().strip_prefix("listening on http://");
        let Some(address) = address.and_then(|address| address.parse().ok()) else {
            return Err(io::Error::other(format!("{name} said {line:?}")));
        };
        let speaks = match name {
            LOOP => Speaks::Tcp,
            _ => Speaks::WebSocket,
        };
        Ok(Self {
            address,
            speaks,
            process,
        })
    }

    /// Returns how much time on a processor it has taken so far, all threads together, in seconds. It takes Linux.
    pub fn processor_time(&self) -> Option<f64> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id())).ok()?;
        let mut nanoseconds = 0;
        for task in tasks.flatten() {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            nanoseconds += text.split(' ').next()?.parse::<u64>().ok()?;
        }
        Some(nanoseconds as f64 / 1e9)
    }

    /// Returns how much memory it has now, in bytes. It takes Linux.
    pub fn memory(&self) -> Option<u64> {
        let path = format!("/proc/{}/status", self.process.id());
        let status = fs::read_to_string(path).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib * 1024)
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// Returns the program of a server, and its arguments.
fn command(name: &'static str) -> io::Result<(PathBuf, Vec<&'static str>)> {
    let ours = ["--listen", "127.0.0.1:0", "--max-connections", "100000"];
    // Nothing limits how fast the chats speak: the plain ones have no such limits.
    let fast = [
        "--rate",
        "1000000000",
        "--max-deliveries",
        "1000000000000",
        "--max-history",
        "1",
    ];
    let chat = [&ours[..], &fast].concat();
    let ours = [&ours[..], &["--max-message", MAX_MESSAGE]].concat();
    let built = env::current_exe()?;
    let built = built.parent().expect("a program is in a folder");
    let (program, arguments) = match name {
        OURS => (
            built.join("speed-solution"),
            [&["echo"][..], &ours].concat(),
        ),
        "step 09" => (built.join("echo-solution"), ours),
        "chat of step 17" => (
            built.join("speed-solution"),
            [&["chat"][..], &chat].concat(),
        ),
        "chat of step 10" => (built.join("chat-solution"), chat),
        LOOP => (
            Path::new(env!("CARGO_MANIFEST_DIR")).join(PEERS),
            vec!["readiness-loop"],
        ),
        peer => (
            Path::new(env!("CARGO_MANIFEST_DIR")).join(PEERS),
            vec![peer],
        ),
    };
    if program.exists() {
        return Ok((program, arguments));
    }
    Err(io::Error::other(format!(
        "{} isn't built. README.md says how",
        program.display()
    )))
}
