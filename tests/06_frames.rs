//! Step 06, `frames`: headers and payloads, out of a stream that may be cut anywhere.

use std::time::{Duration, Instant};

use frame_header::{Decoded, draw};
use frames::{
    Frame, FrameDecoder, FrameError, FrameHeader, HeaderError, MaskingKey, Opcode, Part,
    ReservedBits, Role, encode_frame, mask,
};
use support::frame::KEY;
use support::sign::{missing, panics, too_little, yours};
use support::wire::hex;
use support::{check, cut, program};

/// The longest payload that a frame may declare, if a check doesn't say otherwise.
const LIMIT: u64 = 1 << 20;
const RSV1: ReservedBits = ReservedBits {
    rsv1: true,
    rsv2: false,
    rsv3: false,
};

/// Bytes that this file gives in hexadecimal.
fn bytes(text: &str) -> Vec<u8> {
    frame_header::hex::parse(text).expect("the check's own bytes")
}

/// Short bytes as text if they are text, else in hexadecimal; of long ones the length, the beginning and a hash.
fn short(bytes: &[u8]) -> String {
    if bytes.len() > 32 {
        let start = hex(&bytes[..8]);
        return format!(
            "{} bytes, {start} …, hash {:016x}",
            bytes.len(),
            hash(bytes)
        );
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(char::is_control) => format!("{text:?}"),
        _ => hex(bytes),
    }
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A part in one line.
fn line(part: &Part) -> String {
    match part {
        Part::Header(header) => format!("header: {header}"),
        Part::Payload(bytes) => format!("payload: {}", short(bytes)),
        Part::End => "end".to_string(),
    }
}

fn refused(error: FrameError) -> String {
    format!("✗ {} {error}", error.close_code())
}

fn server(max_payload: u64) -> FrameDecoder {
    FrameDecoder::new(Role::Server, max_payload, ReservedBits::NONE)
}

/// More parts than any check has at once.
const MAX_PARTS: usize = 10_000;

/// Why a decoder never runs out of parts.
fn why_endless(parts: &[Part]) -> &'static str {
    let mut headers = parts
        .iter()
        .filter(|part| matches!(part, Part::Header(_)))
        .rev();
    match (parts.last(), headers.next(), headers.next()) {
        (Some(Part::Payload(bytes)), ..) if bytes.is_empty() => {
            "next_part returned an empty Payload: if no byte is there, it returns `None`"
        }
        (_, Some(last), Some(before)) if last == before => {
            "next_part returned the same Header again and again: was it counted in `taken`?"
        }
        _ => "next_part returns parts without end",
    }
}

/// All parts that the decoder has now, and its error.
fn parts(decoder: &mut FrameDecoder) -> (Vec<Part>, Option<FrameError>) {
    let mut parts = Vec::new();
    loop {
        assert!(parts.len() < MAX_PARTS, "{}", why_endless(&parts));
        match decoder.next_part() {
            Ok(Some(part)) => parts.push(part),
            Ok(None) => return (parts, None),
            Err(error) => return (parts, Some(error)),
        }
    }
}

/// Each piece, and the parts that it brought.
fn transcript(decoder: &mut FrameDecoder, pieces: &[&[u8]]) -> String {
    let mut text = String::new();
    for piece in pieces {
        decoder.receive(piece);
        let (parts, error) = parts(decoder);
        let shown = if piece.len() > 16 {
            format!("{} bytes", piece.len())
        } else {
            hex(piece)
        };
        text += &format!("{shown}\n");
        for part in &parts {
            text += &format!("  {}\n", line(part));
        }
        if let Some(error) = error {
            return text + &format!("  {}\n", refused(error));
        }
    }
    text
}

/// The parts of a stream that came in these pieces. The pieces of each payload are joined.
fn joined(decoder: &mut FrameDecoder, pieces: &[&[u8]]) -> String {
    let mut all: Vec<Part> = Vec::new();
    for piece in pieces {
        decoder.receive(piece);
        let (parts, error) = parts(decoder);
        for part in parts {
            match (all.last_mut(), part) {
                (Some(Part::Payload(_)), Part::Payload(more)) if more.is_empty() => {
                    return "an empty piece of payload".to_string();
                }
                (Some(Part::Payload(bytes)), Part::Payload(more)) => bytes.extend(more),
                (_, part) => all.push(part),
            }
        }
        if let Some(error) = error {
            return format!("{}\n{}", lines(&all, "\n"), refused(error));
        }
    }
    lines(&all, "\n")
}

/// These parts, with a separator between them.
fn lines(parts: &[Part], separator: &str) -> String {
    let lines: Vec<String> = parts.iter().map(line).collect();
    lines.join(separator)
}

