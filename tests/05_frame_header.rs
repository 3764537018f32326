//! Step 05, `frame-header`: what comes before a payload, bit by bit.

use frame_header::first_byte::FirstByte;
use frame_header::second_byte::{LengthField, SecondByte};
use frame_header::{Decoded, FrameHeader, HeaderError, Opcode, ReservedBits, decode, draw};
use support::frame::KEY;
use support::sign::{missing, only, panics, yours};
use support::wire::{bits, hex};
use support::{check, program};

/// Every opcode and its value: the check's own table, so that it doesn't rely on the code under test.
const OPCODES: [(Opcode, u8); 6] = [
    (Opcode::Continuation, 0x0),
    (Opcode::Text, 0x1),
    (Opcode::Binary, 0x2),
    (Opcode::Close, 0x8),
    (Opcode::Ping, 0x9),
    (Opcode::Pong, 0xa),
];
const RSV1: ReservedBits = reserved(true, false, false);
const RSV2: ReservedBits = reserved(false, true, false);
const RSV3: ReservedBits = reserved(false, false, true);
const ALL: ReservedBits = reserved(true, true, true);

const fn reserved(rsv1: bool, rsv2: bool, rsv3: bool) -> ReservedBits {
    ReservedBits { rsv1, rsv2, rsv3 }
}

/// Bytes that this file gives in hexadecimal.
fn bytes(text: &str) -> Vec<u8> {
    frame_header::hex::parse(text).expect("the check's own bytes")
}

fn yes_or_no(is: bool) -> &'static str {
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

fn refused(error: HeaderError) -> String {
    format!("✗ {} {error}", error.close_code())
}

/// Each row: a first byte, and what it is decoded to.
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

/// Each row: a length in 7 bits, or the bytes of an extended payload length, and what it is decoded to.
fn lengths(rows: &[&str]) -> String {
    let row = |text: &&str| {
        let bytes = bytes(text);
        let (field, extended) = match bytes[..] {
            [length] => (LengthField::Bits7(length), &[][..]),
            [_, _] => (LengthField::Bits16, &bytes[..]),
            _ => (LengthField::Bits64, &bytes[..]),
        };
        let said = match field.payload_length(extended) {
            Ok(length) => format!("✓ {length}"),
            Err(error) => refused(error),
        };
        format!("{text}\n  → {said}\n")
    };
    rows.iter().map(row).collect()
}

/// Each row: bytes, and what they are decoded to.
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
        rule: "Six of the sixteen opcodes have a meaning. Those with the highest bit set are control frames.",
        signs: [
            only(["0x10 ", "0x81 "]).says(
                "The value was cut down to four bits before it was looked up. 0x81 isn't an opcode, so `from_bits` \
                 returns `None`.",
            ),
            missing(["none"]).says(
                "A reserved opcode got a name. No one knows what such a frame means for the frames after it.",
            ),
            yours(["none"]).says("An opcode is missing. There are six, and 0x0, continuation, is one of them."),
            yours(["0x8 ", "Ping"]).says("Close and ping have each other's opcode: close is 0x8, ping is 0x9."),
            yours(["0x9 ", "Pong"]).says("Ping and pong have each other's opcode: ping is 0x9, pong is 0xa."),
            yours(["Pong", "control frame: no"]).says(
                "`is_control` is false for every opcode. `bits & 0b1000` is 8 or 0, never 1: ask whether it is `!= 0`.",
            ),
            yours(["Close", "control frame: no"]).says(
                "Close was left out of the control frames. Its opcode, 0x8, is just the bit that they share.",
            ),
            yours(["Text", "control frame: yes"]).says(
                "Text was taken for a control frame. The bit that control frames share is the highest of the four, \
                 `0b1000`.",
            ),
            yours(["Continuation", "control frame: yes"]).says(
                "Continuation was taken for a control frame. It carries the data of a message, as text and binary do.",
            ),
            yours(["and back"]).says("`bits` doesn't return the value from which `from_bits` makes the opcode."),
        ],
        shows: opcode_table,
    }
}

fn opcode_table() -> String {
    let row = |value: u8| {
        let hex = format!("0x{value:x}");
        let Some(opcode) = Opcode::from_bits(value) else {
            return format!("{hex:<5} none\n");
        };
        let name = format!("{opcode:?}");
        let is_control = yes_or_no(opcode.is_control());
        let back = opcode.bits();
        format!("{hex:<5} {name:<13} control frame: {is_control:<4} and back: 0x{back:x}\n")
    };
    (0x0..=0x10).chain([0x81]).map(row).collect()
}

// The first byte.

