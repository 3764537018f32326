//! Shows bytes without sockets.

use std::time::Duration;

use workshop_terminal::text::columns;
use workshop_wire::side::Side;

use super::*;
use crate::record::{Ending, Event, Record};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

const HANDSHAKE: &[u8] = b"GET /socket HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\n\
    Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\nUser-Agent: nobody\r\n\r\n";
const SWITCHING: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const DEFLATING: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

fn client(bytes: &[u8]) -> Event {
    Event::Bytes(Side::Client, bytes.to_vec())
}

fn server(bytes: &[u8]) -> Event {
    Event::Bytes(Side::Server, bytes.to_vec())
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short one");
    [&[first, length], payload].concat()
}

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short one");
    let masked = payload.iter().zip(KEY.iter().cycle());
    let masked: Vec<u8> = masked.map(|(byte, key)| byte ^ key).collect();
    [&[first, 0b1000_0000 | length], &KEY[..], &masked].concat()
}

/// The lines that are shown, without the time and the number.
fn shown_of(is_drawn: bool, events: &[Event]) -> String {
    let mut viewer = Viewer::new(Layout::default(), is_drawn);
    let mut text = String::new();
    for event in events {
        let record = Record {
            at: Duration::ZERO,
            connection: 1,
            event: event.clone(),
        };
        for line in viewer.lines(&record) {
            assert!(columns(&line) <= 80, "{line}");
            text += line.strip_prefix("   0.000 #1 ").unwrap_or(&line);
            text.push('\n');
        }
    }
    text
}

fn shown(events: &[Event]) -> String {
    shown_of(false, events)
}

/// The lines that are shown once a WebSocket is open.
fn behind_handshake(answer: &[u8], events: &[Event]) -> String {
    let opening = [client(HANDSHAKE), server(answer)];
    let before = shown(&opening);
    let all = shown(&[&opening[..], events].concat());
    all.strip_prefix(&before).expect("it goes on").to_string()
}

#[test]
fn a_handshake_shows_the_fields_that_matter() {
    assert_eq!(
        shown(&[client(HANDSHAKE), server(SWITCHING)]),
        "client → GET /socket HTTP/1.1
                     Host: a
                     Upgrade: WebSocket
                     Connection: keep-alive, Upgrade
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
                     Sec-WebSocket-Version: 13
                     (1 more field; a head of 178 bytes)
← server HTTP/1.1 101 Switching Protocols
                     Upgrade: websocket
                     Connection: Upgrade
                     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
                     (a head of 129 bytes)
"
    );
}

#[test]
fn frames_are_shown_with_their_payload_unmasked() {
    let long = [&[0x82, 0x7e, 0x02, 0x58][..], &[0xab; 600]].concat();
    assert_eq!(
        behind_handshake(
            SWITCHING,
            &[
                client(&masked(0x81, b"Hello")),
                server(&frame(0x81, "say \"é\"\n".as_bytes())),
                server(&long),
                server(&frame(0x89, b"")),
                client(&masked(0x8a, &[0, 1])),
            ]
        ),
        "client → text, FIN, 5 bytes, masked with 37 fa 21 3d: \"Hello\"
← server text, FIN, 9 bytes: \"say \"é\"\\n\"
← server binary, FIN, 600 bytes
                     ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab …
← server ping, FIN, no payload
client → pong, FIN, 2 bytes, masked with 37 fa 21 3d: 00 01
"
    );
}

