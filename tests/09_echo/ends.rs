//! The end of a connection, and of all of them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use echo::{Log, Patience, Settings};
use support::check;
use support::frame::{BINARY, CLOSE, KEY, TEXT, masked};
use support::machine::stretched;
use support::sign::{too_little, yours};
use support::wire::show;

use super::server::leaving;
use super::shared::{DEADLINE, Peer, brief, serve, ticking};

#[test]
fn tcp_ends_with_a_fin() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "TCP is closed cleanly: bytes that the client sends after the end are read and dropped.",
        signs: [
            yours(["a reset"]).says(
                "The given src/door.rs was changed. If TCP is closed while bytes are unread, the client gets a reset, \
                 and may lose the last bytes that were sent to it.",
            ),
        ],
        shows: ends_of_tcp,
    }
}

fn ends_of_tcp() -> String {
    let server = serve(Settings::default());
    let too_much = vec![0x82; 200_000];
    let last = [
        ("a Close", masked(CLOSE, b"\x03\xe8")),
        (
            "a Close and much more",
            [masked(CLOSE, b"\x03\xe8"), too_much.clone()].concat(),
        ),
        (
            "no mask, and much more",
            [b"\x81\x05Hello".to_vec(), too_much].concat(),
        ),
    ];
    let mut shown = String::new();
    for (what, bytes) in last {
        let mut peer = Peer::open(server.address());
        peer.send(&bytes);
        let frame = peer.frame();
        shown += &format!("{what:<24}{} | {}\n", brief(&frame), peer.end());
    }
    let mut refused = Peer::connect(server.address());
    refused.send(&vec![b'a'; 200_000]);
    shown + &format!("a head without end      {}\n", refused.refusal())
}

#[test]
fn the_server_waits_for_the_client_to_end_tcp() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "After our last byte, TCP stays half open until the client has ended it, too, or has used up our \
               patience.",
        signs: [
            yours(["the client is silent:   the server has closed"])
                .or(yours(["the client says more:   the server has closed"]))
                .says(
                    "The given src/door.rs was changed: if the server has stopped reading, bytes that the client still \
                     sends lead to a reset.",
                ),
        ],
        shows: half_open,
    }
}

fn half_open() -> String {
    let (mut client, closed) = leaving(4 * stretched(DEADLINE));
    let mut shown = format!("the server says goodbye, and TCP {}\n", end_of(&mut client));
    // Several ticks of silence: a server that doesn't wait has time to show it.
    let silent = whether(&closed, Duration::from_millis(40));
    shown += &format!("the client is silent:   the server {silent}\n");
    _ = client.write_all(b"one more thing");
    let more = whether(&closed, Duration::from_millis(20));
    shown += &format!("the client says more:   the server {more}\n");
    drop(client);
    let left = whether(&closed, stretched(DEADLINE));
    shown += &format!("the client leaves:      the server {left}\n");
    let (_client, closed) = leaving(Duration::from_millis(20));
    let never = whether(&closed, stretched(DEADLINE));
    shown + &format!("another never leaves:   the server {never}\n")
}

fn end_of(client: &mut TcpStream) -> &'static str {
    let deadline = Some(stretched(DEADLINE));
    client.set_read_timeout(deadline).expect("it isn't zero");
    match client.read(&mut [0]) {
        Ok(0) => "ends on its side",
        _ => "goes on",
    }
}

fn whether(closed: &mpsc::Receiver<()>, within: Duration) -> &'static str {
    match closed.recv_timeout(within) {
        Ok(()) => "has closed",
        Err(_) => "waits",
    }
}

#[test]
fn a_failure_is_logged() {
    check! {
        rfc: "RFC 6455 §7.1.7",
        rule: "A server that fails a connection logs what was wrong; a clean end isn't logged.",
        signs: [
            too_little().says(
                "The events come from `poll`, not from the driver's own `next_event`, which logs a failure.",
            ),
        ],
        shows: log_of_some_failures,
    }
}

fn log_of_some_failures() -> String {
    let (log, lines) = mpsc::channel();
    let server = serve(Settings {
        log: Log::Lines(log),
        ..Settings::default()
    });
    let last = [
        b"\x81\x05Hello".to_vec(),
        masked(CLOSE, b"\x03\xe8"),
        masked(TEXT, b"\xff"),
        [&[BINARY, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0][..], &KEY].concat(),
    ];
    for bytes in last {
        let mut peer = Peer::open(server.address());
        peer.send(&bytes);
        peer.frame();
        peer.end();
    }
    drop(server);
    let whose = |line: String| match line.split_once(": ") {
        Some((_, what)) => format!("(address): {what}\n"),
        None => line,
    };
    lines.iter().map(whose).collect()
}

#[test]
fn a_stop_is_announced_to_everyone() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "A server that stops sends 1001 to every client, and waits for the answers.",
        signs: [],
        shows: stop_with_three_peers,
    }
}

fn stop_with_three_peers() -> String {
    let server = serve(ticking(Patience::default()));
    let peers: Vec<Peer> = (0..3).map(|_| Peer::open(server.address())).collect();
    let stopping = std::thread::spawn(move || drop(server));
    let mut shown = String::new();
    for mut peer in peers {
        shown += &show(&peer.frame());
        peer.send(&masked(CLOSE, b"\x03\xe9"));
        shown += &format!("then {} bytes, and the end of TCP\n", peer.frame().len());
    }
    stopping.join().expect("the server stops");
    shown
}
