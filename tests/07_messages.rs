//! Step 07, `messages`: frames, put together to messages.

use frames::{FrameDecoder, FrameError, FrameHeader, Opcode, Part, ReservedBits, Role};
use messages::{Item, Message, MessageError, MessageReader, NotUtf8, TextBuffer};
use support::frame::{
    BINARY, BINARY_NO_FIN, CLOSE, CONTINUATION, PING, PONG, TEXT, TEXT_NO_FIN, unmasked,
};
use support::sign::{missing, panics, yours};
use support::wire::hex;
use support::{check, cut, program, wire};

/// The first byte of a fragment that is neither the first nor the last of its message.
const CONTINUATION_NO_FIN: u8 = 0x00;

/// "é" in UTF-8.
const E_ACUTE: [u8; 2] = [0xc3, 0xa9];
/// "🦉" in UTF-8.
const OWL: [u8; 4] = [0xf0, 0x9f, 0xa6, 0x89];

/// The kind of a frame, from its first byte.
fn name(first: u8) -> &'static str {
    match first {
        TEXT => "text, FIN",
        TEXT_NO_FIN => "text, no FIN",
        BINARY => "binary, FIN",
        BINARY_NO_FIN => "binary, no FIN",
        CONTINUATION => "continuation, FIN",
        CONTINUATION_NO_FIN => "continuation, no FIN",
        CLOSE => "close",
        PING => "ping",
        PONG => "pong",
        _ => "a frame without a name",
    }
}

/// A decoder and a reader, as a client uses them.
struct Client {
    decoder: FrameDecoder,
    reader: MessageReader,
}

#[derive(Debug)]
enum Failure {
    Frame(FrameError),
    Message(MessageError),
}

impl Client {
    fn new(max_message: u64) -> Self {
        Self {
            decoder: FrameDecoder::new(Role::Client, 1 << 20, ReservedBits::NONE),
            reader: MessageReader::new(max_message),
        }
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<Vec<Item>, Failure> {
        self.decoder.receive(bytes);
        let mut items = Vec::new();
        while let Some(part) = self.decoder.next_part().map_err(Failure::Frame)? {
            items.extend(self.reader.read(part).map_err(Failure::Message)?);
        }
        Ok(items)
    }
}

fn failed(failure: &Failure) -> String {
    match failure {
        Failure::Frame(error) => format!("✗ {}: {error}", error.close_code()),
        Failure::Message(error) => format!("✗ {}: {error}", error.close_code()),
    }
}

/// The items, one in each line, or the failure.
fn lines(result: &Result<Vec<Item>, Failure>) -> String {
    match result {
        Ok(items) => items
            .iter()
            .map(|item| format!("  → {}\n", show(item)))
            .collect(),
        Err(failure) => format!("  {}\n", failed(failure)),
    }
}

fn show(item: &Item) -> String {
    let (kind, bytes) = match item {
        Item::Message(Message::Text(text)) => return format!("text message {text:?}"),
        Item::Message(Message::Binary(bytes)) => ("binary message", bytes),
        Item::Ping(bytes) => ("ping", bytes),
        Item::Pong(bytes) => ("pong", bytes),
        Item::Close(bytes) => ("close", bytes),
    };
    format!("{kind} [{}]", hex(bytes))
}

/// The first byte of a frame, and its payload.
type ShortFrame<'a> = (u8, &'a [u8]);

/// Each frame, and the items that are whole with it. The frames after a broken rule are not read.
fn frames_with_limit(max_message: u64, frames: &[ShortFrame]) -> String {
    let mut client = Client::new(max_message);
    let mut shown = String::new();
    for (first, payload) in frames {
        let frame = unmasked(*first, payload);
        let result = client.receive(&frame);
        shown += &format!("{:<32} {}\n{}", hex(&frame), name(*first), lines(&result));
        if result.is_err() {
            break;
        }
    }
    shown
}

/// The same, with a limit that no message here reaches.
fn frames(frames: &[ShortFrame]) -> String {
    frames_with_limit(1 << 20, frames)
}

fn header(opcode: Opcode, fin: bool, payload_length: u64) -> Part {
    Part::Header(FrameHeader {
        fin,
        reserved: ReservedBits::NONE,
        opcode,
        masking_key: None,
        payload_length,
    })
}

// Given code.

#[test]
fn each_broken_rule_has_its_close_code() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "A protocol error is a 1002, text that is not UTF-8 a 1007, a message that is too large a 1009. This is \
               in src/error.rs, which is written for you.",
        signs: [
            yours(["1003 text that is not UTF-8"]).says(
                "Bad text has the code 1003, which is for a kind of message that an endpoint doesn't accept. Its code \
                 is 1007.",
            ),
        ],
        shows: || {
            let errors = [
                MessageError::NothingToContinue,
                MessageError::MessageNotFinished,
                MessageError::NotUtf8(NotUtf8 { valid_up_to: 3 }),
                MessageError::TooLarge { limit: 1_048_576 },
            ];
            errors.map(|error| format!("{} {error}", error.close_code())).join("\n")
        },
    }
}

