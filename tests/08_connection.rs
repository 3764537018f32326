//! Step 08, `connection`: an endpoint with no socket, driven by scripts.

use std::borrow::Cow;

use connection::{
    CloseCode, CloseFrameError, Config, Connection, Event, Extension, ExtensionError, SendError,
    State, close_frame, phase::Phase, script,
};
use frames::{Opcode, Part, ReservedBits, Role};
use support::check;
use support::cut;
use support::frame::{
    BINARY, BINARY_NO_FIN, CLOSE, CONTINUATION, KEY, PING, PONG, TEXT, TEXT_NO_FIN, masked,
    unmasked,
};
use support::program;
use support::sign::{missing, never_finished, panics, swapped, too_little, too_much, under, yours};
use support::wire;
use support::wire::hex;

/// An open server.
fn server() -> Connection {
    opened(Connection::server(Config::default()))
}

/// An open client.
fn client() -> Connection {
    opened(Connection::client(Config::default(), || KEY))
}

fn opened(mut connection: Connection) -> Connection {
    let events = connection.receive(&[]);
    if events != [Event::Open] {
        panic!("the first event is Open, and nothing else; yours: {events:?}");
    }
    connection
}

/// Bytes in hexadecimal: `(nothing)` if there are none, only the first if there are many.
fn sent(bytes: &[u8]) -> String {
    match bytes.len() {
        0 => "(nothing)".to_string(),
        1..=24 => hex(bytes),
        length => format!("{} … ({length} bytes)", hex(&bytes[..16])),
    }
}

/// A step of a connection's life. The bytes are the other side's Close frame.
type Step = fn(&mut Connection, &[u8]);

fn play(lines: &[&str]) -> String {
    script::play(lines).unwrap_or_else(|error| panic!("the check's own script: {error}"))
}

fn show(event: &Event) -> String {
    match event {
        Event::Open => "open".to_string(),
        Event::Text(text) => format!("text {text:?}"),
        Event::Binary(bytes) => format!("binary [{}]", hex(bytes)),
        Event::Ping(payload) => format!("ping [{}]", hex(payload)),
        Event::Pong(payload) => format!("pong [{}]", hex(payload)),
        Event::Error(failure) => format!("error: {failure}"),
        Event::Close { code, reason } => format!("close {code} {reason:?}"),
    }
}

fn events(events: &[Event]) -> String {
    match events {
        [] => "  (no event)\n".to_string(),
        events => events
            .iter()
            .map(|event| format!("  {}\n", show(event)))
            .collect(),
    }
}

/// The events that these bytes lead to, and the bytes that the connection sends.
fn receives(connection: &mut Connection, bytes: &[u8]) -> String {
    let shown = events(&connection.receive(bytes));
    format!("{shown}  sends {}\n", sent(&connection.take_outgoing()))
}

fn failing(result: Result<(), SendError>) -> String {
    match result {
        Ok(()) => "✓".to_string(),
        Err(error) => format!("✗ {error}"),
    }
}

// Codes and reasons.

#[test]
fn codes_that_may_be_on_the_wire() {
    check! {
        rfc: "RFC 6455 §7.4",
        rule: "A Close frame may have a code from 1000 to 1003, 1007 to 1014, or 3000 to 4999. No other code is sent \
               or accepted.",
        signs: [
            yours(["1000 –  4999 ✓"]).says(
                "1000 to 4999 was taken for one range. 1004 to 1006 and 1015 to 2999 may not be on the wire.",
            ),
            yours(["1000 –  1014 ✓"]).or(yours(["1000 –  1015 ✓"])).says(
                "1004, 1005 or 1006 passed. 1004 is reserved. An endpoint tells the other two to its own application \
                 alone.",
            ),
            yours(["1004 ✓"]).says("1004 passed. It is reserved."),
            yours(["1015 ✓"]).says("1015 passed. An endpoint tells it to its own application alone."),
            yours(["1011 ✓"]).says(
                "Codes that came after the RFC are missing: 1012 to 1014 have been registered since then, and \
                 3000 to 4999 are for libraries and applications.",
            ),
            yours(["5000 ✓"]).or(yours(["65535 ✓"])).says("5000 or more passed. The last range ends at 4999."),
            missing(["3000 –  4999 ✓"]).says(
                "A part of 3000 to 4999 is missing. Codes below 4000 are for libraries, the others for you.",
            ),
        ],
        shows: ranges_of_codes,
    }
}

fn ranges_of_codes() -> String {
    let mut shown = String::new();
    let mut from = 0;
    for code in 0..=u16::MAX {
        let allowed = CloseCode(code).may_be_on_the_wire();
        let last = code == u16::MAX;
        if last || CloseCode(code + 1).may_be_on_the_wire() != allowed {
            let mark = if allowed { "✓" } else { "✗" };
            shown += &format!("{from:>5} – {code:>5} {mark}\n");
            from = u32::from(code) + 1;
        }
    }
    shown
}

#[test]
fn a_close_frame_says_code_and_reason() {
    check! {
        rfc: "RFC 6455 §5.5.1",
        rule: "The payload is empty, or it has a code in two bytes and a reason in UTF-8.",
        signs: [
            yours(["59395"]).says(
                "The code was read with its lower byte first. In network byte order, `03 e8` is 1000.",
            ),
            under("03", yours(["✓ 1005"])).but_not(under("03 ed", yours(["✓"]))).says(
                "One byte was taken for no code. It is half a code, and that is an error.",
            ),
            under("03 ec", yours(["✓"])).says(
                "The code was read, but not checked. It may not be on the wire.",
            ),
            under("03 e8 ff", yours(["✓"])).says(
                "The reason was not validated: bytes that aren't UTF-8 passed, or were replaced.",
            ),
            under("03 ee ff", yours(["1007"])).says(
                "The reason was looked at before the code. Here both are wrong, and the code comes first.",
            ),
            under("(nothing)", yours(["✓ 1000"])).or(under("(nothing)", yours(["✗"]))).says(
                "A Close may be empty. Then no code has come, which is 1005, `NO_STATUS`.",
            ),
            panics("Utf8Error").says("The reason was unwrapped. A peer may send bytes that aren't UTF-8."),
            panics("out of bounds").or(panics("out of range")).says(
                "A byte was read that isn't there: the payload may have one byte, or none.",
            ),
        ],
        shows: close_payloads_read,
    }
}