fn frame(opcode: Opcode, masking_key: Option<MaskingKey>, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_frame(
        &mut out,
        true,
        ReservedBits::NONE,
        opcode,
        masking_key,
        payload,
    );
    out
}

/// Five frames of a client: two forms of the length, an empty payload, a fragment, different keys.
fn stream() -> Vec<u8> {
    let mut stream = bytes("81 85 37 fa 21 3d 7f 9f 4d 51 58");
    stream.extend(bytes("89 80 a1 b2 c3 d4"));
    stream.extend(bytes("02 fe 00 7e 01 02 03 04"));
    stream.extend((0..126).map(|index| index ^ [1, 2, 3, 4][usize::from(index) % 4]));
    stream.extend(bytes("8a 81 ff 00 ff 00 be"));
    stream.extend(bytes("80 83 00 00 00 00 61 62 63"));
    stream
}

// Masking.

#[test]
fn masking_is_xor_with_four_bytes_in_turn() {
    check! {
        rfc: "RFC 6455 §5.3",
        rule: "Byte i of the payload is XORed with byte i mod 4 of the key. Masking twice gives the payload back.",
        signs: [
            yours(["[75]"]).says(
                "The key was used from its other end. The first byte of the payload is XORed with the key's first \
                 byte.",
            ),
            yours(["[48]"]).says("Nothing was masked. `mask` changes the bytes in place: `*byte ^= …`."),
            yours(["[7f 52 5b 5b 58]"]).says(
                "Every byte was XORed with the key's first byte. The four take turns: use the index modulo 4.",
            ),
            yours(["[7f 9f 4d 51 6f]"]).says(
                "Only four bytes were masked. After the key's fourth byte, start with its first again.",
            ),
            panics("out of bounds").says("The key has four bytes, and a fifth was used: take the index modulo 4."),
        ],
        shows: || {
            let texts = ["", "H", "Hello", "Hello, hello, hello"];
            let row = |text: &str| {
                let mut bytes = text.as_bytes().to_vec();
                mask(&mut bytes, KEY, 0);
                let masked = hex(&bytes);
                mask(&mut bytes, KEY, 0);
                format!("{text:?}\n  → [{masked}]\n  → {}\n", short(&bytes))
            };
            texts.map(row).concat()
        },
    }
}

#[test]
fn masking_continues_across_chunks() {
    check! {
        rfc: "RFC 6455 §5.3",
        rule: "The index counts from the start of the payload, not of the chunk.",
        signs: [
            yours(["chunks of  1: 44 5e"]).says(
                "The key starts again with each chunk: `offset` wasn't used. Chunks of 4 and of 8 bytes hide the \
                 mistake.",
            ),
            yours(["chunks of  1: 44 69"]).or(panics("out of range")).says(
                "`offset` was taken for a position in the chunk, and the bytes before it weren't masked. It is the \
                 chunk's position in the payload.",
            ),
        ],
        shows: || {
            let payload = *b"sixteen bytes...";
            let mut table = String::new();
            for size in [16, 1, 2, 3, 4, 5, 6, 7, 8] {
                let mut bytes = payload;
                let mut offset = 0;
                for chunk in bytes.chunks_mut(size) {
                    mask(chunk, KEY, offset);
                    offset += chunk.len();
                }
                table += &format!("chunks of {size:>2}: {}\n", hex(&bytes));
            }
            table
        },
    }
}

#[test]
fn any_offset_works() {
    check! {
        rfc: "RFC 6455 §5.3",
        rule: "Only the offset's remainder modulo 4 matters, however far into the payload it is.",
        signs: [
            panics("overflow").says(
                "`offset` and the index were added first, which overflows for the greatest offset. Take `offset % 4` \
                 first.",
            ),
        ],
        shows: || {
            let row = |(name, offset)| {
                let mut zeros = [0; 5];
                mask(&mut zeros, KEY, offset);
                format!("{name:<12} {}\n", hex(&zeros))
            };
            OFFSETS.map(row).concat()
        },
    }
}

const OFFSETS: [(&str, usize); 7] = [
    ("0", 0),
    ("1", 1),
    ("2", 2),
    ("3", 3),
    ("4", 4),
    ("1 GiB + 1", (1 << 30) + 1),
    ("the highest", usize::MAX),
];

// Roles.

