//! The connection that borrows, beside that of step 08.

use connection::CloseCode;
use frames::Opcode;
use messages::MessageError;
use speed::unfinished::{Kind, Unfinished};
use speed::utf8::Utf8;
use speed::{Buffers, Config, Connection, Event, Payload};
use support::check;
use support::frame::{
    BINARY, BINARY_NO_FIN, CLOSE, CONTINUATION, PING, TEXT, TEXT_NO_FIN, masked, unmasked,
};
use support::sign::{missing, panics, under, yours};

use super::shared::{Numbers, short};

/// The limit on messages and frames, if a check doesn't say otherwise.
const LIMIT: u64 = 1 << 16;

fn server() -> Connection {
    Connection::server(Config {
        max_frame: LIMIT,
        max_message: LIMIT,
    })
}

fn line(event: &Event) -> String {
    let place = |payload: &Payload| match payload {
        Payload::InPlace(_) => "in place",
        Payload::Joined { .. } => "joined",
    };
    match event {
        Event::Text(text) => format!("text {}, {}", short(text), place(text)),
        Event::Binary(bytes) => format!("binary {}, {}", short(bytes), place(bytes)),
        Event::Ping(bytes) => format!("ping {}", short(bytes)),
        Event::Pong(bytes) => format!("pong {}", short(bytes)),
        Event::Error(failure) => format!("✗ {failure}"),
        Event::Close { code, reason } => format!("close {code} {reason:?}"),
    }
}

/// The events of these reads, a line for each.
fn events(server: &mut Connection, reads: &[Vec<u8>]) -> String {
    let (mut out, mut buffers) = (Vec::new(), Buffers::default());
    let mut lines = String::new();
    for read in reads {
        let mut read = read.clone();
        let mut rest = &mut read[..];
        for number in 0.. {
            let Some(event) = server.poll(&mut rest, &mut out, &mut buffers) else {
                break;
            };
            assert!(number < 1000, "events without end");
            lines += &format!("  {}\n", line(&event));
        }
    }
    lines
}

#[test]
fn what_is_whole_stays_in_place() {
    check! {
        rfc: "RFC 6455 §5.4, §5.6",
        rule: "A message that is whole in a read is borrowed from it. Fragments, and what a read has cut, are joined.",
        signs: [
            under("two messages in one read", yours(["joined"])).says(
                "These messages are whole in the read, and still they were copied. With FIN, and if no message has \
                 begun, the payload is the message.",
            ),
            under("fragments in one read", missing(["\"Hello\""]).but_not(yours([""]))).says(
                "A message was put together, and not handed out. What isn't whole goes through `begin` and `append`, \
                 and then `end` returns the event.",
            ),
            under("fragments", missing(["\"Hello\""])).says(
                "A fragment was taken for a message. It is one only with FIN, if its opcode isn't Continuation, and if \
                 no message has begun.",
            ),
            under("a ping between", missing(["ping"])).says("A control frame is no part of a message: `handle_control`."),
            under("a text that isn't UTF-8", missing(["✗"])).says(
                "A text that is whole has to be checked, too: `utf8::check`.",
            ),
            under("a new message inside", missing(["✗"])).says(
                "One message has begun and isn't finished, and the next one was handed out all the same. That breaks a \
                 rule: leave such a frame to `begin`.",
            ),
            under("over the limit", missing(["✗"])).says(
                "The limit is for a message in one frame, too. `fits` says whether this one is within it.",
            ),
        ],
        shows: || {
            let two = [masked(TEXT, "né".as_bytes()), masked(BINARY, &[1, 2, 3])].concat();
            let fragments = [masked(TEXT_NO_FIN, b"Hel"), masked(CONTINUATION, b"lo")].concat();
            let ping = [
                masked(BINARY_NO_FIN, b"a"),
                masked(PING, b"?"),
                masked(CONTINUATION, b"b"),
            ]
            .concat();
            let hello = masked(TEXT, b"Hello");
            let cut = vec![hello[..8].to_vec(), hello[8..].to_vec()];
            let mut shown = String::new();
            for (title, reads) in [
                ("two messages in one read", vec![two]),
                ("fragments in one read", vec![fragments]),
                ("a ping between fragments", vec![ping]),
                ("a message in two reads", cut),
                ("a text that isn't UTF-8", vec![masked(TEXT, b"\xff")]),
                ("a new message inside another", vec![[masked(TEXT_NO_FIN, b"a"), masked(TEXT, b"b")].concat()]),
            ] {
                shown += &format!("{title}\n{}", events(&mut server(), &reads));
            }
            let fragments = |first: &[u8], last: &[u8]| [masked(BINARY_NO_FIN, first), masked(CONTINUATION, last)].concat();
            for (title, read) in [
                ("over the limit of 4", masked(BINARY, b"12345")),
                ("over it in two fragments", fragments(b"123", b"45")),
                ("just within it", [masked(BINARY, b"1234"), fragments(b"12", b"34")].concat()),
            ] {
                let mut small = Connection::server(Config { max_frame: 100, max_message: 4 });
                shown += &format!("{title}\n{}", events(&mut small, &[read]));
            }
            shown
        },
    }
}