// Text.

/// The pieces of a text in one line: `43 61 66 c3 │ a9`.
fn cut_in(pieces: &[&[u8]]) -> String {
    let piece = |piece: &&[u8]| {
        if piece.is_empty() {
            return "(nothing)".to_string();
        }
        hex(piece)
    };
    let pieces: Vec<String> = pieces.iter().map(piece).collect();
    pieces.join(" │ ")
}

#[test]
fn a_piece_may_end_inside_a_character() {
    check! {
        rfc: "RFC 6455 §5.6",
        rule: "An incomplete character is kept, and continues with the next piece.",
        signs: [
            yours(["43 61 66 c3 │ a9", "→ ✗"]).says(
                "Each piece was validated by itself: \"é\", cut in two, is two invalid halves. An incomplete character \
                 isn't an error.",
            ),
            yours(["43 61 66 c3 │ a9", "→  6 │"]).says(
                "The bytes of an incomplete character were replaced with U+FFFD, as `from_utf8_lossy` does.",
            ),
            yours(["43 61 66 c3 │ a9", "→  3 │ ✗"]).says(
                "The bytes of an incomplete character were dropped. Keep them in `self.incomplete`.",
            ),
            yours(["43 61 66 c3 │ a9", "→  3 │  5"]).says(
                "`length` leaves out the bytes of an incomplete character. They have come, so they count.",
            ),
            yours(["43 61 66 c3 │ a9", "→  4 │  4"]).says("`length` counts characters. It should count bytes."),
            yours(["43 61 66 c3 │ a9", "→  4 │  7"]).says(
                "The bytes are still in `self.incomplete`, although their character is whole: they were counted twice.",
            ),
            yours(["43 61 66 c3 │ a9", "→  4 │  2"]).says(
                "The characters of the last piece replaced the earlier ones. Append them to the text.",
            ),
            yours(["(nothing)", "→  2 │  0"]).says(
                "The incomplete character was forgotten when the next piece came. It belongs in front of that piece.",
            ),
            yours(["43 61 66 c3 │ a9", "→  4 │ ✗"]).says(
                "The incomplete character was put after the next piece. It came first, so it belongs in front.",
            ),
        ],
        shows: || {
            let rows = TEXTS_IN_PIECES.map(lengths).concat();
            format!("pieces of a text, and how many bytes have come\n\n{rows}")
        },
    }
}

const TEXTS_IN_PIECES: [&[&[u8]]; 4] = [
    &[b"Caf\xc3", b"\xa9"],
    &[b"\xe2\x82", b"", b"\xac 1"],
    &[b"\xf0", b"\x9f", b"\xa6", b"\x89"],
    &[b"1 \xe2", b"\x82\xac \xc3", b"\xa9"],
];

/// The pieces of a text, and its length after each of them.
fn lengths(pieces: &[&[u8]]) -> String {
    let mut buffer = TextBuffer::default();
    let mut lengths = Vec::new();
    for piece in pieces {
        match buffer.push(piece) {
            Ok(()) => lengths.push(format!("{:>2}", buffer.length())),
            Err(NotUtf8 { valid_up_to }) => {
                lengths.push(format!("✗ from byte {valid_up_to} on"));
                break;
            }
        }
    }
    format!("{:<28} → {}\n", cut_in(pieces), lengths.join(" │ "))
}

#[test]
fn text_fails_at_its_first_bad_byte() {
    check! {
        rfc: "RFC 6455 §8.1",
        rule: "Text fails with the first byte that can't be UTF-8, not at its end.",
        signs: [
            panics("At once: ✗ not UTF-8 from byte 0 on").says(
                "`valid_up_to` was counted before the valid characters of the piece were appended to the text.",
            ),
            panics("Byte by byte: ✗ not UTF-8 from byte 0 on").says(
                "`valid_up_to` was counted from the start of the last piece. Count it from the start of the text.",
            ),
            yours(["ff ", "✓ so far, and length() says"]).says(
                "Invalid bytes became U+FFFD, so no text is ever refused. A message that isn't UTF-8 must be refused.",
            ),
            yours(["ff ", "✓ so far"]).and(yours(["fe 20 ", "✗"])).says(
                "The number of bytes that were left over decided whether a character is incomplete. But a single byte \
                 can be invalid: ask `error_len()`.",
            ),
            yours(["ff ", "✓ so far"]).and(yours(["fe 20 ", "✓ so far"])).says(
                "Nothing was refused as it came: either the text is validated when it is whole, or every error of \
                 `from_utf8` is taken for an incomplete character. Ask `error_len()`.",
            ),
            yours(["c3 28", "✓ so far"]).says(
                "The beginning of a character was checked without the byte after it. `chunk.invalid()` ends before \
                 that byte.",
            ),
            yours(["ed a0", "✓ so far"]).says("A surrogate, U+D800 to U+DFFF, was taken for a character."),
            yours(["c0 ", "✓ so far"]).or(yours(["e0 9f", "✓ so far"])).says(
                "An overlong form was taken for a character. Each character has only one form in UTF-8, the shortest.",
            ),
            yours(["f4 90", "✓ so far"]).says("A value beyond U+10FFFF was taken for a character."),
        ],
        shows: || {
            let rows: String = BEGINNINGS.iter().map(|text| verdict_byte_by_byte(text)).collect();
            format!("a text begins with\n\n{rows}")
        },
    }
}