#[test]
fn a_client_masks_and_a_server_never_does() {
    check! {
        rfc: "RFC 6455 §5.1",
        rule: "A server refuses a frame that is not masked, a client refuses one that is.",
        signs: [
            yours(["Server, gets 81 85", "✗"]).says(
                "The two roles are the wrong way round. `Role` says which one *we* are, not who sent the frame.",
            ),
            yours(["Server, gets 81 05", "✓"]).and(yours(["Client, gets 81 85 37", "✓"])).says(
                "Every frame passes, masked or not. Whether it must be masked depends on the role of the receiver.",
            ),
            yours(["Server, gets 81 05", "✓"]).says(
                "A server accepts a frame that isn't masked. MASK says whether there is a key; the role decides \
                 whether there must be one.",
            ),
            yours(["Client, gets 81 85 37", "✓"]).says(
                "A client accepts a masked frame. It could unmask the frame, but a server never masks.",
            ),
            yours(["Server, gets 81 00", "✓"]).says(
                "A frame without a payload passes unmasked. There is nothing to mask, but the key must still be there.",
            ),
            yours(["Server, gets 8a 00", "✓"]).says("Control frames pass, masked or not. The rule is for every frame."),
            yours(["81 85 00 00 00 00", "✓"]).says(
                "A masking key of zeros was taken for no key. Only MASK says whether a frame is masked, not the key's \
                 value.",
            ),
            yours(["Server, gets 81 05", "✗ Masked"]).says(
                "The two errors are swapped. A server reports `NotMasked`.",
            ),
        ],
        shows: || HEADERS_BY_ROLE.map(|(role, text)| {
            let verdict = match role.check(&header_of(text)) {
                Ok(()) => "✓".to_string(),
                Err(error) => format!("✗ {error:?}"),
            };
            format!("{role:?}, gets {text} → {verdict}\n")
        }).concat(),
    }
}

const HEADERS_BY_ROLE: [(Role, &str); 10] = [
    (Role::Server, "81 85 37 fa 21 3d"),
    (Role::Server, "81 05"),
    (Role::Server, "81 00"),
    (Role::Server, "8a 80 37 fa 21 3d"),
    (Role::Server, "8a 00"),
    (Role::Client, "81 85 37 fa 21 3d"),
    (Role::Client, "81 05"),
    (Role::Client, "81 85 00 00 00 00"),
    (Role::Client, "8a 80 37 fa 21 3d"),
    (Role::Client, "8a 00"),
];

fn header_of(text: &str) -> FrameHeader {
    match frame_header::decode(&bytes(text), ReservedBits::NONE) {
        Ok(Decoded::Header { header, .. }) => header,
        other => panic!("the check's own header: {other:?}"),
    }
}

// Encoding.

#[test]
fn a_frame_is_encoded_as_in_the_rfc() {
    check! {
        rfc: "RFC 6455 §5.7",
        rule: "A frame is its header, then the payload, masked with the key in the header.",
        signs: [
            yours(["81 02 c3 a9"]).or(yours(["81 82 37 fa 21 3d"])).says(
                "The header says how many characters there are. It should say how many bytes: \"é\" has two, \"😀\" \
                 four.",
            ),
            yours(["81 85 37 fa 21 3d 48"]).says(
                "The header announces a masking key, but the payload was sent unmasked.",
            ),
            yours(["b6 7f"]).says(
                "The whole buffer was masked, with the header. Mask only the payload: `out[start..]`.",
            ),
            yours(["81 85 37 fa 21 3d 69 58"]).says(
                "The key was counted from the start of the buffer. Count it from the start of the payload: the offset \
                 is 0.",
            ),
            yours(["  81 05"]).says("The payload is missing. It follows its header."),
        ],
        shows: || {
            let row = |(title, opcode, key, payload): (&str, Opcode, Option<MaskingKey>, &[u8])| {
                format!("{title}\n  {}\n", beginning(&frame(opcode, key, payload)))
            };
            let mut out = Vec::new();
            encode_frame(&mut out, false, ReservedBits::NONE, Opcode::Text, None, b"Hel");
            encode_frame(&mut out, true, RSV1, Opcode::Continuation, Some(KEY), b"lo");
            encode_frame(&mut out, true, ReservedBits::NONE, Opcode::Close, Some(KEY), &[0x03, 0xe8]);
            FRAMES.map(row).concat() + &format!("three frames in one buffer\n  {}\n", hex(&out))
        },
    }
}

const FRAMES: [(&str, Opcode, Option<MaskingKey>, &[u8]); 11] = [
    ("a server's text", Opcode::Text, None, b"Hello"),
    ("a client's text", Opcode::Text, Some(KEY), b"Hello"),
    ("a server's ping", Opcode::Ping, None, b"Hello"),
    ("a client's pong", Opcode::Pong, Some(KEY), b"Hello"),
    ("a server's empty text", Opcode::Text, None, b""),
    ("a client's empty text", Opcode::Text, Some(KEY), b""),
    ("a server's é😀", Opcode::Text, None, "é😀".as_bytes()),
    ("a client's é😀", Opcode::Text, Some(KEY), "é😀".as_bytes()),
    ("256 bytes", Opcode::Binary, None, &[0; 256]),
    ("64 KiB", Opcode::Binary, None, &[0; 65_536]),
    ("64 KiB, masked", Opcode::Binary, Some(KEY), &[0; 65_536]),
];

