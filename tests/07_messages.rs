//! Step 07, `messages`: frames, put together.

use frames::{FrameDecoder, FrameError, FrameHeader, Opcode, Part, ReservedBits, Role};
use messages::{Item, Message, MessageError, MessageReader, NotUtf8, TextBuffer};
use support::sign::{missing, panics, yours};
use support::wire::hex;
use support::{check, cut, program, wire};

// The first byte of a frame: FIN and the opcode.
const TEXT: u8 = 0x81;
const TEXT_NO_FIN: u8 = 0x01;
const BINARY: u8 = 0x82;
const BINARY_NO_FIN: u8 = 0x02;
const CONTINUATION: u8 = 0x80;
const CONTINUATION_NO_FIN: u8 = 0x00;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// "é" in UTF-8.
const E_ACUTE: [u8; 2] = [0xc3, 0xa9];

/// A frame as a server sends it: not masked, and short.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126, "the check's own frame is too long");
    let mut frame = vec![first, payload.len() as u8];
    frame.extend_from_slice(payload);
    frame
}

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
        _ => "a frame that the check has no name for",
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

fn say(result: &Result<Vec<Item>, Failure>) -> String {
    match result {
        Ok(items) => items
            .iter()
            .map(|item| format!("  → {}\n", show(item)))
            .collect(),
        Err(failure) => format!("  {}\n", failed(failure)),
    }
}

fn show(item: &Item) -> String {
    let (what, bytes) = match item {
        Item::Message(Message::Text(text)) => return format!("text message {text:?}"),
        Item::Message(Message::Binary(bytes)) => ("binary message", bytes),
        Item::Ping(bytes) => ("ping", bytes),
        Item::Pong(bytes) => ("pong", bytes),
        Item::Close(bytes) => ("close", bytes),
    };
    format!("{what} [{}]", hex(bytes))
}

/// Each frame, and what it leads to. What comes after a broken rule is not read.
fn frames_with_limit(max_message: u64, frames: &[(u8, &[u8])]) -> String {
    let mut client = Client::new(max_message);
    let mut shown = String::new();
    for (first, payload) in frames {
        let frame = frame(*first, payload);
        let result = client.receive(&frame);
        shown += &format!("{:<32} {}\n{}", hex(&frame), name(*first), say(&result));
        if result.is_err() {
            break;
        }
    }
    shown
}

fn frames(frames: &[(u8, &[u8])]) -> String {
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

// What is given.

#[test]
fn each_broken_rule_has_its_close_code() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "1002 is a protocol error, 1007 text that is not UTF-8, 1009 a message too big: src/error.rs, which is given.",
        signs: [
            yours(["1003 text that is not UTF-8"]).says(
                "Bad text was given 1003, which is for a kind of message that an endpoint doesn't take. Its code is 1007.",
            ),
        ],
        shows: || {
            let errors = [
                MessageError::NothingToContinue,
                MessageError::MessageNotFinished,
                MessageError::NotUtf8(NotUtf8 { at: 3 }),
                MessageError::TooLarge { limit: 1_048_576 },
            ];
            errors.map(|error| format!("{} {error}", error.close_code())).join("\n")
        },
    }
}

// Text.

/// "43 61 66 c3 │ a9": pieces of a text.
fn cut_in(pieces: &[&[u8]]) -> String {
    let piece = |piece: &&[u8]| match piece.is_empty() {
        true => "(nothing)".to_string(),
        false => hex(piece),
    };
    let pieces: Vec<String> = pieces.iter().map(piece).collect();
    pieces.join(" │ ")
}