fn close_payloads_read() -> String {
    let longest = [&[0x0f, 0xa0][..], &[b'*'; 123]].concat();
    let payloads: [&[u8]; 15] = [
        b"",
        b"\x03",
        b"\x03\xe8",
        b"\x03\xe8bye",
        b"\x03\xe8\xc3\xa9\xf0\x9f\xa6\x89",
        b"\x03\xe8\xff",
        b"\x03\xe8bye \xe2\x82",
        b"\x03\xe8\xed\xa0\x80",
        b"\x00\x00",
        b"\x03\xec",
        b"\x03\xed",
        b"\x03\xee\xff",
        b"\x03\xf7",
        b"\x13\x88",
        &longest,
    ];
    payloads.map(close_row).concat()
}

fn close_row(payload: &[u8]) -> String {
    let shown = match payload {
        [] => "(nothing)".to_string(),
        payload if payload.len() > 16 => {
            format!("{} … ({} bytes)", hex(&payload[..8]), payload.len())
        }
        payload => hex(payload),
    };
    match close_frame::read(payload) {
        Ok((code, reason)) if reason.len() > 16 => {
            format!("{shown}\n  ✓ {code}, a reason of {} bytes\n", reason.len())
        }
        Ok((code, reason)) => format!("{shown}\n  ✓ {code} {reason:?}\n"),
        Err(error) => format!("{shown}\n  ✗ {}: {error}\n", error.close_code()),
    }
}

#[test]
fn a_close_frame_is_written() {
    check! {
        rfc: "RFC 6455 §5.5.1",
        rule: "`write` refuses a code that may not be on the wire, and a reason of more than 123 bytes.",
        signs: [
            yours(["124 bytes in 62 characters: ✓"]).but_not(yours(["124 bytes: ✓"])).says(
                "The reason was measured in characters. A frame counts bytes, and `é` has two.",
            ),
            yours(["124 bytes: ✓"]).says(
                "A reason of 124 bytes passed. A control frame has 125 bytes at most, and the code takes two of them.",
            ),
            yours(["123 bytes: ✗"]).says("A reason of 123 bytes was refused. It just fits."),
            yours(["1005 \"\": ✓"]).says(
                "`write` accepted a code that may not be on the wire. The peer's `read` refuses it.",
            ),
            yours(["✓ e8 03"]).says(
                "The code was written with its lower byte first. In network byte order, 1000 is `03 e8`.",
            ),
            yours(["1000 \"\": ✓ (nothing)"]).says("Nothing was written. Even without a reason, the code is."),
            yours(["1001 \"back soon\": ✓ 03 e9"]).says("The reason is missing, or differs."),
        ],
        shows: || reasons().map(|(code, reason)| {
            let written = close_frame::write(CloseCode(code), &reason);
            let shown = match written {
                Ok(payload) => format!("✓ {}", sent(&payload)),
                Err(error) => format!("✗ {error}"),
            };
            format!("{}: {shown}\n", code_and_reason(code, &reason))
        }).concat(),
    }
}

/// Codes and reasons to send, good and bad.
fn reasons() -> [(u16, String); 14] {
    let text = str::to_string;
    [
        (1000, text("")),
        (1001, text("back soon")),
        (4999, text("🦉")),
        (1000, "*".repeat(123)),
        (1000, "*".repeat(124)),
        (1000, "é".repeat(62)),
        (0, text("")),
        (999, text("")),
        (1004, text("")),
        (1005, text("")),
        (1006, text("")),
        (1015, text("")),
        (2000, text("")),
        (5000, text("")),
    ]
}

fn code_and_reason(code: u16, reason: &str) -> String {
    match (reason.len(), reason.chars().count()) {
        (0..=16, _) => format!("{code} {reason:?}"),
        (bytes, characters) if bytes == characters => format!("{code}, {bytes} bytes"),
        (bytes, characters) => format!("{code}, {bytes} bytes in {characters} characters"),
    }
}

// Phases.

#[test]
fn two_phases_read() {
    check! {
        rfc: "RFC 6455 §1.4",
        rule: "Incoming bytes are read until their Close comes, a rule is broken, or TCP ends.",
        signs: [
            yours(["CloseSent", "no"]).says(
                "Reading ends with our own Close. Everything that they sent before they saw it is lost, and so is \
                 their Close.",
            ),
            yours(["CloseExchanged", "yes"]).says("Reading goes on after their Close. Nothing that follows it counts."),
            yours(["Failed", "yes"]).says("Reading goes on after a failure. Nothing that follows it counts."),
            yours(["Closed", "yes"]).says("Reading goes on after the end of TCP."),
            yours(["Open", "no"]).says("An open connection doesn't read."),
        ],
        shows: || PHASES.map(|phase| {
            let reads = if phase.reads() { "yes" } else { "no" };
            format!("{:<16} {reads}\n", format!("{phase:?}"))
        }).concat(),
    }
}

#[test]
fn each_phase_knows_which_side_closes_tcp() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "The server closes TCP once both Close frames were sent, and the client waits for it. After a \
               failure, and once TCP has ended, neither waits.",
        signs: [
            yours(["CloseSent ", "closes"]).says(
                "TCP is closed right after our own Close. If they have sent anything more by then, a reset goes out, \
                 and it may overtake the Close frame.",
            ),
            yours(["CloseExchanged", "closes           closes"]).says(
                "The client closes TCP as well. The side that closes first keeps its port busy for a while \
                 (TIME_WAIT), so the server does it.",
            ),
            yours(["CloseExchanged", "waits            closes"]).says(
                "The client closes TCP, and the server waits. It must be the other way round.",
            ),
            yours(["CloseExchanged", "waits            waits"]).says(
                "After both Close frames, neither side closes TCP. The server must.",
            ),
            yours(["Failed", "waits"]).says("After a failure, one side still waits. There is nothing to wait for."),
            yours(["Closed", "waits"]).says(
                "TCP has ended, and one side still waits. Both sides close what is left of the socket.",
            ),
            yours(["Open", "closes"]).says("TCP is closed while the connection is open."),
        ],
        shows: phases_and_tcp,
    }
}

fn phases_and_tcp() -> String {
    let row = |phase: Phase| {
        let [server, client] =
            [Role::Server, Role::Client].map(|role| closes_or_waits(phase.should_close_tcp(role)));
        format!("{:<16} {server:<16} {client}\n", format!("{phase:?}"))
    };
    let rows = PHASES.map(row).concat();
    format!("                 server           client\n{rows}")
}

fn closes_or_waits(should_close_tcp: bool) -> &'static str {
    if should_close_tcp { "closes" } else { "waits" }
}