#[test]
fn the_first_byte_bit_by_bit() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "The most significant bit comes first: FIN, then RSV1, RSV2, RSV3, then the opcode.",
        signs: [
            yours(["0x01  0000 0001  yes"]).says(
                "FIN was looked for in the lowest bit. The RFC counts from the left: its bit 0 is `0b1000_0000`.",
            ),
            yours(["0x80  1000 0000  no "]).says(
                "FIN was never found. `byte & 0b1000_0000` is 128 or 0, never 1: ask whether it is `!= 0`.",
            ),
            yours(["opcode 0x41"]).or(yours(["opcode 0x81"])).says(
                "The bits above the opcode were left in it. It is the low four bits: `byte & 0b0000_1111`.",
            ),
            yours(["0xc1", "yes  no   no   yes  text"]).says(
                "RSV1 and RSV3 changed places. RSV1 is the bit beside FIN, `0b0100_0000`.",
            ),
            yours(["0xc1", "yes  no   no   no   text"]).says(
                "RSV1 was never found. `byte & 0b0100_0000` is 64 or 0, never 1: ask whether it is `!= 0`.",
            ),
            yours(["0x00", "not negotiated"]).says(
                "A byte without reserved bits was refused, because some were negotiated. Those may be set, but needn't \
                 be: `reserved.without(negotiated)` gives the bits that must not be set.",
            ),
            yours(["not negotiated"]).says("A reserved bit was refused, although it was negotiated."),
            yours(["0x01", "without FIN"]).says(
                "A data frame without FIN was refused. Only control frames need FIN: others may come in fragments.",
            ),
            yours(["0x89", "without FIN"]).says("A control frame with FIN was refused. It must have FIN."),
        ],
        shows: first_byte_table,
    }
}

fn first_byte_table() -> String {
    let bytes = [
        0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8a, 0xc1, 0xa1, 0x91, 0x41, 0x21, 0x11,
        0xf2, 0x70,
    ];
    let row = |byte: u8| {
        let said = match FirstByte::decode(byte, ALL) {
            Ok(first) => {
                let ReservedBits { rsv1, rsv2, rsv3 } = first.reserved;
                let [fin, rsv1, rsv2, rsv3] = [first.fin, rsv1, rsv2, rsv3].map(yes_or_no);
                let opcode = first.opcode;
                format!("{fin:<4} {rsv1:<4} {rsv2:<4} {rsv3:<4} {opcode}")
            }
            Err(error) => refused(error),
        };
        format!("0x{byte:02x}  {}  {said}\n", bits(byte))
    };
    let table: String = bytes.into_iter().map(row).collect();
    format!("byte             FIN  RSV1 RSV2 RSV3 opcode\n{table}")
}

#[test]
fn reserved_bits_are_for_extensions() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "A reserved bit is 0, on every opcode, unless an extension that uses it was \
               negotiated.",
        signs: [
            only(["continuation"]).says(
                "On continuation frames, the reserved bits aren't checked. The rule is about every frame.",
            ),
            only(["close", "ping", "pong"]).says(
                "On control frames, the reserved bits aren't checked. The rule is about every frame.",
            ),
            missing(["text", "1002  1002  1002  1002"]).says(
                "The reserved bits were read, but nothing checks whether they may be set.",
            ),
            missing(["text", "✓     ✓     1002  1002  1002"]).says(
                "Once one bit was negotiated, the others pass as well. Each needs to be negotiated by itself.",
            ),
            yours(["RSV1, RSV2, RSV3 set"]).says(
                "The error names a bit that was negotiated. It should name only the others, which `without` returns.",
            ),
        ],
        shows: reserved_bit_tables,
    }
}

fn reserved_bit_tables() -> String {
    let negotiations = [
        ("nothing", ReservedBits::NONE),
        ("RSV1", RSV1),
        ("RSV2", RSV2),
        ("RSV3", RSV3),
        ("all", ALL),
    ];
    let tables = negotiations
        .map(|(name, negotiated)| format!("negotiated: {name}\n{}\n", reserved_table(negotiated)));
    let all_at_once =
        FirstByte::decode(0xf1, RSV2).map_or_else(refused, |first| format!("{first:?}"));
    format!(
        "{}negotiated: RSV2, and 0xf1 comes\n  → {all_at_once}\n",
        tables.concat()
    )
}