#[test]
fn a_piece_may_end_inside_a_character() {
    check! {
        rfc: "RFC 6455 §5.6",
        rule: "A character that has begun is kept, and goes on with the next piece.",
        signs: [
            yours(["43 61 66 c3 │ a9", "→ ✗"]).says(
                "Each piece was validated by itself: \"é\", cut in two, is two halves that are wrong. A character that has \
                 only begun isn't an error.",
            ),
            yours(["43 61 66 c3 │ a9", "→  6 │"]).says(
                "The bytes of a character that had only begun were replaced with U+FFFD, as `from_utf8_lossy` does it.",
            ),
            yours(["43 61 66 c3 │ a9", "→  3 │ ✗"]).says(
                "The bytes of a character that had only begun were dropped. Keep them in `self.begun`.",
            ),
            yours(["43 61 66 c3 │ a9", "→  3 │  5"]).says(
                "`length` leaves out the bytes of a character that has only begun. They have come, so they count.",
            ),
            yours(["43 61 66 c3 │ a9", "→  4 │  4"]).says("`length` counts characters. It should count bytes."),
            yours(["43 61 66 c3 │ a9", "→  4 │  7"]).says(
                "What had begun is still in `self.begun`, although its character is whole: it was counted twice.",
            ),
            yours(["43 61 66 c3 │ a9", "→  4 │  2"]).says(
                "The characters of the last piece took the place of those before. They are appended to the text.",
            ),
            yours(["(nothing)", "→  2 │  0"]).says(
                "What had begun was forgotten when the next piece came. It belongs in front of that piece.",
            ),
            yours(["43 61 66 c3 │ a9", "→  4 │ ✗"]).says(
                "What had begun was put after the next piece. It came first, so it belongs in front.",
            ),
        ],
        shows: || {
            let row = |pieces: &[&[u8]]| {
                let mut buffer = TextBuffer::default();
                let mut said = Vec::new();
                for piece in pieces {
                    match buffer.push(piece) {
                        Ok(()) => said.push(format!("{:>2}", buffer.length())),
                        Err(NotUtf8 { at }) => {
                            said.push(format!("✗ from byte {at} on"));
                            break;
                        }
                    }
                }
                format!("{:<28} → {}\n", cut_in(pieces), said.join(" │ "))
            };
            let rows: [&[&[u8]]; 4] = [
                &[b"Caf\xc3", b"\xa9"],
                &[b"\xe2\x82", b"", b"\xac 1"],
                &[b"\xf0", b"\x9f", b"\xa6", b"\x89"],
                &[b"1 \xe2", b"\x82\xac \xc3", b"\xa9"],
            ];
            format!("pieces of a text, and how many bytes have come\n\n{}", rows.map(row).concat())
        },
    }
}

