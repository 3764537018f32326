//! The rules of frames (RFC 6455 §5) and of text (§8.1).

use workshop_wire::side::Side;

use super::Rule;
use crate::exchange;
use crate::frame::{self, FIN, Length, TEXT};

/// The rules, in the order in which they are tried.
pub const RULES: &[Rule] = &[
    Rule::new("its own frames are right", "§5.1–5.2", exchange::own_frames),
    Rule::new("a ping is answered", "§5.5.3", exchange::ping),
    Rule::new("an unmasked frame fails", "§5.1", |trial| {
        let unmasked = frame::of(Side::Server, FIN | TEXT, b"open");
        exchange::fails(trial, &unmasked, 1002)
    }),
    Rule::new("RSV1, RSV2, RSV3 fail", "§5.2", exchange::reserved_bits),
    Rule::new(
        "opcodes 3–7 and b–f fail",
        "§5.2",
        exchange::reserved_opcodes,
    ),
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