/// Each opcode with no reserved bit, with each of them, and with all.
fn reserved_table(negotiated: ReservedBits) -> String {
    let columns = [
        0b0000_0000,
        0b0100_0000,
        0b0010_0000,
        0b0001_0000,
        0b0111_0000,
    ];
    let mut table = format!("  {:<14}none  RSV1  RSV2  RSV3  all\n", "");
    for (opcode, value) in OPCODES {
        let cells = columns.map(|reserved| {
            match FirstByte::decode(0b1000_0000 | reserved | value, negotiated) {
                Ok(first) if first.opcode == opcode => "✓".to_string(),
                Ok(_) => "?".to_string(),
                Err(error) => error.close_code().to_string(),
            }
        });
        let cells = cells.map(|cell| format!("{cell:<6}")).concat();
        table += &format!("  {:<14}{}\n", opcode.to_string(), cells.trim_end());
    }
    table
}

#[test]
fn reserved_opcodes_are_refused() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "A frame with a reserved opcode fails the connection.",
        signs: [
            panics("`None` value").says(
                "`unwrap` or `expect` panics if the opcode has no name. The other side chooses those bits, so it could \
                 crash your program: return an error instead.",
            ),
            yours(["0xf3", "opcode"]).or(yours(["0x0b", "without FIN"])).or(yours(["0x49", "without FIN"])).says(
                "The byte breaks several rules, and the wrong one was reported first. A reserved bit comes first, then \
                 the opcode, then FIN.",
            ),
            yours(["opcode 0x83"]).says(
                "The error was given more than the opcode, which is the low four bits of the byte.",
            ),
            yours(["✓"]).says(
                "A reserved opcode was accepted. No one knows what such a frame means for the frames after it.",
            ),
        ],
        shows: || first_bytes(&RESERVED_OPCODES),
    }
}

const RESERVED_OPCODES: [u8; 14] = [
    0x83, 0x84, 0x85, 0x86, 0x87, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x03, 0x0b, 0xf3, 0x49,
];

#[test]
fn a_control_frame_may_not_be_fragmented() {
    check! {
        rfc: "RFC 6455 §5.5",
        rule: "Close, ping and pong frames have FIN. Other frames may come without it.",
        signs: [
            yours(["0x09", "✓ ping"]).says("A control frame passes without FIN: the bit was read, but never checked."),
            yours(["0x01", "✗"]).says(
                "A data frame without FIN was refused. Only control frames need FIN: others may come in fragments.",
            ),
        ],
        shows: || first_bytes(&[0x00, 0x01, 0x02, 0x08, 0x09, 0x0a, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8a]),
    }
}

#[test]
fn the_first_byte_encoded() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "FIN, RSV1, RSV2 and RSV3 are the four high bits. The opcode is the four low ones.",
        signs: [
            yours(["1100 0010  binary, RSV1"]).says("FIN was set on every frame. `fin` says whether it is."),
            yours(["0000 0001  text, FIN"]).says("FIN wasn't written. It is the highest bit, `0b1000_0000`."),
            yours(["0001 0010  binary, RSV1"]).says(
                "RSV1 and RSV3 changed places. RSV1 is the bit beside FIN, `0b0100_0000`.",
            ),
            yours(["0000 0010  binary, RSV1"]).says("The reserved bits weren't written."),
        ],
        shows: encoded_first_bytes,
    }
}

fn encoded_first_bytes() -> String {
    let mut table = String::new();
    for (opcode, _) in OPCODES {
        for (fin, and_fin) in [(false, ""), (true, ", FIN")] {
            let reserved = ReservedBits::NONE;
            let first = FirstByte {
                fin,
                reserved,
                opcode,
            };
            table += &format!("{}  {opcode}{and_fin}\n", bits(first.encode()));
        }
    }
    for reserved in [RSV1, RSV2, RSV3, ALL] {
        let opcode = Opcode::Binary;
        let first = FirstByte {
            fin: false,
            reserved,
            opcode,
        };
        table += &format!("{}  binary, {reserved}\n", bits(first.encode()));
    }
    table
}

// The second byte, and lengths.

#[test]
fn the_second_byte_bit_by_bit() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "MASK is the first bit. The other seven are a length up to 125, or say where the length is.",
        signs: [
            yours(["Bits7(133)"]).says("The length was read with MASK still in it: 0x85 is MASK and 5, not 133."),
            yours(["0x05  0000 0101  yes"]).and(yours(["0x85  1000 0101  no"])).says(
                "MASK was read the wrong way round: 1 says that the payload is masked.",
            ),
            yours(["0x05  0000 0101  yes"]).says(
                "Every frame was taken for a masked one. A browser's frames are masked, a server's aren't.",
            ),
            yours(["0x85  1000 0101  no"]).says(
                "MASK wasn't looked at, or it was compared with 1: `byte & 0b1000_0000` is 128 or 0.",
            ),
            yours(["Bits7(126)"]).or(yours(["Bits7(127)"])).says(
                "126 and 127 were taken for lengths. In these seven bits they say where the length is.",
            ),
            yours(["0x7e", "Bits64"]).says("126 and 127 changed places: 126 stands for 16 bits, 127 for 64."),
            yours(["Payload len is above 125"]).says(
                "A text frame was refused as too long. That rule is about control frames.",
            ),
        ],
        shows: second_byte_table,
    }
}