#[test]
fn memory_is_for_bytes_that_came() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "A buffer grows to twice what has come, 16 KiB at least, and never beyond what is declared.",
        signs: [
            under("64 MiB declared", missing(["room for 16379"])).says(
                "The declared 64 MiB were allocated, and they may never come. Grow with what has come: double, and stop \
                 at the declared length.",
            ),
            under("20 bytes declared", missing(["room for 15"])).says(
                "The frame declares 20 bytes, of which 5 came. There must be room for 15 more, and for no byte of the \
                 next frame.",
            ),
            under("20 bytes declared", missing(["20 bytes of memory"])).says(
                "The message has 20 bytes, and takes more memory than that. Stop at what is declared, also if twice what \
                 has come, or `FIRST_SIZE`, is more.",
            ),
            under("a buffer that was used before", missing(["room for 30000"])).says(
                "A buffer that is large enough already doesn't grow, and must not shrink: all of it is used.",
            ),
            under("64 MiB declared", missing(["room for 16404"])).says(
                "The buffer grows too little, or too much: to at least twice what has come. Otherwise each read copies \
                 everything once more.",
            ),
            panics("range end").or(panics("out of range")).says("There must be room for the bytes that came, at least."),
        ],
        shows: || {
            let mut shown = String::new();
            let pieces = [5_u64, 15, 16 << 10, 100 << 10];
            for (title, declared, pieces) in [
                ("64 MiB declared", 64 << 20, &pieces[..]),
                ("20 bytes declared", 20, &pieces[..]),
                ("a buffer that is just full", 64 << 20, &[16 << 10, 16 << 10]),
                ("just full, and 100 bytes are missing", (32 << 10) + 100, &[16 << 10, 16 << 10]),
            ] {
                let mut buffers = Buffers::default();
                let mut message = Unfinished::new(Kind::Binary, true, 64 << 20, &mut buffers);
                shown += &format!("{title}\n");
                let mut come = 0;
                for more in pieces {
                    let more = (*more).min(declared - come);
                    if more > 0 {
                        come += more;
                        let piece = vec![0; more as usize];
                        message.append(&piece, declared - come).expect("it is within the limit");
                        let room = message.room(declared - come).len();
                        shown += &format!("  {come} came: room for {room}\n");
                    }
                }
                if let Ok((_, Payload::Joined { buffer, .. })) = message.finish() {
                    shown += &format!("  at the end: {} bytes of memory\n", buffer.len());
                }
            }
            let mut buffers = Buffers::default();
            buffers.give_back(Payload::Joined { buffer: vec![0; 40_000], length: 10 });
            let mut message = Unfinished::new(Kind::Binary, true, LIMIT, &mut buffers);
            message.append(&[0; 100], 30_000).expect("it is within the limit");
            shown += &format!("a buffer that was used before\n  room for {}\n", message.room(30_000).len());
            shown + &memory_of_a_connection()
        },
    }
}