/// Beginnings of texts, valid ones and invalid ones.
const BEGINNINGS: [&[u8]; 17] = [
    b"plain",
    b"\xff",
    b"\xfe then",
    b"a\x80",
    b"\xc3\x28",
    b"\xc0\x80",
    b"\xc1\xbf",
    b"\xe0\x9f\xbf",
    b"\xe2\x82\x28",
    b"\xed\x9f\xbf",
    b"\xed\xa0\x80",
    b"\xf0\x8f\xbf\xbf",
    b"\xf0\x9f\xa6\x28",
    b"\xf4\x8f\xbf\xbf",
    b"\xf4\x90\x80\x80",
    b"\xf5",
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80 edited",
];

/// The bytes one at a time, up to the first one that is refused. All of them at once must get the
/// same verdict.
fn verdict_byte_by_byte(text: &[u8]) -> String {
    let mut buffer = TextBuffer::default();
    let mut result = Ok(());
    let mut taken = 0;
    while taken < text.len() && result.is_ok() {
        result = buffer.push(&text[taken..=taken]);
        taken += 1;
    }
    let (one_by_one, at_once) = (verdict(result), verdict(TextBuffer::default().push(text)));
    let row = hex(&text[..taken]);
    if one_by_one != at_once {
        panic!("your two verdicts on {row} differ. Byte by byte: {one_by_one}. At once: {at_once}");
    }
    let length = match buffer.length() {
        length if result.is_err() || length == taken => String::new(),
        length => format!(", and length() says {length}"),
    };
    format!("{row:<41} {one_by_one}{length}\n")
}

fn verdict(result: Result<(), NotUtf8>) -> String {
    match result {
        Ok(()) => "✓ so far".to_string(),
        Err(NotUtf8 { valid_up_to }) => format!("✗ not UTF-8 from byte {valid_up_to} on"),
    }
}

#[test]
fn every_three_bytes_get_the_verdict_of_the_standard_library() {
    check! {
        rfc: "RFC 3629 §4",
        rule: "Cut or not, the same bytes are text, incomplete, or invalid.",
        signs: [],
        shows: || {
            let triples = EDGES.iter().flat_map(|first| {
                EDGES.iter().flat_map(|second| EDGES.map(|third| [*first, *second, third]))
            });
            let verdicts: Vec<&str> = triples.map(verdict_like_std).collect();
            let count = |name| verdicts.iter().filter(|verdict| **verdict == name).count();
            format!("text {}, incomplete {}, invalid {}", count("text"), count("incomplete"), count("invalid"))
        },
    }
}

/// Bytes on both sides of each boundary in UTF-8's table.
const EDGES: [u8; 25] = [
    0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec,
    0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
];

/// The verdict on three bytes that come one at a time. Panics if the standard library has a different one.
fn verdict_like_std(text: [u8; 3]) -> &'static str {
    let expected = std::str::from_utf8(&text);
    let mut buffer = TextBuffer::default();
    let pushed = text.chunks(1).try_for_each(|byte| buffer.push(byte));
    match (pushed, expected) {
        (Ok(()), Ok(_)) => "text",
        (Ok(()), Err(error)) if error.error_len().is_none() => "incomplete",
        (Err(yours), Err(std)) if yours.valid_up_to == std.valid_up_to() => "invalid",
        (yours, std) => {
            let cut = text.map(|byte| format!("{byte:02x}")).join(" │ ");
            panic!("{cut} in pieces: yours is {yours:?}; std, at once, says {std:?}")
        }
    }
}

#[test]
fn a_text_ends_with_a_whole_character() {
    check! {
        rfc: "RFC 6455 §8.1",
        rule: "Each character must be complete at the end of the text.",
        signs: [
            yours(["43 61 66 c3 │ a9", "✗"]).says(
                "A whole text was refused. A text is whole if nothing is in `self.incomplete`.",
            ),
            yours(["31 20 e2 82", "\u{fffd}"]).says(
                "The bytes of an incomplete character became U+FFFD. They are an error.",
            ),
            yours(["31 20 e2 82", "→ \""]).says(
                "The text ended inside a character, and its first bytes were dropped. At the end, bytes in \
                 `self.incomplete` are an error.",
            ),
            yours(["31 20 e2 82", "from byte 4"]).says(
                "`valid_up_to` counts the bytes of the incomplete character. It should count only the bytes before \
                 that character.",
            ),
        ],
        shows: || {
            let row = |pieces: &[&[u8]]| {
                let mut buffer = TextBuffer::default();
                let pushed = pieces.iter().try_for_each(|piece| buffer.push(piece));
                let end = match pushed.and_then(|()| buffer.finish()) {
                    Ok(text) => format!("{text:?}"),
                    Err(NotUtf8 { valid_up_to }) => format!("✗ from byte {valid_up_to} on"),
                };
                format!("{:<28} → {end}\n", cut_in(pieces))
            };
            TEXTS_THAT_END.map(row).concat()
        },
    }
}