fn second_byte_table() -> String {
    let bytes = [
        0x00, 0x01, 0x05, 0x7d, 0x7e, 0x7f, 0x80, 0x81, 0x85, 0xfd, 0xfe, 0xff,
    ];
    let row = |byte: u8| {
        let said = match SecondByte::decode(byte, Opcode::Text) {
            Ok(second) => format!("{:<7} {:?}", yes_or_no(second.masked), second.length),
            Err(error) => refused(error),
        };
        format!("0x{byte:02x}  {}  {said}\n", bits(byte))
    };
    format!(
        "byte             masked  length\n{}",
        bytes.map(row).concat()
    )
}

#[test]
fn a_control_frame_is_at_most_125_bytes() {
    check! {
        rfc: "RFC 6455 §5.5",
        rule: "The payload of a close, ping or pong frame has at most 125 bytes.",
        signs: [
            yours(["0x7d", "✗"]).says("125 was refused. A control frame may have that many bytes, and no more."),
            yours(["text", "✗"]).says("A text frame was refused as too long. That rule is about control frames."),
            missing(["ping", "above 125"]).says(
                "A control frame of more than 125 bytes passes. Payload len, 126 or 127, shows that it is too long.",
            ),
        ],
        shows: long_control_frames,
    }
}

fn long_control_frames() -> String {
    let mut table = String::new();
    for (opcode, _) in OPCODES {
        for byte in [0x7d, 0x7e, 0x7f, 0xfd, 0xfe, 0xff] {
            let said = match SecondByte::decode(byte, opcode) {
                Ok(second) => format!("✓ {:?}", second.length),
                Err(error) => refused(error),
            };
            table += &format!("{:<12}  0x{byte:02x}  {said}\n", opcode.to_string());
        }
    }
    table
}

#[test]
fn the_second_byte_encoded() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "MASK is the highest bit. Below it is the length, or 126, or 127.",
        signs: [
            yours(["0000 0101  masked"]).says(
                "MASK wasn't set on a masked frame. It is the highest bit, `0b1000_0000`.",
            ),
            yours(["1000 0101  Bits7(5)"]).says("MASK was set on a frame that isn't masked."),
            yours(["0111 1111  Bits16"]).says("126 and 127 changed places: 126 stands for 16 bits, 127 for 64."),
        ],
        shows: encoded_second_bytes,
    }
}

fn encoded_second_bytes() -> String {
    let lengths = [
        LengthField::Bits7(0),
        LengthField::Bits7(5),
        LengthField::Bits7(125),
        LengthField::Bits16,
        LengthField::Bits64,
    ];
    let mut table = String::new();
    for (masked, name) in [(false, ""), (true, "masked, ")] {
        for length in lengths {
            let byte = SecondByte { masked, length }.encode();
            table += &format!("{}  {name}{length:?}\n", bits(byte));
        }
    }
    table
}

#[test]
fn the_shortest_field_is_chosen() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "7 bits hold lengths up to 125, 16 bits up to 65535.",
        signs: [
            yours(["4294967301  Bits7(5)"]).but_not(yours(["65536  Bits7"])).says(
                "The length was cut down to 32 bits: of 2³² + 5, 5 is left. Compare the `u64`.",
            ),
            yours(["65536  Bits7(0)"]).says(
                "The length was cut down to 16 bits: of 65536, 0 is left. Compare the `u64`.",
            ),
            yours([" 126  Bits7(126)"]).says(
                "126 went into the seven bits. It fits, but there it says that the length is in the next two bytes.",
            ),
            yours([" 125  Bits16"]).says("125 went into 16 bits. It is the greatest length that the seven bits hold."),
            yours([" 65535  Bits64"]).says("65535 went into 64 bits. It is the greatest length that 16 bits hold."),
            yours([" 65536  Bits16"]).says(
                "65536 went into 16 bits, where it becomes 0. The greatest length that they hold is 65535.",
            ),
        ],
        shows: shortest_fields,
    }
}

fn shortest_fields() -> String {
    let lengths = [
        0,
        124,
        125,
        126,
        127,
        128,
        255,
        256,
        65_534,
        65_535,
        65_536,
        65_537,
        (1 << 32) + 5,
        u64::MAX >> 1,
    ];
    let row = |length: u64| format!("{length:>20}  {:?}\n", LengthField::shortest(length));
    lengths.map(row).concat()
}

