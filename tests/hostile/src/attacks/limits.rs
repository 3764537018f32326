//! The system has nothing left to give: no descriptor, no thread.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{Outcome, PATIENCE, Stage, stop};
use crate::client::Client;
use crate::process::{Limits, Running, Taken};
use crate::servers::{Kind, Socket};

/// How long a connection may take: where the queue is full, there are enough.
const CONNECT: Duration = Duration::from_secs(1);
/// Clients beyond what a server has files for: they wait in the system's queue.
const BESIDE: u64 = 60;
/// How long what the process takes must stay the same until it is full.
const STEADY: Duration = Duration::from_secs(1);

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scarce {
    Files(u64),
    Threads(u64),
}

impl Scarce {
    fn limits(self) -> Limits {
        match self {
            Self::Files(most) => Limits {
                files: Some(most),
                threads: None,
            },
            Self::Threads(most) => Limits {
                files: None,
                threads: Some(most),
            },
        }
    }

    fn clients(self) -> u64 {
        match self {
            Self::Files(most) | Self::Threads(most) => most + BESIDE,
        }
    }

    fn of(self, taken: Taken) -> u64 {
        match self {
            Self::Files(_) => taken.files,
            Self::Threads(_) => taken.threads,
        }
    }

    fn in_words(self, taken: u64) -> String {
        match self {
            Self::Files(most) => format!("{taken} of {most} files open"),
            Self::Threads(most) => format!("{taken} of {most} threads"),
        }
    }
}

/// As many clients as there are files, and more.
pub fn files(stage: &mut Stage) -> Result<Outcome, String> {
    scarce(stage, Scarce::Files(stage.plan.files))
}

/// As many clients as there are threads, and more.
pub fn threads(stage: &mut Stage) -> Result<Outcome, String> {
    if !is_superuser() {
        let why = "only the superuser can start the server as a user whose threads are counted";
        return Ok(Outcome::NotTried(why.to_string()));
    }
    scarce(stage, Scarce::Threads(stage.plan.threads))
}

fn scarce(stage: &mut Stage, scarce: Scarce) -> Result<Outcome, String> {
    let kind = stage.kind;
    let mut faults = Vec::new();
    let mut running = stage.start(scarce.limits())?;
    let (clients, full) = fill(kind, &mut running, scarce);
    let full = scarce.in_words(full);
    drop(clients);
    let back = if running.is_alive() {
        kind.answers(running.address, PATIENCE)
    } else {
        Err("the process has ended".to_string())
    };
    if let Err(why) = back {
        faults.push(format!(
            "{full}, then all leave: {why}; it said: {}",
            running.said()
        ));
    }

    let mut running = stage.start(scarce.limits())?;
    let (clients, _) = fill(kind, &mut running, scarce);
    running.signal(Signal::SIGTERM);
    // Without a thread to say goodbye on, `cargo workshop` ends at once, with its code for that.
    let codes = if kind == Kind::Book {
        &[0, 2][..]
    } else {
        &[0]
    };
    if let Err(why) = stop::ends(&mut running, codes) {
        faults.push(format!(
            "SIGTERM with {full}: {why}; it said: {}",
            running.said()
        ));
    }
    drop(clients);
    let says = format!("{full}; answers when they have left; SIGTERM ends it when they have not");
    Ok(Outcome::of(faults, full, says))
}

/// Connects until the server has no more to give. Returns the clients, and what the server has taken.
fn fill(kind: Kind, running: &mut Running, scarce: Scarce) -> (Vec<Client>, u64) {
    let mut clients = Vec::new();
    let mut last = (0, Instant::now());
    for number in 0..scarce.clients() {
        let Ok(mut client) = Client::connect(running.address, CONNECT) else {
            break;
        };
        if number % 3 > 0 {
            client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n");
        }
        if number % 3 > 1 && kind.socket() == Socket::None {
            client.send(b"\r\n");
        }
        clients.push(client);
        let taken = scarce.of(running.taken());
        last = (taken.max(last.0), Instant::now());
    }
    while last.1.elapsed() < STEADY && running.is_alive() {
        let taken = scarce.of(running.taken());
        if taken > last.0 {
            last = (taken, Instant::now());
        }
        thread::sleep(Duration::from_millis(20));
    }
    (clients, last.0)
}

fn is_superuser() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let user = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    user.and_then(|users| users.split_whitespace().nth(1)) == Some("0")
}