#[test]
fn fragments_say_where_they_belong() {
    assert_eq!(
        behind_handshake(
            SWITCHING,
            &[
                server(&frame(0x01, b"h\xc3")),
                server(&frame(0x00, b"\xa9")),
                server(&frame(0x89, b"in between")),
                server(&frame(0x80, b"!")),
                server(&frame(0x80, b"more")),
                server(&frame(0x02, b"\x01")),
                server(&frame(0x81, b"text")),
                Event::End(Side::Server, Ending::Fin),
            ]
        ),
        "← server text, 2 bytes: \"h\\xc3\"
                     fragment 1 of a text message
← server continuation, 1 byte: \"\\xa9\"
                     fragment 2 of a text message
← server ping, FIN, 10 bytes: \"in between\"
← server continuation, FIN, 1 byte: \"!\"
                     fragment 3, the last of a text message of 4 bytes
← server continuation, FIN, 4 bytes: 6d 6f 72 65
                     ✗ there is nothing to continue, RFC 6455 §5.4 (close code
                     1002)
← server binary, 1 byte: 01
                     fragment 1 of a binary message
← server text, FIN, 4 bytes: \"text\"
                     ✗ the message before it isn't finished, RFC 6455 §5.4
                     (close code 1002)
← server FIN: the server sends nothing more
                     ✗ in the middle of a message: 1 fragment of a binary
                     message came, and no FIN
                     ✗ no Close came before: the client reports 1006
"
    );
}

#[test]
fn closes_are_said_in_words() {
    let close = |payload: &[u8]| behind_handshake(SWITCHING, &[server(&frame(0x88, payload))]);
    assert_eq!(
        close(b"\x03\xe9the server stops"),
        "← server close, FIN, 18 bytes
                     1001: going away, reason \"the server stops\"\n"
    );
    assert_eq!(
        close(b""),
        "← server close, FIN, no payload
                     no code: the other side reports 1005\n"
    );
    assert!(close(b"\x03").contains("✗ half a code"));
    assert!(close(b"\x03\xee").contains("1006: no Close was there\n"));
    assert!(close(b"\x03\xee").contains("✗ this code must not be sent"));
    assert!(close(b"\x03\xe8\xff").contains("reason \"\\xff\""));
    assert!(close(b"\x03\xe8\xff").contains("✗ the reason is not UTF-8"));
    assert!(close(b"\x0f\xa0").contains("4000: the application's own"));
    assert_eq!(
        behind_handshake(
            SWITCHING,
            &[
                client(&masked(0x88, b"\x03\xe8")),
                client(&masked(0x81, b"x")),
                Event::End(Side::Client, Ending::Fin)
            ]
        ),
        "client → close, FIN, 2 bytes, masked with 37 fa 21 3d
                     1000: normal closure
client → text, FIN, 1 byte, masked with 37 fa 21 3d: \"x\"
                     ✗ nothing may follow a Close, RFC 6455 §5.5.1
client → FIN: the client sends nothing more
"
    );
}

/// "Hello", compressed (RFC 7692 §7.2.3.1).
const HELLO: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
/// "Hello" after "Hello" (§7.2.3.2).
const HELLO_AGAIN: &[u8] = b"\xf2\x00\x11\x00\x00";

/// A 101 that agrees on permessage-deflate, with these parameters.
fn deflating(parameters: &str) -> Vec<u8> {
    let answer = String::from_utf8_lossy(DEFLATING);
    let agreed = format!("permessage-deflate{parameters}\r\n");
    answer
        .replace("permessage-deflate\r\n", &agreed)
        .into_bytes()
}

