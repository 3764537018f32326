//! Clients that hold a connection and do nothing with it, or let it go at once.

use std::net::SocketAddr;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::{Outcome, Stage};
use crate::client::{Client, get, unreached};
use crate::servers::Socket;

/// How long a connection may take to be made: the system's queue may be full for a while.
const CONNECT: Duration = Duration::from_secs(20);
/// How long a good request may wait while others hold all there is: their heads have a deadline.
const MEANWHILE: Duration = Duration::from_secs(60);
/// How long a client may be slow, or silent, at most. The longest patience of a server is 45 s.
const GONE: Duration = Duration::from_secs(90);
/// How many connect at the same time, where they leave at once.
const CROWD: usize = 8;
/// The pause between two bytes of a slow client.
const SLOW: Duration = Duration::from_millis(200);

const HALF: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Half: ";

/// Half heads, all open at the same time.
pub fn halves(stage: &mut Stage) -> Result<Outcome, String> {
    let count = stage.plan.halves;
    let address = stage.running()?.address;
    let mut clients = Vec::new();
    for _ in 0..count {
        let client = Client::connect(address, CONNECT);
        let mut client = client.map_err(|error| {
            format!("after {} half heads, {}", clients.len(), unreached(&error))
        })?;
        client.send(HALF);
        clients.push(client);
    }
    stage.note();
    let meanwhile = stage.kind.answers(address, MEANWHILE);
    let meanwhile = meanwhile.map_err(|why| format!("with {count} half heads open, {why}"));
    drop(clients);
    let says = format!("{count} half heads open, a good request meanwhile");
    Ok(Outcome::of(
        Vec::from_iter(meanwhile.err()),
        count.to_string(),
        says,
    ))
}

/// Clients that connect and leave: without a word, in the middle of a head, before the answer.
pub fn leave(stage: &mut Stage) -> Result<Outcome, String> {
    let count = stage.plan.connects;
    let address = stage.running()?.address;
    let faults = thread::scope(|scope| {
        let crowd = (0..CROWD).map(|first| {
            scope.spawn(move || {
                let mut numbers = (first..count).step_by(CROWD);
                numbers.try_for_each(|number| come_and_go(address, number))
            })
        });
        let crowd = Vec::from_iter(crowd);
        let ended = |visitors: ScopedJoinHandle<Result<(), String>>| {
            let ended = visitors.join();
            ended
                .unwrap_or_else(|_| Err("a client has panicked".to_string()))
                .err()
        };
        Vec::from_iter(crowd.into_iter().filter_map(ended))
    });
    stage.note();
    let says = format!("{count} clients that connect and leave");
    Ok(Outcome::of(faults, count.to_string(), says))
}

fn come_and_go(address: SocketAddr, number: usize) -> Result<(), String> {
    let client = Client::connect(address, CONNECT);
    let mut client = client
        .map_err(|error| format!("client {number} of all that leave: {}", unreached(&error)))?;
    match number / CROWD % 4 {
        0 | 1 => {}
        2 => _ = client.send(HALF),
        _ => _ = client.send(&get("/", b"")),
    }
    Ok(())
}

/// Clients that send a byte of a head now and then.
pub fn slow(stage: &mut Stage) -> Result<Outcome, String> {
    let count = stage.plan.slow;
    let address = stage.running()?.address;
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut client = Client::connect(address, CONNECT).map_err(|error| unreached(&error))?;
        client.send(HALF);
        clients.push(client);
    }
    let began = Instant::now();
    let mut faults = Vec::from_iter(stage.kind.answers(address, MEANWHILE).err());
    while !clients.is_empty() && began.elapsed() < GONE {
        thread::sleep(SLOW);
        clients.retain_mut(|client| client.send(b"x") && !client.has_ended());
    }
    if !clients.is_empty() {
        let (left, within) = (clients.len(), GONE.as_secs());
        faults.push(format!(
            "{left} of {count} may send a byte now and then for {within} s"
        ));
    }
    let says = format!(
        "{count} clients that send a byte now and then, gone after {} s",
        began.elapsed().as_secs()
    );
    Ok(Outcome::of(faults, count.to_string(), says))
}

/// Clients that say nothing more, as if their cable had been pulled: half of them with an open WebSocket,
/// where there is one.
pub fn silent(stage: &mut Stage) -> Result<Outcome, String> {
    let (kind, count) = (stage.kind, stage.plan.silent);
    let address = stage.running()?.address;
    let mut clients = Vec::new();
    for number in 0..count {
        let client = match kind.socket() {
            Socket::None => half(address),
            _ if number % 2 == 0 => half(address),
            _ => kind.open(address, &format!("silent-{number}"), CONNECT),
        };
        clients.push(client.map_err(|why| format!("after {number} silent ones, {why}"))?);
    }
    stage.note();
    let meanwhile = kind.answers(address, MEANWHILE);
    let meanwhile = meanwhile.map_err(|why| format!("with {count} silent ones, {why}"));
    let mut faults = Vec::from_iter(meanwhile.err());
    // Where patience can't be shortened by an option, it takes most of a minute.
    if stage.plan.full || kind.can_be_impatient() {
        let began = Instant::now();
        while !clients.is_empty() && began.elapsed() < GONE {
            clients.retain_mut(|client| !client.has_ended());
            thread::sleep(Duration::from_millis(50));
        }
        if !clients.is_empty() {
            let (left, within) = (clients.len(), GONE.as_secs());
            faults.push(format!(
                "{left} of {count} are silent for {within} s and still there"
            ));
        }
    }
    let says = format!("{count} clients that fall silent, a good request meanwhile");
    Ok(Outcome::of(faults, count.to_string(), says))
}

fn half(address: SocketAddr) -> Result<Client, String> {
    let mut client = Client::connect(address, CONNECT).map_err(|error| unreached(&error))?;
    client.send(HALF);
    Ok(client)
}