/// The first 20 bytes, and a hash of all if there are more.
fn beginning(bytes: &[u8]) -> String {
    match bytes.split_at_checked(20) {
        Some((start, more)) if !more.is_empty() => {
            let (start, more) = (hex(start), more.len());
            format!("{start} … and {more} more, hash {:016x}", hash(bytes))
        }
        _ => hex(bytes),
    }
}

// Streams.

#[test]
fn a_frame_is_decoded_in_parts() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "A frame comes as its header, then its payload, then its end.",
        signs: [
            yours(["payload: b6 7f 16 c7 16"]).says(
                "The header's bytes came again, as the payload: they weren't counted in `taken`.",
            ),
            yours(["payload: 7f 9f 4d 51 58"]).says("The payload was returned masked, as it came. `mask` unmasks it."),
            yours(["payload: 85 be 70 66 a2"]).says(
                "The key started at its second byte, as if 5 bytes had come before: the offset was taken from `left`, \
                 or from the length of the piece. Use `done`.",
            ),
            yours(["RSV1, RSV2, RSV3 set"]).and(missing(["payload: \"Hello\""])).says(
                "The payload was read as another header: `state` must say that a payload follows, and how much of it \
                 is `left`.",
            ),
            yours(["RSV1, RSV2, RSV3 set"]).says(
                "The payload's bytes came again, as the next header: they weren't counted in `taken`.",
            ),
            yours(["payload: 73 a1 9c 85 39"]).says(
                "The frame never ended: the length of each piece must be subtracted from `left`.",
            ),
        ],
        shows: || {
            let hello = bytes("81 85 37 fa 21 3d 7f 9f 4d 51 58");
            let ping = bytes("89 80 a1 b2 c3 d4");
            transcript(&mut server(LIMIT), &[&hello, &ping])
        },
    }
}

#[test]
fn each_side_takes_what_the_other_sends() {
    check! {
        rfc: "RFC 6455 §5.1",
        rule: "The decoder asks its role about every frame, and about control frames, too.",
        signs: [
            missing(["a frame that is not masked"]).says("`Role::check` is right, but the decoder doesn't call it."),
        ],
        shows: || [Role::Server, Role::Client].map(|role| {
            MASKED_AND_UNMASKED.map(|text| {
                let mut decoder = FrameDecoder::new(role, LIMIT, ReservedBits::NONE);
                format!("{role:?}, gets {}", transcript(&mut decoder, &[&bytes(text)]))
            }).concat()
        }).concat(),
    }
}

const MASKED_AND_UNMASKED: [&str; 4] = [
    "81 85 37 fa 21 3d 7f 9f 4d 51 58",
    "81 05 48 65 6c 6c 6f",
    "89 80 37 fa 21 3d",
    "89 00",
];

#[test]
fn a_payload_is_returned_as_it_arrives() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "The bytes of a payload are returned as soon as they arrive, unmasked.",
        signs: [
            panics("empty Payload").says(
                "No byte of the payload was there, and an empty part was returned. Return `None`: more bytes are \
                 needed.",
            ),
            yours(["payload: a8"]).says(
                "The second piece was unmasked from the key's first byte on. The key goes on where it was: the offset \
                 is `done`, the number of bytes before the piece.",
            ),
            yours(["payload: b7"]).says(
                "The third piece was unmasked with the wrong byte of the key: `done` counts only the last piece. It \
                 should count all pieces so far.",
            ),
            yours(["payload: 9f"]).says(
                "Only the first piece was unmasked. The bytes of later reads are masked as well.",
            ),
            yours(["RSV3 set"]).says(
                "The bytes of one read were taken for all of the payload. `left` says how many are still to come.",
            ),
            missing(["payload: \"H\""]).says(
                "The payload was held back until all of it was there. Return the bytes that are there: a payload may be \
                 a gigabyte.",
            ),
        ],
        shows: || {
            let hello = bytes("81 8b 37 fa 21 3d 7f 9f 4d 51 58 d6 01 4a 58 88 4d");
            let pieces = cut::pieces(&hello, &[7, 8, 11, 12, 16]);
            transcript(&mut server(LIMIT), &pieces)
        },
    }
}