#[test]
fn bad_text_is_known_with_its_first_bad_byte() {
    check! {
        rfc: "RFC 6455 §8.1",
        rule: "Text fails with the first byte that can't be UTF-8, not at its end.",
        signs: [
            panics("At once: ✗ not UTF-8 from byte 0 on").says(
                "`at` was counted before the valid characters in front of it were appended to the text.",
            ),
            panics("Byte by byte: ✗ not UTF-8 from byte 0 on").says(
                "`at` was counted from the start of the last piece. It counts from the start of the text.",
            ),
            yours(["ff ", "✓ so far, and length() says"]).says(
                "What was wrong became U+FFFD, so nothing is ever refused. A message that isn't UTF-8 must be.",
            ),
            yours(["ff ", "✓ so far"]).and(yours(["fe 20 ", "✗"])).says(
                "How many bytes were left over decided whether a character has only begun. A single byte may be wrong \
                 already: `error_len()` tells.",
            ),
            yours(["ff ", "✓ so far"]).and(yours(["fe 20 ", "✓ so far"])).says(
                "Nothing was refused as it came: either the text is validated when it is whole, or every error of \
                 `from_utf8` is taken for a character that has only begun. `error_len()` tells which.",
            ),
            yours(["c3 28", "✓ so far"]).says(
                "What looks like the beginning of a character was looked at without the byte after it. `chunk.invalid()` \
                 ends before that byte.",
            ),
            yours(["ed a0", "✓ so far"]).says("A surrogate, U+D800 to U+DFFF, was taken for a character."),
            yours(["c0 ", "✓ so far"]).or(yours(["e0 9f", "✓ so far"])).says(
                "An overlong form was taken for a character. Each has one form in UTF-8, the shortest.",
            ),
            yours(["f4 90", "✓ so far"]).says("What is beyond U+10FFFF was taken for a character."),
        ],
        shows: || {
            let texts: [&[u8]; 17] = [
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
            let rows: String = texts.iter().map(|text| early_row(text)).collect();
            format!("a text begins with\n\n{rows}")
        },
    }
}

/// The bytes one at a time, up to the one with which they fail. All of them at once, they must get
/// the same verdict.
fn early_row(text: &[u8]) -> String {
    let mut buffer = TextBuffer::default();
    let mut result = Ok(());
    let mut taken = 0;
    while taken < text.len() && result.is_ok() {
        result = buffer.push(&text[taken..=taken]);
        taken += 1;
    }
    let (one_by_one, at_once) = (so_far(result), so_far(TextBuffer::default().push(text)));
    let row = hex(&text[..taken]);
    if one_by_one != at_once {
        panic!("two verdicts of yours on {row}. Byte by byte: {one_by_one}. At once: {at_once}");
    }
    let length = match buffer.length() {
        length if result.is_err() || length == taken => String::new(),
        length => format!(", and length() says {length}"),
    };
    format!("{row:<41} {one_by_one}{length}\n")
}

fn so_far(result: Result<(), NotUtf8>) -> String {
    match result {
        Ok(()) => "✓ so far".to_string(),
        Err(NotUtf8 { at }) => format!("✗ not UTF-8 from byte {at} on"),
    }
}

#[test]
fn every_three_bytes_get_the_verdict_of_the_standard_library() {
    check! {
        rfc: "RFC 3629 §4",
        rule: "Cut or not, the same bytes are text, have begun to be text, or are wrong.",
        signs: [],
        shows: || {
            let bytes = [0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
                0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff];
            let (mut whole, mut begun, mut wrong) = (0, 0, 0);
            for first in bytes {
                for second in bytes {
                    for third in bytes {
                        let text = [first, second, third];
                        let expected = std::str::from_utf8(&text);
                        let mut buffer = TextBuffer::default();
                        let pushed = text.chunks(1).try_for_each(|byte| buffer.push(byte));
                        match (pushed, expected) {
                            (Ok(()), Ok(_)) => whole += 1,
                            (Ok(()), Err(error)) if error.error_len().is_none() => begun += 1,
                            (Err(NotUtf8 { at }), Err(error)) if at == error.valid_up_to() => wrong += 1,
                            (yours, std) => {
                                let cut = text.map(|byte| format!("{byte:02x}")).join(" │ ");
                                panic!("{cut} in pieces: yours is {yours:?}; std, at once, says {std:?}")
                            }
                        }
                    }
                }
            }
            format!("text {whole}, begun {begun}, wrong {wrong}")
        },
    }
}

#[test]
fn a_text_ends_with_a_whole_character() {
    check! {
        rfc: "RFC 6455 §8.1",
        rule: "A character that has begun must be whole at the end of the text.",
        signs: [
            yours(["43 61 66 c3 │ a9", "✗"]).says("A whole text was refused. It is whole if nothing is in `self.begun`."),
            yours(["31 20 e2 82", "\u{fffd}"]).says("The bytes of a character that never ended became U+FFFD. They are an error."),
            yours(["31 20 e2 82", "→ \""]).says(
                "The text ended inside a character, and its first bytes were dropped. What is in `self.begun` at the end is \
                 an error.",
            ),
            yours(["31 20 e2 82", "from byte 4"]).says(
                "`at` counts the bytes of the character that has only begun. It is where that character begins.",
            ),
        ],
        shows: || {
            let row = |pieces: &[&[u8]]| {
                let mut buffer = TextBuffer::default();
                let pushed = pieces.iter().try_for_each(|piece| buffer.push(piece));
                let said = match pushed.and_then(|()| buffer.finish()) {
                    Ok(text) => format!("{text:?}"),
                    Err(NotUtf8 { at }) => format!("✗ from byte {at} on"),
                };
                format!("{:<28} → {said}\n", cut_in(pieces))
            };
            let rows: [&[&[u8]]; 5] = [
                &[b""],
                &[b"Caf\xc3", b"\xa9"],
                &[b"\xc3"],
                &[b"1 \xe2\x82", b""],
                &[b"\xf0", b"\x9f", b"\xa6"],
            ];
            rows.map(row).concat()
        },
    }
}

// Headers and parts.

#[test]
fn a_message_begins_and_goes_on() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "A message begins where none has begun, and goes on where one has.",
        signs: [
            yours(["text, no FIN │ continuation", "✗"]).says(
                "A continuation was refused, although a message has begun: `begin_message` must keep it in `self.message`.",
            ),
            yours(["ping │ continuation, FIN", "✗ NothingToContinue"]).says(
                "The ping ended the message. A control frame is whole by itself, and changes nothing about the message.",
            ),
            yours(["│ text", "NothingToContinue"]).or(yours(["continuation", "MessageNotFinished"])).says(
                "The two errors changed places: a continuation with no message is `NothingToContinue`.",
            ),
            yours(["ping │ continuation, no FIN", "✓"]).says(
                "A continuation that has nothing to continue was taken for the beginning of a message.",
            ),
            panics("`None` value").says(
                "`unwrap` or `expect` panics where no message has begun. The other side decides that, so it could end your \
                 program: report `NothingToContinue`.",
            ),
            yours(["text, no FIN │ text, FIN", "✓"])
                .and(yours(["ping │ binary, FIN", "✓"]))
                .but_not(yours(["text, no FIN │ binary, no FIN", "✓"]).or(yours(["binary, no FIN │ text, no FIN", "✓"])))
                .says(
                    "A message in one frame was let in between the fragments of another. Only control frames may come there.",
                ),
            yours(["text, no FIN │ text", "✓"]).says(
                "A text frame was let in, although a message had begun: it took that message's place, or was taken for its \
                 continuation.",
            ),
        ],
        shows: || {
            let row = |firsts: &[u8]| {
                let mut reader = MessageReader::new(1000);
                let mut headers = firsts.iter().map(|first| reader.read(header_of(*first)));
                let said = match headers.find_map(Result::err) {
                    None => "✓".to_string(),
                    Some(error) => format!("✗ {error:?}"),
                };
                let names: Vec<&str> = firsts.iter().map(|first| name(*first)).collect();
                format!("{:<41} → {said}\n", names.join(" │ "))
            };
            let rows: [&[u8]; 9] = [
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
            rows.map(row).concat()
        },
    }
}

