//! `latency`: how long an echo takes if messages come at a fixed rate, whatever the server does.
//!
//! A load that waits for an answer before it asks again is kind to a server that stumbles: it asks less. This one sends
//! by the clock. The delay of a message is counted from the instant at which it was *due*, not from that at which it
//! could be sent, so a pause of the server counts for every message that it has held up.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::apart::{Apart, keep_apart};
use crate::load::{KEY, frame, open_at};
use crate::progress;
use crate::servers::Speaks;
use crate::table::{spread, thousands};

/// How long a message is, and how many connections take turns.
const PAYLOAD: usize = 128;
const CONNECTIONS: usize = 32;

/// The first part of a run isn't counted.
const WARM_UP: Duration = Duration::from_millis(200);

/// The delays of one run, sorted, in microseconds.
fn run(server: &Apart, rate: u64, span: Duration) -> io::Result<Vec<f64>> {
    let payload = vec![b'x'; PAYLOAD];
    let masked = frame(&payload, Some(KEY));
    let echo = match server.speaks {
        Speaks::WebSocket => frame(&payload, None),
        Speaks::Tcp => masked.clone(),
    };
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(256);
    let mut lines = Vec::new();
    for place in 0..CONNECTIONS {
        let stream = open_at(server.address, server.speaks, &masked, &echo)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        let readable = Interest::READABLE;
        poll.registry()
            .register(&mut stream, Token(place), readable)?;
        lines.push((stream, VecDeque::new(), 0));
    }
    let mut delays = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    let begun = Instant::now();
    let due = |number: u64| begun + Duration::from_nanos(number * 1_000_000_000 / rate);
    let end = begun + WARM_UP + span;
    let mut number = 0;
    loop {
        let now = Instant::now();
        while due(number) <= now && due(number) < end {
            let (stream, sent, _) = &mut lines[number as usize % CONNECTIONS];
            // A socket that is full would be a server that has stopped reading: then the run is over.
            stream.write_all(&masked)?;
            sent.push_back(due(number));
            number += 1;
        }
        let waiting = lines.iter().any(|(_, sent, _)| !sent.is_empty());
        if now >= end && !waiting {
            break;
        }
        if now >= end + Duration::from_secs(5) {
            return Err(ErrorKind::TimedOut.into());
        }
        poll.poll(&mut events, Some(Duration::ZERO))?;
        for event in &events {
            let (stream, sent, come) = &mut lines[event.token().0];
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                    Ok(count) => *come += count,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
            let now = Instant::now();
            while *come >= echo.len() {
                *come -= echo.len();
                let due: Instant = sent.pop_front().ok_or(ErrorKind::InvalidData)?;
                if due >= begun + WARM_UP {
                    delays.push((now - due).as_secs_f64() * 1e6);
                }
            }
        }
    }
    delays.sort_by(f64::total_cmp);
    Ok(delays)
}

/// Measures each server at each rate, and returns the table: medians over the rounds.
///
/// # Errors
/// Returns an error if a server isn't there, or doesn't echo.
pub fn table(
    names: &[&'static str],
    rates: &[u64],
    rounds: usize,
    span: Duration,
) -> io::Result<String> {
    let apart = keep_apart();
    let mut text = format!(
        "delay of an echo in µs; {CONNECTIONS} clients, messages of {PAYLOAD} bytes that are sent by the clock\n\n{:<20}",
        ""
    );
    for rate in rates {
        text += &format!("{:>24}", format!("{} a second", thousands(*rate as f64)));
    }
    text += &format!("\n{:<20}", "");
    for _ in rates {
        text += &format!("{:>8}{:>8}{:>8}", "p50", "p99", "p99.9");
    }
    text += "\n";
    let steps = names.len() * rates.len() * rounds;
    let mut figures = vec![vec![[const { Vec::new() }; 3]; rates.len()]; names.len()];
    let mut done = 0;
    for round in 0..rounds {
        for turn in 0..names.len() {
            let which = (round + turn) % names.len();
            for (place, &rate) in rates.iter().enumerate() {
                progress(done, steps, &format!("{} a second: {}", rate, names[which]));
                done += 1;
                let server = Apart::start(names[which], apart)?;
                let delays = run(&server, rate, span);
                // A server that can't keep up has no delays that mean something.
                let Ok(delays) = delays else { continue };
                for (kept, share) in figures[which][place].iter_mut().zip([0.5, 0.99, 0.999]) {
                    let at = (delays.len() as f64 * share) as usize;
                    kept.extend(delays.get(at.min(delays.len().saturating_sub(1))));
                }
            }
        }
    }
    progress(done, steps, "");
    for (name, figures) in names.iter().zip(&figures) {
        text += &format!("{name:<20}");
        for cell in figures.iter().flatten() {
            let shown = match cell.len() {
                0 => "–".to_string(),
                _ => format!("{:.0}", spread(cell).1),
            };
            text += &format!("{shown:>8}");
        }
        text += "\n";
    }
    Ok(text)
}
