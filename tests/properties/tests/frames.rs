//! Step 06: the same parts, however a stream is cut.

use frames::{
    Frame, FrameDecoder, FrameError, MaskingKey, Opcode, Part, ReservedBits, Role, encode_frame,
    mask,
};
use properties::{config, hostile, opcode, pieces, reserved};
use proptest::prelude::*;

const LIMIT: u64 = 100_000;
const ALL: ReservedBits = ReservedBits {
    rsv1: true,
    rsv2: true,
    rsv3: true,
};

/// A frame that keeps every rule, and a key for it.
fn frame() -> impl Strategy<Value = (Frame, MaskingKey)> {
    let lengths = prop_oneof![20 => 0..=200_usize, 1 => 65_530..=65_540_usize];
    let payload = lengths.prop_flat_map(|length| prop::collection::vec(any::<u8>(), length));
    let fields = (
        any::<bool>(),
        reserved(),
        opcode(),
        payload,
        any::<MaskingKey>(),
    );
    fields.prop_map(|(fin, reserved, opcode, mut payload, key)| {
        if opcode.is_control() {
            payload.truncate(125);
        }
        let frame = Frame {
            fin: fin || opcode.is_control(),
            reserved,
            opcode,
            payload,
        };
        (frame, key)
    })
}

fn encoded(frames: &[(Frame, MaskingKey)], role: Role) -> Vec<u8> {
    let mut out = Vec::new();
    for (frame, key) in frames {
        let key = (role == Role::Client).then_some(*key);
        encode_frame(
            &mut out,
            frame.fin,
            frame.reserved,
            frame.opcode,
            key,
            &frame.payload,
        );
    }
    out
}

/// All parts, with pieces of a payload put together, and the error at the end.
fn parts(decoder: &mut FrameDecoder, pieces: &[&[u8]]) -> (Vec<Part>, Option<FrameError>) {
    let mut all: Vec<Part> = Vec::new();
    for piece in pieces {
        decoder.receive(piece);
        loop {
            match decoder.next_part() {
                Ok(None) => break,
                Err(error) => return (all, Some(error)),
                Ok(Some(part)) => match (all.last_mut(), part) {
                    (Some(Part::Payload(bytes)), Part::Payload(more)) => bytes.extend(more),
                    (_, part) => all.push(part),
                },
            }
        }
    }
    (all, None)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn frames_come_back_however_they_are_cut(
        frames in prop::collection::vec(frame(), 0..6),
        cuts in prop::collection::vec(1..300_usize, 0..20),
        sent_by_client: bool,
    ) {
        let (us, them) = if sent_by_client { (Role::Server, Role::Client) } else { (Role::Client, Role::Server) };
        let stream = encoded(&frames, them);
        let mut decoder = FrameDecoder::new(us, LIMIT, ALL);
        let mut back = Vec::new();
        for piece in pieces(&stream, &cuts) {
            decoder.receive(piece);
            while let Some(frame) = decoder.next_frame().expect("it keeps every rule") {
                back.push(frame);
            }
        }
        let sent: Vec<Frame> = frames.into_iter().map(|(frame, _)| frame).collect();
        prop_assert_eq!(back, sent);
    }

    #[test]
    fn any_bytes_say_the_same_however_they_are_cut(
        bytes in hostile(),
        cuts in prop::collection::vec(1..30_usize, 0..40),
        negotiated in reserved(),
    ) {
        for role in [Role::Server, Role::Client] {
            let whole = parts(&mut FrameDecoder::new(role, LIMIT, negotiated), &[&bytes]);
            let mut decoder = FrameDecoder::new(role, LIMIT, negotiated);
            let cut = parts(&mut decoder, &pieces(&bytes, &cuts));
            prop_assert_eq!(&cut, &whole);
            let bytewise: Vec<&[u8]> = bytes.chunks(1).collect();
            let bytewise = parts(&mut FrameDecoder::new(role, LIMIT, negotiated), &bytewise);
            prop_assert_eq!(&bytewise, &whole);
        }
    }

    /// A header and the piece that came last are all that is kept, and room to grow.
    #[test]
    fn memory_is_for_what_arrived(bytes in hostile(), cuts in prop::collection::vec(1..30_usize, 0..40)) {
        let mut decoder = FrameDecoder::new(Role::Server, u64::MAX, ALL);
        for piece in pieces(&bytes, &cuts) {
            decoder.receive(piece);
            while let Ok(Some(_)) = decoder.next_part() {}
            prop_assert!(decoder.memory() <= 2 * (bytes.len() + 14).max(64));
        }
    }

    #[test]
    fn what_is_too_large_is_refused_with_its_header(limit in 0..70_000_u64, more in 0..3_u64, key: MaskingKey) {
        let declared = limit + more;
        let mut stream = Vec::new();
        let payload = vec![0; declared as usize];
        encode_frame(&mut stream, true, ReservedBits::NONE, Opcode::Binary, Some(key), &payload);
        let header = stream.len() - payload.len();
        let mut decoder = FrameDecoder::new(Role::Server, limit, ReservedBits::NONE);
        decoder.receive(&stream[..header]);
        let said = decoder.next_part();
        match more {
            0 => prop_assert!(matches!(said, Ok(Some(Part::Header(_))))),
            _ => prop_assert_eq!(said, Err(FrameError::TooLarge { declared, limit })),
        }
    }

    #[test]
    fn masking_twice_is_nothing(bytes: Vec<u8>, key: MaskingKey, offset: usize) {
        let mut masked = bytes.clone();
        mask(&mut masked, key, offset);
        mask(&mut masked, key, offset);
        prop_assert_eq!(masked, bytes);
    }

    #[test]
    fn masking_in_pieces_is_masking(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        cuts in prop::collection::vec(1..30_usize, 0..20),
        key: MaskingKey,
    ) {
        let mut whole = bytes.clone();
        mask(&mut whole, key, 0);
        let mut done = Vec::new();
        for piece in pieces(&bytes, &cuts) {
            let mut piece = piece.to_vec();
            mask(&mut piece, key, done.len());
            done.extend(piece);
        }
        prop_assert_eq!(done, whole);
    }
}