const PHASES: [Phase; 5] = [
    Phase::Open,
    Phase::CloseSent,
    Phase::CloseExchanged,
    Phase::Failed,
    Phase::Closed,
];

// Open.

#[test]
fn open_comes_first() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "A connection is open as soon as the handshake is done. The bytes that came with the \
               handshake are looked at after that.",
        signs: [
            never_finished().says(
                "The loop doesn't end. An event leaves the queue when `poll` gives it, and `poll` returns `None` when \
                 there are no more.",
            ),
            under("no message comes", missing(["open"])).says(
                "`Open` is missing. It is in the queue from the start, and `poll` looks there first.",
            ),
            swapped().says("The events are in the wrong order: the queue comes first, then the bytes."),
            under("comes with the handshake", missing(["text"]))
                .but_not(under("then a message", missing(["text"])))
                .says("One read may bring many events. `receive` calls `poll` until it returns `None`."),
            yours(["(no event)"]).or(too_little()).says(
                "A message came, and `receive` gave no event for it.",
            ),
        ],
        shows: first_events,
    }
}

fn first_events() -> String {
    let mut shown = "no message comes with the handshake\n".to_string();
    let mut quiet = Connection::server(Config::default());
    shown += &events(&quiet.receive(&[]));
    shown += "then a message\n";
    shown += &events(&quiet.receive(&masked(TEXT, b"Hello")));
    shown += "\na message comes with the handshake\n";
    shown + &events(&Connection::server(Config::default()).receive(&masked(TEXT, b"Hello")))
}

#[test]
fn messages_go_both_ways() {
    check! {
        rfc: "RFC 6455 §6.1",
        rule: "Data is sent in frames: masked by the client, unmasked by the server.",
        signs: [
            yours(["and so on, without end"]).says(
                "The bytes that `take_outgoing` gave away are still there, and go out again: they were copied, not \
                 taken.",
            ),
            yours(["server → client  81 85"]).says("The server masks what it sends. Only a client does."),
            yours(["client → server  81 05"]).says("The client doesn't mask what it sends."),
            yours(["✗ closed"]).or(yours(["✗ closing"])).says(
                "`check_open` refuses to send on a connection that is open.",
            ),
        ],
        shows: || play(&["client text Hello", "server text Hello", "server binary 00 ff 80", "client binary"]),
    }
}

// Ping and pong.

#[test]
fn an_unsolicited_pong_is_not_an_error() {
    check! {
        rfc: "RFC 6455 §5.5.3",
        rule: "A pong may come unasked. It is not answered.",
        signs: [
            yours(["client → server"]).says("A pong was answered. Only a ping gets an answer."),
            yours(["error"]).says("A pong was refused because no ping had been sent. It may come unasked."),
        ],
        shows: || play(&["server raw 8a 00", "server raw 8a 02 68 69", "server text still open"]),
    }
}

#[test]
fn a_ping_is_answered_with_its_payload() {
    check! {
        rfc: "RFC 6455 §5.5.2",
        rule: "A ping is answered with a pong that has the same payload, by either side.",
        signs: [
            yours(["and so on, without end"]).says(
                "A ping was answered with a ping, which must be answered as well: the two never stop. The answer to a \
                 ping is a pong.",
            ),
            missing(["pong \"still there?\""]).and(yours(["pong \"\""])).says(
                "The pong is empty. It has the payload of the ping that it answers.",
            ),
            missing(["ping \"still there?\", masked"]).says("`send_ping` sent a frame that isn't a ping."),
            too_little().says("A ping got no answer."),
        ],
        shows: || play(&[
            "client ping still there?",
            "server ping",
            &format!("server raw 89 7d {}", "2a ".repeat(125)),
        ]),
    }
}

#[test]
fn a_ping_between_fragments_is_answered_at_once() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "A ping is answered before the message around it is whole.",
        signs: [],
        shows: || play(&[
            "server raw 01 03 48 65 6c",
            "server ping still there?",
            "server raw 80 02 6c 6f",
        ]),
    }
}

#[test]
fn a_ping_has_125_bytes_at_most() {
    check! {
        rfc: "RFC 6455 §5.5",
        rule: "A control frame has 125 bytes of payload at most, even if we send it.",
        signs: [
            yours(["126 bytes: ✓, 131 bytes"]).says(
                "A ping of 126 bytes was cut to 125. Refuse it: the caller asked for the whole payload.",
            ),
            yours(["126 bytes: ✓, 134 bytes"]).says("A ping of 126 bytes was sent. A control frame has 125 at most."),
            yours(["125 bytes: ✗"]).says("A ping of 125 bytes was refused. It just fits."),
        ],
        shows: pings_of_some_lengths,
    }
}

fn pings_of_some_lengths() -> String {
    let mut client = client();
    let mut shown = String::new();
    for length in [0, 1, 125, 126, 1000] {
        let verdict = failing(client.send_ping(&vec![b'*'; length]));
        let sent = client.take_outgoing().len();
        shown += &format!("ping of {length:>4} bytes: {verdict}, {sent} bytes sent\n");
    }
    shown
}

#[test]
fn a_peer_that_never_reads_gets_one_more_pong() {
    check! {
        rfc: "RFC 6455 §5.5.3",
        rule: "While bytes wait to be taken, only the latest ping needs an answer.",
        signs: [
            yours(["600009 bytes"]).says(
                "An answer to every ping was kept. A peer that sends pings and never reads would fill the memory.",
            ),
            under("three pings", yours(["waiting: 0 bytes"])).says(
                "Three pings came in one read, and only the last was answered. No bytes were waiting to be taken, so \
                 each ping gets its pong at once.",
            ),
            under("three pings", yours(["waiting: 3 bytes"])).says(
                "Only the first frame of the read was handled. One read may bring many.",
            ),
            under("the bytes are taken", yours(["8a 04 6d 6f 72 65"])).says(
                "The first of the waiting pings was answered. The latest counts.",
            ),
            under("two more pings", yours(["sends 8a 04 6c 61 73 74"])).says(
                "The waiting ping was answered after the bytes had been taken, so its pong goes out too late.",
            ),
            under("the bytes are taken", yours(["8a 01 33"])).says(
                "A ping that came while bytes were waiting got no answer: it isn't kept in `unanswered`, or \
                 `take_outgoing` doesn't answer it.",
            ),
        ],
        shows: pings_without_end,
    }
}

