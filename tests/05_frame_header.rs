//! Step 05, `frame-header`: what comes before a payload, bit by bit.

use frame_header::first_byte::FirstByte;
use frame_header::hex::bytes_of;
use frame_header::second_byte::{LengthField, SecondByte};
use frame_header::{
    Decoded, FrameHeader, HeaderError, MaskingKey, Opcode, ReservedBits, decode, draw,
};
use support::check;
use support::program;
use support::wire::bits;

const OPCODES: [Opcode; 6] = [
    Opcode::Continuation,
    Opcode::Text,
    Opcode::Binary,
    Opcode::Close,
    Opcode::Ping,
    Opcode::Pong,
];
/// The masking key of the RFC's examples (RFC 6455 §5.7).
const KEY: MaskingKey = [0x37, 0xfa, 0x21, 0x3d];
const RSV1: ReservedBits = reserved(true, false, false);
const RSV2: ReservedBits = reserved(false, true, false);
const RSV3: ReservedBits = reserved(false, false, true);
const ALL: ReservedBits = reserved(true, true, true);

const fn reserved(rsv1: bool, rsv2: bool, rsv3: bool) -> ReservedBits {
    ReservedBits { rsv1, rsv2, rsv3 }
}

/// Bytes that this file gives in hexadecimal.
fn bytes(text: &str) -> Vec<u8> {
    bytes_of(text).expect("the check's own bytes")
}

fn hex(bytes: &[u8]) -> String {
    let bytes = bytes.iter().map(|byte| format!("{byte:02x}"));
    bytes.collect::<Vec<_>>().join(" ")
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

/// The header, what is missing of it, or the close code and the sentence.
fn verdict(bytes: &[u8]) -> String {
    match decode(bytes, ReservedBits::NONE) {
        Ok(Decoded::Header { header, .. }) => format!("✓ {header}"),
        Ok(Decoded::Incomplete { needed }) => format!("{needed} more"),
        Err(error) => refused(error),
    }
}

/// Each row: a first byte, and what it is found to be.
fn first_bytes(bytes: &[u8]) -> String {
    let row = |byte: &u8| {
        let said = match FirstByte::decode(*byte, ReservedBits::NONE) {
            Ok(first) if first.fin => format!("✓ {}, FIN", first.opcode),
            Ok(first) => format!("✓ {}", first.opcode),
            Err(error) => refused(error),
        };
        format!("0x{byte:02x}  {}  {said}\n", bits(*byte))
    };
    bytes.iter().map(row).collect()
}

/// Each row: the bytes of an extended payload length, and what it is found to be.
fn lengths(rows: &[&str]) -> String {
    let row = |text: &&str| {
        let extended = bytes(text);
        let field = match extended.len() {
            2 => LengthField::Bits16,
            _ => LengthField::Bits64,
        };
        let said = match field.payload_length(&extended) {
            Ok(length) => format!("✓ {length}"),
            Err(error) => refused(error),
        };
        format!("{text}\n  → {said}\n")
    };
    rows.iter().map(row).collect()
}

fn refused(error: HeaderError) -> String {
    format!("✗ {} {error}", error.close_code())
}

/// Each row: bytes, and what is decoded from them.
fn verdicts(rows: &[&str]) -> String {
    let row = |text: &&str| format!("{text}\n  → {}\n", verdict(&bytes(text)));
    rows.iter().map(row).collect()
}

fn header(opcode: Opcode, payload_length: u64) -> FrameHeader {
    FrameHeader {
        fin: true,
        reserved: ReservedBits::NONE,
        opcode,
        masking_key: None,
        payload_length,
    }
}

fn masked(opcode: Opcode, payload_length: u64) -> FrameHeader {
    let masking_key = Some(KEY);
    FrameHeader {
        masking_key,
        ..header(opcode, payload_length)
    }
}

fn encoded(header: FrameHeader) -> Vec<u8> {
    let mut bytes = Vec::new();
    header.encode(&mut bytes);
    bytes
}

// Opcodes.

#[test]
fn opcodes_in_four_bits() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "Six of the sixteen opcodes have a meaning. The highest bit says: a control frame.",
        mistake: "A reserved opcode got a name, or close was given the value of ping: they are \
                  0x8, 0x9 and 0xa. Or 0x8 itself was left out of the control frames.",
        shows: || {
            let mut table = String::new();
            for value in [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x81] {
                table += &match Opcode::from_bits(value) {
                    Some(opcode) => format!(
                        "{:<5} {:<13} control frame: {:<4} and back: 0x{:x}\n", format!("0x{value:x}"),
                        format!("{opcode:?}"), yes(opcode.is_control()), opcode.bits(),
                    ),
                    None => format!("{:<5} none\n", format!("0x{value:x}")),
                };
            }
            table
        },
    }
}