/// What a connection holds for a message, and for a ping in the middle of it.
fn memory_of_a_connection() -> String {
    let mut server = server();
    let (mut out, mut buffers) = (Vec::new(), Buffers::default());
    let message = masked(BINARY_NO_FIN, &[0; 1000]);
    let ping = masked(PING, b"still there?");
    let mut shown =
        "a connection with a message in two frames, and a ping in between\n".to_string();
    for (what, bytes) in [
        ("nothing yet", &[][..]),
        ("100 of 1000 bytes", &message[..108]),
        ("all of them", &message[108..]),
        ("a part of a ping", &ping[..10]),
        ("all of the ping", &ping[10..]),
        ("the second frame", &masked(CONTINUATION, &[0; 10])),
    ] {
        let mut bytes = bytes.to_vec();
        let mut read = &mut bytes[..];
        let before = server.memory();
        while server.poll(&mut read, &mut out, &mut buffers).is_some() {}
        let (before, now) = (before as i64, server.memory() as i64);
        let change = match now - before {
            0 => "takes no memory",
            1..=125 => "takes a few bytes",
            126.. => "takes memory",
            -125..0 => "gives a few bytes back",
            _ if now == 0 => "gives all of it back",
            _ => "gives some of it back",
        };
        shown += &format!("  {what}: {change}\n");
    }
    shown
}

#[test]
fn buffers_are_used_again() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "A message takes the buffer that the last one has left. The thread keeps 8 MiB of them at most.",
        signs: [],
        shows: || {
            // A fresh buffer begins with less than this.
            const SIZE: usize = 40_000;
            let mut buffers = Buffers::default();
            let begins = |buffers: &mut Buffers| Unfinished::new(Kind::Binary, true, LIMIT, buffers);
            let is_used = |message: &mut Unfinished| message.room(SIZE as u64).len() == SIZE;
            buffers.give_back(Payload::Joined { buffer: vec![0; SIZE], length: 10 });
            let used = (0..300).take_while(|_| {
                let mut message = begins(&mut buffers);
                let is_used = is_used(&mut message);
                message.finish().is_ok_and(|(_, payload)| {
                    buffers.give_back(payload);
                    is_used
                })
            });
            let used = used.count();
            let mut buffers = Buffers::default();
            for _ in 0..9 {
                buffers.give_back(Payload::Joined { buffer: vec![0; 1 << 20], length: 10 });
            }
            let kept = (0..9).filter(|_| is_used(&mut begins(&mut buffers))).count();
            format!("of 300 messages, one after another\n  {used} have a buffer that is there\nof 9 MiB\n  {kept} are kept\n")
        },
    }
}

#[test]
fn bytes_may_be_read_straight_to_their_place() {
    check! {
        rfc: "RFC 6455 §5.3, §8.1",
        rule: "What is read straight into the room of a message is unmasked and checked there.",
        signs: [],
        shows: || {
            let mut server = server();
            let (mut out, mut buffers) = (Vec::new(), Buffers::default());
            let frame = masked(TEXT, "Zoë, and more".as_bytes());
            let mut first = frame[..9].to_vec();
            let none = server.poll(&mut &mut first[..], &mut out, &mut buffers).is_none();
            let mut shown = format!("9 bytes: {}\n", if none { "nothing yet" } else { "an event" });
            let rest = &frame[9..];
            let room = server.room();
            shown += &format!("room for {}\n", room.len());
            room[..rest.len()].copy_from_slice(rest);
            _ = server.came(rest.len(), &mut out);
            let event = server.poll(&mut &mut [][..], &mut out, &mut buffers);
            shown + &format!("{}\n", event.map_or("no event".to_string(), |event| line(&event)))
        },
    }
}