const TEXTS_THAT_END: [&[&[u8]]; 5] = [
    &[b""],
    &[b"Caf\xc3", b"\xa9"],
    &[b"\xc3"],
    &[b"1 \xe2\x82", b""],
    &[b"\xf0", b"\x9f", b"\xa6"],
];

// Headers and parts.

#[test]
fn a_message_begins_and_continues() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "A message can begin only if none has begun, and continue only if one has.",
        signs: [
            yours(["text, no FIN │ continuation", "✗"]).says(
                "A continuation was refused, although a message has begun: `begin_message` must keep it in \
                 `self.message`.",
            ),
            yours(["ping │ continuation, FIN", "✗ NothingToContinue"]).says(
                "The ping ended the message. A control frame is whole by itself, and doesn't change the message.",
            ),
            yours(["│ text", "NothingToContinue"]).or(yours(["continuation", "MessageNotFinished"])).says(
                "The two errors are swapped: a continuation without a message is `NothingToContinue`.",
            ),
            yours(["ping │ continuation, no FIN", "✓"]).says(
                "A continuation that has nothing to continue was taken for the beginning of a message.",
            ),
            panics("`None` value").says(
                "`unwrap` or `expect` panics if no message has begun. The peer's frames decide that, so it could end \
                 your program: report `NothingToContinue`.",
            ),
            yours(["text, no FIN │ text, FIN", "✓"])
                .and(yours(["ping │ binary, FIN", "✓"]))
                .but_not(yours(["text, no FIN │ binary, no FIN", "✓"]).or(yours(["binary, no FIN │ text, no FIN", "✓"])))
                .says(
                    "A message in one frame was accepted between the fragments of another. Only control frames may \
                     come there.",
                ),
            yours(["text, no FIN │ text", "✓"]).says(
                "A text frame was accepted, although a message had begun: it replaced that message, or was taken for \
                 its continuation.",
            ),
        ],
        shows: || {
            let row = |firsts: &[u8]| {
                let mut reader = MessageReader::new(1000);
                let mut headers = firsts.iter().map(|first| reader.read(header_of(*first)));
                let verdict = match headers.find_map(Result::err) {
                    None => "✓".to_string(),
                    Some(error) => format!("✗ {error:?}"),
                };
                let names: Vec<&str> = firsts.iter().map(|first| name(*first)).collect();
                format!("{:<41} → {verdict}\n", names.join(" │ "))
            };
            SEQUENCES.map(row).concat()
        },
    }
}

/// First bytes of frames in a row.
const SEQUENCES: [&[u8]; 9] = [
    &[TEXT],
    &[TEXT_NO_FIN, CONTINUATION_NO_FIN],
    &[BINARY_NO_FIN, PING, CONTINUATION],
    &[CONTINUATION],
    &[PING, CONTINUATION_NO_FIN],
    &[TEXT_NO_FIN, TEXT],
    &[TEXT_NO_FIN, BINARY_NO_FIN],
    &[BINARY_NO_FIN, TEXT_NO_FIN],
    &[BINARY_NO_FIN, PING, BINARY],
];

/// The header of an empty frame.
fn header_of(first: u8) -> Part {
    let opcode = Opcode::from_bits(first & 0b0000_1111).expect("the check's own opcode");
    header(opcode, first & 0b1000_0000 != 0, 0)
}

#[test]
fn each_part_is_checked_as_it_comes() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "A part that goes over the limit is refused, but its bytes within the limit are checked first. A ping's \
               bytes don't count.",
        signs: [
            yours(["the third of them bad", "✓"]).says(
                "The bad byte was kept without being checked. Push each part to the text as it comes.",
            ),
            yours(["1000000 bytes of it", "✓"]).says(
                "There is no limit: nothing checks how many bytes the message has.",
            ),
            yours(["100 bytes of it", "✗"]).says(
                "A message that is exactly as long as the limit was refused. Only a longer one is too large.",
            ),
            yours(["1 byte of it", "✓"]).says(
                "The limit was applied to each part by itself. It is for all bytes of the message together.",
            ),
            yours(["memory at most 2000: false"]).says(
                "The bytes were kept first and counted afterwards. Bytes over the limit must not be kept.",
            ),
            yours(["the third of them bad", "✗ 1009"]).says(
                "Bad text was reported as too large. Its error is `NotUtf8`, 1007.",
            ),
            yours(["the 999th of them bad", "✗ 1009"]).says(
                "The message was called too large before the bytes within the limit were checked. Cut one byte \
                 earlier, the same text would be bad text.",
            ),
            yours(["6 bytes of it, where 4294967301", "✗"]).says(
                "The limit was truncated to 32 bits: of 2³² + 5, 5 is left. It is a `u64`.",
            ),
            yours(["100 bytes of the ping", "✗"]).says(
                "The ping's bytes went into the message, or were counted as part of it. Ask first whether a control \
                 frame is arriving: then they belong to it.",
            ),
        ],
        shows: || {
            let groups = part_groups().map(|(limit, parts)| parts_with_limit(limit, parts));
            format!("a message may have 1000 bytes\n\n{}", groups.join("\n"))
        },
    }
}