// The first byte.

#[test]
fn the_first_byte_bit_by_bit() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "The most significant bit comes first: FIN, then RSV1, RSV2, RSV3, then the opcode.",
        mistake: "Bits were counted from the other end: the RFC calls the leftmost bit 0, and in \
                  Rust it is `0b1000_0000`. Or a bit was compared with 1: \
                  `byte & 0b1000_0000` is 128 or 0.",
        shows: || {
            let mut table = "byte             FIN  RSV1 RSV2 RSV3 opcode\n".to_string();
            for byte in [0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8a, 0xc1, 0xa1, 0x91, 0x41, 0x21, 0x11, 0xf2, 0x70] {
                let said = match FirstByte::decode(byte, ALL) {
                    Ok(first) => {
                        let ReservedBits { rsv1, rsv2, rsv3 } = first.reserved;
                        let [fin, rsv1, rsv2, rsv3] = [first.fin, rsv1, rsv2, rsv3].map(yes);
                        format!("{fin:<4} {rsv1:<4} {rsv2:<4} {rsv3:<4} {}", first.opcode)
                    }
                    Err(error) => refused(error),
                };
                table += &format!("0x{byte:02x}  {}  {said}\n", bits(byte));
            }
            table
        },
    }
}

#[test]
fn reserved_bits_are_for_extensions() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "A reserved bit is 0, on every opcode, unless an extension that uses it was \
               negotiated.",
        mistake: "The bits were not looked at, or only on data frames, or any of them passes where \
                  one was negotiated.",
        shows: || {
            let negotiations = [("nothing", ReservedBits::NONE), ("RSV1", RSV1), ("RSV2", RSV2), ("RSV3", RSV3), ("all", ALL)];
            let tables = negotiations.map(|(name, negotiated)| format!("negotiated: {name}\n{}", reserved_table(negotiated)));
            let all_at_once = FirstByte::decode(0xf1, RSV2).map_or_else(refused, |first| format!("{first:?}"));
            format!("{}negotiated: RSV2, and 0xf1 comes\n  → {all_at_once}\n", tables.join("\n") + "\n")
        },
    }
}

/// Each opcode with no reserved bit, with each of them, and with all.
fn reserved_table(negotiated: ReservedBits) -> String {
    let mut table = format!("  {:<14}none  RSV1  RSV2  RSV3  all\n", "");
    for opcode in OPCODES {
        table += &format!("  {:<14}", opcode.to_string());
        for bits in [
            0b0000_0000,
            0b0100_0000,
            0b0010_0000,
            0b0001_0000,
            0b0111_0000,
        ] {
            let byte = 0b1000_0000 | bits | opcode_value(opcode);
            table += &match FirstByte::decode(byte, negotiated) {
                Ok(first) if first.opcode == opcode => "✓     ".to_string(),
                Ok(_) => "?     ".to_string(),
                Err(error) => format!("{}  ", error.close_code()),
            };
        }
        table = table.trim_end().to_string() + "\n";
    }
    table
}