#[test]
fn compressed_messages_are_shown_inflated() {
    assert_eq!(
        behind_handshake(
            DEFLATING,
            &[
                server(&frame(0xc1, HELLO)),
                client(&masked(0xc1, HELLO)),
                server(&frame(0x41, &HELLO_AGAIN[..3])),
                server(&frame(0x89, b"")),
                server(&frame(0x80, &HELLO_AGAIN[3..])),
                server(&frame(0x81, b"plain")),
                server(&frame(0xc2, HELLO_AGAIN)),
                client(&masked(0xc1, HELLO_AGAIN)),
                server(&frame(0xc1, b"\0")),
            ]
        ),
        "← server text, FIN, RSV1, 7 bytes: \"Hello\"
                     compressed: 7 bytes on the wire, 5 inflated (140 %)
client → text, FIN, RSV1, 7 bytes, masked with 37 fa 21 3d: \"Hello\"
                     compressed: 7 bytes on the wire, 5 inflated (140 %)
← server text, RSV1, 3 bytes: \"Hello\"
                     fragment 1 of a text message
                     compressed: 3 bytes on the wire, 5 inflated (60 %)
← server ping, FIN, no payload
← server continuation, FIN, 2 bytes
                     fragment 2, the last of a text message of 5 bytes
                     compressed: 5 bytes on the wire, 5 inflated (100 %)
← server text, FIN, 5 bytes: \"plain\"
← server binary, FIN, RSV1, 5 bytes: 48 65 6c 6c 6f
                     compressed: 5 bytes on the wire, 5 inflated (100 %)
client → text, FIN, RSV1, 5 bytes, masked with 37 fa 21 3d: \"Hello\"
                     compressed: 5 bytes on the wire, 5 inflated (100 %)
← server text, FIN, RSV1, 1 byte
                     compressed: 1 byte on the wire, 0 inflated
"
    );
    assert!(
        behind_handshake(SWITCHING, &[server(&frame(0xc1, HELLO))])
            .contains("✗ RSV1 set, but not negotiated, RFC 6455 §5.2")
    );
}

#[test]
fn each_side_keeps_its_context_or_not_as_agreed() {
    for (parameters, side_that_forgets) in [
        ("; server_no_context_takeover", Side::Server),
        ("; client_no_context_takeover", Side::Client),
    ] {
        for side in [Side::Client, Side::Server] {
            let frames = match side {
                Side::Client => [masked(0xc1, HELLO), masked(0xc1, HELLO_AGAIN)],
                Side::Server => [frame(0xc1, HELLO), frame(0xc1, HELLO_AGAIN)],
            };
            let bytes = Event::Bytes(side, [&frames[..], &frames[..1]].concat().concat());
            let shown = behind_handshake(&deflating(parameters), &[bytes]);
            let is_lost = shown.contains("✗ compressed, and can't be inflated");
            assert_eq!(is_lost, side == side_that_forgets, "{shown}");
            let hellos = if is_lost { 2 } else { 3 };
            assert_eq!(shown.matches("\"Hello\"").count(), hellos, "{shown}");
        }
    }
}

#[test]
fn an_agreement_that_no_server_may_answer_is_named() {
    let opening = [
        client(HANDSHAKE),
        server(&deflating("; server_max_window_bits=16")),
        server(&frame(0xc1, HELLO)),
    ];
    let shown = shown(&opening);
    assert!(
        shown.contains(
            "✗ permessage-deflate: server_max_window_bits=16 is not 8
                     to 15, RFC 7692 §7.1\n"
        ),
        "{shown}"
    );
    assert!(shown.contains("\"Hello\""), "{shown}");
}

#[test]
fn rsv1_is_for_the_first_frame_of_a_message() {
    for first in [0xc9, 0xc0] {
        let shown = behind_handshake(
            DEFLATING,
            &[
                server(&frame(0x41, &HELLO[..3])),
                server(&frame(first, &HELLO[3..])),
            ],
        );
        let fault = "✗ RSV1 set in a frame that doesn't begin a message, RFC";
        assert!(shown.contains(fault), "{shown}");
    }
}

#[test]
fn what_cannot_be_inflated_is_shown_as_it_came() {
    assert_eq!(
        behind_handshake(
            DEFLATING,
            &[
                server(&frame(0xc1, b"\xff\xff\xff")),
                server(&frame(0xc1, HELLO)),
                server(&frame(0x81, b"plain")),
            ]
        ),
        "← server text, FIN, RSV1, 3 bytes: ff ff ff
                     ✗ compressed, and can't be inflated: it isn't DEFLATE
                     data, or refers back to what was never sent, RFC 7692
                     §7.2.2
← server text, FIN, RSV1, 7 bytes: f2 48 cd c9 c9 07 00
                     compressed, and not inflated: a message before it couldn't
                     be inflated, and it may refer back to that
← server text, FIN, 5 bytes: \"plain\"
"
    );
}