/// The header of an empty frame.
fn header_of(first: u8) -> Part {
    let opcode = Opcode::from_bits(first & 0b0000_1111).expect("the check's own opcode");
    header(opcode, first & 0b1000_0000 != 0, 0)
}

#[test]
fn a_part_is_judged_as_it_comes() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "What is too much fails with its part; what fits is judged first. A ping has bytes of its own.",
        signs: [
            yours(["the third of them bad", "✓"]).says(
                "The bad byte was kept and not looked at. Give each part to the text as it comes.",
            ),
            yours(["1000000 bytes of it", "✓"]).says("There is no limit: nothing asks how much has come of the message."),
            yours(["100 bytes of it", "✗"]).says(
                "A message that is exactly as long as the limit was refused. The limit is the most that is taken.",
            ),
            yours(["1 byte of it", "✓"]).says(
                "The limit was applied to each part by itself. It is for all that has come of the message.",
            ),
            yours(["memory at most 2000: false"]).says(
                "What came was kept first, and measured then. Of what is over the limit nothing is kept.",
            ),
            yours(["the third of them bad", "✗ 1009"]).says("Bad text was reported as too much of it. Its error is `NotUtf8`, 1007."),
            yours(["the 999th of them bad", "✗ 1009"]).says(
                "\"Too much\" was said before what fits was looked at. Cut one byte earlier, the same text would be bad text.",
            ),
            yours(["6 bytes of it, where 4294967301", "✗"]).says("The limit was cut down to 32 bits: of 2³² + 5, 5 is left. It is a `u64`."),
            yours(["100 bytes of the ping", "✗"]).says(
                "The ping's bytes went into the message, or were counted as part of it. Ask first whether a control frame is \
                 arriving: then they are its own.",
            ),
        ],
        shows: || {
            let bad_text = [&[b'*'; 998][..], b"\xff*****"].concat();
            let groups = [
                parts(1000, vec![
                    ("text frame of 100 bytes", header(Opcode::Text, true, 100)),
                    ("  3 bytes of it, the third of them bad", Part::Payload(b"Hi\xff".to_vec())),
                ]),
                parts(1000, vec![
                    ("binary frame of 1001 bytes", header(Opcode::Binary, true, 1001)),
                    ("  900 bytes of it", Part::Payload(vec![7; 900])),
                    ("  100 bytes of it", Part::Payload(vec![7; 100])),
                    ("  1 byte of it", Part::Payload(vec![7])),
                ]),
                parts(1000, vec![
                    ("binary frame of 1000900 bytes", header(Opcode::Binary, true, 1_000_900)),
                    ("  900 bytes of it", Part::Payload(vec![7; 900])),
                    ("  1000000 bytes of it", Part::Payload(vec![7; 1_000_000])),
                ]),
                parts(1000, vec![
                    ("text frame of 2000 bytes", header(Opcode::Text, true, 2000)),
                    ("  1004 bytes of it, the 999th of them bad", Part::Payload(bad_text)),
                ]),
                parts((1 << 32) + 5, vec![
                    ("binary frame of 6 bytes", header(Opcode::Binary, true, 6)),
                    ("  6 bytes of it, where 4294967301 are allowed", Part::Payload(vec![7; 6])),
                ]),
                parts(1000, vec![
                    ("text frame of 1000 bytes", header(Opcode::Text, false, 1000)),
                    ("  all of it", Part::Payload(vec![b'*'; 1000])),
                    ("ping of 100 bytes", header(Opcode::Ping, true, 100)),
                    ("  100 bytes of the ping", Part::Payload(vec![7; 100])),
                ]),
            ];
            format!("a message may have 1000 bytes\n\n{}", groups.join("\n"))
        },
    }
}