#[test]
fn a_stream_may_come_one_byte_at_a_time() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "A header is complete with its last byte; a payload is returned as it arrives.",
        signs: [
            missing(["header: text"]).says(
                "The first bytes of a header were thrown away when the next byte came. They stay in the buffer until \
                 the header is complete.",
            ),
        ],
        shows: || {
            let stream = &stream()[..17];
            let pieces: Vec<&[u8]> = stream.chunks(1).collect();
            transcript(&mut server(LIMIT), &pieces)
        },
    }
}

#[test]
fn one_read_may_bring_several_frames() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "One read may bring several frames, and the beginning of the next one.",
        signs: [
            panics("subtract with overflow").or(yours(["payload: 161 bytes"])).says(
                "The payload took all bytes that were there, and the next frames with them. It has at most `left` \
                 bytes.",
            ),
            too_little().and(missing(["header: ping"])).says(
                "Only the first frame of a read was decoded, and the others were thrown away: `taken` went past them.",
            ),
        ],
        shows: || {
            let stream = stream();
            transcript(&mut server(LIMIT), &[&stream, &bytes("81"), &bytes("80 00 00 00 00 81 82")])
        },
    }
}

#[test]
fn a_stream_may_be_cut_anywhere() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "However a stream is cut, its frames are the same.",
        signs: [],
        shows: || in_all_ways(|pieces| joined(&mut server(LIMIT), pieces) + "\n"),
    }
}

/// The text, or a substitute if it is empty.
fn or<'a>(text: &'a str, substitute: &'a str) -> &'a str {
    if text.is_empty() { substitute } else { text }
}

/// Decodes the stream in every way to cut it, and shows the result, and the first cut with a different one.
fn in_all_ways(decode: fn(&[&[u8]]) -> String) -> String {
    let stream = stream();
    let mut ways: Vec<Vec<&[u8]>> = cut::every_cut(&stream).collect();
    ways.extend((1..=16).map(|size| stream.chunks(size).collect()));
    let decoded: Vec<String> = ways.iter().map(|pieces| decode(pieces)).collect();
    let same = decoded.iter().filter(|other| **other == decoded[0]).count();
    let end = match decoded.iter().position(|other| *other != decoded[0]) {
        None => "in every one of them.\n".to_string(),
        Some(index) => {
            let lengths = ways[index].iter().take(4).map(|piece| piece.len());
            let lengths: Vec<String> = lengths.map(|length| length.to_string()).collect();
            let (lengths, other) = (lengths.join(", "), or(&decoded[index], "(no frame)\n"));
            format!("in {same} of them. In pieces of {lengths} … bytes, they decode to\n\n{other}")
        }
    };
    let whole = or(&decoded[0], "(no frame, not even in one piece)\n");
    let (bytes, ways) = (stream.len(), ways.len());
    format!("{bytes} bytes, cut in {ways} ways, decode to\n\n{whole}\n{end}")
}

#[test]
fn whole_frames_are_the_same_however_they_arrive() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "A whole frame is its parts put together; the next frame starts empty.",
        signs: [
            yours(["text, FIN: \"H\""]).says(
                "A frame was returned with the first bytes of its payload. It is whole at its `End`.",
            ),
            yours(["text, FIN: \"ello\""]).says(
                "Only the last piece of a payload was kept. Append each piece to the earlier ones.",
            ),
            yours(["ping, FIN: \"Hello\""]).says(
                "The payload of one frame runs into the next. A header begins a new frame.",
            ),
            yours(["not even in one piece"]).says(
                "Whole frames were there, and `next_frame` returned none. It takes part after part, until there is no \
                 more or a frame has ended; then it returns that frame.",
            ),
            panics("`None` value").or(yours(["they decode to"]).but_not(yours(["text, FIN"]))).says(
                "The frame was forgotten when `next_frame` returned `None` in the middle of it. The beginning of a \
                 frame belongs in `self.frame`.",
            ),
        ],
        shows: || in_all_ways(whole_frames),
    }
}

fn whole_frames(pieces: &[&[u8]]) -> String {
    let mut decoder = server(LIMIT);
    let mut text = String::new();
    for piece in pieces {
        decoder.receive(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(Frame {
                    fin,
                    opcode,
                    payload,
                    ..
                })) => {
                    let fin = if fin { ", FIN" } else { "" };
                    text += &format!("{opcode}{fin}: {}\n", short(&payload));
                }
                Ok(None) => break,
                Err(error) => return text + &refused(error) + "\n",
            }
        }
    }
    text
}