/// As many MiB of zeros, compressed.
fn bomb(mebibytes: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2000);
    let mut deflate = flate2::Compress::new(flate2::Compression::best(), false);
    // After a full flush, nothing refers back: so the same bytes may come again.
    let done = deflate.compress_vec(&[0; 1 << 20], &mut bytes, flate2::FlushCompress::Full);
    done.expect("there is room for it");
    let mut all = bytes.repeat(mebibytes);
    all.truncate(all.len() - 4);
    all
}

#[test]
fn a_bomb_is_shown_up_to_a_bound_and_said_to_be_one() {
    let bomb = bomb(65);
    let first = [&[0xc2, 0x7f][..], &(bomb.len() as u64).to_be_bytes(), &bomb].concat();
    let then = [server(&first), server(&frame(0xc1, HELLO))];
    let shown = behind_handshake(DEFLATING, &then);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[1].contains("00 00 00 00 ") && lines[1].ends_with(" …"));
    assert!(shown.contains("✗ a bomb: 67"), "{shown}");
    assert!(
        shown.contains("more than 64 MiB\n                     inflated;"),
        "{shown}"
    );
    assert!(shown.contains("a message before it"), "{shown}");
    // Where no message refers back, the next is shown again.
    let shown = behind_handshake(&deflating("; server_no_context_takeover"), &then);
    assert!(shown.contains("\"Hello\""), "{shown}");
}

#[test]
fn broken_rules_are_named() {
    assert_eq!(
        behind_handshake(
            SWITCHING,
            &[
                client(&frame(0x81, b"bare")),
                server(&masked(0x81, b"dressed")),
                client(&[0x83, 0x80, 0x00]),
                client(&[0; 100]),
                Event::End(Side::Client, Ending::Reset),
            ]
        ),
        "client → text, FIN, 4 bytes: \"bare\"
                     ✗ a client's frame must be masked, RFC 6455 §5.1 (close
                     code 1002)
← server text, FIN, 7 bytes, masked with 37 fa 21 3d: \"dressed\"
                     ✗ a server's frame must not be masked, RFC 6455 §5.1
                     (close code 1002)
client → not a frame: 83
                     ✗ opcode 0x3 is reserved, RFC 6455 §5.2 (close code 1002)
                     What follows is counted, and not decoded.
client → RST: the client breaks TCP off
                     102 bytes were not decoded
"
    );
}

#[test]
fn a_cut_by_the_end_of_tcp_is_reported() {
    let end = Event::End(Side::Server, Ending::Fin);
    let cut = |bytes: &[u8]| behind_handshake(SWITCHING, &[server(bytes), end.clone()]);
    assert!(cut(&[0x82, 0x05, 1, 2]).contains(
        "✗ in the middle of a frame: 2 of 5 bytes of payload came\n                     (binary, FIN, 5 bytes)"
    ));
    assert!(cut(&[0x82, 0x7e, 1]).contains("✗ in the middle of a frame's header: 3 bytes came"));
    assert!(cut(&frame(0x81, b"x")).contains("✗ no Close came before: the client reports 1006"));
    assert!(
        shown(&[client(b"GET / HT"), Event::End(Side::Client, Ending::Fin)])
            .contains("✗ in the middle of a head: 8 bytes came")
    );
}

