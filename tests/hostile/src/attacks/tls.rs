//! What only a server with TLS must hold out against: handshakes that are wrong or don't go on, and connections that end
//! as they shouldn't.

use std::io::Write;
use std::net::{Shutdown, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use super::{Outcome, PATIENCE, Stage};
use crate::client::{Client, escaped, get, handshake, text_frame, unreached};
use crate::random::Random;
use crate::secure;
use crate::servers::Kind;

/// How long anything may take while the attack lasts: a handshake has ten seconds.
const MEANWHILE: Duration = Duration::from_secs(60);
/// How long a handshake that doesn't go on may be there, at most.
const GONE: Duration = Duration::from_secs(90);
/// The pause between two bytes of a handshake that drips.
const SLOW: Duration = Duration::from_millis(200);

/// First bytes of records (RFC 8446 §5.1).
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// What begins wrong, and how its answer must begin.
fn wrong_beginnings() -> Vec<(&'static str, Vec<u8>, &'static [u8])> {
    let endless = [&b"GET / HTTP/1.1\r\nX-Endless: "[..], &[b'x'; 100_000]].concat();
    vec![
        ("a page without TLS", get("/", b""), b"HTTP/1.1 308"),
        (
            "a WebSocket without TLS",
            handshake("/socket", b""),
            b"HTTP/1.1 400",
        ),
        ("an endless head without TLS", endless, b"HTTP/1.1 400"),
        (
            "a page before the handshake",
            record(APPLICATION_DATA, b"GET /"),
            &[ALERT],
        ),
        (
            "an empty handshake record",
            record(HANDSHAKE, b""),
            &[ALERT],
        ),
        ("a hello of 16 MiB", large_hello(), b""),
        (
            "a record that is too long",
            [&[HANDSHAKE, 3, 3, 0xff, 0xff][..], &[0; 70_000]].concat(),
            &[ALERT],
        ),
        ("TLS 1.1", record(HANDSHAKE, &old_hello()), &[ALERT]),
        ("an alert", record(ALERT, &[2, 40]), b""),
        ("nothing", Vec::new(), b""),
    ]
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u16).to_be_bytes();
    [&[kind, 3, 3][..], &length, body].concat()
}

/// The first 160 kB of a ClientHello that says that it is as long as it can be.
fn large_hello() -> Vec<u8> {
    let first = record(
        HANDSHAKE,
        &[&[1, 0xff, 0xff, 0xff][..], &[0; 16_000]].concat(),
    );
    let next = record(HANDSHAKE, &[0; 16_000]);
    [first, next.repeat(9)].concat()
}