/// What a connection has said and sent.
type Said = (Vec<String>, Vec<u8>);

fn fast(pieces: &[&[u8]], straight: bool) -> Said {
    let mut server = server();
    let (mut out, mut buffers) = (Vec::new(), Buffers::default());
    let mut said = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut read = &mut piece[..];
        if straight {
            let room = server.room();
            let count = room.len().min(read.len());
            room[..count].copy_from_slice(&read[..count]);
            read = &mut read[count..];
            if count > 0 {
                said.extend(server.came(count, &mut out).as_ref().map(plain));
            }
        }
        while let Some(event) = server.poll(&mut read, &mut out, &mut buffers) {
            said.push(plain(&event));
            match event {
                Event::Text(payload) => {
                    _ = server.send(Opcode::Text, &payload, &mut out);
                    buffers.give_back(payload);
                }
                Event::Binary(payload) => {
                    _ = server.send(Opcode::Binary, &payload, &mut out);
                    buffers.give_back(payload);
                }
                _ => {}
            }
            assert!(said.len() < 1000, "events without end");
        }
    }
    said.extend(server.eof().as_ref().map(plain));
    (said, out)
}

/// An event without the place of its payload.
fn plain(event: &Event) -> String {
    let line = line(event);
    line.replace(", in place", "").replace(", joined", "")
}

fn step_08(pieces: &[&[u8]]) -> Said {
    let mut server = connection::Connection::server(connection::Config {
        max_frame: LIMIT,
        max_message: LIMIT,
        ..connection::Config::default()
    });
    let (mut said, mut out) = (Vec::new(), Vec::new());
    let line = |event: &connection::Event| match event {
        connection::Event::Open => None,
        connection::Event::Text(text) => Some(format!("text {}", short(text.as_bytes()))),
        connection::Event::Binary(bytes) => Some(format!("binary {}", short(bytes))),
        connection::Event::Ping(bytes) => Some(format!("ping {}", short(bytes))),
        connection::Event::Pong(bytes) => Some(format!("pong {}", short(bytes))),
        connection::Event::Error(failure) => Some(format!("✗ {failure}")),
        connection::Event::Close { code, reason } => Some(format!("close {code} {reason:?}")),
    };
    for piece in pieces {
        server.feed(piece);
        while let Some(event) = server.poll() {
            said.extend(line(&event));
            _ = match &event {
                connection::Event::Text(text) => server.send_text(text),
                connection::Event::Binary(bytes) => server.send_binary(bytes),
                _ => Ok(()),
            };
        }
        out.extend(server.take_outgoing());
    }
    said.extend(server.eof().iter().filter_map(line));
    (said, out)
}

/// A stream of a client: mostly right, sometimes with a byte that isn't.
fn stream(numbers: &mut Numbers) -> Vec<u8> {
    let firsts = [
        TEXT,
        BINARY,
        TEXT_NO_FIN,
        BINARY_NO_FIN,
        CONTINUATION,
        PING,
        0x8a,
        0x00,
    ];
    let mut stream = Vec::new();
    for _ in 0..numbers.below(6) + 1 {
        let first = firsts[numbers.below(firsts.len())];
        let length = [0, 1, 5, 20, 125, 126, 300][numbers.below(7)];
        let text = "Zoë € 𝄞 and plain words, ".repeat(20);
        let mut payload = text.as_bytes()[..length].to_vec();
        if first == PING || first == 0x8a {
            payload.truncate(125);
        }
        if numbers.below(8) == 0 && !payload.is_empty() {
            let at = numbers.below(payload.len());
            payload[at] ^= 1 << numbers.below(8);
        }
        match numbers.below(30) {
            0 => stream.extend(unmasked(first, &payload)),
            1 => stream.extend(masked(CLOSE, &[3, 232])),
            2 => stream.extend((0..5).map(|_| numbers.below(256) as u8)),
            _ => stream.extend(masked(first, &payload)),
        }
    }
    stream
}