#[test]
fn polling_is_requests_answers_and_sizes() {
    let post = b"POST /messages HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n{\"text\":\"x\"}";
    assert_eq!(
        shown(&[
            client(post),
            server(b"HTTP/1.1 100 Continue\r\n\r\n"),
            server(b"HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n"),
            client(b"GET /messages?after=1 HTTP/1.1\r\n\r\nHEAD / HTTP/1.1\r\n\r\n"),
            server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n[1,\r\n"),
            server(
                b"1\r\n]\r\n0\r\nTrailer: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
            ),
            client(b"GET /end HTTP/1.1\r\n\r\n"),
            server(b"HTTP/1.0 200 OK\r\n\r\nuntil\xff"),
            Event::End(Side::Server, Ending::Fin),
        ]),
        "client → POST /messages HTTP/1.1
                     a head of 56 bytes
client → body, 12 bytes: \"{\"text\":\"x\"}\"
← server HTTP/1.1 100 Continue
                     a head of 25 bytes
← server HTTP/1.1 204 No Content
                     a head of 46 bytes
client → GET /messages?after=1 HTTP/1.1
                     a head of 34 bytes
client → HEAD / HTTP/1.1
                     a head of 19 bytes
← server HTTP/1.1 200 OK
                     a head of 47 bytes
← server body, 4 bytes: \"[1,]\"
← server HTTP/1.1 200 OK
                     a head of 38 bytes
client → GET /end HTTP/1.1
                     a head of 21 bytes
← server HTTP/1.0 200 OK
                     a head of 19 bytes
← server body, 6 bytes: 75 6e 74 69 6c ff
← server FIN: the server sends nothing more
"
    );
}

#[test]
fn a_refusal_shows_its_whole_sentence_and_the_client_may_ask_again() {
    let sentence = "Sec-WebSocket-Version must be 13; none came (RFC 6455 §4.4).";
    let answer = format!(
        "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: {}\r\n\r\n{sentence}",
        sentence.len()
    );
    let early = [HANDSHAKE, b"GET / HTTP/1.1\r\n\r\n"].concat();
    let shown = shown(&[client(&early), server(answer.as_bytes())]);
    let (_, behind) = shown.split_once("← server").expect("an answer");
    assert_eq!(
        behind,
        " HTTP/1.1 426 Upgrade Required
                     Sec-WebSocket-Version: 13
                     (1 more field; a head of 80 bytes)
client → GET / HTTP/1.1
                     a head of 18 bytes
← server body, 61 bytes
                     \"Sec-WebSocket-Version must be 13; none came (RFC 6455
                     §4.4).\"
"
    );
}

#[test]
fn frames_in_the_handshakes_segment_are_read() {
    let opening = [HANDSHAKE, &masked(0x81, b"early")].concat();
    let answer = [SWITCHING, &frame(0x81, b"at once")].concat();
    let shown = shown(&[client(&opening), server(&answer)]);
    assert!(shown.ends_with(
        "client → text, FIN, 5 bytes, masked with 37 fa 21 3d: \"early\"\n\
         ← server text, FIN, 7 bytes: \"at once\"\n"
    ));
}