fn pings_without_end() -> String {
    let mut server = server();
    let mut shown = "three pings in one read\n".to_string();
    let three = [masked(PING, b"1"), masked(PING, b"2"), masked(PING, b"3")].concat();
    server.receive(&three);
    shown += &format!("  waiting: {} bytes\n", server.outgoing_length());
    shown += "a hundred thousand more, and nothing can be written\n";
    for _ in 0..100 {
        server.receive(&masked(PING, b"more").repeat(999));
        server.receive(&masked(PING, b"last"));
    }
    shown += &format!("  waiting: {} bytes\n", server.outgoing_length());
    shown += "the bytes are taken\n";
    shown += &format!("  sends {}\n", sent(&server.take_outgoing()));
    shown += "two more pings\n";
    let two = [masked(PING, b"4"), masked(PING, b"5")].concat();
    shown + &receives(&mut server, &two)
}

// What is sent.

#[test]
fn one_read_leads_to_one_write() {
    check! {
        rfc: "RFC 6455 §6.1",
        rule: "All the bytes that one `receive` leads to are in one buffer, in order, and are given once.",
        signs: [
            yours(["another write: 8a"]).or(yours(["another write: 81"])).says(
                "The bytes that `take_outgoing` gave away are still there, and go out again: they were copied, not \
                 taken.",
            ),
        ],
        shows: many_frames_in_one_read,
    }
}

fn many_frames_in_one_read() -> String {
    let mut server = server();
    let read = [
        masked(TEXT, b"one"),
        masked(PING, b"still?"),
        masked(BINARY, &[2]),
        masked(TEXT, b"three"),
    ]
    .concat();
    let mut shown = format!("one read: {} bytes\n", read.len());
    for event in server.receive(&read) {
        shown += &format!("  {}\n", show(&event));
        match event {
            Event::Text(text) => server.send_text(&text).expect("it is open"),
            Event::Binary(bytes) => server.send_binary(&bytes).expect("it is open"),
            _ => {}
        }
    }
    shown += &format!("waiting: {} bytes\none write:\n", server.outgoing_length());
    shown += &wire::dump(&server.take_outgoing());
    shown += &format!("waiting: {} bytes\n", server.outgoing_length());
    shown + &format!("another write: {}\n", sent(&server.take_outgoing()))
}

#[test]
fn a_client_uses_a_fresh_key_for_each_frame() {
    check! {
        rfc: "RFC 6455 §5.3",
        rule: "Each frame that a client sends is masked, with a masking key of its own.",
        signs: [
            yours(["81 85 37 fa 21 3d"]).says(
                "Every frame has the key of the RFC's examples. A page that can guess the key chooses the bytes on \
                 the wire when it chooses a message. Masking is there to prevent that.",
            ),
            yours(["81 85 00 00 00 00"]).says("The key is four zeros, which change nothing."),
        ],
        shows: frames_and_their_keys,
    }
}

fn frames_and_their_keys() -> String {
    let mut counter = 0;
    let mut client = opened(Connection::client(Config::default(), move || {
        counter += 1;
        [counter; 4]
    }));
    let mut shown = String::new();
    client.send_text("Hello").expect("it is open");
    shown += &format!("text   {}\n", hex(&client.take_outgoing()));
    client.send_text("Hello").expect("it is open");
    shown += &format!("text   {}\n", hex(&client.take_outgoing()));
    client.send_binary(&[0, 0]).expect("it is open");
    shown += &format!("binary {}\n", hex(&client.take_outgoing()));
    client.send_ping(b"").expect("it is open");
    shown += &format!("ping   {}\n", hex(&client.take_outgoing()));
    client.receive(&unmasked(PING, b"?"));
    shown += &format!("pong   {}\n", hex(&client.take_outgoing()));
    client.close(CloseCode::NORMAL, "").expect("it is open");
    shown + &format!("close  {}\n", hex(&client.take_outgoing()))
}

// The closing handshake.

#[test]
fn a_refused_close_changes_nothing() {
    check! {
        rfc: "RFC 6455 §7.1.2",
        rule: "If `close` refuses the code or the reason, the connection stays open.",
        signs: [
            under("client text still open", yours(["✗ closing"])).says(
                "The phase was changed before the code and the reason were checked. A Close that is refused leaves \
                 the connection open.",
            ),
            under("client close", yours(["client → server"])).says(
                "A Close frame went out, although `close_frame::write` refuses it.",
            ),
        ],
        shows: || play(&[
            "client close 1005",
            &format!("client close 1000 {}", "a long story, ".repeat(9)),
            "client text still open",
        ]),
    }
}

#[test]
fn codes_and_reasons_that_may_be_sent() {
    check! {
        rfc: "RFC 6455 §5.5.1",
        rule: "`close` refuses a code that may not be on the wire, and a reason of more than 123 bytes.",
        signs: [
            yours(["Closed, sends 88"]).says(
                "After our own Close the phase must be `CloseSent`. `Closed` means that TCP has ended.",
            ),
            yours(["Open, sends 88"]).says(
                "The Close frame went out, and the phase is still `Open`. It must be `CloseSent`.",
            ),
        ],
        shows: || reasons().map(|(code, reason)| close_attempt(code, &reason)).concat(),
    }
}

fn close_attempt(code: u16, reason: &str) -> String {
    let mut server = server();
    let verdict = failing(server.close(CloseCode(code), reason));
    let what = code_and_reason(code, reason);
    let sent = sent(&server.take_outgoing());
    format!("{what}: {verdict}\n  {:?}, sends {sent}\n", server.state())
}

#[test]
fn the_client_closes() {
    check! {
        rfc: "RFC 6455 §7.1.2",
        rule: "Close is answered with Close. Then the server closes TCP.",
        signs: [
            missing(["server → client  88"]).and(yours(["client event     close 1006"])).says(
                "Their Close got no answer. If the answer depends on the phase, look at the phase before you \
                 change it.",
            ),
            yours(["server → client  88 02 03 e8"]).says(
                "The answer lacks the reason. Send back the payload that came, reason included.",
            ),
            yours(["server → client  88 00"]).says(
                "The answer is empty. Send back the payload that came.",
            ),
            yours(["is        Closing"]).or(yours(["is        Open"])).says(
                "TCP has ended, and the phase isn't `Closed`. `eof` must set it.",
            ),
            yours(["close 1006"]).and(too_much()).says(
                "The end of TCP was reported as 1006, although a valid Close frame had come. The application already \
                 has its close event.",
            ),
            yours(["client → server  88"]).says(
                "The answer to a Close was answered with another Close. Each side sends just one.",
            ),
            too_little().and(missing(["client event     close 1000"])).says(
                "The side that closes gets no close event. After its own Close it must read on until the other side's \
                 Close comes. That phase is `CloseSent`.",
            ),
            too_little().and(missing(["server closes TCP"])).says(
                "Both Close frames were sent, and the server doesn't close TCP. The phase must be `CloseExchanged`, \
                 whichever side began.",
            ),
        ],
        shows: || play(&["client text Hello", "client close 1000 bye"]),
    }
}