/// The check's own table, so that it doesn't lean on what it checks.
fn opcode_value(opcode: Opcode) -> u8 {
    match opcode {
        Opcode::Continuation => 0x0,
        Opcode::Text => 0x1,
        Opcode::Binary => 0x2,
        Opcode::Close => 0x8,
        Opcode::Ping => 0x9,
        Opcode::Pong => 0xa,
    }
}

#[test]
fn reserved_opcodes_are_refused() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "A frame with an opcode that nobody has given a meaning fails the connection.",
        mistake: "Unknown opcodes were skipped. Nobody knows what such a frame would have meant \
                  for the frames after it.",
        shows: || first_bytes(&[0x83, 0x84, 0x85, 0x86, 0x87, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x03, 0x0b]),
    }
}

#[test]
fn a_control_frame_may_not_be_fragmented() {
    check! {
        rfc: "RFC 6455 §5.5",
        rule: "Close, ping and pong come with FIN. Others may come without.",
        mistake: "FIN was read and not used. A control frame without it would begin a message of \
                  fragments in the middle of another.",
        shows: || first_bytes(&[0x00, 0x01, 0x02, 0x08, 0x09, 0x0a, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8a]),
    }
}

#[test]
fn the_first_byte_encoded() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "FIN, RSV1, RSV2 and RSV3 are the four high bits, the opcode the four low ones.",
        mistake: "A bit is shifted by one, or FIN is set always.",
        shows: || {
            let mut table = String::new();
            for opcode in OPCODES {
                for fin in [false, true] {
                    let byte = FirstByte { fin, reserved: ReservedBits::NONE, opcode }.encode();
                    let name = if fin { format!("{opcode}, FIN") } else { opcode.to_string() };
                    table += &format!("{}  {name}\n", bits(byte));
                }
            }
            for reserved in [RSV1, RSV2, RSV3, ALL] {
                let byte = FirstByte { fin: false, reserved, opcode: Opcode::Binary }.encode();
                table += &format!("{}  binary, {reserved}\n", bits(byte));
            }
            table
        },
    }
}

// The second byte, and lengths.

#[test]
fn the_second_byte_bit_by_bit() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "MASK is the first bit; the other seven are a length up to 125, or say where it is.",
        mistake: "The length was read with the MASK bit in it: 0x85 is MASK and 5, not 133. Or \
                  MASK was not looked at, or compared with 1: `byte & 0b1000_0000` is 128 or 0.",
        shows: || {
            let mut table = "byte             masked  length\n".to_string();
            for byte in [0x00, 0x01, 0x05, 0x7d, 0x7e, 0x7f, 0x80, 0x81, 0x85, 0xfd, 0xfe, 0xff] {
                let said = match SecondByte::decode(byte, Opcode::Text) {
                    Ok(second) => format!("{:<7} {:?}", yes(second.masked), second.length),
                    Err(error) => refused(error),
                };
                table += &format!("0x{byte:02x}  {}  {said}\n", bits(byte));
            }
            table
        },
    }
}

#[test]
fn a_control_frame_is_at_most_125_bytes() {
    check! {
        rfc: "RFC 6455 §5.5",
        rule: "The payload of a close, ping or pong frame is at most 125 bytes.",
        mistake: "The length was not looked at, or 125 was refused along with 126. That a control \
                  frame is too long is known from its second byte.",
        shows: || {
            let mut table = String::new();
            for opcode in OPCODES {
                for byte in [0x7d, 0x7e, 0x7f, 0xfd, 0xfe, 0xff] {
                    let said = match SecondByte::decode(byte, opcode) {
                        Ok(second) => format!("✓ {:?}", second.length),
                        Err(error) => refused(error),
                    };
                    table += &format!("{:<12}  0x{byte:02x}  {said}\n", opcode.to_string());
                }
            }
            table
        },
    }
}

