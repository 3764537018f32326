//! Messages, for any frames and any text, cut anywhere.

use frames::{FrameHeader, Opcode, Part, ReservedBits};
use messages::{Item, MessageError, MessageReader, TextBuffer};
use proptest::collection::vec;
use proptest::prelude::*;

/// Bytes that are nearly UTF-8: text with a few bytes changed.
fn nearly_text() -> impl Strategy<Value = Vec<u8>> {
    let wrong = vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    (any::<String>(), wrong).prop_map(|(text, wrong)| {
        let mut bytes = text.into_bytes();
        for (index, byte) in wrong {
            if !bytes.is_empty() {
                let at = index.index(bytes.len());
                bytes[at] = byte;
            }
        }
        bytes
    })
}

/// The bytes in pieces of these sizes, again and again.
fn pieces<'a>(bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, behind) = rest.split_at((*size).min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces
}

fn header(opcode: Opcode, fin: bool, payload: &[u8]) -> Part {
    Part::Header(FrameHeader {
        fin,
        reserved: ReservedBits::NONE,
        opcode,
        masking_key: None,
        payload_length: payload.len() as u64,
    })
}

/// The parts of a frame, its payload in pieces.
fn parts(opcode: Opcode, fin: bool, payload: &[u8], sizes: &[usize]) -> Vec<Part> {
    let mut parts = vec![header(opcode, fin, payload)];
    let payload = pieces(payload, sizes);
    parts.extend(payload.iter().map(|piece| Part::Payload(piece.to_vec())));
    parts.push(Part::End);
    parts
}

/// The items, and the error that ended them.
fn read(limit: u64, parts: Vec<Part>) -> (Vec<Item>, Option<MessageError>) {
    let mut reader = MessageReader::new(limit);
    let mut items = Vec::new();
    for part in parts {
        match reader.read(part) {
            Ok(item) => items.extend(item),
            Err(error) => return (items, Some(error)),
        }
    }
    (items, None)
}

fn any_frame() -> impl Strategy<Value = (Opcode, bool, Vec<u8>)> {
    let data = prop::sample::select(vec![Opcode::Text, Opcode::Binary, Opcode::Continuation]);
    let control = prop::sample::select(vec![Opcode::Ping, Opcode::Pong, Opcode::Close]);
    prop_oneof![
        4 => (data, any::<bool>(), nearly_text()),
        1 => (control, Just(true), vec(any::<u8>(), 0..125)),
    ]
}

proptest! {
    #![proptest_config(properties::config())]

    #[test]
    fn text_in_pieces_gets_the_verdict_of_the_whole(
        bytes in prop_oneof![nearly_text(), vec(any::<u8>(), 0..40)],
        sizes in vec(1_usize..6, 1..6),
    ) {
        let mut buffer = TextBuffer::default();
        let pushed = pieces(&bytes, &sizes).iter().try_for_each(|piece| buffer.push(piece));
        let yours = pushed.and_then(|()| buffer.finish());
        match std::str::from_utf8(&bytes) {
            Ok(text) => prop_assert_eq!(yours.as_deref(), Ok(text)),
            Err(error) => prop_assert_eq!(yours.map_err(|error| error.valid_up_to), Err(error.valid_up_to())),
        }
    }

    #[test]
    fn bad_text_fails_with_its_first_bad_byte(bytes in nearly_text()) {
        let mut buffer = TextBuffer::default();
        for end in 1..=bytes.len() {
            let so_far = std::str::from_utf8(&bytes[..end]);
            let is_wrong = so_far.is_err_and(|error| error.error_len().is_some());
            prop_assert_eq!(buffer.push(&bytes[end - 1..end]).is_err(), is_wrong);
            if is_wrong {
                break;
            }
        }
    }

    #[test]
    fn the_same_items_however_payloads_are_cut(
        frames in vec(any_frame(), 0..8),
        sizes in vec(1_usize..20, 1..6),
        limit in 0_u64..300,
    ) {
        let whole = frames.iter().flat_map(|(opcode, fin, payload)| {
            parts(*opcode, *fin, payload, &[usize::MAX])
        });
        let cut = frames.iter().flat_map(|(opcode, fin, payload)| {
            parts(*opcode, *fin, payload, &sizes)
        });
        let (items, error) = read(limit, whole.collect());
        let (cut_items, cut_error) = read(limit, cut.collect());
        prop_assert_eq!((items, error), (cut_items, cut_error));
    }

    #[test]
    fn memory_is_bounded_by_the_limit(
        frames in vec((any::<bool>(), vec(any::<u8>(), 0..50)), 1..200),
        limit in 0_u64..1000,
    ) {
        let mut reader = MessageReader::new(limit);
        let mut opcode = Opcode::Binary;
        'frames: for (pause, payload) in frames {
            let mut all = parts(opcode, false, &payload, &[7]);
            if pause {
                all.extend(parts(Opcode::Ping, true, &payload, &[7]));
            }
            for part in all {
                if reader.read(part).is_err() {
                    break 'frames;
                }
                // A Vec that grows begins with 8 bytes, and doubles.
                let most = (2 * limit as usize).max(8) + 2 * 64;
                prop_assert!(reader.memory() <= most, "{} > {most}", reader.memory());
            }
            opcode = Opcode::Continuation;
        }
    }

    #[test]
    fn a_message_in_fragments_is_the_message(
        text in any::<String>(),
        sizes in vec(1_usize..20, 1..6),
    ) {
        let fragments = pieces(text.as_bytes(), &sizes);
        let mut all = parts(Opcode::Text, false, b"", &[1]);
        for fragment in fragments {
            all.extend(parts(Opcode::Continuation, false, fragment, &[3]));
            all.extend(parts(Opcode::Ping, true, b"?", &[1]));
        }
        all.extend(parts(Opcode::Continuation, true, b"", &[1]));
        let (items, error) = read(u64::MAX, all);
        prop_assert_eq!(error, None);
        prop_assert_eq!(items.last(), Some(&Item::Message(messages::Message::Text(text))));
    }
}