/// Limits on a message, and parts.
fn part_groups() -> [(u64, Vec<(&'static str, Part)>); 6] {
    let bad_text = [&[b'*'; 998][..], b"\xff*****"].concat();
    let bytes = |count| Part::Payload(vec![7; count]);
    [
        (
            1000,
            vec![
                ("text frame of 100 bytes", header(Opcode::Text, true, 100)),
                (
                    "  3 bytes of it, the third of them bad",
                    Part::Payload(b"Hi\xff".to_vec()),
                ),
            ],
        ),
        (
            1000,
            vec![
                (
                    "binary frame of 1001 bytes",
                    header(Opcode::Binary, true, 1001),
                ),
                ("  900 bytes of it", bytes(900)),
                ("  100 bytes of it", bytes(100)),
                ("  1 byte of it", bytes(1)),
            ],
        ),
        (
            1000,
            vec![
                (
                    "binary frame of 1000900 bytes",
                    header(Opcode::Binary, true, 1_000_900),
                ),
                ("  900 bytes of it", bytes(900)),
                ("  1000000 bytes of it", bytes(1_000_000)),
            ],
        ),
        (
            1000,
            vec![
                ("text frame of 2000 bytes", header(Opcode::Text, true, 2000)),
                (
                    "  1004 bytes of it, the 999th of them bad",
                    Part::Payload(bad_text),
                ),
            ],
        ),
        (
            (1 << 32) + 5,
            vec![
                ("binary frame of 6 bytes", header(Opcode::Binary, true, 6)),
                ("  6 bytes of it, where 4294967301 are allowed", bytes(6)),
            ],
        ),
        (
            1000,
            vec![
                (
                    "text frame of 1000 bytes",
                    header(Opcode::Text, false, 1000),
                ),
                ("  all of it", Part::Payload(vec![b'*'; 1000])),
                ("ping of 100 bytes", header(Opcode::Ping, true, 100)),
                ("  100 bytes of the ping", bytes(100)),
            ],
        ),
    ]
}

/// Parts, each with the reader's verdict.
fn parts_with_limit(max_message: u64, parts: Vec<(&str, Part)>) -> String {
    let mut reader = MessageReader::new(max_message);
    let mut shown = String::new();
    for (name, part) in parts {
        let verdict = match reader.read(part) {
            Ok(_) => "✓".to_string(),
            Err(error) => format!("✗ {}", error.close_code()),
        };
        shown += &format!("{name:<45} {verdict}\n");
    }
    shown + &format!("memory at most 2000: {}\n", reader.memory() <= 2000)
}

// Fragments.

#[test]
fn a_message_comes_in_one_frame_or_in_many() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "A message ends with the frame that has FIN, however many frames it has.",
        signs: [
            yours(["text message \"Hel\""]).says(
                "Each frame was taken for a whole message. `is_last` says whether the message ends with the frame.",
            ),
            yours(["→ binary message [01 02]"]).says(
                "A continuation without FIN ended the message. `is_last` is the FIN of each header.",
            ),
            yours(["a continuation, and no message"]).says(
                "The message was taken out before `is_last` was checked, so the rest of it had nothing to continue.",
            ),
            missing(["binary message [01 02 03 04]"]).says(
                "The message never ended: `continue_message` must set `is_last`.",
            ),
            yours(["a new message inside"]).says(
                "The next message was refused, because the one that was returned is still there. Take it out of \
                 `self.message`.",
            ),
            missing(["text message \"next\""]).says(
                "A message in one frame never ended: `begin_message` must set `is_last`.",
            ),
        ],
        shows: || [
            frames(&[(TEXT, b"Hello")]),
            frames(&[(TEXT_NO_FIN, b"Hel"), (CONTINUATION, b"lo")]),
            frames(&[
                (BINARY_NO_FIN, &[1]),
                (CONTINUATION_NO_FIN, &[2]),
                (CONTINUATION_NO_FIN, &[3]),
                (CONTINUATION, &[4]),
                (TEXT, b"next"),
            ]),
        ].join("\n"),
    }
}