#[test]
fn the_second_byte_encoded() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "MASK is the highest bit; below it is the length, or 126, or 127.",
        mistake: "The masking key was sent and MASK was not, or 16 and 64 bits were swapped.",
        shows: || {
            let mut table = String::new();
            for masked in [false, true] {
                for length in [LengthField::Bits7(0), LengthField::Bits7(5), LengthField::Bits7(125), LengthField::Bits16, LengthField::Bits64] {
                    let byte = SecondByte { masked, length }.encode();
                    let name = if masked { format!("masked, {length:?}") } else { format!("{length:?}") };
                    table += &format!("{}  {name}\n", bits(byte));
                }
            }
            table
        },
    }
}

#[test]
fn the_shortest_field_is_chosen() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "7 bits hold up to 125, 16 bits up to 65535.",
        mistake: "A boundary is off by one: 126 and 127 are no lengths in 7 bits, they say where \
                  the length is.",
        shows: || {
            let row = |length: u64| format!("{length:>20}  {:?}\n", LengthField::shortest(length));
            [0, 124, 125, 126, 127, 128, 255, 256, 65_534, 65_535, 65_536, 65_537, u64::MAX >> 1].map(row).concat()
        },
    }
}

#[test]
fn a_length_is_in_network_byte_order() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "The byte that counts most comes first, in 16 bits and in 64.",
        mistake: "Bytes were put together in the order of the machine, lowest first: 256 becomes 1.",
        shows: || lengths(&[
            "01 00",
            "12 34",
            "ff ff",
            "00 00 00 00 00 01 00 00",
            "00 00 00 01 00 00 00 00",
            "01 02 03 04 05 06 07 08",
            "7f ff ff ff ff ff ff ff",
        ]),
    }
}

#[test]
fn a_length_is_as_short_as_it_can_be() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "A length is in the fewest bytes that hold it, and the highest of 64 bits is 0.",
        mistake: "126 was taken for 16 bits of anything. 124 as `7e 00 7c` is 124 twice: two \
                  readers that disagree on what is allowed can be played off against each other.",
        shows: || lengths(&[
            "00 00",
            "00 7c",
            "00 7d",
            "00 7e",
            "00 00 00 00 00 00 00 00",
            "00 00 00 00 00 00 00 7d",
            "00 00 00 00 00 00 00 7e",
            "00 00 00 00 00 00 ff ff",
            "00 00 00 00 00 01 00 00",
            "7f ff ff ff ff ff ff ff",
            "80 00 00 00 00 00 00 00",
            "80 00 00 00 00 00 00 05",
            "ff ff ff ff ff ff ff ff",
        ]),
    }
}

// The whole header.

/// One header of each length that there is, 2 to 14 bytes.
const EACH_LENGTH: [&str; 6] = [
    "81 05",
    "82 7e 01 00",
    "81 85 37 fa 21 3d",
    "82 fe 01 00 37 fa 21 3d",
    "82 7f 00 00 00 00 00 01 00 00",
    "82 ff 00 00 00 00 00 01 00 00 37 fa 21 3d",
];

#[test]
fn what_follows_a_header_is_not_looked_at() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "The header ends where its own bits say, whatever comes behind it.",
        mistake: "The masking key was taken where there is none, because MASK was read from the \
                  first byte; or it was read at byte 2, where the length goes on.",
        shows: || {
            let mut table = String::new();
            for text in EACH_LENGTH {
                let mut more = bytes(text);
                more.extend([0xaa, 0xbb, 0xcc, 0xdd, 0xee]);
                let said = match decode(&more, ReservedBits::NONE) {
                    Ok(Decoded::Header { header, length }) => format!("{length} bytes: {header}"),
                    other => format!("{other:?}"),
                };
                table += &format!("{text} | aa bb cc dd ee\n  → {said}\n");
            }
            table
        },
    }
}