#[test]
fn the_server_closes() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "Whichever side begins, the server closes TCP, and only when the client's Close has come.",
        signs: [],
        shows: || play(&["server close 1001 back soon"]),
    }
}

#[test]
fn both_close_at_once() {
    check! {
        rfc: "RFC 6455 §7.1.3",
        rule: "Two Close frames that cross are the whole handshake. Neither is answered again.",
        signs: [],
        shows: || play(&["client close 1000 I go & server close 1001 so do I"]),
    }
}

#[test]
fn a_close_may_be_empty() {
    check! {
        rfc: "RFC 6455 §7.1.5",
        rule: "A Close frame without a code is reported as 1005. That number is never sent.",
        signs: [
            yours(["88 02 03 ed"]).or(panics("1005")).says(
                "1005 was sent back, or at least given to `write`. It means that no code has come, and is never on \
                 the wire. The answer to an empty Close is an empty one.",
            ),
            yours(["88 02 03 e8"]).says(
                "1000 was sent back, though no code had come. The answer to an empty Close is an empty one.",
            ),
            missing(["server → client  88 00"]).says("An empty Close got no answer."),
        ],
        shows: || play(&["client raw 88 80 00 00 00 00"]),
    }
}

#[test]
fn each_side_gets_the_code_of_the_other() {
    check! {
        rfc: "RFC 6455 §7.1.5",
        rule: "The close event has the code of the other side's Close frame.",
        signs: [
            yours(["server event     close 1001"]).says(
                "The close event has our own code. It must have the code of their Close frame.",
            ),
            yours(["client → server  88 82 37 fa 21 3d 34 12"]).says(
                "Every Close is answered with 1000. Send back the payload that came.",
            ),
        ],
        shows: || [
            play(&["client close 4001 logged out & server close 1001"]),
            play(&["server close 1013 too busy"]),
        ].join("\n"),
    }
}

#[test]
fn tcp_ends_without_a_close() {
    check! {
        rfc: "RFC 6455 §7.1.5",
        rule: "If TCP ends and no Close frame has come, the code is 1006.",
        signs: [
            missing(["close 1006"]).says(
                "TCP ended without a Close frame, and the application was not told. If `eof` looks at the phase, it \
                 must do so before it changes it.",
            ),
        ],
        shows: || [
            play(&["client text Hello", "client gone"]),
            play(&["client raw 81 85 37 fa & client gone"]),
            play(&["server gone"]),
            format!(
                "before anything comes\n{}",
                events(&Connection::server(Config::default()).eof())
            ),
        ].join("\n"),
    }
}

#[test]
fn tcp_may_end_before_their_close() {
    check! {
        rfc: "RFC 6455 §7.1.5",
        rule: "If we have sent Close, and TCP ends before theirs has come, the code is 1006, too.",
        signs: [
            under("a server closes", yours(["(no event)"])).says(
                "At the end of TCP, only `Open` leads to a close event. In `CloseSent` the application still waits \
                 for one, too.",
            ),
        ],
        shows: ends_before_their_close,
    }
}

fn ends_before_their_close() -> String {
    let mut server = server();
    server.close(CloseCode::GOING_AWAY, "").expect("it is open");
    let ended = format!("a server closes, and TCP ends\n{}", events(&server.eof()));
    let none = play(&["client close 1000 bye & server gone"]);
    let half = play(&["client close 1000 bye & server raw 88 02 03 & server gone"]);
    [ended, none, half].join("\n")
}

#[test]
fn the_last_event_is_close_and_comes_once() {
    check! {
        rfc: "RFC 6455 §7.1.5",
        rule: "Nothing is reported after the close event: neither frames that follow their Close nor the end of TCP.",
        signs: [
            under("a Close, and in the same read", yours(["text"])).says(
                "Frames that followed their Close in the same read were handled. Each call of `poll` must ask whether \
                 the phase still reads.",
            ),
            under("the end of TCP, again", yours(["close"])).says("The end of TCP was reported twice."),
        ],
        shows: frames_after_their_close,
    }
}

fn frames_after_their_close() -> String {
    let close = masked(CLOSE, &[0x03, 0xe8]);
    let mut shown = String::new();
    let mut server = server();
    shown += "a Close, and in the same read a message, a ping, another Close\n";
    let read = [
        close.clone(),
        masked(TEXT, b"late"),
        masked(PING, b""),
        close.clone(),
    ]
    .concat();
    shown += &receives(&mut server, &read);
    shown += "a message in the next read\n";
    shown += &receives(&mut server, &masked(TEXT, b"later"));
    shown += "bytes that aren't a frame\n";
    shown += &receives(&mut server, &[0xff; 16]);
    shown += "the end of TCP\n";
    shown += &events(&server.eof());
    shown += "the end of TCP, again\n";
    shown + &events(&server.eof())
}

#[test]
fn messages_may_cross_our_close() {
    check! {
        rfc: "RFC 6455 §1.4",
        rule: "Messages that the other side sent before it saw our Close are still events.",
        signs: [],
        shows: || play(&["server text one last thing & client close 1000"]),
    }
}

#[test]
fn a_ping_after_our_close_is_answered() {
    check! {
        rfc: "RFC 6455 §5.5.2",
        rule: "A ping must be answered until their Close has come. Our own Close changes nothing about that.",
        signs: [
            under("a ping comes", yours(["sends (nothing)"])).says(
                "The ping got no answer because our Close had gone out. Pings are answered until *their* Close comes.",
            ),
            under("their Close comes", yours(["sends 8a"])).says("A ping was answered that came after their Close."),
        ],
        shows: pings_while_closing,
    }
}

fn pings_while_closing() -> String {
    let mut server = server();
    server.close(CloseCode::GOING_AWAY, "").expect("it is open");
    let mut shown = format!("we close\n  sends {}\n", sent(&server.take_outgoing()));
    shown += "a ping comes\n";
    shown += &receives(&mut server, &masked(PING, b"?"));
    shown += "their Close comes, and a ping after it\n";
    let read = [masked(CLOSE, &[0x03, 0xe9]), masked(PING, b"?")].concat();
    shown + &receives(&mut server, &read)
}