#[test]
fn a_fragment_may_be_empty() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "Every fragment may be empty, the first and the last too; so may the message.",
        signs: [
            missing(["text message \"\""]).or(missing(["binary message []"])).says(
                "An empty message was not returned. A message is whole at the end of its last frame, even if it is \
                 empty.",
            ),
        ],
        shows: || [
            frames(&[(TEXT, b"")]),
            frames(&[(BINARY, b"")]),
            frames(&[(TEXT_NO_FIN, b""), (CONTINUATION_NO_FIN, b"Hello"), (CONTINUATION, b"")]),
            frames(&[(BINARY_NO_FIN, b""), (CONTINUATION_NO_FIN, b""), (CONTINUATION, b"")]),
        ].join("\n"),
    }
}

#[test]
fn control_frames_come_between_fragments() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "A control frame may come between the fragments of a message, and is no part of it.",
        signs: [
            yours(["text message \"Hel\""]).or(yours(["a continuation, and no message"])).says(
                "The ping ended the message. A control frame is whole by itself, and its FIN is its own.",
            ),
            yours(["pong [6c]"]).says(
                "The bytes of the next fragment went into the pong, which had ended. Take the pong out of \
                 `self.control`.",
            ),
        ],
        shows: || [
            frames(&[
                (TEXT_NO_FIN, b"Hel"),
                (PING, b"still?"),
                (PONG, b""),
                (CONTINUATION_NO_FIN, b"l"),
                (PING, b""),
                (CONTINUATION, b"o"),
            ]),
            frames(&[(BINARY_NO_FIN, &[1, 2]), (CLOSE, &[0x03, 0xe8])]),
            frames(&[(TEXT_NO_FIN, &E_ACUTE), (PING, b"\xff"), (CONTINUATION, b"!")]),
        ].join("\n"),
    }
}

#[test]
fn a_continuation_needs_a_message_to_continue() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "A continuation frame belongs to a message that has begun and has not ended.",
        signs: [],
        shows: || [
            frames(&[(CONTINUATION, b"lo")]),
            frames(&[(CONTINUATION_NO_FIN, b"")]),
            frames(&[(TEXT, b"Hello"), (CONTINUATION, b"!")]),
            frames(&[(BINARY_NO_FIN, &[1]), (CONTINUATION, &[2]), (CONTINUATION, &[3])]),
            frames(&[(PING, b""), (CONTINUATION, b"")]),
        ].join("\n"),
    }
}

#[test]
fn a_message_ends_before_the_next_begins() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "The fragments of two messages are never mixed.",
        signs: [],
        shows: || [
            frames(&[(TEXT_NO_FIN, b"Hel"), (TEXT, b"lo")]),
            frames(&[(TEXT_NO_FIN, b"Hel"), (BINARY_NO_FIN, b"lo")]),
            frames(&[(BINARY_NO_FIN, &[1]), (PING, b""), (BINARY, &[2])]),
            frames(&[(BINARY_NO_FIN, &[1]), (CONTINUATION_NO_FIN, &[2]), (TEXT, b"")]),
        ].join("\n"),
    }
}

// Text in frames.

#[test]
fn text_continues_across_fragments() {
    check! {
        rfc: "RFC 6455 §5.6",
        rule: "The text of the whole message is UTF-8. A fragment may end inside a character.",
        signs: [],
        shows: || [
            frames(&[(TEXT_NO_FIN, &E_ACUTE[..1]), (CONTINUATION, &E_ACUTE[1..])]),
            frames(&[
                (TEXT_NO_FIN, &OWL[..1]),
                (CONTINUATION_NO_FIN, &OWL[1..2]),
                (CONTINUATION_NO_FIN, b""),
                (CONTINUATION_NO_FIN, &OWL[2..3]),
                (CONTINUATION, &OWL[3..]),
            ]),
            frames(&[(TEXT_NO_FIN, b"Caf\xc3"), (CONTINUATION, b"\xa9 1 \xe2\x82\xac")]),
        ].join("\n"),
    }
}

#[test]
fn text_may_be_cut_anywhere() {
    check! {
        rfc: "RFC 6455 §5.6",
        rule: "Where the stream is cut makes no difference to the text.",
        signs: [],
        shows: || {
            let text = "κόσμε, 한국어, 🦉🦉, \u{0}\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}";
            let bytes = unmasked(TEXT, text.as_bytes());
            let ways = cut::every_cut(&bytes).chain([bytes.chunks(1).collect()]);
            let ways = ways.map(|pieces| expect_text(text, &pieces)).count();
            format!("{}\nthe same in each of {ways} ways to cut it", wire::dump(&bytes))
        },
    }
}

/// Panics if the stream in these pieces isn't one message with this text.
fn expect_text(text: &str, pieces: &[&[u8]]) {
    let mut client = Client::new(1 << 20);
    let mut items = Vec::new();
    for piece in pieces {
        let received = client.receive(piece);
        items.extend(
            received.unwrap_or_else(|failure| panic!("a piece was refused: {}", failed(&failure))),
        );
    }
    if items != [Item::Message(Message::Text(text.to_string()))] {
        let lengths: Vec<usize> = pieces.iter().map(|piece| piece.len()).collect();
        let yours = lines(&Ok(items));
        panic!("in pieces of {lengths:?} bytes. Sent: {text:?}. Yours: {yours}");
    }
}