#[test]
fn lengths_at_each_boundary() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "Up to 125 in 7 bits, up to 65535 in 16, up to 2^63 - 1 in 64.",
        mistake: "A boundary is off by one, or the masking key was looked for where the length is.",
        shows: || verdicts(&[
            "82 00",
            "82 01",
            "82 7d",
            "82 7e 00 7e",
            "82 7e 01 00",
            "82 7e ff ff",
            "82 7f 00 00 00 00 00 01 00 00",
            "82 7f 7f ff ff ff ff ff ff ff",
            "82 7e 00 7d",
            "82 7f 00 00 00 00 00 00 ff ff",
            "82 7f 80 00 00 00 00 00 00 00",
            "82 80 37 fa 21 3d",
            "82 fe 00 7e 37 fa 21 3d",
            "82 ff 00 00 00 00 00 01 00 00 37 fa 21 3d",
        ]),
    }
}

#[test]
fn every_prefix_says_how_much_is_missing() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "An incomplete header is no error. How many bytes it needs is known from two bytes \
               on; before, two are.",
        mistake: "Part of a header was taken for the whole of it: a panic, a length of 0, or an \
                  error. TCP may cut anywhere.",
        shows: || {
            let mut table = String::new();
            for text in EACH_LENGTH {
                let whole = bytes(text);
                table += &format!("{text}\n");
                for length in 0..=whole.len() {
                    table += &format!("  {length:>2} here: {}\n", verdict(&whole[..length]));
                }
            }
            table
        },
    }
}

#[test]
fn a_broken_rule_is_said_at_its_byte() {
    check! {
        rfc: "RFC 6455 §7.1.7",
        rule: "A rule is broken by one byte, and nothing after it can mend it.",
        mistake: "The decoder waited for the whole header. A peer that sends no more would never \
                  be told what was wrong.",
        shows: || {
            let mut table = String::new();
            for text in [
                "c1 85 37 fa 21 3d",
                "83 85 37 fa 21 3d",
                "09 85 37 fa 21 3d",
                "89 fe 00 7e 37 fa 21 3d",
                "82 fe 00 7c 37 fa 21 3d",
                "82 ff 80 00 00 00 00 00 00 00 37 fa 21 3d",
            ] {
                let whole = bytes(text);
                table += &format!("{text}\n");
                let first = (0..=whole.len()).find(|length| decode(&whole[..*length], ReservedBits::NONE).is_err());
                table += &match first {
                    Some(length) => format!("  {length:>2} here: {}\n", verdict(&whole[..length])),
                    None => format!("  never: {}\n", verdict(&whole)),
                };
            }
            table
        },
    }
}

#[test]
fn a_negotiated_bit_reaches_the_header() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "What was negotiated may be set, and the header says whether it is.",
        mistake: "`negotiated` was not passed on to the first byte.",
        shows: || {
            let row = |(text, negotiated): (&str, ReservedBits)| {
                let said = match decode(&bytes(text), negotiated) {
                    Ok(Decoded::Header { header, .. }) => format!("✓ {header}"),
                    Ok(other) => format!("{other:?}"),
                    Err(error) => refused(error),
                };
                format!("{text}\n  → {said}\n")
            };
            [("c1 05", RSV1), ("a1 05", RSV2), ("91 05", RSV3), ("f1 05", ALL), ("c1 05", RSV2)].map(row).concat()
        },
    }
}

// Encoding.

#[test]
fn a_header_of_ours_as_the_rfc_draws_it() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "First byte, second byte, length, masking key, then the payload.",
        mistake: "A bit is in the wrong place. Compare the drawings bit by bit.",
        shows: || {
            let mut frame = encoded(masked(Opcode::Text, 5));
            frame.extend(bytes("7f 9f 4d 51 58"));
            draw(&frame)
        },
    }
}

#[test]
fn lengths_encoded_at_each_boundary() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "A length is sent in the fewest bytes that hold it, the highest byte first.",
        mistake: "126 was sent in 7 bits, where it says that 16 bits follow; or 65536 in 16, where \
                  it is 0. Or the bytes are in the order of the machine: `to_ne_bytes`.",
        shows: || {
            let lengths = [0, 1, 124, 125, 126, 127, 255, 256, 65_534, 65_535, 65_536, 65_537, 1 << 32, (1 << 63) - 1];
            let mut table = String::new();
            for length in lengths {
                table += &format!("{length}\n  {}\n  {}\n", hex(&encoded(header(Opcode::Binary, length))), hex(&encoded(masked(Opcode::Binary, length))));
            }
            table
        },
    }
}

