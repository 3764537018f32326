//! The rules of frames (RFC 6455 §5) and of text (§8.1), for what a server sends.

use workshop_wire::side::Side;

use super::{Rule, Trial};
use crate::exchange::{self, Opens, each_fails};
use crate::frame::{self, BINARY, CLOSE, CONTINUATION, FIN, Length, PING, PONG, TEXT};
use crate::outcome::Outcome;
use crate::rule::Tried;

/// The rules, in the order in which they are tried.
pub const RULES: &[Rule] = &[
    Rule::new("its own frames are right", "§5.1–5.3", exchange::own_frames),
    Rule::new("a ping is answered", "§5.5.3", exchange::ping),
    Rule::new("a ping between two fragments", "§5.4", ping_between),
    Rule::new("a masked frame fails", "§5.1", |trial| {
        // Not text: a client that takes the frame as it is wouldn't get past UTF-8.
        let masked = frame::of(Side::Client, FIN | BINARY, b"open");
        exchange::fails(trial, &masked, 1002)
    }),
    Rule::new("RSV1, RSV2, RSV3 fail", "§5.2", exchange::reserved_bits),
    Rule::new(
        "opcodes 3–7 and b–f fail",
        "§5.2",
        exchange::reserved_opcodes,
    ),
    Rule::new("a control frame in parts fails", "§5.5", |trial| {
        let all = [("Close", CLOSE), ("ping", PING), ("pong", PONG)];
        let all = all.map(|(name, opcode)| (name.to_string(), trial.frame(opcode, b"")));
        each_fails(trial, all.into())
    }),
    Rule::new("126 bytes in a control frame fail", "§5.5", |trial| {
        let payload = [0x03, 0xe8].iter().chain(&[b'x'; 124]).copied();
        let payload: Vec<u8> = payload.collect();
        let all = [("Close", CLOSE), ("ping", PING), ("pong", PONG)];
        let all = all.map(|(name, opcode)| (name.to_string(), trial.frame(FIN | opcode, &payload)));
        each_fails(trial, all.into())
    }),
    Rule::new("a continuation of nothing fails", "§5.4", |trial| {
        let lone = trial.frame(FIN | CONTINUATION, b"x");
        exchange::fails(trial, &lone, 1002)
    }),
    Rule::new("text inside a message fails", "§5.4", |trial| {
        let mut bytes = trial.frame(TEXT, b"x");
        bytes.extend(trial.text(b"y"));
        exchange::fails(trial, &bytes, 1002)
    }),
    Rule::new("5 bytes, length in 16 bits", "§5.2", |trial| {
        exchange::too_long_a_length(trial, Length::U16(5))
    }),
    Rule::new("5 bytes, length in 64 bits", "§5.2", |trial| {
        exchange::too_long_a_length(trial, Length::U64(5))
    }),
    Rule::new(
        "a length with its top bit set",
        "§5.2",
        exchange::top_bit_of_a_length,
    ),
    Rule::new(
        "1 GiB declared, nothing sent",
        "§10.4",
        exchange::a_gibibyte,
    ),
    Rule::new("text that isn't UTF-8 fails", "§8.1", exchange::bad_text),
    Rule::new(
        "… in a first fragment alone",
        "",
        exchange::bad_text_in_a_fragment,
    ),
    Rule::new("… in 3 of 100 bytes", "", exchange::bad_text_in_three_bytes),
];

fn ping_between(trial: &Trial) -> Tried {
    let mut visit = trial.open()?;
    let mut bytes = trial.frame(TEXT, b"Hel");
    bytes.extend(trial.frame(FIN | PING, b"?"));
    visit.send(&bytes);
    // The end of the message comes only once the ping is answered: a client must not wait for it (§5.5.2).
    match visit.frame() {
        Ok(frame) if frame.opcode() == PONG && frame.payload == b"?" => {}
        Ok(frame) => {
            let opcode = frame.opcode();
            return Ok(Outcome::broken(format!("a frame with opcode {opcode:x}")));
        }
        Err(end) => return Ok(Outcome::broken(format!("no pong, {}", end.in_words()))),
    }
    visit.send(&trial.frame(FIN | CONTINUATION, b"lo"));
    Ok(match visit.message() {
        Ok(message) if message == b"Hello" => Outcome::kept("pong at once, then the echo"),
        Ok(_) => Outcome::broken("echoed as something else"),
        Err(did) => Outcome::broken(did),
    })
}