#[test]
fn a_length_is_in_network_byte_order() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "Seven bits are the length itself. In 16 or 64 bits, the most significant byte comes first.",
        signs: [
            yours(["a length of 0 in 0 bytes"]).says(
                "A length in seven bits was looked for in the bytes that follow. `Bits7` needs none: it has the \
                 length.",
            ),
            yours(["✓ 13330"]).or(yours(["578437695752307201"])).says(
                "The bytes were put together lowest first, as most machines keep them in memory: `12 34` became \
                 0x3412.",
            ),
            yours(["✓ 84281096"]).says(
                "The length was cut down to 32 bits: of `01 02 03 04 05 06 07 08` the last four bytes are left. It is \
                 a `u64`.",
            ),
            yours(["a length of 258 in 8 bytes"]).says("Of eight bytes only the first two were read."),
            yours(["a length of 1800 in 8 bytes"]).says(
                "The length was cut down to 16 bits: of `01 02 03 04 05 06 07 08` the last two bytes are left. It is \
                 a `u64`.",
            ),
            yours(["highest bit is not 0"]).says(
                "A length in 16 bits was refused for its highest bit. That rule is about 64 bits only.",
            ),
            panics("overflow").says(
                "A byte was shifted before it was a `u64`: eight bits have no room for what moves left. \
                 `u64::from(byte)` comes first.",
            ),
        ],
        shows: || lengths(&LENGTHS_IN_ORDER),
    }
}

const LENGTHS_IN_ORDER: [&str; 9] = [
    "05",
    "7d",
    "01 00",
    "12 34",
    "ff ff",
    "00 00 00 00 00 01 00 00",
    "00 00 00 01 00 00 00 00",
    "01 02 03 04 05 06 07 08",
    "7f ff ff ff ff ff ff ff",
];

#[test]
fn a_length_must_be_minimal() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "A length is in the fewest bytes that hold it, and the highest of 64 bits is 0.",
        signs: [
            yours(["✓ 9223372036854775808"]).says("The highest of the 64 bits wasn't looked at. It must be 0."),
            yours(["a length of 5 in 8 bytes"]).says(
                "The highest of the 64 bits was cut off. A length in which it is 1 must be refused.",
            ),
            yours(["✓ 124"]).and(yours(["✓ 65535"])).says(
                "Nothing checks whether a length is minimal. `00 7c` is 124, and 124 fits into seven bits.",
            ),
            yours(["✓ 65535"]).says("Only lengths in 16 bits must be minimal here. The rule holds for 64 bits, too."),
            yours(["✓ 124"]).says("Only lengths in 64 bits must be minimal here. The rule holds for 16 bits, too."),
            yours(["✓ 125"]).says("125 passes in 16 bits. It fits into the seven."),
            yours(["a length of 126 in 2 bytes"]).says(
                "126 in 16 bits was refused. It is the first length that seven bits can't hold.",
            ),
        ],
        shows: || lengths(&LONG_AND_SHORT_LENGTHS),
    }
}

const LONG_AND_SHORT_LENGTHS: [&str; 13] = [
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
];

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
fn bytes_after_a_header_are_ignored() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "The header ends where its own bits say, whatever follows it.",
        signs: [
            yours(["FIN, 5 bytes, masked with aa bb cc dd"]).says(
                "A masking key was read from a frame that has none. MASK is in the second byte; the same bit of the \
                 first is FIN.",
            ),
            yours(["masked with 01 00 37 fa"]).says(
                "The masking key was read at byte 2. A length in 16 or 64 bits is there, and the key follows it.",
            ),
            yours(["masked with 3d 21 fa 37"]).says(
                "The masking key was reversed. Its bytes stay in the order in which they arrive.",
            ),
            panics("subtract with overflow").says(
                "There are more bytes than the header needs, so `needed` fell below 0. `saturating_sub` stops at 0.",
            ),
            yours([" 7 bytes: text"]).says(
                "`length` is all that is there. It should be the length of the header alone.",
            ),
            yours([" 2 bytes: text", "masked"]).says(
                "The four bytes of the masking key weren't counted in `length`.",
            ),
            yours(["Incomplete"]).says("A complete header was called incomplete. The payload isn't part of it."),
        ],
        shows: || EACH_LENGTH.map(row_with_more_bytes).concat(),
    }
}

fn row_with_more_bytes(text: &str) -> String {
    let more = [0xaa, 0xbb, 0xcc, 0xdd, 0xee];
    let all = [&bytes(text), &more[..]].concat();
    let said = match decode(&all, ReservedBits::NONE) {
        Ok(Decoded::Header { header, length }) => format!("{length} bytes: {header}"),
        other => format!("{other:?}"),
    };
    format!("{text} | {}\n  → {said}\n", hex(&more))
}

