//! What properties are made of: headers, frames, and streams that are cut anywhere.
//!
//! A run takes the same cases each time. `PROPTEST_RNG_SEED=1` takes others, `PROPTEST_CASES=10000`
//! takes more.

use std::env;

use frame_header::{FrameHeader, MaskingKey, Opcode, ReservedBits};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The same cases in each run, unless the environment asks for others.
pub fn config() -> ProptestConfig {
    let config = ProptestConfig {
        // A case that failed belongs into the checks, where a learner sees it.
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    match env::var_os("PROPTEST_RNG_SEED") {
        Some(_) => config,
        None => ProptestConfig {
            rng_seed: RngSeed::Fixed(6455),
            ..config
        },
    }
}

/// One of the six opcodes.
pub fn opcode() -> impl Strategy<Value = Opcode> {
    prop::sample::select(vec![
        Opcode::Continuation,
        Opcode::Text,
        Opcode::Binary,
        Opcode::Close,
        Opcode::Ping,
        Opcode::Pong,
    ])
}

/// Any reserved bits.
pub fn reserved() -> impl Strategy<Value = ReservedBits> {
    any::<[bool; 3]>().prop_map(|[rsv1, rsv2, rsv3]| ReservedBits { rsv1, rsv2, rsv3 })
}

/// A length, mostly a short one or one at a boundary.
pub fn payload_length() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..=130_u64,
        65_530..=65_540_u64,
        0..=0x7fff_ffff_ffff_ffff_u64,
        Just(0x7fff_ffff_ffff_ffff_u64),
    ]
}

/// A header that keeps every rule.
pub fn header() -> impl Strategy<Value = FrameHeader> {
    let fields = (
        any::<bool>(),
        reserved(),
        opcode(),
        any::<Option<MaskingKey>>(),
        payload_length(),
    );
    fields.prop_map(|(fin, reserved, opcode, masking_key, length)| FrameHeader {
        fin: fin || opcode.is_control(),
        reserved,
        opcode,
        masking_key,
        payload_length: if opcode.is_control() {
            length % 126
        } else {
            length
        },
    })
}

/// The bytes in pieces: each is as long as the next of the lengths says (at least 1), and the last
/// one is what is left.
pub fn pieces<'a>(bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    for length in lengths {
        let (piece, behind) = rest.split_at((*length).max(1).min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(rest);
    pieces
}

/// Bytes that are often like frames, and often not.
pub fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => prop::sample::select(vec![
            0x00_u8, 0x01, 0x02, 0x80, 0x81, 0x82, 0x83, 0x85, 0x88, 0x89, 0x8a, 0xfe, 0xff, 0x7e, 0x7f, 0xc1,
        ]),
        1 => any::<u8>(),
    ];
    prop::collection::vec(byte, 0..200)
}