#[test]
fn a_waiting_pong_goes_before_the_close() {
    check! {
        rfc: "RFC 6455 §5.5.2",
        rule: "A waiting pong goes out before our Close, because the other side needn't read anything after that.",
        signs: [
            yours(["88 02 03 e8 8a 01 3f"]).says(
                "The waiting pong went out after our Close, when the other side needn't read any more.",
            ),
        ],
        shows: pong_and_close,
    }
}

fn pong_and_close() -> String {
    let ways: [(&str, Step); 2] = [
        ("they close", |server, close| {
            server.receive(close);
        }),
        ("we close", |server, _| {
            server.close(CloseCode::NORMAL, "").expect("it is open");
        }),
    ];
    ways.map(|(what, step)| {
        let mut server = server();
        server.send_text("unread").expect("it is open");
        server.receive(&masked(PING, b"?"));
        step(&mut server, &masked(CLOSE, &[0x03, 0xe8]));
        format!("{what}\n  sends {}\n", sent(&server.take_outgoing()))
    })
    .concat()
}

// Failing the connection.

#[test]
fn each_broken_rule_fails_the_connection() {
    check! {
        rfc: "RFC 6455 §7.1.7",
        rule: "If the other side breaks a rule, a Close frame says which kind of rule, and TCP is closed.",
        signs: [
            never_finished().says(
                "After a failure, reading never ends. Set the phase to `Failed`, in which nothing is read.",
            ),
            yours(["Open: waits"]).says(
                "A rule was broken, and the connection is still open. Set the phase to `Failed`.",
            ),
            yours(["sends (nothing)"]).says(
                "No Close frame was sent, so the other side isn't told what it did. If that depends on the phase, \
                 look at the phase before you change it.",
            ),
            under("text that is not UTF-8", yours(["sends 88 02 03 ea"])).says(
                "Every failure is sent as 1002. Each has a code of its own: `failure.close_code()`.",
            ),
            yours(["sends 88 02 ea 03"]).says("The code was sent with its lower byte first."),
            yours(["sends 88 00"]).says("The Close frame is empty. It must have the code of the failure."),
            yours(["sends 88 "]).but_not(yours(["sends 88 02 "])).says(
                "A reason was sent with the code. The code alone is enough, and a reason might be too long.",
            ),
            yours(["Closed: closes"]).says(
                "The phase after a failure must be `Failed`. `Closed` means that TCP has ended.",
            ),
            yours(["(no event)"]).and(missing(["error"])).says(
                "The error and the close event wait in the queue. After a failure, `poll` gives the first of them.",
            ),
            swapped().says("The events are in the wrong order: the error comes first, then close."),
            too_little().and(missing(["close 1006"])).says(
                "The error was reported, and the close event is missing. Its code is 1006, because no Close of theirs \
                 was read.",
            ),
        ],
        shows: broken_rules,
    }
}

fn broken_rules() -> String {
    frames_that_break_a_rule()
        .map(|(what, bytes)| {
            let mut server = opened(Connection::server(Config {
                max_frame: 100,
                max_message: 120,
                ..Config::default()
            }));
            let shown = receives(&mut server, &bytes);
            format!("{what}\n{shown}  {}\n", tcp(&server))
        })
        .concat()
}

