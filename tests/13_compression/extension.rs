//! permessage-deflate in its place: frames come in, events and frames go out.

use compression::{Context, Parameters, PermessageDeflate};
use connection::{Connection, Event, Extension};
use frames::{FrameDecoder, Part, Role};
use support::check;
use support::cut;
use support::frame::{BINARY, CONTINUATION, PING, PONG, TEXT, TEXT_NO_FIN, masked, unmasked};
use support::sign::{missing, never_finished, only, panics, under, yours};

use super::shared::{
    ALONE, COMPRESSED_TEXT, COMPRESSED_TEXT_NO_FIN, CONTINUATION_NO_FIN, HELLO, HELLO_AGAIN,
    MIN_LENGTH, TAKEN_OVER, bits, client, compressed, heard, noise, refers_back, server,
    server_with_limit, told,
};

/// The first byte of a compressed binary frame.
const COMPRESSED_BINARY: u8 = 0xc2;
/// The most bytes of a part's payload.
const MOST: usize = 4096;
/// RSV1, in the first byte.
const RSV1: u8 = 0x40;

/// Nothing special is agreed on.
fn plain() -> Parameters {
    Parameters::default()
}

/// What a server makes of these frames.
fn row(what: &str, frames: &[Vec<u8>]) -> String {
    format!(
        "{what}\n  → {}\n",
        heard(&mut server(&plain()), &frames.concat())
    )
}

#[test]
fn rsv1_speaks_for_the_whole_message() {
    check! {
        rfc: "RFC 7692 §6",
        rule: "RSV1 on its first frame says that a message is compressed. On any other frame, it fails the connection.",
        signs: [
            panics("").says("Frames of the other side made your code panic."),
            never_finished().says("The loop doesn't end: the end of a message was put back again and again."),
            under("on a continuation", yours(["text"])).says("RSV1 on a continuation passed. Only a message's first frame may have it."),
            under("on a ping", yours(["ping"])).says(
                "RSV1 on a control frame passed. The frame decoder allows the bit, because it is negotiated; where it may be \
                 is your extension's business.",
            ),
            under("two of them", missing(["text \"Hello\", text \"Hello\""])).says(
                "The message was never finished: the end of its last block is still missing, and the next message is read as \
                 that.",
            ),
            under("in two frames", yours(["not DEFLATE"])).says(
                "Each frame was finished as if it were a message. Only the last one ends the data.",
            ),
            under("in two frames", missing(["\"Hello\""])).says(
                "The second frame wasn't decompressed: it has no RSV1, and belongs to a compressed message all the same.",
            ),
            under("a message that isn't compressed", missing(["\"Hello\""])).says(
                "A message without RSV1 was decompressed. It passes as it is.",
            ),
            under("after a compressed one", missing(["\"plain\""])).says(
                "A message without RSV1 was taken for compressed, because the one before it was.",
            ),
            under("an empty payload after another", yours(["✗"])).says(
                "No tail was cut off an empty payload. The one that is put back is the tail of the message before.",
            ),
            yours(["RSV1 set"]).says("RSV1 wasn't negotiated: `reserved_bits` names the bits that have a meaning."),
        ],
        shows: || {
            let again = |first: u8| masked(first, &HELLO_AGAIN);
            [
                row("a compressed message", &[masked(COMPRESSED_TEXT, &HELLO)]),
                row("a compressed binary one", &[masked(COMPRESSED_BINARY, &HELLO)]),
                row("two of them", &[masked(COMPRESSED_TEXT, &HELLO), again(COMPRESSED_TEXT)]),
                row("a message that isn't compressed", &[masked(TEXT, b"Hello")]),
                row("one after a compressed one", &[masked(COMPRESSED_TEXT, &HELLO), masked(TEXT, b"plain"), again(COMPRESSED_TEXT)]),
                row("in two frames", &[masked(COMPRESSED_TEXT_NO_FIN, &HELLO[..3]), masked(CONTINUATION, &HELLO[3..])]),
                row("in four, two of them empty", &[
                    masked(COMPRESSED_TEXT_NO_FIN, &[]), masked(CONTINUATION_NO_FIN, &HELLO[..5]),
                    masked(CONTINUATION_NO_FIN, &HELLO[5..]), masked(CONTINUATION, &[]),
                ]),
                row("not compressed, in two frames", &[masked(TEXT_NO_FIN, b"Hel"), masked(CONTINUATION, b"lo")]),
                row("RSV1 on a continuation of a compressed message", &[
                    masked(COMPRESSED_TEXT_NO_FIN, &HELLO[..3]), masked(CONTINUATION | RSV1, &HELLO[3..]),
                ]),
                row("RSV1 on a continuation of another message", &[
                    masked(TEXT_NO_FIN, b"Hel"), masked(CONTINUATION | RSV1, b"lo"),
                ]),
                row("RSV1 on a ping", &[masked(PING | RSV1, b"Hello")]),
                row("RSV1 on a pong", &[masked(PONG | RSV1, b"Hello")]),
                row("an empty message", &[masked(COMPRESSED_TEXT, &[0x00]), masked(COMPRESSED_TEXT, &HELLO)]),
                row("an empty payload", &[masked(COMPRESSED_TEXT, &[]), masked(COMPRESSED_TEXT, &HELLO)]),
                row("an empty payload after another message", &[
                    masked(COMPRESSED_TEXT, &HELLO), masked(COMPRESSED_TEXT, &[]), again(COMPRESSED_TEXT),
                ]),
                row("RSV2 on a message", &[masked(0xa1, b"Hello")]),
            ]
            .concat()
        },
    }
}