#[test]
fn a_negotiated_bit_is_kept() {
    check! {
        rfc: "RFC 6455 §9.1",
        rule: "A reserved bit that was negotiated is passed on to the code that uses it.",
        signs: [
            missing(["✓ text"]).and(yours(["RSV1 set"])).says(
                "The header was decoded as if nothing had been negotiated.",
            ),
            yours(["✓ text", "rsv1: false"]).says(
                "The bit was left out of the frame. `Frame` has a field for reserved bits.",
            ),
        ],
        shows: || {
            let bytes = bytes("c1 85 37 fa 21 3d 7f 9f 4d 51 58");
            let row = |negotiated: ReservedBits| {
                let mut decoder = FrameDecoder::new(Role::Server, LIMIT, negotiated);
                decoder.receive(&bytes);
                let result = match decoder.next_frame() {
                    Ok(Some(frame)) => format!("✓ {}, {:?}", frame.opcode, frame.reserved),
                    Ok(None) => "more bytes, please".to_string(),
                    Err(error) => refused(error),
                };
                format!("negotiated: {negotiated:?}\n  → {result}\n")
            };
            [ReservedBits::NONE, RSV1].map(row).concat()
        },
    }
}

// Limits.

#[test]
fn a_payload_that_is_too_long_is_refused_with_its_header() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "The declared length is compared with the limit before any byte of the payload is read: 1009.",
        signs: [
            yours(["payload length 1000, and at most 1001"]).says("The two numbers of the error are swapped."),
            yours(["✗ 1009 payload length 999,"]).says("The header was counted. The limit is for the payload alone."),
            yours(["✗ 1009 payload length 1000, and at most 1000"]).says(
                "A payload that is exactly as long as the limit was refused. Only a longer one is too long.",
            ),
            yours(["FIN, 1001 bytes"]).says(
                "The declared length wasn't compared with the limit. It isn't enough to count the bytes that arrive: a \
                 peer that declares 1 GiB could keep the connection waiting for them.",
            ),
            yours(["FIN, 4294967301 bytes"]).or(yours(["payload length 1000, and at most 4294967301"])).says(
                "The comparison was made in 32 bits, where 2³² + 5 is 5. Both numbers are `u64`s.",
            ),
        ],
        shows: || LIMITS_AND_LENGTHS.map(|(limit, declared)| {
            let mut decoder = server(limit);
            decoder.receive(&binary_header(declared));
            let (parts, error) = parts(&mut decoder);
            let result = error.map_or_else(|| lines(&parts, ", "), refused);
            format!("at most {limit}, and {declared} declared\n  → {result}\n")
        }).concat(),
    }
}

/// Limits, and declared lengths.
const LIMITS_AND_LENGTHS: [(u64, u64); 12] = [
    (1_000, 999),
    (1_000, 1_000),
    (1_000, 1_001),
    (0, 0),
    (0, 1),
    (LIMIT, LIMIT),
    (LIMIT, LIMIT + 1),
    (LIMIT, 1 << 30),
    (1_000, (1 << 32) + 5),
    ((1 << 32) + 5, 1_000),
    (LIMIT, (1 << 63) - 1),
    (u64::MAX, (1 << 63) - 1),
];

/// The header of a client's binary frame that declares this length.
fn binary_header(declared: u64) -> Vec<u8> {
    let mut header = Vec::new();
    FrameHeader {
        fin: true,
        reserved: ReservedBits::NONE,
        opcode: Opcode::Binary,
        masking_key: Some(KEY),
        payload_length: declared,
    }
    .encode(&mut header);
    header
}

#[test]
fn memory_is_only_for_bytes_that_arrived() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "A header has at most 14 bytes, whatever it declares; memory is allocated as bytes arrive.",
        signs: [
            yours(["memory not under 1 KiB"]).says(
                "Memory for the whole payload was allocated when its header came. If a thousand connections declare 16 \
                 MiB each and send nothing, that is 16 GiB.",
            ),
        ],
        shows: || {
            let mut table = "16 MiB are declared, and 16 MiB are allowed\n".to_string();
            let mut decoder = server(MIB_16);
            decoder.receive(&binary_header(MIB_16));
            let frame = decoder.next_frame().map_err(refused);
            table += &format!("the header: {frame:?}\n  {}\n", memory(&decoder, 1));
            decoder.receive(&[0; 1000]);
            let frame = decoder.next_frame().map_err(refused);
            table += &format!("1000 bytes more: {frame:?}\n  {}", memory(&decoder, 8));
            table += &format!(", at least as much as arrived: {}\n", decoder.memory() >= 1000);
            table + &memory_for_parts()
        },
    }
}

const MIB_16: u64 = 16 << 20;