#[test]
fn lengths_at_each_boundary() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "Lengths up to 125 are in 7 bits, up to 65535 in 16, up to 2^63 - 1 in 64.",
        signs: [],
        shows: || verdicts(&HEADERS_AT_BOUNDARIES),
    }
}

const HEADERS_AT_BOUNDARIES: [&str; 14] = [
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
];

#[test]
fn every_prefix_says_how_much_is_missing() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "An incomplete header isn't an error. Its length is known once two bytes are there; until then, \
               two bytes are needed.",
        signs: [
            panics("out of range").or(panics("out of bounds")).says(
                "Bytes were read before they had arrived. `get` returns `None` where `[…]` panics.",
            ),
            yours(["✗"]).says(
                "Part of the length was taken for all of it. Wait until all of its bytes are there.",
            ),
            yours(["5 here: 6 more"]).says(
                "`needed` is how long the header is. It should be how much of it is missing.",
            ),
            yours(["0 more"]).or(yours(["2 here: 2 more"])).says(
                "`needed` doesn't count the masking key. The second byte says whether its four bytes will come.",
            ),
            yours(["2 here: 1 more"]).says(
                "`needed` is always 1. From the second byte on, the length of the header is known.",
            ),
            yours(["0 here: 1 more"]).says("With no bytes, `needed` is 1. No header is shorter than two bytes."),
        ],
        shows: || EACH_LENGTH.map(prefixes).concat(),
    }
}

fn prefixes(text: &str) -> String {
    let whole = bytes(text);
    let mut table = format!("{text}\n");
    for length in 0..=whole.len() {
        table += &format!("  {length:>2} here: {}\n", verdict(&whole[..length]));
    }
    table
}

#[test]
fn a_broken_rule_is_reported_at_its_byte() {
    check! {
        rfc: "RFC 6455 §7.1.7",
        rule: "A broken rule is reported as soon as the byte that breaks it is there: no later byte can repair it.",
        signs: [
            yours([" 6 here: ✗ 1002 RSV1"]).says(
                "No rule was checked before the whole header was there. A peer that sends no more would never be told.",
            ),
            yours([" 2 here: ✗ 1002 RSV1"]).says(
                "The first byte wasn't checked before the second was there. Its rules need nothing else.",
            ),
            yours([" 8 here"]).or(yours(["14 here"])).says(
                "The length wasn't checked before the masking key was there. Its rules don't need the key.",
            ),
            yours(["never: ✓ ping"]).says(
                "The second byte was read without the opcode of the first: a ping may not be that long.",
            ),
        ],
        shows: || BROKEN_HEADERS.map(first_report).concat(),
    }
}

const BROKEN_HEADERS: [&str; 6] = [
    "c1 85 37 fa 21 3d",
    "83 85 37 fa 21 3d",
    "09 85 37 fa 21 3d",
    "89 fe 00 7e 37 fa 21 3d",
    "82 fe 00 7c 37 fa 21 3d",
    "82 ff 80 00 00 00 00 00 00 00 37 fa 21 3d",
];

/// How many bytes were there when the error was reported.
fn first_report(text: &str) -> String {
    let whole = bytes(text);
    let is_error = |length: &usize| decode(&whole[..*length], ReservedBits::NONE).is_err();
    match (0..=whole.len()).find(is_error) {
        Some(length) => format!(
            "{text}\n  {length:>2} here: {}\n",
            verdict(&whole[..length])
        ),
        None => format!("{text}\n  never: {}\n", verdict(&whole)),
    }
}

#[test]
fn a_negotiated_bit_reaches_the_header() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "A negotiated bit may be set, and the header says whether it is.",
        signs: [
            yours(["RSV2 set, but not negotiated"]).says("`negotiated` wasn't passed on to the first byte."),
            yours(["✓ text, FIN, 5 bytes"]).says(
                "The bits were accepted, and then left out of the header, which has a field for them.",
            ),
        ],
        shows: || NEGOTIATED.map(negotiated_row).concat(),
    }
}

const NEGOTIATED: [(&str, ReservedBits); 5] = [
    ("c1 05", RSV1),
    ("a1 05", RSV2),
    ("91 05", RSV3),
    ("f1 05", ALL),
    ("c1 05", RSV2),
];

fn negotiated_row((text, negotiated): (&str, ReservedBits)) -> String {
    let said = match decode(&bytes(text), negotiated) {
        Ok(Decoded::Header { header, .. }) => format!("✓ {header}"),
        Ok(other) => format!("{other:?}"),
        Err(error) => refused(error),
    };
    format!("{text}\n  → {said}\n")
}