#[test]
fn the_same_events_and_answers_as_step_08() {
    check! {
        rfc: "RFC 6455 §5 to §8",
        rule: "Right and wrong streams, cut in many ways, lead to the events and to the bytes of step 08.",
        signs: [],
        shows: || {
            let mut numbers = Numbers(6455);
            let (mut streams, mut failures) = (0, 0);
            for _ in 0..1500 {
                let stream = stream(&mut numbers);
                let mut cuts = Vec::from_iter((0..numbers.below(4)).map(|_| numbers.below(stream.len() + 1)));
                cuts.sort_unstable();
                let pieces = support::cut::pieces(&stream, &cuts);
                let expected = step_08(&pieces);
                streams += 1;
                failures += usize::from(expected.0.iter().any(|line| line.starts_with('✗')));
                for straight in [false, true] {
                    let yours = fast(&pieces, straight);
                    if yours != expected {
                        let lengths = Vec::from_iter(pieces.iter().map(|piece| piece.len()));
                        return format!(
                            "{}\nin pieces of {lengths:?} bytes\nstep 08: {:?}\nyours: {:?}\n{} and {} bytes out\n",
                            short(&stream), expected.0, yours.0, expected.1.len(), yours.1.len()
                        );
                    }
                }
            }
            format!("{streams} streams, {failures} of which break a rule: all the same\n")
        },
    }
}

#[test]
fn what_may_be_sent() {
    check! {
        rfc: "RFC 6455 §5.1, §5.5, §5.5.1",
        rule: "What is sent, and what is refused, is what step 08 says. A client masks each frame.",
        signs: [],
        shows: || {
            let config = Config { max_frame: LIMIT, max_message: LIMIT };
            let client = Connection::client(config, || support::frame::KEY);
            let mut shown = String::new();
            for (title, mut side) in [("a server", server()), ("a client", client)] {
                shown += &format!("{title}\n");
                for what in ["a text", "a ping of 125 bytes", "a ping of 126 bytes", "Close 1005", "Close 1000", "a text", "a ping", "Close 1000"] {
                    let mut out = Vec::new();
                    let result = match what {
                        "a text" => side.send(Opcode::Text, b"Hello", &mut out),
                        "a ping" => side.send_ping(b"", &mut out),
                        "Close 1005" => side.close(CloseCode(1005), "", &mut out),
                        "Close 1000" => side.close(CloseCode(1000), "bye", &mut out),
                        ping if ping.contains("125") => side.send_ping(&[0; 125], &mut out),
                        _ => side.send_ping(&[0; 126], &mut out),
                    };
                    let verdict = match result {
                        Ok(()) => short(&out),
                        Err(error) => format!("✗ {error}"),
                    };
                    shown += &format!("  {what}: {verdict}\n");
                }
                shown += &format!("  it is {:?}\n", side.state());
            }
            shown
        },
    }
}

#[test]
fn text_may_be_cut_inside_a_character() {
    check! {
        rfc: "RFC 6455 §5.6, §8.1",
        rule: "Text that comes in pieces is refused at the first byte that can't be UTF-8, and not earlier.",
        signs: [],
        shows: || {
            let texts: [&[u8]; 5] =
                ["Zoë € 𝄞!".as_bytes(), b"a\xff", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9d\x84\x41"];
            let row = |text: &[u8]| {
                let mut utf8 = Utf8::default();
                let refused = text.iter().position(|byte| utf8.push(&[*byte]).is_err());
                let verdict = match (refused, utf8.finish()) {
                    (Some(at), _) => format!("refused with byte {at}"),
                    (None, Ok(())) => "text".to_string(),
                    (None, Err(error)) => format!("cut: {}", MessageError::from(error)),
                };
                format!("{}\n  {verdict}\n", short(text))
            };
            texts.map(row).concat()
        },
    }
}