#[test]
fn control_frames_come_in_between() {
    check! {
        rfc: "RFC 7692 §6.1",
        rule: "A control frame is never compressed, and may arrive between the fragments of a compressed message.",
        signs: [
            panics("").says("A control frame in the middle of a message made your code panic."),
            under("a ping between the fragments", yours(["ping \"Hello\", "])).says("The message isn't whole any more after a control frame in its middle."),
            missing(["ping \"Hello\""]).says("The ping's payload was decompressed with the message around it."),
            yours(["✗"]).says("A control frame in the middle of a compressed message broke it."),
        ],
        shows: || [
            row("a ping between the fragments", &[
                masked(COMPRESSED_TEXT_NO_FIN, &HELLO[..3]), masked(PING, b"Hello"), masked(CONTINUATION, &HELLO[3..]),
            ]),
            row("an empty ping before the last fragment, which is empty", &[
                masked(COMPRESSED_TEXT_NO_FIN, &HELLO), masked(PING, b""), masked(CONTINUATION, b""),
            ]),
            row("a ping between compressed messages", &[
                masked(COMPRESSED_TEXT, &HELLO), masked(PING, &HELLO), masked(COMPRESSED_TEXT, &HELLO_AGAIN),
            ]),
            row("a pong between the fragments of a message that isn't compressed", &[
                masked(TEXT_NO_FIN, b"Hel"), masked(PONG, b""), masked(CONTINUATION, b"lo"),
            ]),
        ].concat(),
    }
}

#[test]
fn broken_payloads_fail_the_connection() {
    check! {
        rfc: "RFC 7692 §7.2.2",
        rule: "A payload that can't be decompressed fails the connection with 1007, and so does text that isn't UTF-8 when \
               it is decompressed.",
        signs: [
            panics("").says("A payload of the other side made your code panic."),
            yours(["1002"]).says(
                "The frames are right, and so 1002 isn't the code: the data in them doesn't fit its type, which is 1007.",
            ),
            under("cut off", yours(["text"])).says(
                "The end of the message was passed on before what the tail leads to: pieces, or an error.",
            ),
            missing(["1007"]).says("A payload that can't be decompressed was taken for a message."),
        ],
        shows: || {
            let not_utf8 = compressed(15, b"caf\xc3");
            [
                row("a reserved type of block", &[masked(COMPRESSED_TEXT, &[0x06, 0x00])]),
                row("text, with RSV1", &[masked(COMPRESSED_TEXT, b"Hello")]),
                row("a reference to what isn't there", &[masked(COMPRESSED_TEXT, &HELLO_AGAIN)]),
                row("broken in its second fragment", &[
                    masked(COMPRESSED_TEXT_NO_FIN, &[0x00, 0x01, 0x00]), masked(CONTINUATION, &[0x00, 0x00, 0x41]),
                ]),
                row("cut off in the middle of a block", &[masked(COMPRESSED_TEXT, &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48])]),
                row("half a character", &[masked(COMPRESSED_TEXT, &not_utf8)]),
                row("half a character, binary", &[masked(COMPRESSED_BINARY, &not_utf8)]),
            ]
            .concat()
        },
    }
}