/// Frames that break a rule. Headers are enough if the rule is about a header.
fn frames_that_break_a_rule() -> [(&'static str, Vec<u8>); 16] {
    let text_in_text = [masked(TEXT_NO_FIN, b"Hel"), masked(TEXT, b"lo")];
    let unfinished = &masked(TEXT, b"Caf\xe9!....")[..11];
    let long_frame = &masked(BINARY, &[7; 101])[..6];
    let long_message = [
        masked(BINARY_NO_FIN, &[7; 100]),
        masked(CONTINUATION, &[7; 21]),
    ];
    [
        ("not masked", unmasked(TEXT, b"x")),
        ("RSV1, not negotiated", masked(0xc1, b"x")),
        ("RSV2, not negotiated", masked(0xa1, b"x")),
        ("RSV3, on a ping", masked(0x99, b"")),
        ("opcode 0x3", masked(0x83, b"")),
        ("opcode 0xb", masked(0x8b, b"")),
        ("a length of 2 in 2 bytes", vec![0x81, 0xfe, 0x00, 0x02]),
        ("a ping without FIN", masked(0x09, b"")),
        ("a ping of 126 bytes", vec![0x89, 0xfe, 0x00, 0x7e]),
        ("a close of 126 bytes", vec![0x88, 0xfe, 0x00, 0x7e]),
        ("nothing to continue", masked(CONTINUATION, b"lo")),
        ("text inside a text", text_in_text.concat()),
        ("text that is not UTF-8", masked(TEXT, b"Caf\xe9")),
        ("the same, unfinished", unfinished.to_vec()),
        ("101 bytes, 100 allowed", long_frame.to_vec()),
        ("2 frames, 120 allowed", long_message.concat()),
    ]
}

#[test]
fn an_invalid_close_fails_the_connection() {
    check! {
        rfc: "RFC 6455 §7.1.7",
        rule: "An invalid Close frame is answered with the code for what is wrong with it.",
        signs: [
            yours(["88 01 03"]).or(yours(["88 02 03 ed"])).or(yours(["88 83 37 fa 21 3d 34 12 de"])).says(
                "A Close frame was sent back before it was read, so its invalid payload went over the wire.",
            ),
        ],
        shows: || [
            play(&["client raw 88 81 00 00 00 00 03"]),
            play(&["client raw 88 82 00 00 00 00 03 ed"]),
            play(&["server raw 88 03 03 e8 ff"]),
        ].join("\n"),
    }
}

#[test]
fn a_server_that_masks_fails_the_connection() {
    check! {
        rfc: "RFC 6455 §5.1",
        rule: "A client fails the connection if a frame from the server is masked.",
        signs: [],
        shows: || play(&["server raw 81 85 37 fa 21 3d 7f 9f 4d 51 58", "client text anybody there?"]),
    }
}

#[test]
fn messages_before_the_failure_arrive() {
    check! {
        rfc: "RFC 6455 §7.1.7",
        rule: "Messages before the broken rule were right, and are reported.",
        signs: [],
        shows: || play(&["client raw 81 85 37 fa 21 3d 7f 9f 4d 51 58 c1 80 00 00 00 00"]),
    }
}

#[test]
fn nothing_is_read_after_a_failure() {
    check! {
        rfc: "RFC 6455 §7.1.7",
        rule: "After a failure, no more bytes are processed, not even a Close.",
        signs: [
            yours(["text \"after\""]).says(
                "A message that followed the failure in the same read was handled. After a failure nothing is read.",
            ),
        ],
        shows: frames_after_a_failure,
    }
}

fn frames_after_a_failure() -> String {
    let mut server = server();
    let mut shown = "a message, a frame that is not masked, a message, a Close\n".to_string();
    let read = [
        masked(TEXT, b"before"),
        unmasked(TEXT, b"wrong"),
        masked(TEXT, b"after"),
        masked(CLOSE, &[0x03, 0xe8]),
    ]
    .concat();
    shown += &receives(&mut server, &read);
    shown += "a ping, a Close\n";
    let next = [masked(PING, b""), masked(CLOSE, b"")].concat();
    shown += &receives(&mut server, &next);
    shown += "the end of TCP\n";
    shown + &events(&server.eof())
}

#[test]
fn a_failure_after_our_close_sends_no_second_close() {
    check! {
        rfc: "RFC 6455 §5.5.1",
        rule: "Each side sends one Close frame, even if the connection fails after that.",
        signs: [
            yours(["close 1002"]).says("A second Close frame was sent. Ours had gone out already."),
        ],
        shows: || play(&["client raw 81 01 78 & server close 1000 bye"]),
    }
}

// Phase by phase.

#[test]
fn nothing_is_sent_after_close() {
    check! {
        rfc: "RFC 6455 §5.5.1",
        rule: "After a Close frame no data frame is sent, and no second Close.",
        signs: [
            under("open", yours(["✗"])).says("An open connection refuses to send."),
            yours(["send_text   ✓"]).says(
                "Messages are still sent while the connection is closing. `check_open` must refuse that.",
            ),
            yours(["send_ping   ✓"]).says("`send_ping` doesn't ask whether the connection is open."),
            yours(["close       ✓"]).but_not(yours(["  sent  "])).says(
                "A second `close` sends nothing, and returns `Ok`. It must return an error.",
            ),
            yours(["close       ✓"]).says(
                "`close` doesn't ask whether the connection is open: a second Close goes out.",
            ),
            under("we have sent Close", yours(["✗ closed"])).says(
                "The refusal says that TCP has ended. It should name the state that the connection is in.",
            ),
        ],
        shows: attempts_in_each_phase,
    }
}

fn attempts_in_each_phase() -> String {
    let mut we_closed = server();
    we_closed.close(CloseCode::NORMAL, "").expect("it is open");
    let mut they_closed = server();
    they_closed.receive(&masked(CLOSE, &[0x03, 0xe8]));
    let mut failed = server();
    failed.receive(&unmasked(TEXT, b"not masked"));
    let mut ended = server();
    ended.eof();
    let rows = [
        ("open", server()),
        ("we have sent Close", we_closed),
        ("they have sent Close, and we answered", they_closed),
        ("we failed the connection", failed),
        ("TCP has ended", ended),
    ];
    rows.map(|(what, connection)| may_send(what, connection))
        .join("\n")
}

fn may_send(what: &str, mut connection: Connection) -> String {
    connection.take_outgoing();
    let mut shown = format!("{what}: {:?}\n", connection.state());
    let attempts = [
        ("send_text", connection.send_text("x")),
        ("send_binary", connection.send_binary(&[1])),
        ("send_ping", connection.send_ping(b"")),
        ("close", connection.close(CloseCode::NORMAL, "")),
    ];
    for (call, result) in attempts {
        shown += &format!("  {call:<11} {}\n", failing(result));
    }
    shown + &format!("  sent        {}\n", sent(&connection.take_outgoing()))
}

#[test]
fn the_server_closes_tcp_first() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "The server closes TCP once both Close frames were sent, and the client waits for that. After a \
               failure, and once TCP has ended, neither waits.",
        signs: [],
        shows: tcp_after_each_step,
    }
}

fn tcp_after_each_step() -> String {
    let mut table = "                                  server           client\n".to_string();
    let steps: [(&str, Step); 5] = [
        ("open", |_, _| {}),
        ("we have sent Close", |connection, _| {
            connection.close(CloseCode::NORMAL, "").expect("it is open");
        }),
        ("both Close frames were sent", |connection, close| {
            connection.receive(close);
        }),
        ("we failed the connection", |connection, _| {
            connection.receive(&[0xff, 0xff]);
        }),
        ("TCP has ended", |connection, _| {
            connection.eof();
        }),
    ];
    for (what, step) in steps {
        let (mut server, mut client) = (server(), client());
        step(&mut server, &masked(CLOSE, &[0x03, 0xe8]));
        step(&mut client, &unmasked(CLOSE, &[0x03, 0xe8]));
        table += &format!("{what:<33} {:<16} {}\n", tcp(&server), tcp(&client));
    }
    table
}

fn tcp(connection: &Connection) -> String {
    let verdict = closes_or_waits(connection.should_close_tcp());
    format!("{:?}: {verdict}", connection.state())
}

// Extensions.

/// An extension for the checks: RSV1 marks payloads in which it swaps upper and lower case. One part becomes two.
#[derive(Default)]
struct SwapCase {
    swapping: bool,
    parts: Vec<Part>,
}

impl Extension for SwapCase {
    fn reserved_bits(&self) -> ReservedBits {
        ReservedBits {
            rsv1: true,
            ..ReservedBits::NONE
        }
    }

    fn receive(&mut self, part: Part) {
        match part {
            Part::Header(header) => {
                self.swapping = header.reserved.rsv1;
                self.parts.push(Part::Header(header));
            }
            Part::Payload(bytes) if self.swapping => {
                let (one, two) = bytes.split_at(bytes.len() / 2);
                self.parts.push(Part::Payload(swap_case(two)));
                self.parts.push(Part::Payload(swap_case(one)));
            }
            other => self.parts.push(other),
        }
    }

    fn next_part(&mut self) -> Result<Option<Part>, ExtensionError> {
        match self.parts.last() {
            Some(Part::Payload(bytes)) if self.swapping && bytes.contains(&b'!') => {
                Err(ExtensionError {
                    close_code: CloseCode::POLICY_VIOLATION,
                    description: "there is no upper case of !",
                })
            }
            _ => Ok(self.parts.pop()),
        }
    }

    fn send<'a>(&mut self, _opcode: Opcode, payload: &'a [u8]) -> (ReservedBits, Cow<'a, [u8]>) {
        (self.reserved_bits(), Cow::Owned(swap_case(payload)))
    }
}

fn swap_case(bytes: &[u8]) -> Vec<u8> {
    let swap = |byte: &u8| {
        if byte.is_ascii_alphabetic() {
            byte ^ 0x20
        } else {
            *byte
        }
    };
    bytes.iter().map(swap).collect()
}