#[test]
fn encoding_appends() {
    check! {
        rfc: "RFC 6455 §6.1",
        rule: "A header is appended to what is to be sent already.",
        mistake: "The buffer was cleared first, and the frame before was lost.",
        shows: || {
            let mut out = bytes("8a 00");
            header(Opcode::Text, 0).encode(&mut out);
            masked(Opcode::Ping, 0).encode(&mut out);
            hex(&out)
        },
    }
}

#[test]
fn what_is_encoded_is_decoded() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "A header that is encoded and decoded is what it was, and so are its bytes.",
        mistake: "Encoding and decoding disagree. The check of one of them is red as well, and \
                  says which.",
        shows: || {
            let mut headers = 0;
            let mut table = String::new();
            for opcode in OPCODES {
                for fin in [true, false] {
                    for masking_key in [None, Some(KEY), Some([0; 4])] {
                        for payload_length in [0, 1, 125, 126, 65_535, 65_536, (1 << 63) - 1] {
                            if opcode.is_control() && (payload_length > 125 || !fin) {
                                continue;
                            }
                            for reserved in [ReservedBits::NONE, RSV1, ALL] {
                                let header = FrameHeader { fin, reserved, opcode, masking_key, payload_length };
                                let bytes = encoded(header);
                                let length = bytes.len();
                                let decoded = decode(&bytes, ALL);
                                headers += 1;
                                if decoded != Ok(Decoded::Header { header, length }) && table.len() < 500 {
                                    table += &format!("{header}\n  {}\n  → {decoded:?}\n", hex(&bytes));
                                }
                            }
                        }
                    }
                }
            }
            format!("{headers} headers, all the same but:\n{table}(end)\n")
        },
    }
}

// The RFC's examples.

const EXAMPLES: [(&str, &str); 8] = [
    (
        "an unmasked text message in one frame",
        "81 05 48 65 6c 6c 6f",
    ),
    (
        "a masked text message in one frame",
        "81 85 37 fa 21 3d 7f 9f 4d 51 58",
    ),
    (
        "the first frame of an unmasked text message",
        "01 03 48 65 6c",
    ),
    ("the second", "80 02 6c 6f"),
    ("an unmasked ping", "89 05 48 65 6c 6c 6f"),
    (
        "the masked pong that answers it",
        "8a 85 37 fa 21 3d 7f 9f 4d 51 58",
    ),
    (
        "256 bytes of binary; 4 of them are here",
        "82 7e 01 00 00 01 02 03",
    ),
    (
        "64 KiB of binary; 4 bytes of them are here",
        "82 7f 00 00 00 00 00 01 00 00 00 01 02 03",
    ),
];

#[test]
fn the_examples_of_the_rfc() {
    check! {
        rfc: "RFC 6455 §5.7",
        rule: "All examples of the RFC are read, and their headers are written to the byte.",
        mistake: "A rule refuses what the RFC itself sends, or a bit is lost on the way.",
        shows: || {
            let row = |(title, text): (&str, &str)| {
                let frame = bytes(text);
                let said = match decode(&frame, ReservedBits::NONE) {
                    Ok(Decoded::Header { header, length }) => {
                        let payload = hex(frame.get(length..).unwrap_or_default());
                        format!("{header}\n  ← {} | {payload}", hex(&encoded(header)))
                    }
                    other => format!("{other:?}"),
                };
                format!("{title}: {text}\n  → {said}\n")
            };
            EXAMPLES.map(row).concat()
        },
    }
}

// What is given.

