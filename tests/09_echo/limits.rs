//! How many clients there may be, how much each may send, and how long it may take.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use echo::{Patience, Settings};
use support::check;
use support::frame::{BINARY, BINARY_NO_FIN, CLOSE, CONTINUATION, TEXT, masked};
use support::http::Client;
use support::machine::stretched;
use support::sign::panics;
use support::wire::Transcript;

use super::server::first_line;
use super::shared::{DEADLINE, NO_PATIENCE, Peer, handshake, serve, ticking};

#[test]
fn many_connections_at_once() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "Connections are independent: a silent one keeps no other waiting.",
        signs: [],
        shows: fifty_peers,
    }
}

fn fifty_peers() -> String {
    let server = serve(Settings::default());
    let mut peers: Vec<Peer> = (0..50).map(|_| Peer::open(server.address())).collect();
    for (number, peer) in peers.iter_mut().enumerate().rev() {
        peer.send(&masked(TEXT, number.to_string().as_bytes()));
    }
    let right = peers.iter_mut().enumerate().filter_map(|(number, peer)| {
        let frame = peer.frame();
        (frame[2..] == *number.to_string().as_bytes()).then_some(frame)
    });
    format!("{} of 50 get their own number back", right.count())
}

#[test]
fn too_many_connections_get_503() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "The number of connections has a limit, and there is room again when one leaves.",
        signs: [
            panics("no room was made").says("A driver goes on after its client has left."),
        ],
        shows: one_peer_too_many,
    }
}

fn one_peer_too_many() -> String {
    let server = serve(Settings {
        max_connections: 1,
        ..Settings::default()
    });
    let status = || {
        let mut client = Client::connect(server.address());
        client.send(&handshake(""));
        client.response().status
    };
    let first = Peer::open(server.address());
    let shown = format!("the first is open; the second gets {}\n", status());
    drop(first);
    let deadline = Instant::now() + stretched(DEADLINE);
    while status() != 101 {
        assert!(Instant::now() < deadline, "no room was made in time");
    }
    shown + "the first has left; the third gets 101"
}

#[test]
fn a_message_has_a_limit() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "A client that declares more than is allowed gets 1009 before any of it has come, and so does one \
               that sends it in fragments.",
        signs: [],
        shows: messages_that_are_too_long,
    }
}

fn messages_that_are_too_long() -> String {
    let server = serve(Settings {
        max_message: 1000,
        ..Settings::default()
    });
    let mut peer = Peer::open(server.address());
    let mut transcript = Transcript::new();
    let declared = &masked(BINARY, &[0; 1001])[..8];
    peer.says(declared, &mut transcript);
    peer.hears(&mut transcript);
    peer.hears(&mut transcript);
    let mut peer = Peer::open(server.address());
    let fragments = [
        masked(BINARY_NO_FIN, &[0; 600]),
        masked(CONTINUATION, &[0; 600]),
    ];
    peer.send(&fragments.concat());
    transcript.note("another client sends two fragments of 600 bytes");
    peer.hears(&mut transcript);
    peer.hears(&mut transcript);
    transcript.to_string()
}

#[test]
fn deadlines_on_a_real_socket() {
    check! {
        rfc: "RFC 6455 §5.5.2",
        rule: "A silent peer gets a ping, then a Close, then the end of TCP.",
        signs: [],
        shows: silence_on_a_real_socket,
    }
}

fn silence_on_a_real_socket() -> String {
    let server = serve(ticking(NO_PATIENCE));
    let mut peer = Peer::open(server.address());
    let mut transcript = Transcript::new();
    for _ in 0..3 {
        peer.hears(&mut transcript);
    }
    transcript.to_string()
}

#[test]
fn a_head_must_arrive_in_time() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "A head must be whole in time, even if its bytes keep coming. A silent client gets no answer, and the \
               server goes on.",
        signs: [
            panics("a head that drips").says(
                "The given src/door.rs was changed: each byte that comes restarts the wait.",
            ),
        ],
        shows: slow_heads,
    }
}

fn slow_heads() -> String {
    let head_within = Duration::from_millis(50);
    let server = serve(Settings {
        head_within,
        ..ticking(Patience::default())
    });
    let whole = [handshake(""), masked(CLOSE, b"")].concat();
    let half = &whole[..whole.len() / 2];
    let mut silent = Peer::connect(server.address());
    let answer = |bytes: &[u8]| answered(|| answer_to(server.address(), bytes));
    [
        format!("says half       {}\n", answer(half)),
        format!("drips           {}\n", answered(|| drip(server.address()))),
        format!("says nothing    {}\n", silent.refusal()),
        format!("the next client {}\n", answer(&whole)),
    ]
    .concat()
}

/// The answer to these bytes.
fn answer_to(address: SocketAddr, bytes: &[u8]) -> String {
    let mut peer = Peer::connect(address);
    peer.send(bytes);
    peer.refusal()
}

/// Asks again if there was no answer: on a busy machine, the bytes may reach the server too late.
fn answered(ask: impl Fn() -> String) -> String {
    let deadline = Instant::now() + stretched(DEADLINE);
    loop {
        let answer = ask();
        if !answer.starts_with("nothing") || Instant::now() > deadline {
            return answer;
        }
    }
}

/// Sends a head that never ends, a byte at a time, until there is an answer.
fn drip(address: SocketAddr) -> String {
    let mut peer = Peer::connect(address);
    let often = Some(Duration::from_millis(20));
    peer.stream.set_read_timeout(often).expect("it isn't zero");
    let deadline = Instant::now() + stretched(DEADLINE);
    while peer.stream.peek(&mut [0]).is_err() {
        peer.send(b"a");
        assert!(
            Instant::now() < deadline,
            "a head that drips is read forever"
        );
    }
    let long = Some(stretched(DEADLINE));
    peer.stream.set_read_timeout(long).expect("it isn't zero");
    peer.refusal()
}

#[test]
fn a_head_has_a_maximum_size() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "A head that is too long is refused at its first byte too many, before its end has come.",
        signs: [
            panics("no more bytes within").says(
                "The given src/door.rs was changed: the whole head is read before it is measured.",
            ),
        ],
        shows: heads_of_some_sizes,
    }
}

fn heads_of_some_sizes() -> String {
    let server = serve(Settings::default());
    let begun = "GET /socket HTTP/1.1\r\nHost: 127.0.0.1:9009\r\nCookie: ";
    let mut shown = String::new();
    for (length, end) in [
        (16 * 1024, "\r\n\r\n"),
        (16 * 1024, ""),
        (16 * 1024 + 1, ""),
    ] {
        let cookie = "c".repeat(length - begun.len() - end.len());
        let mut peer = Peer::connect(server.address());
        peer.send(format!("{begun}{cookie}{end}").as_bytes());
        let whole = if end.is_empty() { "begun" } else { "whole" };
        shown += &format!("{length} bytes, {whole}  ");
        // A head that isn't too long yet has all its time.
        shown += &match (whole, length) {
            ("begun", 16_384) => {
                peer.send(b"c");
                format!("one more: {}\n", peer.refusal())
            }
            _ => format!("{}\n", peer.refusal()),
        };
    }
    for fields in [100, 101] {
        let mut peer = Peer::connect(server.address());
        let more = "a: b\r\n".repeat(fields - 5);
        peer.send(&handshake(&more));
        let line = first_line(&peer.head());
        shown += &format!("{fields} fields          {line}\n");
    }
    shown
}