/// Parts, and what is said to each of them.
fn parts(max_message: u64, parts: Vec<(&str, Part)>) -> String {
    let mut reader = MessageReader::new(max_message);
    let mut shown = String::new();
    for (what, part) in parts {
        let verdict = match reader.read(part) {
            Ok(_) => "✓".to_string(),
            Err(error) => format!("✗ {}", error.close_code()),
        };
        shown += &format!("{what:<45} {verdict}\n");
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
                "Each frame was taken for a whole message. `last` says whether the message ends with it.",
            ),
            yours(["→ binary message [01 02]"]).says(
                "A continuation without FIN ended the message. `last` is what each header says.",
            ),
            yours(["a continuation, and no message"]).says(
                "The message was taken out before it was asked whether this was its last frame, so the rest of it had \
                 nothing to continue.",
            ),
            missing(["binary message [01 02 03 04]"]).says(
                "The message never ended: `continue_message` must note whether this frame is the last.",
            ),
            yours(["a new message inside"]).says(
                "The next message was refused, because the one that was given is still there. Take it out of `self.message`.",
            ),
            missing(["text message \"next\""]).says(
                "A message in one frame never ended: `begin_message` must note whether this frame is the last.",
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
                "An empty message was not given. A message is whole at the end of its last frame, whatever is in it.",
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
                "The bytes of the next fragment went into the pong, which had ended. Take it out of `self.control`.",
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
fn text_is_one_text_across_fragments() {
    check! {
        rfc: "RFC 6455 §5.6",
        rule: "The text of the whole message is UTF-8. A fragment may end inside a character.",
        signs: [],
        shows: || {
            let owl = "🦉".as_bytes();
            [
                frames(&[(TEXT_NO_FIN, &E_ACUTE[..1]), (CONTINUATION, &E_ACUTE[1..])]),
                frames(&[
                    (TEXT_NO_FIN, &owl[..1]),
                    (CONTINUATION_NO_FIN, &owl[1..2]),
                    (CONTINUATION_NO_FIN, b""),
                    (CONTINUATION_NO_FIN, &owl[2..3]),
                    (CONTINUATION, &owl[3..]),
                ]),
                frames(&[(TEXT_NO_FIN, b"Caf\xc3"), (CONTINUATION, b"\xa9 1 \xe2\x82\xac")]),
            ].join("\n")
        },
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
            let bytes = frame(TEXT, text.as_bytes());
            let mut ways = 0;
            for pieces in cut::every_cut(&bytes).chain([bytes.chunks(1).collect()]) {
                let mut client = Client::new(1 << 20);
                let mut items = Vec::new();
                for piece in &pieces {
                    items.extend(client.receive(piece).unwrap_or_else(|failure| {
                        panic!("a piece was refused: {}", failed(&failure))
                    }));
                }
                if items != [Item::Message(Message::Text(text.to_string()))] {
                    let lengths: Vec<usize> = pieces.iter().map(|piece| piece.len()).collect();
                    let yours = say(&Ok(items));
                    panic!("in pieces of {lengths:?} bytes. Sent: {text:?}. Yours: {yours}");
                }
                ways += 1;
            }
            format!("{}\nthe same in each of {ways} ways to cut it", wire::dump(&bytes))
        },
    }
}

#[test]
fn text_may_not_end_inside_a_character() {
    check! {
        rfc: "RFC 6455 §8.1",
        rule: "A character that has begun must be whole at the end of the message.",
        signs: [],
        shows: || [
            frames(&[(TEXT, &E_ACUTE[..1])]),
            frames(&[(TEXT_NO_FIN, b"1 \xe2\x82"), (CONTINUATION, b"")]),
            frames(&[(TEXT_NO_FIN, b"\xf0"), (CONTINUATION_NO_FIN, b"\x9f"), (CONTINUATION, b"\xa6")]),
        ].join("\n"),
    }
}

#[test]
fn a_character_has_no_end_in_the_next_piece() {
    check! {
        rfc: "RFC 6455 §8.1",
        rule: "A character that has begun goes on with the next byte of the text, or is wrong.",
        signs: [],
        shows: || [
            frames(&[(TEXT_NO_FIN, b"\xc3"), (CONTINUATION, b"a")]),
            frames(&[(TEXT_NO_FIN, b"\xe2\x82"), (CONTINUATION, b"\xe2\x82\xac")]),
            frames(&[(TEXT_NO_FIN, b"\xed"), (CONTINUATION_NO_FIN, b"\xa0")]),
        ].join("\n"),
    }
}

#[test]
fn binary_is_any_bytes() {
    check! {
        rfc: "RFC 6455 §5.6",
        rule: "Only text is validated. Binary messages, pings, pongs hold any bytes.",
        signs: [
            yours(["1007"]).says("Bytes that aren't a text message were validated. Only text is UTF-8."),
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
fn the_limit_is_on_the_whole_message() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "The limit holds for all frames of a message together. What is beyond it is not kept.",
        signs: [],
        shows: || {
            let cases: [&[(u8, &[u8])]; 10] = [
                &[(BINARY, &[7; 8])],
                &[(BINARY, &[7; 9])],
                &[(TEXT, b"12345678")],
                &[(TEXT, b"123456789")],
                &[(BINARY_NO_FIN, &[7; 4]), (CONTINUATION, &[7; 4])],
                &[(BINARY_NO_FIN, &[7; 4]), (CONTINUATION_NO_FIN, &[7; 4]), (CONTINUATION_NO_FIN, &[7])],
                &[(TEXT_NO_FIN, b"123456\xe2\x82"), (CONTINUATION, b"\xac")],
                &[(TEXT, b"1234567\xff9")],
                &[(TEXT, b"12345678\xff")],
                &[(TEXT_NO_FIN, b"12345678"), (PING, b"123456789"), (CONTINUATION, b""), (TEXT, b"12345678")],
            ];
            let shown = cases.map(|case| frames_with_limit(8, case)).join("\n");
            format!("a message may have 8 bytes\n\n{shown}")
        },
    }
}

#[test]
fn a_hundred_thousand_fragments_are_one_message() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "What a message takes in memory depends on its length, not on its fragments.",
        signs: [
            panics("was refused").says(
                "The number of fragments was limited. That refuses messages that are right, and bytes are what costs.",
            ),
            yours(["grew with each fragment: true"]).but_not(yours(["at most twice that: false"])).says(
                "All that had come was copied for each fragment, and perhaps validated once more: right, and slow. What is \
                 valid stays so. Append the new piece to it.",
            ),
            yours(["at most twice that: false"]).says(
                "The fragments were kept in a list. Each takes more room there than its byte: append it, and forget the frame.",
            ),
        ],
        shows: || many_fragments(TEXT_NO_FIN, 100_000) + &many_fragments(BINARY_NO_FIN, 10_000),
    }
}