// Encoding.

#[test]
fn our_own_header_as_the_rfc_draws_it() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "First byte, second byte, length, masking key, then the payload.",
        signs: [
            yours(["= 7f 9f 4d 51"]).says("MASK is set, but the key isn't there. It follows the length."),
            yours(["= 3d 21 fa 37"]).says(
                "The masking key was reversed. It isn't a number: its four bytes are written as they are.",
            ),
        ],
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
        rule: "A length is sent in the fewest bytes that hold it, most significant byte first.",
        signs: [
            yours(["82 7e 7e 00"]).or(yours(["82 7f 00 00 01 00 00 00 00 00"])).says(
                "The length was sent lowest byte first: `to_be_bytes` puts the highest first.",
            ),
            yours(["82 fe 37 fa 21 3d"]).says(
                "The masking key was written before the length. It is the end of the header.",
            ),
            yours(["82 7f 00 01 00 00"]).says(
                "A length in 64 bits was sent in four bytes. Payload len 127 announces eight.",
            ),
            yours(["82 7f 00 00 00 00 00 00 00 00"]).says(
                "The length was cut down to 32 bits: of 2³², 0 is left. It is a `u64`.",
            ),
            yours(["82 ff 00 00 37 fa 21 3d"]).says(
                "A length in 64 bits was sent in two bytes. Payload len 127 announces eight.",
            ),
            yours(["82 01 00 01"]).says(
                "A length that fits into the seven bits was sent in two more bytes as well.",
            ),
        ],
        shows: encoded_lengths,
    }
}

fn encoded_lengths() -> String {
    let lengths = [
        0,
        1,
        124,
        125,
        126,
        127,
        255,
        256,
        65_534,
        65_535,
        65_536,
        65_537,
        1 << 32,
        (1 << 63) - 1,
    ];
    let row = |length: u64| {
        let headers = [
            header(Opcode::Binary, length),
            masked(Opcode::Binary, length),
        ];
        let [plain, masked] = headers.map(|header| hex(&encoded(header)));
        format!("{length}\n  {plain}\n  {masked}\n")
    };
    lengths.map(row).concat()
}

#[test]
fn encoding_appends() {
    check! {
        rfc: "RFC 6455 §6.1",
        rule: "A header is appended to the bytes that are already in the buffer.",
        signs: [
            yours(["89 80 37"]).but_not(yours(["8a 00"])).says(
                "What was in the buffer is lost. The header is appended to it.",
            ),
        ],
        shows: || {
            let mut out = bytes("8a 00");
            header(Opcode::Text, 0).encode(&mut out);
            masked(Opcode::Ping, 0).encode(&mut out);
            hex(&out)
        },
    }
}

#[test]
fn encoded_headers_decode_to_themselves() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "A header that is encoded and decoded again is the same, and as long as its bytes.",
        signs: [],
        shows: || {
            let headers = many_headers();
            let changed: String = headers.iter().filter_map(|header| changed(*header)).take(5).collect();
            format!("{} headers, all the same but:\n{changed}(end)\n", headers.len())
        },
    }
}

fn many_headers() -> Vec<FrameHeader> {
    let mut headers = Vec::new();
    for (opcode, _) in OPCODES {
        for fin in [true, false] {
            for masking_key in [None, Some(KEY), Some([0; 4])] {
                for payload_length in [0, 1, 125, 126, 65_535, 65_536, (1 << 63) - 1] {
                    for reserved in [ReservedBits::NONE, RSV1, ALL] {
                        headers.push(FrameHeader {
                            fin,
                            reserved,
                            opcode,
                            masking_key,
                            payload_length,
                        });
                    }
                }
            }
        }
    }
    headers
        .retain(|header| !header.opcode.is_control() || header.fin && header.payload_length <= 125);
    headers
}

/// What the header is decoded to, if that isn't what was encoded.
fn changed(header: FrameHeader) -> Option<String> {
    let bytes = encoded(header);
    let length = bytes.len();
    let decoded = decode(&bytes, ALL);
    let is_changed = decoded != Ok(Decoded::Header { header, length });
    is_changed.then(|| format!("{header}\n  {}\n  → {decoded:?}\n", hex(&bytes)))
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
        rule: "The RFC's examples are decoded, and their headers are encoded to the same bytes.",
        signs: [],
        shows: || EXAMPLES.map(example_row).concat(),
    }
}