#[test]
fn text_may_not_end_inside_a_character() {
    check! {
        rfc: "RFC 6455 §8.1",
        rule: "Each character must be complete at the end of the message.",
        signs: [],
        shows: || [
            frames(&[(TEXT, &E_ACUTE[..1])]),
            frames(&[(TEXT_NO_FIN, b"1 \xe2\x82"), (CONTINUATION, b"")]),
            frames(&[(TEXT_NO_FIN, b"\xf0"), (CONTINUATION_NO_FIN, b"\x9f"), (CONTINUATION, b"\xa6")]),
        ].join("\n"),
    }
}

#[test]
fn an_incomplete_character_needs_the_right_next_byte() {
    check! {
        rfc: "RFC 6455 §8.1",
        rule: "An incomplete character continues with the next byte of the text, or is invalid.",
        signs: [],
        shows: || [
            frames(&[(TEXT_NO_FIN, b"\xc3"), (CONTINUATION, b"a")]),
            frames(&[(TEXT_NO_FIN, b"\xe2\x82"), (CONTINUATION, b"\xe2\x82\xac")]),
            frames(&[(TEXT_NO_FIN, b"\xed"), (CONTINUATION_NO_FIN, b"\xa0")]),
        ].join("\n"),
    }
}

#[test]
fn only_text_is_validated() {
    check! {
        rfc: "RFC 6455 §5.6",
        rule: "Only text is validated. Binary messages, pings and pongs may have any bytes.",
        signs: [
            yours(["1007"]).says("Bytes that aren't a text message were validated. Only text must be UTF-8."),
        ],
        shows: || [
            frames(&[(BINARY, b"\xff\xfe\xc3")]),
            frames(&[(BINARY_NO_FIN, b"\xc3"), (CONTINUATION, b"\x28")]),
            frames(&[(PING, b"\xff"), (PONG, b"\xed\xa0\x80"), (CLOSE, b"\xff")]),
        ].join("\n"),
    }
}

// Limits.

#[test]
fn the_limit_is_for_the_whole_message() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "The limit is for all frames of a message together. Bytes beyond it are not kept.",
        signs: [],
        shows: || {
            let shown = AROUND_EIGHT_BYTES.map(|frames| frames_with_limit(8, frames)).join("\n");
            format!("a message may have 8 bytes\n\n{shown}")
        },
    }
}

/// Messages of about eight bytes.
const AROUND_EIGHT_BYTES: [&[ShortFrame]; 10] = [
    &[(BINARY, &[7; 8])],
    &[(BINARY, &[7; 9])],
    &[(TEXT, b"12345678")],
    &[(TEXT, b"123456789")],
    &[(BINARY_NO_FIN, &[7; 4]), (CONTINUATION, &[7; 4])],
    &[
        (BINARY_NO_FIN, &[7; 4]),
        (CONTINUATION_NO_FIN, &[7; 4]),
        (CONTINUATION_NO_FIN, &[7]),
    ],
    &[(TEXT_NO_FIN, b"123456\xe2\x82"), (CONTINUATION, b"\xac")],
    &[(TEXT, b"1234567\xff9")],
    &[(TEXT, b"12345678\xff")],
    &[
        (TEXT_NO_FIN, b"12345678"),
        (PING, b"123456789"),
        (CONTINUATION, b""),
        (TEXT, b"12345678"),
    ],
];

#[test]
fn a_hundred_thousand_fragments_are_one_message() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "The memory for a message depends on its length, not on the number of its fragments.",
        signs: [
            panics("was refused").says(
                "The number of fragments was limited. That refuses valid messages; only the number of bytes has to be \
                 limited.",
            ),
            yours(["grew with each fragment: true"]).but_not(yours(["at most twice that: false"])).says(
                "All earlier bytes were copied for each fragment, and perhaps validated again: right, but slow. Valid \
                 text stays valid. Append the new piece to it.",
            ),
            yours(["at most twice that: false"]).says(
                "The fragments were kept in a list. Each takes more memory there than its byte: append the byte, and \
                 forget the frame.",
            ),
        ],
        shows: || many_fragments(TEXT_NO_FIN, 100_000) + &many_fragments(BINARY_NO_FIN, 10_000),
    }
}