#[test]
fn an_extension_sits_between_frames_and_messages() {
    check! {
        rfc: "RFC 6455 §5.8",
        rule: "An extension sees the bits that were negotiated for it, and may change payloads. \
               Bits that were not negotiated still fail the connection.",
        signs: [],
        shows: frames_with_an_extension,
    }
}

fn frames_with_an_extension() -> String {
    let frames = [
        ("RSV1 is set", masked(0xc1, b"hELLO")),
        ("RSV1 is not set", masked(TEXT, b"Hello")),
        ("RSV2 is set", masked(0xa1, b"Hello")),
        ("RSV1 on a ping, which is negotiated", masked(0xc9, b"?")),
        ("the extension can't go on", masked(0xc1, b"!")),
    ];
    let mut shown = String::new();
    for (what, bytes) in frames {
        let received = receives(&mut with_an_extension(), &bytes);
        shown += &format!("{what}: {}\n{received}", hex(&bytes));
    }
    let mut server = with_an_extension();
    server.send_text("Hello").expect("it is open");
    server.send_ping(b"Hello").expect("it is open");
    let sent = sent(&server.take_outgoing());
    shown + &format!("send_text, send_ping\n  sends {sent}\n")
}

fn with_an_extension() -> Connection {
    opened(Connection::server(Config {
        extension: Box::new(SwapCase::default()),
        ..Config::default()
    }))
}

// The whole.

#[test]
fn the_stream_may_be_cut_anywhere() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "The same bytes give the same events and the same answers, however they arrive.",
        signs: [],
        shows: stream_in_pieces,
    }
}

fn stream_in_pieces() -> String {
    let stream = [
        masked(TEXT_NO_FIN, b"Caf\xc3"),
        masked(PING, b"still?"),
        masked(CONTINUATION, b"\xa9"),
        masked(BINARY, &[1, 2, 3]),
        masked(PONG, b""),
        masked(CLOSE, b"\x03\xe8bye"),
        masked(TEXT, b"late"),
    ]
    .concat();
    let whole = in_pieces(&[&stream]);
    let mut ways = 0;
    for pieces in cut::every_cut(&stream).chain([stream.chunks(1).collect()]) {
        let lengths: Vec<usize> = pieces.iter().map(|piece| piece.len()).collect();
        let cut = in_pieces(&pieces);
        assert!(
            cut == whole,
            "yours in one piece: {}. Yours in pieces of {lengths:?} bytes: {}",
            whole.trim(),
            cut.trim()
        );
        ways += 1;
    }
    format!(
        "{whole}the same in each of {ways} ways to cut {} bytes",
        stream.len()
    )
}

/// All events, then all bytes that are sent.
fn in_pieces(pieces: &[&[u8]]) -> String {
    let mut server = Connection::server(Config::default());
    let mut all = Vec::new();
    let mut outgoing = Vec::new();
    for piece in pieces {
        all.extend(server.receive(piece));
        outgoing.extend(server.take_outgoing());
    }
    format!("{}  sends {}\n", events(&all), sent(&outgoing))
}

#[test]
fn each_refusal_is_a_sentence() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "Each error says what came, and what is allowed.",
        signs: [],
        shows: sentences,
    }
}

fn sentences() -> String {
    let failures = [
        CloseFrameError::OneByte,
        CloseFrameError::Code(CloseCode::ABNORMAL),
        CloseFrameError::ReasonNotUtf8,
    ]
    .map(|error| format!("{} {error}", error.close_code()));
    let refusals = [
        SendError::NotOpen(State::Closing),
        SendError::NotOpen(State::Closed),
        SendError::PingTooLong { length: 126 },
        SendError::ReasonTooLong { length: 124 },
        SendError::CloseCode(CloseCode::TLS_HANDSHAKE),
    ]
    .map(|error| error.to_string());
    format!("{}\n\n{}", failures.join("\n"), refusals.join("\n"))
}

// One event at a time.

/// The events that these bytes lead to, polled one by one. Each text is echoed at once.
fn polls(connection: &mut Connection, bytes: &[u8]) -> String {
    let mut shown = String::new();
    connection.feed(bytes);
    while let Some(event) = connection.poll() {
        shown += &format!("  {}\n", show(&event));
        if let Event::Text(text) = event {
            shown += &format!("    answered: {}\n", failing(connection.send_text(&text)));
        }
        if shown.len() > 10_000 {
            return shown + "  … and so on, without end\n";
        }
    }
    shown
}

#[test]
fn an_answer_goes_out_before_the_next_frame_is_read() {
    check! {
        rfc: "RFC 6455 §7.1.7",
        rule: "`poll` gives one event at a time. An answer to it goes out before the next frame is looked at.",
        signs: [],
        shows: answers_between_polls,
    }
}

fn answers_between_polls() -> String {
    let read = [
        masked(TEXT, b"one"),
        masked(PING, b"?"),
        masked(TEXT, b"two"),
        unmasked(TEXT, b"wrong"),
        masked(TEXT, b"late"),
    ]
    .concat();
    let mut fed = Connection::server(Config::default());
    let mut shown = "two messages and a ping, a frame that is not masked, a message\n".to_string();
    shown += &polls(&mut fed, &read);
    shown += &format!("  sends {}\n", sent(&fed.take_outgoing()));
    shown += "a message in the next read\n";
    shown += &polls(&mut fed, &masked(TEXT, b"later"));
    shown += &format!("  sends {}\n", sent(&fed.take_outgoing()));

    let mut fed = Connection::server(Config::default());
    shown += "\na message, the end of TCP before it was looked at\n";
    fed.feed(&masked(TEXT, b"late"));
    shown += &events(&fed.eof());
    shown += &polls(&mut fed, &masked(TEXT, b"later"));
    shown += &format!("  sends {}\n", sent(&fed.take_outgoing()));

    let mut fed = server();
    shown += "\nthree pings, fed one by one, before anything is taken\n";
    for payload in [b"1", b"2", b"3"] {
        shown += &polls(&mut fed, &masked(PING, payload));
    }
    shown + &format!("  sends {}\n", sent(&fed.take_outgoing()))
}

#[test]
fn the_program_plays_a_script() {
    check! {
        rfc: "RFC 6455 §5.5",
        rule: "What you wrote, as a program: two connections that follow a script.",
        signs: [],
        shows: || program!().runs(&[
            &[],
            &["client text Hello"],
            &["nobody text Hello"],
            &["client close soon"],
        ]),
    }
}