fn many_fragments(first: u8, count: usize) -> String {
    let mut client = Client::new(1 << 20);
    let (mut most, mut grew) = (0, 0);
    let mut items = Vec::new();
    for number in 1..=count {
        let first = match number {
            1 => first,
            _ if number == count => CONTINUATION,
            _ => CONTINUATION_NO_FIN,
        };
        let result = client.receive(&frame(first, b"*"));
        items.extend(result.unwrap_or_else(|failure| {
            panic!("fragment {number} was refused: {}", failed(&failure))
        }));
        let memory = client.reader.memory();
        grew += usize::from(memory > most);
        most = most.max(memory);
    }
    let messages = items.iter().map(|item| match item {
        Item::Message(Message::Text(text)) => format!("a text of {} bytes", text.len()),
        Item::Message(Message::Binary(binary)) => format!("{} bytes", binary.len()),
        other => show(other),
    });
    format!(
        "{count} fragments of one byte → {}\n  memory, at most twice that: {}\n  it grew with each fragment: {}\n  and behind it: {}\n",
        messages.collect::<Vec<_>>().join(", "),
        // With the last fragment, the message is given away.
        (count - 1..=2 * count).contains(&most),
        grew > count / 2,
        client.reader.memory(),
    )
}

#[test]
fn what_is_kept_is_what_came() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "The memory for a message is at most twice what came of it, and none before and after.",
        signs: [],
        shows: || {
            let text = [&[b'*'; 1000][..], b"\xf0\x9f\xa6"].concat();
            [
                kept("a text message", vec![header(Opcode::Text, false, 2000), Part::Payload(text)], 1003),
                kept("a binary message", vec![
                    header(Opcode::Binary, false, 1000),
                    Part::Payload(vec![7; 500]),
                    Part::Payload(vec![7; 500]),
                    Part::End,
                ], 1000),
                kept("a control frame", vec![header(Opcode::Ping, true, 125), Part::Payload(vec![7; 100])], 100),
                kept("a ping inside a text", vec![
                    header(Opcode::Text, false, 400),
                    Part::Payload(vec![b'*'; 400]),
                    Part::End,
                    header(Opcode::Ping, true, 100),
                    Part::Payload(vec![7; 100]),
                ], 500),
                kept("a control frame that has ended", vec![
                    header(Opcode::Ping, true, 100),
                    Part::Payload(vec![7; 100]),
                    Part::End,
                ], 0),
            ].concat()
        },
    }
}

