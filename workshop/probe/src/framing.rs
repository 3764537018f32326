//! The rules of frames (RFC 6455 §5) and of text (§8.1).

use std::time::Duration;

use crate::frame::{
    BINARY, CONTINUATION, Draft, FIN, Length, PING, PONG, TEXT, close, masked, text,
};
use crate::outcome::{Mark, Outcome};
use crate::peer::{Ending, TcpEnd};
use crate::{Rule, Trial, Tried};

/// How long a server has to refuse what it can refuse at once.
const AT_ONCE: Duration = Duration::from_secs(2);

/// The rules, in the order in which they are tried.
pub const RULES: &[Rule] = &[
    Rule::new("its own frames are right", "§5.1–5.2", own_frames),
    Rule::new("a ping is answered", "§5.5.3", ping),
    Rule::new("an unmasked frame fails", "§5.1", |trial| {
        let draft = Draft {
            first: FIN | TEXT,
            masked: false,
            length: Length::Minimal,
            payload: b"open",
        };
        fails(trial, &draft.bytes(), 1002)
    }),
    Rule::new("RSV1, RSV2, RSV3 fail", "§5.2", |trial| {
        let bits = [("RSV1", 0x40), ("RSV2", 0x20), ("RSV3", 0x10)];
        let bits = bits.map(|(name, bit)| (name.to_string(), FIN | bit | TEXT));
        each_fails(trial, bits.into())
    }),
    Rule::new("opcodes 3–7 and b–f fail", "§5.2", |trial| {
        let reserved = (0x3..=0x7).chain(0xb..=0xf);
        let frames = reserved.map(|opcode| (format!("opcode {opcode:x}"), FIN | opcode));
        each_fails(trial, frames.collect())
    }),
    Rule::new("5 bytes, length in 16 bits", "§5.2", |trial| {
        too_long_a_length(trial, Length::U16(5))
    }),
    Rule::new("5 bytes, length in 64 bits", "§5.2", |trial| {
        too_long_a_length(trial, Length::U64(5))
    }),
    Rule::new("a length with its top bit set", "§5.2", |trial| {
        let ending = declared(trial, 1 << 63 | 5)?;
        Ok(match ending.code() {
            Some(1002 | 1009) if ending.end != TcpEnd::Open => Outcome::kept(ending.in_words()),
            _ => Outcome::chosen(ending.in_words()),
        })
    }),
    Rule::new("1 GiB declared, nothing sent", "§10.4", |trial| {
        Ok(Outcome::chosen(declared(trial, 1 << 30)?.in_words()))
    }),
    Rule::new("text that isn't UTF-8 fails", "§8.1", |trial| {
        fails(trial, &text(&[0xce, 0xba, 0xff]), 1007)
    }),
    Rule::new("… in a first fragment alone", "", |trial| {
        how_early(trial, &masked(TEXT, &[0xce, 0xba, 0xff]))
    }),
    Rule::new("… in 3 of 100 bytes", "", |trial| {
        let mut bytes = text(&[0xff; 100]);
        bytes.truncate(2 + 4 + 3);
        how_early(trial, &bytes)
    }),
];

fn own_frames(trial: &Trial) -> Tried {
    let mut peer = trial.open()?;
    for length in [0, 125, 126, 0xffff, 0x1_0000] {
        let payload = vec![b'x'; length];
        peer.send(&masked(FIN | BINARY, &payload));
        if peer.message()? != payload {
            return Ok(Outcome::broken(format!("{length} bytes come back changed")));
        }
    }
    peer.send(&masked(FIN | PING, b"?"));
    _ = peer.frame();
    Ok(match peer.fault {
        Some(fault) => Outcome::broken(fault),
        None => Outcome::kept("at 0, 125, 126, 65535, 65536 bytes"),
    })
}

fn ping(trial: &Trial) -> Tried {
    let mut peer = trial.open()?;
    let payload = [b'p'; 125];
    peer.send(&masked(FIN | PING, &payload));
    Ok(match peer.frame() {
        Ok(frame) if frame.opcode() == PONG && frame.payload == payload => {
            Outcome::kept("with its 125 bytes")
        }
        Ok(frame) if frame.opcode() == PONG => Outcome::broken("with other bytes"),
        Ok(frame) => Outcome::broken(format!("a frame with opcode {:x}", frame.opcode())),
        Err(end) => Outcome::broken(format!("no pong, {}", end.in_words())),
    })
}

fn fails(trial: &Trial, bytes: &[u8], code: u16) -> Tried {
    let mut peer = trial.open()?;
    peer.send(bytes);
    Ok(Outcome::of_failure(&peer.ending(true), code))
}

fn each_fails(trial: &Trial, frames: Vec<(String, u8)>) -> Tried {
    let mut all = Vec::new();
    for (name, first) in frames {
        let outcome = fails(trial, &masked(first, b"x"), 1002)?;
        let is_broken = outcome.mark == Mark::Broken;
        all.push((name, outcome));
        // The rest may have no time left.
        if is_broken {
            break;
        }
    }
    Ok(Outcome::worst(all))
}

/// §5.2 says how a sender writes a length, but not what a receiver does if it is written differently.
fn too_long_a_length(trial: &Trial, length: Length) -> Tried {
    let draft = Draft {
        first: FIN | TEXT,
        masked: true,
        length,
        payload: b"Hello",
    };
    let mut peer = trial.open()?;
    peer.send(&draft.bytes());
    // A server that accepts the frame would leave the connection open. The Close ends it.
    peer.send(&close(1000, b""));
    let ending = peer.ending(true);
    if ending.messages == [b"Hello"] {
        return Ok(Outcome::chosen("accepts it"));
    }
    Ok(match Outcome::of_failure(&ending, 1002) {
        outcome if ending.end == TcpEnd::Open => outcome,
        outcome if ending.code() == Some(1002) => outcome,
        outcome => Outcome::chosen(outcome.did),
    })
}

fn declared(trial: &Trial, length: u64) -> Result<Ending, String> {
    let draft = Draft {
        first: FIN | BINARY,
        masked: true,
        length: Length::U64(length),
        payload: b"",
    };
    let mut peer = trial.open()?.with_patience(AT_ONCE);
    peer.send(&draft.bytes());
    Ok(peer.ending(true))
}

fn how_early(trial: &Trial, bytes: &[u8]) -> Tried {
    let mut peer = trial.open()?.with_patience(AT_ONCE);
    peer.send(bytes);
    let ending = peer.ending(true);
    Ok(match ending.end {
        TcpEnd::Open if ending.close.is_none() => Outcome::chosen("waits for the rest"),
        _ => Outcome::chosen(format!("at once: {}", ending.in_words())),
    })
}

/// One message as `count` frames of one byte each.
pub fn one_byte_fragments(count: usize) -> Vec<u8> {
    let mut bytes = masked(TEXT, b"x");
    for _ in 2..count {
        bytes.extend(masked(CONTINUATION, b"x"));
    }
    bytes.extend(masked(FIN | CONTINUATION, b"x"));
    bytes
}
