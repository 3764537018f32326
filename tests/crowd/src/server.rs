//! The chat in a process of its own.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;

use chat::{Chat, Server, Settings};

/// The argument by which this program is the server.
pub const ARGUMENT: &str = "--be-the-server";

/// Is the server until the standard input ends.
pub fn run() -> ExitCode {
    let settings = Settings {
        max_connections: 100_000,
        max_waiting: 256 * 1024,
        rate: 1_000_000,
        max_history: 1,
        ..Settings::default()
    };
    let started = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| Server::start(listener, Arc::new(Chat::new(settings))));
    let server = match started {
        Ok(server) => server,
        Err(error) => {
            eprintln!("the server can't be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{}", server.address());
    _ = io::stdout().flush();
    _ = io::stdin().read_to_end(&mut Vec::new());
    // The process ends, and with it everything that waits for an answer to a Close.
    std::mem::forget(server);
    ExitCode::SUCCESS
}

/// A running server. It ends when it is dropped.
pub struct Running {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Running {
    /// Starts this program once more, as the server.
    pub fn start() -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let output = child.stdout.as_mut().expect("it is piped");
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse().map_err(io::Error::other)?;
        Ok(Self { child, address })
    }

    /// How many bytes of memory it takes just now, where the system says so in /proc.
    pub fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"))?;
        let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
        Some(kibibytes * 1024)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its standard input ends, and then it does.
        drop(self.child.stdin.take());
        _ = self.child.wait();
    }
}
