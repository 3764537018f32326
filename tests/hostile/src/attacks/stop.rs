//! The end: a signal, with clients connected.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{Outcome, Stage};
use crate::client::{Client, get, unreached};
use crate::process::{Limits, Running};
use crate::servers::{Kind, Socket};

/// How long a server may take to end: goodbyes have a deadline of a few seconds.
const DEADLINE: Duration = Duration::from_secs(30);
/// How much longer a server may take because of connections on which nothing was ever said. It should be
/// less than a second; the rest is for a machine that is busy.
const SLACK: Duration = Duration::from_secs(5);
/// Connections on which nothing was ever said: browsers open some in advance.
const IDLE: usize = 5;

/// Each signal, with clients; and with connections that are idle.
pub fn stop(stage: &mut Stage) -> Result<Outcome, String> {
    let mut faults = Vec::new();
    let stopped = stage.plan.stopped;
    let signals = [
        (Signal::SIGTERM, stopped),
        (Signal::SIGINT, stopped.min(10)),
        (Signal::SIGHUP, stopped.min(10)),
    ];
    for (signal, count) in signals {
        if let Err(why) = with_clients(stage, signal, count) {
            faults.push(format!("{signal} with {count} clients: {why}"));
        }
    }
    let mut with_idle = Duration::ZERO;
    match (idle(stage, 0), idle(stage, IDLE)) {
        (Ok(alone), Ok(took)) => {
            with_idle = took;
            if took > alone + SLACK {
                let (took, alone) = (took.as_secs_f64(), alone.as_secs_f64());
                faults.push(format!(
                    "SIGTERM takes {took:.1} s with {IDLE} idle connections, {alone:.1} s without"
                ));
            }
        }
        (Err(why), _) => faults.push(format!("SIGTERM with nobody there: {why}")),
        (_, Err(why)) => faults.push(format!("SIGTERM with {IDLE} idle connections: {why}")),
    }
    let says = format!(
        "SIGTERM, SIGINT and SIGHUP, the first with {stopped} clients; {:.1} s with idle connections",
        with_idle.as_secs_f64()
    );
    Ok(Outcome::of(faults, stopped.to_string(), says))
}

/// Waits until a process has ended by itself, with one of these codes. Says how long that took.
pub fn ends(running: &mut Running, codes: &[i32]) -> Result<Duration, String> {
    let began = Instant::now();
    let status = running.ended(DEADLINE);
    let status = status.ok_or_else(|| format!("it runs on for {} s", DEADLINE.as_secs()))?;
    match status.code() {
        Some(code) if codes.contains(&code) => Ok(began.elapsed()),
        Some(code) => Err(format!("it ends with code {code}")),
        None => Err("the signal ends it, without a goodbye".to_string()),
    }
}

fn with_clients(stage: &Stage, signal: Signal, count: usize) -> Result<(), String> {
    let kind = stage.kind;
    let mut running = stage.start(Limits::default())?;
    let mut clients = Vec::new();
    for number in 0..count {
        let client = match kind.socket() {
            Socket::None => visitor(&running),
            _ => kind.open(running.address, &format!("stopped-{number}"), DEADLINE),
        };
        clients.push(client.map_err(|why| format!("client {number}: {why}"))?);
    }
    running.signal(signal);
    let mut without = 0;
    let mut first = None;
    if says_goodbye(kind) {
        for client in &mut clients {
            if let Err(why) = goodbye(client) {
                without += 1;
                first.get_or_insert(why);
            }
        }
    }
    drop(clients);
    let ended = ends(&mut running, &[0]);
    if let Some(first) = first {
        let ended = ended.map_or_else(|why| format!("; {why}"), |_| String::new());
        return Err(format!(
            "{without} WebSockets are not closed with 1001 ({first}){ended}"
        ));
    }
    ended.map(|_| ())
}

/// A client that has had an answer, and may ask again on the same connection.
fn visitor(running: &Running) -> Result<Client, String> {
    let client = Client::connect(running.address, DEADLINE);
    let mut client = client.map_err(|error| unreached(&error))?;
    client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.status(DEADLINE).map(|_| client)
}

/// Step 04 has no frames yet. A tap says nothing of its own.
fn says_goodbye(kind: Kind) -> bool {
    matches!(kind.socket(), Socket::Echo | Socket::Speaks) && kind != Kind::Tap
}

/// Reads up to a Close, which must have code 1001 (RFC 6455 §7.4.1).
fn goodbye(client: &mut Client) -> Result<(), String> {
    loop {
        let frame = client.frame(DEADLINE)?;
        if frame.first != 0x88 {
            continue;
        }
        return match frame.payload.get(..2) {
            Some(code) if code == 1001_u16.to_be_bytes() => Ok(()),
            Some(code) => Err(format!("code {}", u16::from_be_bytes([code[0], code[1]]))),
            None => Err("a Close without a code".to_string()),
        };
    }
}

fn idle(stage: &Stage, count: usize) -> Result<Duration, String> {
    let mut running = stage.start(Limits::default())?;
    let mut clients = Vec::new();
    for _ in 0..count {
        let client = Client::connect(running.address, DEADLINE);
        clients.push(client.map_err(|error| unreached(&error))?);
    }
    // The answer to a request that came later shows that those before it have been accepted.
    let mut last = stage.kind.connect(running.address, DEADLINE)?;
    last.send(&get("/", b""));
    last.status(DEADLINE)
        .map_err(|why| format!("GET / before the signal: {why}"))?;
    drop(last);
    running.signal(Signal::SIGTERM);
    ends(&mut running, &[0])
}
