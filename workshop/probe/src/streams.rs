//! How a server treats streams: cut anywhere, in tiny pieces, half-closed, and never read.

use std::thread;
use std::time::Duration;

use crate::frame::{BINARY, FIN, PING, masked, text};
use crate::framing::one_byte_fragments;
use crate::outcome::Outcome;
use crate::peer::{FloodEnd, TcpEnd};
use crate::{Rule, Trial, Tried, mebibytes};

const FRAGMENTS: usize = 100_000;

/// The most bytes that are sent to a server whose answers aren't read.
const FLOOD: u64 = 64 << 20;

/// The rules, in the order in which they are tried.
pub const RULES: &[Rule] = &[
    Rule::new("a stream cut at every byte", "§5.2", cut).slow(),
    Rule::new("100,000 one-byte fragments", "§5.4", fragments).slow(),
    Rule::new("a peer that has half-closed", "", half_closed),
    Rule::new("pings, and nobody reads", "", |trial| {
        never_read(trial, &masked(FIN | PING, &[b'p'; 125]))
    })
    .slow(),
    Rule::new("1 KiB messages, and nobody reads", "", |trial| {
        never_read(trial, &masked(FIN | BINARY, &[b'm'; 1024]))
    })
    .slow(),
];

fn cut(trial: &Trial) -> Tried {
    let mut peer = trial.open()?;
    let messages: [&[u8]; 2] = [b"Hello", &[b'x'; 126]];
    for message in messages {
        let bytes = text(message);
        for at in 1..bytes.len() {
            peer.send(&bytes[..at]);
            // Usually long enough for the server to read the first part alone.
            thread::sleep(Duration::from_millis(2));
            peer.send(&bytes[at..]);
            let came = peer.message();
            if came.as_deref() != Ok(message) {
                let did = came.err().unwrap_or("another echo".to_string());
                let length = bytes.len();
                return Ok(Outcome::broken(format!("cut at {at} of {length}: {did}")));
            }
        }
    }
    Ok(Outcome::kept("2 frames, 143 cuts: each echoed"))
}

fn fragments(trial: &Trial) -> Tried {
    let mut peer = trial.open()?;
    let bytes = one_byte_fragments(FRAGMENTS);
    peer.flood(&bytes, b"x", bytes.len() as u64, true);
    Ok(match peer.message() {
        Ok(message) if message == vec![b'x'; FRAGMENTS] => Outcome::kept("echoed"),
        Ok(message) => Outcome::broken(format!("{} bytes come back", message.len())),
        Err(did) if did.contains("stays open") => Outcome::broken(did),
        Err(did) => Outcome::chosen(did),
    })
}

fn half_closed(trial: &Trial) -> Tried {
    let mut peer = trial.open()?;
    peer.send(&text(b"half"));
    peer.half_close();
    let ending = peer.ending(false);
    let echo = if ending.messages.is_empty() {
        "no echo"
    } else {
        "echo"
    };
    let end = match (ending.end, ending.close.is_some()) {
        (TcpEnd::Open, false) => "stays open".to_string(),
        _ => ending.in_words(),
    };
    Ok(Outcome::chosen(format!("{echo}, {end}")))
}

/// Finds out what a server does with answers that aren't read: stop reading, keep them, drop some, or end the
/// connection. No rule says which, but keeping them costs memory.
fn never_read(trial: &Trial, frame: &[u8]) -> Tried {
    let mut peer = trial.open()?;
    let filler = frame.repeat(64);
    let flood = peer.flood(b"", &filler, FLOOD, false);
    let sent = mebibytes(flood.sent);
    Ok(Outcome::chosen(match flood.end {
        FloodEnd::Ended => format!("ends it after {sent}"),
        FloodEnd::Stalled => format!("reads no more after {sent}"),
        FloodEnd::AllSent => {
            let answers = mebibytes(peer.drain());
            format!("takes all {sent}, then answers with {answers}")
        }
    }))
}