fn example_row((title, text): (&str, &str)) -> String {
    let frame = bytes(text);
    let said = match decode(&frame, ReservedBits::NONE) {
        Ok(Decoded::Header { header, length }) => {
            let payload = hex(frame.get(length..).unwrap_or_default());
            format!("{header}\n  ← {} | {payload}", hex(&encoded(header)))
        }
        other => format!("{other:?}"),
    };
    format!("{title}: {text}\n  → {said}\n")
}

// Code that is written for you.

#[test]
fn the_examples_of_the_rfc_drawn() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "src/draw.rs, which is written for you, draws a frame 32 bits a row, most significant bit first.",
        signs: [],
        shows: || EXAMPLES.map(drawing).join("\n"),
    }
}

fn drawing((title, text): (&str, &str)) -> String {
    format!("{title}\n{}", draw(&bytes(text)))
}

#[test]
fn wrong_and_incomplete_frames_are_drawn_too() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "src/draw.rs, which is written for you, draws every frame, whether it keeps the rules or not.",
        signs: [],
        shows: wrong_drawings,
    }
}

const WRONG_AND_INCOMPLETE: [(&str, &str); 11] = [
    ("nothing", ""),
    ("one byte", "00"),
    ("half a length", "82 7e 01"),
    ("half a masking key", "82 83 37 fa"),
    (
        "a reserved opcode, all reserved bits, and a pong after it",
        "f3 01 41 8a 00",
    ),
    (
        "a close with code and reason",
        "88 85 37 fa 21 3d 34 12 43 44 52",
    ),
    ("a close with a code", "88 02 03 e8"),
    ("a close with half a code", "88 01 03"),
    ("text that isn't UTF-8", "81 02 c3 28"),
    ("one euro", "81 03 e2 82 ac"),
    (
        "too much for one line",
        "70 ff 7f ff ff ff ff ff ff ff 37 fa 21 3d 7f",
    ),
];

fn wrong_drawings() -> String {
    let drawings = WRONG_AND_INCOMPLETE.map(drawing).join("\n");
    let widest = drawings.lines().map(|line| line.chars().count()).max();
    let long = draw(&[bytes("81 7e 00 c8"), vec![b'a'; 200]].concat());
    let many = draw(&bytes("8a 00").repeat(20));
    format!(
        "{drawings}\na long text\n{long}\ntwenty pongs end with {:?}\nno line is wider than {} columns\n",
        many.lines().last(),
        widest.unwrap_or(0),
    )
}

#[test]
fn each_error_has_a_sentence_and_1002() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "A header that breaks a rule is a protocol error, 1002. src/error.rs, which is written for you, \
               says so.",
        signs: [],
        shows: || ERRORS.map(|error| format!("{} {error}\n", error.close_code())).concat(),
    }
}

const ERRORS: [HeaderError; 8] = [
    HeaderError::ReservedBitSet(RSV1),
    HeaderError::ReservedBitSet(ALL),
    HeaderError::ReservedOpcode(0xb),
    HeaderError::FragmentedControlFrame(Opcode::Ping),
    HeaderError::ControlFrameTooLong(Opcode::Close),
    HeaderError::LengthNotMinimal {
        length: 124,
        bytes: 2,
    },
    HeaderError::LengthNotMinimal {
        length: 65_535,
        bytes: 8,
    },
    HeaderError::LengthTopBitSet,
];

#[test]
fn hexadecimal_text_is_read_as_bytes() {
    check! {
        rfc: "our own",
        rule: "src/hex.rs, which is written for you, reads pairs of hexadecimal digits as bytes, with or without \
               separators.",
        signs: [],
        shows: || HEXADECIMAL.map(hexadecimal_row).concat(),
    }
}

/// The last six are refused.
const HEXADECIMAL: [&str; 15] = [
    "81 05 48",
    "8105 48",
    "8105FF",
    "",
    " \n",
    "81:05:48",
    "{ 0x81, 0x5 }",
    "\\x81\\x05",
    "<81-05>",
    "81 5",
    "8",
    "0x815",
    "[129, 5]",
    "81é",
    "0x",
];

fn hexadecimal_row(text: &str) -> String {
    match frame_header::hex::parse(text) {
        Ok(bytes) => format!("{text:?}\n  → {bytes:02x?}\n"),
        Err(error) => format!("{text:?}\n  → {error}\n"),
    }
}

#[test]
fn the_program_draws_and_decodes() {
    check! {
        rfc: "RFC 6455 §5.7",
        rule: "The program draws a frame, and prints what your decoder says about its header.",
        signs: [],
        shows: || program!().runs(&[
            &[],
            &["8a", "00"],
            &["82 7e 01"],
            &["c1", "80"],
            &["81 5"],
        ]),
    }
}