/// Takes 16 MiB in parts, and shows whether the decoder ever kept much of them.
fn memory_for_parts() -> String {
    let mut decoder = server(MIB_16);
    decoder.receive(&binary_header(MIB_16));
    let mut arrived = 0;
    let mut highest = 0;
    let mut ended = false;
    for _ in 0..4096 {
        decoder.receive(&[0; 4096]);
        let (parts, _) = parts(&mut decoder);
        highest = highest.max(decoder.memory());
        for part in parts {
            match part {
                Part::Payload(bytes) => arrived += bytes.len(),
                Part::End => ended = true,
                Part::Header(_) => {}
            }
        }
    }
    let under = if highest < 16 * 1024 {
        "always"
    } else {
        "not always"
    };
    format!(
        "all of it, 4096 bytes a piece: {arrived} bytes in parts, ended: {ended}\n  memory {under} under 16 KiB\n"
    )
}

/// Whether the decoder has less memory than so many KiB.
fn memory(decoder: &FrameDecoder, kib: usize) -> String {
    let bytes = decoder.memory();
    if bytes < kib * 1024 {
        format!("memory under {kib} KiB")
    } else {
        format!("memory not under {kib} KiB: {bytes} bytes")
    }
}

#[test]
fn a_returned_frame_is_not_kept() {
    check! {
        rfc: "our own",
        rule: "A frame that was returned no longer takes memory.",
        signs: [
            yours(["memory not under 16 KiB"]).says(
                "The frame was returned, and a copy of it was kept: `take` leaves nothing in `self.frame`, `clone` \
                 leaves all of it.",
            ),
        ],
        shows: || {
            let length = 200_000;
            let mut stream = binary_header(length as u64);
            stream.resize(stream.len() + length, 0);
            let mut decoder = server(LIMIT);
            let mut table = format!("a frame of {length} bytes, 4096 bytes of it at a time\n");
            for piece in stream.chunks(4096) {
                decoder.receive(piece);
                match decoder.next_frame() {
                    Ok(None) => {}
                    Ok(Some(frame)) => {
                        table += &format!("returned: {} bytes\n  {}\n", frame.payload.len(), memory(&decoder, 16));
                    }
                    Err(error) => return table + &refused(error),
                }
            }
            table
        },
    }
}

#[test]
fn after_an_error_nothing_is_decoded() {
    check! {
        rfc: "RFC 6455 §7.1.7",
        rule: "A connection that failed stays failed, and later bytes are ignored.",
        signs: [],
        shows: || INVALID_HEADERS.map(|text| {
            let mut decoder = server(1_000);
            decoder.receive(&bytes("8a 81 00 00 00 00 61"));
            decoder.receive(&bytes(text));
            let (parts, error) = parts(&mut decoder);
            let before = lines(&parts, ", ");
            let again = (0..3).map(|_| {
                decoder.receive(&[0x8a; 100_000]);
                decoder.next_part().err() == error && error.is_some()
            });
            let again = again.filter(|same| *same).count();
            let error = error.map_or("no error".to_string(), refused);
            format!("{text}\n  → {before}\n  → {error}\n  → {again} times more, {}\n", memory(&decoder, 1))
        }).concat(),
    }
}

const INVALID_HEADERS: [&str; 8] = [
    "c1 85 37 fa 21 3d",
    "83 80 37 fa 21 3d",
    "81 05",
    "82 fe 27 10 37 fa 21 3d",
    "82 fe 00 7c 37 fa 21 3d",
    "82 ff 80 00 00 00 00 00 00 00",
    "89 fe",
    "08",
];

#[test]
fn many_small_frames_take_linear_time() {
    check! {
        rfc: "our own",
        rule: "The time for a frame depends on its own length, not on how many bytes came with it.",
        signs: [
            yours(["more than 30 times"]).says(
                "Decoded bytes were removed from the buffer at once, so all later bytes move each time. Count them in \
                 `taken`: `receive` removes them in one go.",
            ),
        ],
        shows: || {
            let (few, many) = (500, 400_000);
            // The time for the same 500 frames must not depend on the bytes after them. If all of
            // those move, hundreds of times as long is usual. A busy machine can make any one
            // measurement longer, but not the shortest of several.
            let alone = (0..10).map(|_| time_for(few, few)).min().unwrap_or_default();
            let linear = (0..5).any(|_| time_for(few, many) < alone * 30);
            let verdict = if linear { "as long, or nearly" } else { "more than 30 times as long" };
            format!("{few} pings that came alone\nthe first {few} of {many}: {verdict}\n")
        },
    }
}