#[test]
fn the_examples_of_the_rfc_drawn() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "A frame is drawn 32 bits a row, the most significant bit first.",
        mistake: "The given src/draw.rs was changed.",
        shows: || EXAMPLES.map(|(title, text)| format!("{title}\n{}", draw(&bytes(text)))).join("\n"),
    }
}

#[test]
fn what_is_wrong_or_half_there_is_drawn_too() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "A drawing shows what came, whether it keeps the rules or not.",
        mistake: "The given src/draw.rs was changed.",
        shows: || {
            let close = "88 85 37 fa 21 3d 34 12 43 44 52";
            let frames = [
                ("nothing", ""),
                ("one byte", "00"),
                ("half a length", "82 7e 01"),
                ("half a masking key", "82 83 37 fa"),
                ("a reserved opcode, all reserved bits, and a pong behind it", "f3 01 41 8a 00"),
                ("a close with code and reason", close),
                ("a close with a code", "88 02 03 e8"),
                ("a close with half a code", "88 01 03"),
                ("text that is none", "81 02 c3 28"),
                ("one euro", "81 03 e2 82 ac"),
                ("nothing fits into one line", "70 ff 7f ff ff ff ff ff ff ff 37 fa 21 3d 7f"),
            ];
            let drawings = frames.map(|(title, text)| format!("{title}\n{}", draw(&bytes(text))));
            let mut long = bytes("81 7e 00 c8");
            long.extend([b'a'; 200]);
            let many = bytes("8a 00").repeat(20);
            let end_of_many = draw(&many).lines().last().map(str::to_string);
            let widest = drawings.iter().flat_map(|text| text.lines()).map(|line| line.chars().count()).max();
            format!(
                "{}\na long text\n{}\ntwenty pongs end with {end_of_many:?}\nno line is wider than {} columns\n",
                drawings.join("\n"),
                draw(&long),
                widest.unwrap_or(0),
            )
        },
    }
}

#[test]
fn each_error_has_a_sentence_and_1002() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "A header that breaks a rule is a protocol error: 1002.",
        mistake: "The given src/error.rs was changed.",
        shows: || {
            let mut table = String::new();
            for error in [
                HeaderError::ReservedBitSet(RSV1),
                HeaderError::ReservedBitSet(ALL),
                HeaderError::ReservedOpcode(0xb),
                HeaderError::FragmentedControlFrame(Opcode::Ping),
                HeaderError::ControlFrameTooLong(Opcode::Close),
                HeaderError::LengthNotMinimal { length: 124, bytes: 2 },
                HeaderError::LengthNotMinimal { length: 65_535, bytes: 8 },
                HeaderError::LengthTopBitSet,
            ] {
                table += &format!("{} {error}\n", error.close_code());
            }
            table
        },
    }
}

#[test]
fn bytes_are_given_in_hexadecimal() {
    check! {
        rfc: "our own",
        rule: "Pairs of hexadecimal digits are bytes, with or without something between them.",
        mistake: "The given src/hex.rs was changed.",
        shows: || {
            let row = |text: &str| match bytes_of(text) {
                Ok(bytes) => format!("{text:?}\n  → {bytes:02x?}\n"),
                Err(error) => format!("{text:?}\n  → {error}\n"),
            };
            let taken = ["81 05 48", "8105 48", "8105FF", "", " \n", "81:05:48", "{ 0x81, 0x5 }", "\\x81\\x05", "<81-05>"];
            let refused = ["81 5", "8", "0x815", "[129, 5]", "81é", "0x"];
            taken.map(row).concat() + &refused.map(row).concat()
        },
    }
}

#[test]
fn the_program_draws_and_decodes() {
    check! {
        rfc: "RFC 6455 §5.7",
        rule: "What you wrote, as a program: a drawing, and what your decoder makes of the header.",
        mistake: "The given src/main.rs was changed. Where another check is red too, begin there.",
        shows: || program!().runs(&[
            &[],
            &["8a", "00"],
            &["82 7e 01"],
            &["c1", "80"],
            &["81 5"],
        ]),
    }
}