#[test]
fn a_stream_may_be_cut_anywhere() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "The same bytes give the same events, however they arrive, and a message the same text, however it is \
               fragmented.",
        signs: [
            panics("").says("A cut at a certain byte leads to different events, or to a panic."),
            missing(["text"]).says("A message is lost or changed."),
        ],
        shows: cuts,
    }
}

fn cuts() -> String {
    let stream = [
        masked(COMPRESSED_TEXT_NO_FIN, &HELLO[..4]),
        masked(PING, b"?"),
        masked(CONTINUATION, &HELLO[4..]),
        masked(TEXT, b"plain"),
        masked(COMPRESSED_BINARY, &HELLO_AGAIN),
    ]
    .concat();
    let whole = in_pieces(&[&stream]);
    let mut ways = 0;
    for pieces in cut::every_cut(&stream).chain([stream.chunks(1).collect()]) {
        let lengths: Vec<usize> = pieces.iter().map(|piece| piece.len()).collect();
        let cut = in_pieces(&pieces);
        assert!(
            cut == whole,
            "yours in one piece: {whole}. Yours in pieces of {lengths:?} bytes: {cut}"
        );
        ways += 1;
    }
    let mut shown = format!(
        "{whole}\nthe same in each of {ways} ways to cut {} bytes\n",
        stream.len()
    );
    for fragment in 1..HELLO.len() {
        let mut frames = Vec::new();
        for (number, payload) in HELLO.chunks(fragment).enumerate() {
            let first = if number == 0 {
                COMPRESSED_TEXT_NO_FIN
            } else {
                CONTINUATION_NO_FIN
            };
            frames.push(masked(first, payload));
        }
        frames.push(masked(CONTINUATION, &[]));
        shown += &row(&format!("in fragments of {fragment} bytes"), &frames);
    }
    shown
}

/// All events of a server that reads these pieces.
fn in_pieces(pieces: &[&[u8]]) -> String {
    let mut server = server(&plain());
    let mut all: Vec<Event> = Vec::new();
    for piece in pieces {
        all.extend(server.receive(piece));
    }
    all.iter().map(told).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_bomb_meets_the_limit() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "The limit of a message is for what it becomes. It is noticed while a payload is decompressed, not when that \
               is done.",
        signs: [
            never_finished().says("The bomb goes off: all of it is decompressed before anything looks at its length."),
            yours(["65536 zeros", "1009"]).says("A message that is exactly as long as it may be was refused."),
            missing(["1009"]).says("The limit was compared with the compressed length alone. A few bytes can become a gigabyte."),
            yours(["more than 4 KiB"]).says("A part has more than 4 KiB, so that the limit is noticed too late."),
            yours(["with RSV1"]).says("RSV1 was passed on. What comes after your extension gets a message that isn't compressed any more."),
        ],
        shows: bombs,
    }
}

/// The frames of a message of so many zeros, with a payload of at most so many bytes each.
fn bomb(length: usize, fragment: usize) -> Vec<Vec<u8>> {
    let payload = compressed(15, &vec![0; length]);
    let chunks = payload.chunks(fragment);
    let last = chunks.len() - 1;
    let frame = |(number, payload): (usize, &[u8])| {
        let first = if number == 0 {
            COMPRESSED_BINARY
        } else {
            CONTINUATION | RSV1
        };
        let no_fin = if number == last { 0xff } else { 0x7f };
        let no_rsv1 = if number == 0 { 0xff } else { !RSV1 };
        masked(first & no_fin & no_rsv1, payload)
    };
    chunks.enumerate().map(frame).collect()
}

fn bombs() -> String {
    let mut shown = String::new();
    for length in [65_535, 65_536, 65_537, 1_000_000] {
        for (how, fragment) in [("in one frame", usize::MAX), ("in fragments", 50)] {
            let mut server = server_with_limit(&plain(), 65_536);
            let said = heard(&mut server, &bomb(length, fragment).concat());
            shown += &format!("{length:>8} zeros {how} → {said}\n");
        }
    }
    shown + &lazily()
}