fn kept(what: &str, parts: Vec<Part>, came: usize) -> String {
    let mut reader = MessageReader::new(1 << 20);
    for part in parts {
        reader.read(part).expect("parts that are right");
    }
    let memory = reader.memory();
    let right = (came..=2 * came).contains(&memory);
    format!("{what:<30} {came:>4} bytes came; that, or up to twice, is kept: {right}\n")
}

#[test]
fn empty_fragments_without_end_take_no_memory() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "Fragments of nothing add nothing, however many there are.",
        signs: [
            yours(["bytes of memory more"]).says("Something was kept for each fragment, the empty ones too."),
        ],
        shows: || empty_fragments(TEXT_NO_FIN) + &empty_fragments(BINARY_NO_FIN),
    }
}

fn empty_fragments(first: u8) -> String {
    let mut client = Client::new(16);
    let begin = client.receive(&frame(first, b"1234"));
    begin.expect("a frame that is right");
    let before = client.reader.memory();
    let many = frame(CONTINUATION_NO_FIN, b"").repeat(1000);
    for _ in 0..100 {
        client.receive(&many).expect("frames that are right");
    }
    let more = client.reader.memory() - before;
    let end = say(&client.receive(&frame(CONTINUATION, b"5678")));
    format!("100000 empty fragments: {more} bytes of memory more\n{end}")
}

// The whole stream.

#[test]
fn the_stream_may_be_cut_anywhere() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "How TCP delivers the bytes makes no difference to what they mean.",
        signs: [],
        shows: || {
            let stream = [
                frame(TEXT_NO_FIN, b"Caf\xc3"),
                frame(PING, b"still?"),
                frame(CONTINUATION_NO_FIN, b""),
                frame(CONTINUATION, b"\xa9"),
                frame(PONG, b""),
                frame(BINARY_NO_FIN, &[1, 2, 3]),
                frame(CONTINUATION, &[4]),
                frame(CLOSE, b"\x03\xe8bye"),
            ].concat();
            let whole = Client::new(64).receive(&stream);
            for pieces in cut::every_cut(&stream).chain([stream.chunks(1).collect()]) {
                let mut client = Client::new(64);
                let results = pieces.iter().map(|piece| client.receive(piece));
                let items: String = results.map(|result| say(&result)).collect();
                let whole = say(&whole);
                if items != whole {
                    let lengths: Vec<usize> = pieces.iter().map(|piece| piece.len()).collect();
                    let (whole, items) = (whole.trim(), items.trim());
                    panic!("yours in one piece: {whole}. Yours in pieces of {lengths:?} bytes: {items}");
                }
            }
            say(&whole)
        },
    }
}

#[test]
fn the_program_says_what_frames_mean() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "What you wrote, as a program: what each frame is, and what becomes whole with it.",
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