fn many_fragments(first: u8, count: usize) -> String {
    let mut client = Client::new(1 << 20);
    let (mut highest, mut grew) = (0, 0);
    let mut items = Vec::new();
    for number in 1..=count {
        let first = match number {
            1 => first,
            _ if number == count => CONTINUATION,
            _ => CONTINUATION_NO_FIN,
        };
        let result = client.receive(&unmasked(first, b"*"));
        items.extend(result.unwrap_or_else(|failure| {
            panic!("fragment {number} was refused: {}", failed(&failure))
        }));
        let memory = client.reader.memory();
        grew += usize::from(memory > highest);
        highest = highest.max(memory);
    }
    let messages = items.iter().map(|item| match item {
        Item::Message(Message::Text(text)) => format!("a text of {} bytes", text.len()),
        Item::Message(Message::Binary(binary)) => format!("{} bytes", binary.len()),
        other => show(other),
    });
    format!(
        "{count} fragments of one byte → {}\n  memory, at most twice that: {}\n  it grew with each fragment: {}\n  \
         after the message: {}\n",
        messages.collect::<Vec<_>>().join(", "),
        // With the last fragment, the message is returned.
        (count - 1..=2 * count).contains(&highest),
        grew > count / 2,
        client.reader.memory(),
    )
}

#[test]
fn memory_is_at_most_twice_the_bytes_that_came() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "The memory for a message is at most twice the bytes that came, and none before and after the message.",
        signs: [],
        shows: || {
            let text = [&[b'*'; 1000][..], b"\xf0\x9f\xa6"].concat();
            let bytes = |count| Part::Payload(vec![b'*'; count]);
            [
                memory_for("a text message", 1003, vec![header(Opcode::Text, false, 2000), Part::Payload(text)]),
                memory_for("a binary message", 1000, vec![
                    header(Opcode::Binary, false, 1000),
                    bytes(500),
                    bytes(500),
                    Part::End,
                ]),
                memory_for("a control frame", 100, vec![header(Opcode::Ping, true, 125), bytes(100)]),
                memory_for("a ping inside a text", 500, vec![
                    header(Opcode::Text, false, 400),
                    bytes(400),
                    Part::End,
                    header(Opcode::Ping, true, 100),
                    bytes(100),
                ]),
                memory_for("a control frame that has ended", 0, vec![
                    header(Opcode::Ping, true, 100),
                    bytes(100),
                    Part::End,
                ]),
            ].concat()
        },
    }
}

/// Reads these parts, and shows whether the memory is in proportion to the bytes that came.
fn memory_for(name: &str, came: usize, parts: Vec<Part>) -> String {
    let mut reader = MessageReader::new(1 << 20);
    for part in parts {
        reader.read(part).expect("valid parts");
    }
    let in_proportion = (came..=2 * came).contains(&reader.memory());
    format!("{name:<30} {came:>4} bytes came; memory for once to twice as many: {in_proportion}\n")
}

#[test]
fn endless_empty_fragments_take_no_memory() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "Empty fragments add nothing, however many there are.",
        signs: [
            yours(["bytes of memory more"]).says("Something was kept for each fragment, even for an empty one."),
        ],
        shows: || empty_fragments(TEXT_NO_FIN) + &empty_fragments(BINARY_NO_FIN),
    }
}

fn empty_fragments(first: u8) -> String {
    let mut client = Client::new(16);
    let begin = client.receive(&unmasked(first, b"1234"));
    begin.expect("a valid frame");
    let before = client.reader.memory();
    let many = unmasked(CONTINUATION_NO_FIN, b"").repeat(1000);
    for _ in 0..100 {
        client.receive(&many).expect("valid frames");
    }
    let more = client.reader.memory() - before;
    let end = lines(&client.receive(&unmasked(CONTINUATION, b"5678")));
    format!("100000 empty fragments: {more} bytes of memory more\n{end}")
}

// The whole stream.

#[test]
fn the_stream_may_be_cut_anywhere() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "The messages are the same, however TCP cuts the stream.",
        signs: [],
        shows: || {
            let stream = [
                unmasked(TEXT_NO_FIN, b"Caf\xc3"),
                unmasked(PING, b"still?"),
                unmasked(CONTINUATION_NO_FIN, b""),
                unmasked(CONTINUATION, b"\xa9"),
                unmasked(PONG, b""),
                unmasked(BINARY_NO_FIN, &[1, 2, 3]),
                unmasked(CONTINUATION, &[4]),
                unmasked(CLOSE, b"\x03\xe8bye"),
            ].concat();
            let whole = lines(&Client::new(64).receive(&stream));
            for pieces in cut::every_cut(&stream).chain([stream.chunks(1).collect()]) {
                let mut client = Client::new(64);
                let results = pieces.iter().map(|piece| client.receive(piece));
                let items: String = results.map(|result| lines(&result)).collect();
                if items != whole {
                    let lengths: Vec<usize> = pieces.iter().map(|piece| piece.len()).collect();
                    let (whole, items) = (whole.trim(), items.trim());
                    panic!("yours in one piece: {whole}. Yours in pieces of {lengths:?} bytes: {items}");
                }
            }
            whole
        },
    }
}

#[test]
fn the_program_prints_the_messages_in_frames() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "Your code, as a program: it prints each frame, and the message or control frame that is whole with it.",
        signs: [],
        shows: || program!().runs(&[
            &[],
            &["82 03 01 02 03", "8a 00"],
            &["80 02 6c 6f"],
            &["81 01 c3"],
            &["83 00"],
            &["81 8"],
        ]),
    }
}