#[test]
fn other_protocols_are_named() {
    let said = |bytes: &[u8]| shown(&[client(bytes), Event::End(Side::Client, Ending::Fin)]);
    assert_eq!(
        said(b"\x16\x03\x01\x02\x00\x01"),
        "client → can't be read: TLS (https:// or wss://), so it is
                     encrypted; ws:// and http:// can be read
                     From here on, bytes are passed on and counted, not decoded.
client → FIN: the client sends nothing more
                     6 bytes were not decoded
"
    );
    assert!(said(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").contains("can't be read: HTTP/2\n"));
    assert!(said(b"\x00\x01\x02").contains("can't be read: not HTTP ("));
    assert!(said(b"SSH-2.0-OpenSSH\r\n").contains("can't be read: not HTTP ("));
    let endless = [b"GET / HTTP/1.1\r\nX: ", &[b'x'; 70_000][..]].concat();
    assert!(said(&endless).contains("a head that is longer than 64 KiB"));
}

#[test]
fn bits_are_drawn_if_asked_for() {
    let long = [&[0x82, 0x7e, 0x02, 0x58][..], &[0xab; 600]].concat();
    let shown = shown_of(
        true,
        &[
            client(HANDSHAKE),
            server(SWITCHING),
            server(&frame(0x89, b"")),
            server(&long),
        ],
    );
    assert!(
        shown.contains(
            "← server ping, FIN, no payload
 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
+-+-+-+-+-------+-+-------------+
|F|R|R|R|opcode |M|Payload len  |
|I|S|S|S|= 0x9  |A|= 0          |
|N|V|V|V|ping   |S|bytes        |
| |1|2|3|       |K|             |
|1|0|0|0|1 0 0 1|0|0 0 0 0 0 0 0|                                  89 00
+-+-+-+-+-------+-+-------------+
← server binary, FIN, 600 bytes
"
        ),
        "{shown}"
    );
    assert!(
        shown.ends_with("+\n(568 more bytes of payload, not drawn)\n"),
        "{shown}"
    );
}

#[test]
fn cuts_in_the_streams_change_nothing() {
    let from_client = [
        HANDSHAKE,
        &masked(0x81, b"Hello"),
        &masked(0x01, b"h\xc3"),
        &masked(0x89, b"?"),
        &masked(0x80, b"\xa9"),
        &frame(0x81, b"bare"),
        &masked(0x88, b"\x03\xe8bye"),
    ]
    .concat();
    let compressed = [
        HANDSHAKE,
        &masked(0x41, &HELLO[..4]),
        &masked(0x89, b"?"),
        &masked(0x80, &HELLO[4..]),
        &masked(0xc1, HELLO_AGAIN),
    ]
    .concat();
    let polls: &[u8] = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n\xff\xff";
    for stream in [&from_client[..], &compressed, polls] {
        // The answer comes when the request is whole; if there is none, at the end.
        let (head, rest) = stream.split_at(HANDSHAKE.len().min(stream.len()));
        let pieces = |cut: usize| -> Vec<Event> {
            let before = head.chunks(cut).map(client);
            let answer = [server(DEFLATING)].into_iter().filter(|_| !rest.is_empty());
            before
                .chain(answer)
                .chain(rest.chunks(cut).map(client))
                .collect()
        };
        let whole = shown(&pieces(stream.len()));
        for cut in 1..40 {
            assert_eq!(shown(&pieces(cut)), whole, "cut at every {cut}");
        }
    }
}

/// Numbers that look random, the same in each run.
fn noise(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % below
    }
}

#[test]
fn no_bytes_bring_it_down() {
    let pool: Vec<Vec<u8>> = [
        HANDSHAKE.to_vec(),
        SWITCHING.to_vec(),
        DEFLATING.to_vec(),
        masked(0x81, b"Hello"),
        frame(0x01, b"h\xc3"),
        frame(0x80, b"\xa9"),
        frame(0xc2, b"\x01"),
        frame(0x41, HELLO),
        masked(0xc1, HELLO_AGAIN),
        frame(0x88, b"\x03"),
        vec![0x82, 0x7f, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        b"GET / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
        b"ffffffffffffffff\r\n".to_vec(),
        b"0\r\n\r\n".to_vec(),
        b"\r\n\r\n".to_vec(),
        vec![0; 700],
    ]
    .to_vec();
    for seed in 1..2000 {
        let mut noise = noise(seed);
        let mut events = Vec::new();
        for _ in 0..noise(12) {
            let mut bytes = pool[noise(pool.len())].clone();
            match noise(4) {
                0 => bytes.truncate(noise(bytes.len() + 1)),
                1 => {
                    let at = noise(bytes.len());
                    bytes[at] = noise(256) as u8;
                }
                _ => {}
            }
            let side = [Side::Client, Side::Server][noise(2)];
            events.push(match noise(15) {
                0 => Event::End(side, [Ending::Fin, Ending::Reset, Ending::Cut][noise(3)]),
                _ => Event::Bytes(side, bytes),
            });
        }
        // Also asks that no line is wider than 80 columns.
        shown_of(seed % 2 == 0, &events);
    }
}

/// The lines for 250 pings and 250 fragments, and for the frame that follows a second later.
fn flooded(is_complete: bool, after: &[u8]) -> String {
    let mut viewer = Viewer::new(Layout::default(), false);
    viewer.detail.is_complete = is_complete;
    let pings = masked(0x89, b"ping").repeat(250);
    let fragments = [masked(0x02, b"x"), masked(0x00, b"x").repeat(249)].concat();
    let events = [
        (0, client(HANDSHAKE)),
        (0, server(SWITCHING)),
        (1, client(&pings)),
        (1, client(&fragments)),
        (2, client(after)),
    ];
    let mut lines = Vec::new();
    for (second, event) in events {
        let at = Duration::from_secs(second);
        let connection = 1;
        lines.extend(viewer.lines(&Record {
            at,
            connection,
            event,
        }));
    }
    // Without line breaks, which depend on the width.
    lines
        .join("\n")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn the_first_of_very_many_frames_are_shown_and_the_rest_counted() {
    let end = masked(0x80, b"y");
    let all = flooded(true, &end);
    assert_eq!(all.matches("ping, FIN, 4 bytes").count(), 250, "{all}");
    assert!(!all.contains("more frames"), "{all}");

    let shown = flooded(false, &end);
    assert_eq!(shown.matches("ping, FIN, 4 bytes").count(), 100, "{shown}");
    assert!(
        shown.contains("150 more frames: 150 ping; 600 bytes of payload"),
        "{shown}"
    );
    assert!(
        shown.contains("250 more frames: 1 binary, 249 continuation; 250 bytes of payload"),
        "{shown}"
    );
    assert_eq!(shown.matches("--all shows each").count(), 1, "{shown}");
    // Frames that were only counted still belong to their message.
    for text in [all, shown] {
        let last = "fragment 251, the last of a binary message of 251 bytes";
        assert!(text.contains(last), "{text}");
    }
}

#[test]
fn a_broken_rule_is_shown_among_very_many_frames() {
    let many = masked(0x8a, b"").repeat(150);
    let wrong = frame(0x8a, b"");
    let shown = behind_handshake(
        SWITCHING,
        &[client(
            &[&many[..], &wrong, &many, &masked(0x88, b"\x03\xe8")].concat(),
        )],
    );
    let position = |text: &str| {
        shown
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {shown}"))
    };
    assert!(position("50 more frames: 50 pong") < position("must be masked"));
    assert!(position("must be masked") < position("150 more frames: 150 pong"));
    assert!(position("150 more frames: 150 pong") < position("1000: normal closure"));
    // But these, too, have a limit.
    let shown = behind_handshake(SWITCHING, &[client(&wrong.repeat(300))]);
    assert_eq!(shown.matches("must be masked").count(), 100, "{shown}");
    assert!(shown.contains("200 more frames: 200 pong"), "{shown}");
}

/// A message may refer back to one that was only counted.
#[test]
fn compressed_frames_that_are_only_counted_are_inflated_all_the_same() {
    let many = [frame(0xc1, HELLO), frame(0xc1, HELLO_AGAIN).repeat(199)].concat();
    let mut viewer = Viewer::new(Layout::default(), false);
    let mut lines = Vec::new();
    for (second, event) in [
        (0, client(HANDSHAKE)),
        (0, server(DEFLATING)),
        (1, server(&many)),
        (2, server(&frame(0xc1, HELLO_AGAIN))),
    ] {
        lines.extend(viewer.lines(&Record {
            at: Duration::from_secs(second),
            connection: 1,
            event,
        }));
    }
    let shown = lines.join("\n");
    assert_eq!(shown.matches("\"Hello\"").count(), 101, "{shown}");
    assert!(shown.contains("100 more frames: 100 text"), "{shown}");
    assert!(!shown.contains('✗'), "{shown}");
}