/// The first parts of a bomb, as the extension gives them.
fn lazily() -> String {
    let mut extension = PermessageDeflate::new(Role::Server, &plain(), 0);
    let mut decoder = FrameDecoder::new(Role::Server, 1 << 20, extension.reserved_bits());
    decoder.receive(&bomb(1_000_000, usize::MAX).concat());
    let (mut parts, mut largest, mut mark) = (0, 0, "");
    while let Ok(Some(part)) = decoder.next_part() {
        extension.receive(part);
        while let Ok(Some(part)) = extension.next_part() {
            parts += 1;
            match part {
                Part::Header(header) if header.reserved.rsv1 => mark = ", with RSV1 in the header",
                Part::Payload(bytes) => largest = largest.max(bytes.len()),
                _ => {}
            }
        }
    }
    let size = if largest <= MOST {
        "at most"
    } else {
        "more than"
    };
    let count = if parts > 1_000_000 / MOST {
        "many"
    } else {
        "few"
    };
    format!("what is passed on: {count} parts of {size} 4 KiB{mark}\n")
}

#[test]
fn each_side_compresses_in_its_own_way() {
    check! {
        rfc: "RFC 7692 §7.1",
        rule: "The parameters of a side are for what it sends. Its peer decompresses accordingly.",
        signs: [
            panics("").says("A window of 8 bits made your code panic: there is no compressor for it, and that is no reason to fail."),
            yours(["✗"]).says("A message can't be read: one side compresses as it should decompress, or the other way round."),
            only(["forgets", "window has"]).says("Each side compresses in the other's way. They understand each other, but not other peers."),
        ],
        shows: own_ways,
    }
}

fn own_ways() -> String {
    let small = Some(bits(9));
    let tiny = Some(bits(8));
    let agreed = [
        ("nothing special", plain()),
        (
            "the server forgets",
            Parameters {
                server_no_context_takeover: true,
                ..plain()
            },
        ),
        (
            "the client forgets",
            Parameters {
                client_no_context_takeover: true,
                ..plain()
            },
        ),
        (
            "the server's window has 9 bits",
            Parameters {
                server_max_window_bits: small,
                ..plain()
            },
        ),
        (
            "the client's window has 9 bits",
            Parameters {
                client_max_window_bits: small,
                ..plain()
            },
        ),
        (
            "the client's window has 8 bits",
            Parameters {
                client_max_window_bits: tiny,
                ..plain()
            },
        ),
    ];
    let mut shown = String::new();
    for (what, agreed) in agreed {
        let (mut server, mut client) = (server(&agreed), client(&agreed));
        let to_client = [1, 2].map(|_| sends(&mut server, &mut client));
        let to_server = [1, 2].map(|_| sends(&mut client, &mut server));
        let [to_client, to_server] = [to_client, to_server].map(|went| went.join(", then "));
        shown += &format!("{what}: server {to_client}; client {to_server}\n");
    }
    shown
}

/// Sends 700 bytes that only a message before them helps to compress, and says how they went and whether they arrived.
fn sends(sender: &mut Connection, receiver: &mut Connection) -> String {
    let half = noise(700);
    let message = [&half[..], &half[..50], &half[..50], &half[..50]].concat();
    _ = sender.send_binary(&message);
    let frame = sender.take_outgoing();
    let how = match frame.first().map(|first| first & RSV1) {
        None => return "nothing is sent".to_string(),
        Some(0) => "as it is",
        _ if refers_back(&frame, &message) => "refers back",
        _ => "on its own",
    };
    match &receiver.receive(&frame)[..] {
        [Event::Binary(bytes)] if *bytes == message => how.to_string(),
        [event, ..] => format!("{how}, {}", told(event)),
        [] => format!("{how}, nothing arrives"),
    }
}

#[test]
fn what_goes_out_is_marked() {
    check! {
        rfc: "RFC 7692 §6.1",
        rule: "RSV1 is on a message that is compressed, and on nothing else.",
        signs: [
            only(["as long as the limit"]).says("The shortest message to compress is `min_length`, whatever its default is."),
            missing(["a long text", "RSV1"]).says("A compressed message goes out without RSV1: its peer takes the bytes for the text."),
            yours(["a short text", "RSV1"]).or(yours(["noise", "RSV1"])).says("A message that isn't compressed goes out with RSV1."),
            yours(["not what was sent"]).says("The peer doesn't get what was sent."),
        ],
        shows: outgoing,
    }
}