/// A ClientHello of TLS 1.1: a version, 32 random bytes, no session, one cipher suite, no compression.
fn old_hello() -> Vec<u8> {
    let mut hello = vec![1, 0, 0, 41, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    hello
}

/// Beginnings that are wrong, and hellos that are cut off or wrong in a byte. A good request after each.
pub fn hellos(stage: &mut Stage) -> Result<Outcome, String> {
    let address = stage.running()?.address;
    let mut faults = Vec::new();
    let wrong = wrong_beginnings();
    for (what, bytes, answer) in &wrong {
        faults.extend(
            answered(address, bytes, answer)
                .map_err(|why| format!("{what}: {why}"))
                .err(),
        );
        faults.extend(stage.kind.answers(address, PATIENCE).err());
    }
    let made_up = stage.plan.heads;
    for number in 0..made_up {
        let bytes = made_up_hello(stage.plan.seed, number)?;
        if let Err(why) = answered(address, &bytes, b"") {
            faults.push(format!("hello {number}: {why}: {}", escaped(&bytes)));
        }
    }
    let says = format!(
        "{} wrong beginnings, each with its answer, and {made_up} hellos that are cut off or wrong in a byte",
        wrong.len()
    );
    let count = wrong.len() + made_up;
    Ok(Outcome::of(faults, count.to_string(), says))
}

/// A ClientHello of which a byte is different, or the end is missing.
fn made_up_hello(seed: u64, number: usize) -> Result<Vec<u8>, String> {
    let hello = secure::client_hello();
    let mut hello = hello.map_err(|error| format!("there is no authority: {error}"))?;
    let mut random = Random::of_case(seed, number);
    let at = random.below(hello.len());
    match random.once_in(2) {
        true => hello.truncate(at),
        false => hello[at] = random.below(256) as u8,
    }
    Ok(hello)
}

/// Sends this and FIN. The server must end the connection, and what it has said until then must begin like this.
fn answered(address: SocketAddr, bytes: &[u8], beginning: &[u8]) -> Result<(), String> {
    let mut client = Client::connect(address, MEANWHILE).map_err(|error| unreached(&error))?;
    client.send(bytes);
    client.finish();
    let answer = client.rest(MEANWHILE)?;
    match answer.starts_with(beginning) {
        true => Ok(()),
        false => Err(format!("the answer is {}", escaped(&answer))),
    }
}

/// More handshakes than may run at once: half of them stop in the middle of the hello, the others drip on. A good
/// request gets in when the first of them have run out of time.
pub fn crowd(stage: &mut Stage) -> Result<Outcome, String> {
    let (kind, count) = (stage.kind, stage.plan.handshakes);
    let address = stage.running()?.address;
    let hello = secure::client_hello();
    let hello = hello.map_err(|error| format!("there is no authority: {error}"))?;
    let mut clients = Vec::new();
    for number in 0..count {
        let client = Client::connect(address, MEANWHILE);
        let mut client =
            client.map_err(|error| format!("handshake {number}: {}", unreached(&error)))?;
        client.send(&hello[..hello.len() / 2]);
        clients.push(client);
    }
    stage.note();
    let began = Instant::now();
    let meanwhile = kind.answers(address, MEANWHILE);
    let meanwhile = meanwhile.map_err(|why| format!("with {count} half hellos, {why}"));
    let mut faults = Vec::from_iter(meanwhile.err());
    while !clients.is_empty() && began.elapsed() < GONE {
        thread::sleep(SLOW);
        let mut number = 0;
        clients.retain_mut(|client| {
            number += 1;
            (number % 2 == 0 || client.send(&hello[..1])) && !client.has_ended()
        });
    }
    if !clients.is_empty() {
        let (left, within) = (clients.len(), GONE.as_secs());
        faults.push(format!(
            "{left} of {count} handshakes still run after {within} s"
        ));
    }
    let says = format!("{count} handshakes at once that stop or drip, a good request meanwhile");
    Ok(Outcome::of(faults, count.to_string(), says))
}

/// Connections that end without a close_notify, in the middle of a record, by a reset, or with a broken record.
pub fn cuts(stage: &mut Stage) -> Result<Outcome, String> {
    let count = stage.plan.cuts;
    let (kind, address) = (stage.kind, stage.running()?.address);
    let mut faults = Vec::new();
    for number in 0..count {
        if let Err(why) = cut(kind, address, number) {
            faults.push(format!("connection {number}: {why}"));
        }
    }
    stage.note();
    let says = format!("{count} connections that end in the middle, or with a broken record");
    Ok(Outcome::of(faults, count.to_string(), says))
}

fn cut(kind: Kind, address: SocketAddr, number: usize) -> Result<(), String> {
    let mut client = kind.open(address, "", MEANWHILE)?;
    client.send(&text_frame("Hello"));
    if number.is_multiple_of(2) {
        client.frame(MEANWHILE)?;
    }
    let (mut tcp, tls) = client.into_parts();
    let mut tls = tls.ok_or("no TLS")?;
    let mut record = Vec::new();
    _ = tls.writer().write_all(&text_frame("Once more"));
    tls.write_tls(&mut record)
        .map_err(|error| error.to_string())?;
    match number % 5 {
        // TCP ends, and TLS doesn't.
        0 => _ = tcp.shutdown(Shutdown::Write),
        // Something is unread: a reset.
        1 => return Ok(()),
        2 => {
            _ = tcp.write_all(&record[..record.len() / 2]);
            _ = tcp.shutdown(Shutdown::Write);
        }
        3 => {
            *record.last_mut().ok_or("an empty record")? ^= 1;
            _ = tcp.write_all(&record);
        }
        // TLS ends, and more comes.
        _ => {
            let mut goodbye = Vec::new();
            tls.send_close_notify();
            tls.write_tls(&mut goodbye)
                .map_err(|error| error.to_string())?;
            _ = tcp.write_all(&[record, goodbye, vec![0; 2000]].concat());
        }
    }
    let began = Instant::now();
    let mut client = Client::from(tcp);
    while !client.has_ended() {
        if began.elapsed() > MEANWHILE {
            return Err(format!("it is still open after {} s", MEANWHILE.as_secs()));
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}