/// The time that it takes to get `few` frames of `many` that came in one piece.
fn time_for(few: usize, many: usize) -> Duration {
    let mut decoder = server(LIMIT);
    decoder.receive(&bytes("89 81 37 fa 21 3d 56").repeat(many));
    let start = Instant::now();
    let found = (0..few).filter(|_| matches!(decoder.next_frame(), Ok(Some(_))));
    let found = found.count();
    let took = start.elapsed();
    assert_eq!(
        found, few,
        "next_frame returned fewer frames than there are"
    );
    took
}

// Both together.

#[test]
fn an_encoded_frame_decodes_to_itself() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "At each boundary between two forms of the length, masked or not, a frame comes back as it was.",
        signs: [],
        shows: || [0, 1, 2, 3, 4, 5, 125, 126, 127, 65_535, 65_536, 65_537].map(|length| {
            let unmasked = encoded_and_decoded(Role::Client, None, length);
            let masked = encoded_and_decoded(Role::Server, Some(KEY), length);
            format!("{length:>5}  {unmasked:<24}  masked: {masked}\n")
        }).concat(),
    }
}

/// Encodes a frame of this length, lets the other endpoint decode it, and shows whether it is the same.
fn encoded_and_decoded(receiver: Role, key: Option<MaskingKey>, length: u64) -> String {
    let payload: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
    let bytes = frame(Opcode::Binary, key, &payload);
    let mut decoder = FrameDecoder::new(receiver, length, ReservedBits::NONE);
    decoder.receive(&bytes);
    let result = match decoder.next_frame() {
        Ok(Some(frame)) if frame.payload == payload && frame.opcode == Opcode::Binary => {
            "the same".to_string()
        }
        other => format!(
            "{:?}",
            other.map(|frame| frame.map(|frame| short(&frame.payload)))
        ),
    };
    format!("{} bytes, {result}", bytes.len())
}

// A real browser.

/// The bytes in a file of `tests/captures/`: lines of hexadecimal, and of comments.
fn captured(file: &str) -> Vec<u8> {
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    bytes(&lines.collect::<Vec<_>>().join(" "))
}

fn hello() -> Vec<u8> {
    captured(include_str!("captures/chromium-156-hello.hex"))
}

#[test]
fn a_browsers_frame_is_drawn() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "Chromium's frame for `socket.send(\"Hello\")` is the RFC's example, with a key of its own.",
        signs: [],
        shows: || draw(&hello()),
    }
}

#[test]
fn a_browsers_frames_decode_in_its_own_pieces() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "Chromium's frames decode, in the five reads in which they came.",
        signs: [],
        shows: || {
            let stream = [
                hello(),
                captured(include_str!("captures/chromium-156-emoji.hex")),
                captured(include_str!("captures/chromium-156-126-bytes.hex")),
                long_frame(),
                captured(include_str!("captures/chromium-156-empty.hex")),
                captured(include_str!("captures/chromium-156-pong.hex")),
                captured(include_str!("captures/chromium-156-close.hex")),
            ]
            .concat();
            let reads = cut::pieces(&stream, &[159, 65_695, 65_715, 65_726]);
            transcript(&mut server(LIMIT), &reads)
        },
    }
}

/// A frame of 65,536 bytes, each the lowest eight bits of its index. The browser's first 32 are in the
/// capture; the others are masked here, with the browser's key.
fn long_frame() -> Vec<u8> {
    let mut long = captured(include_str!("captures/chromium-156-65536-bytes.hex"));
    let key = [long[10], long[11], long[12], long[13]];
    let kept = long.len() - 14;
    long.extend((kept..65_536).map(|index| (index & 0xff) as u8 ^ key[index % 4]));
    long
}

// Given code.

#[test]
fn each_error_has_its_close_code_and_a_sentence() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "A payload that is too large is a 1009, everything else here is a protocol error, 1002. This is in \
               src/error.rs, which is written for you.",
        signs: [],
        shows: || {
            let errors = [
                FrameError::Header(HeaderError::LengthTopBitSet),
                FrameError::NotMasked,
                FrameError::Masked,
                FrameError::TooLarge { declared: 1 << 30, limit: LIMIT },
            ];
            errors.map(|error| format!("{} {error}\n", error.close_code())).concat()
        },
    }
}

#[test]
fn the_program_reads_a_stream_in_pieces() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "Your code, as a program: it prints which piece of a stream brings which parts of frames.",
        signs: [],
        shows: || program!().runs(&[
            &[],
            &["--pieces", "7", "81 85 37 fa 21 3d", "7f 9f 4d 51 58"],
            &["--pieces", "3", "81 85 37 fa 21 3d 7f 9f 4d 51 58 81 05 48 65 6c 6c 6f"],
            &["--pieces", "0", "8a 80"],
            &["--pieces"],
            &["81 8"],
        ]),
    }
}