fn outgoing() -> String {
    let text = "the same, the same, the same, the same, the same";
    let (mut server, mut client) = (server(&plain()), client(&plain()));
    let mut shown = String::new();
    type Send = fn(&mut Connection, &[u8]);
    let text_message: Send = |connection, payload| {
        let text = str::from_utf8(payload).expect("the check's own text");
        _ = connection.send_text(text);
    };
    let binary: Send = |connection, payload| _ = connection.send_binary(payload);
    let ping: Send = |connection, payload| _ = connection.send_ping(payload);
    let noise = noise(500);
    let sends: [(&str, Send, &[u8]); 8] = [
        ("a long text", text_message, text.as_bytes()),
        ("a short text", text_message, b"short"),
        ("as long as the limit", text_message, &[b'a'; MIN_LENGTH]),
        ("a long binary message", binary, text.as_bytes()),
        ("noise", binary, &noise),
        ("a long ping", ping, text.as_bytes()),
        ("a long text after all that", text_message, text.as_bytes()),
        ("an empty text", text_message, b""),
    ];
    for (what, send, payload) in sends {
        for (who, sender, receiver) in [("server", 0, 1), ("client", 1, 0)] {
            let ends = [&mut server, &mut client];
            send(ends[sender], payload);
            let frame = ends[sender].take_outgoing();
            let mark = if frame[0] & RSV1 == 0 {
                "no RSV1"
            } else {
                "RSV1"
            };
            let same = match &ends[receiver].receive(&frame)[..] {
                [Event::Text(text)] => text.as_bytes() == payload,
                [Event::Binary(bytes) | Event::Ping(bytes)] => bytes == payload,
                _ => false,
            };
            ends[receiver].take_outgoing();
            let arrives = if same { "" } else { ", not what was sent" };
            shown += &format!("{what}, from the {who}: {mark}{arrives}\n");
        }
    }
    shown
}

#[test]
fn a_long_conversation_stays_in_step() {
    check! {
        rfc: "RFC 7692 §7.2",
        rule: "Whatever two endpoints have agreed on, each message arrives as it was sent.",
        signs: [
            panics("").says("A message made your code panic."),
            yours(["✗"]).or(yours(["differ"])).says("A message doesn't arrive as it was sent: the two contexts have parted."),
        ],
        shows: long_conversations,
    }
}

fn long_conversations() -> String {
    let mut shown = String::new();
    for (what, context) in [
        ("taken over, 15 bits", TAKEN_OVER),
        (
            "taken over, 9 bits",
            Context {
                window: bits(9),
                ..TAKEN_OVER
            },
        ),
        ("each on its own", ALONE),
    ] {
        let agreed = Parameters {
            server_no_context_takeover: !context.is_taken_over,
            client_no_context_takeover: !context.is_taken_over,
            server_max_window_bits: Some(context.window),
            client_max_window_bits: Some(context.window),
        };
        let (mut server, mut client) = (server(&agreed), client(&agreed));
        let bytes = noise(3000);
        let mut verdict = "all 200 arrive".to_string();
        for number in 0..200_usize {
            let start = number * 37 % 1500;
            let length = number * 97 % 1000;
            let message = match number % 3 {
                0 => bytes[start..start + length].to_vec(),
                1 => format!("message {number} ").repeat(length / 8).into_bytes(),
                _ => [&bytes[start..start + 50], &vec![b'x'; length]].concat(),
            };
            let (sender, receiver) = match number % 2 {
                0 => (&mut server, &mut client),
                _ => (&mut client, &mut server),
            };
            _ = sender.send_binary(&message);
            let events = receiver.receive(&sender.take_outgoing());
            if events != [Event::Binary(message)] {
                let told: Vec<String> = events.iter().map(told).collect();
                verdict = format!("message {number} differs: {}", told.join(", "));
                break;
            }
        }
        shown += &format!("{what}: {verdict}\n");
    }
    shown
        + &format!(
            "a frame that isn't masked: {}\n",
            heard(&mut client(&plain()), &unmasked(BINARY, b"!"))
        )
}
