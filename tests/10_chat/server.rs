//! The whole chat: how many connections the server takes, how it stops, and the program.

use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use chat::Settings;
use echo::Patience;
use support::frame::{CLOSE, masked};
use support::http::{Client, exchange};
use support::machine::stretched;
use support::{check, program};

use super::shared::{
    DEADLINE, FOREVER, PATIENT, Peer, SHORT, SOON, ada_says, comes_true, handshake, serve,
    serve_on, settings, settings_with, text,
};

#[test]
fn too_many_connections_get_503() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "The number of connections has a limit. When a client leaves, there is room for another.",
        signs: [],
        shows: || {
            let server = serve(Settings { max_connections: 2, ..settings() });
            let status = || {
                let mut client = Client::connect(server.address());
                client.send(&handshake("", ""));
                client.response().status
            };
            let peers = [(); 2].map(|()| Peer::open(server.address(), ""));
            let mut shown = format!("two are open; the third gets {}\n", status());
            drop(peers);
            let is_let_in = comes_true(stretched(DEADLINE), || status() == 101);
            assert!(is_let_in, "there was no room again in time");
            shown += "they have left; the next one gets 101\n";
            shown
        },
    }
}

#[test]
fn a_stop_is_announced_to_everyone() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "A server that stops sends everyone a Close with 1001, and reads until they have answered and ended TCP. \
               It stops in time, whatever they do.",
        signs: [],
        shows: || {
            let patience = Patience { close_within: stretched(2 * SOON), ..PATIENT };
            // If loopback has more than one address, the server is woken at its own.
            let other = TcpListener::bind("127.0.0.2:0").or_else(|_| TcpListener::bind("127.0.0.1:0"));
            let server = serve_on(other, settings_with(patience));
            let address = server.address();
            let mut answering = [(); 2].map(|()| Peer::open(address, ""));
            let mut silent = Peer::open(address, "");
            for peer in answering.iter_mut().chain([&mut silent]) {
                peer.waits_for(r#"{"people""#);
            }
            let mut half = Peer::connect(address);
            half.send(b"GET /socket HTTP/1.1\r\n");
            let begin = Instant::now();
            let stopping = thread::spawn(move || {
                drop(server);
                begin.elapsed()
            });
            let mut shown = String::new();
            for peer in &mut answering {
                shown += &format!("a client that answers: {}", peer.hears());
                peer.send(&[text(&ada_says("on its way")), masked(CLOSE, b"\x03\xe9")].concat());
                shown += &format!(" | {}\n", peer.hears());
                peer.end();
            }
            shown += &format!("a client that doesn't: {}\n", silent.hears_all());
            let over = half.hears().starts_with("(TCP");
            shown += &format!("a client in the middle of its head: TCP is over: {over}\n");
            let took = stopping.join().expect("the server stops");
            let has_waited = took >= patience.close_within;
            shown += &format!("the server waits for the one that doesn't: {has_waited}\n");
            let longest = 2 * SHORT + 2 * patience.close_within + stretched(DEADLINE) / 5;
            shown += &format!("it stops in time: {}\n", took < longest);
            let is_gone = TcpStream::connect_timeout(&address, stretched(DEADLINE)).is_err();
            shown + &format!("it no longer listens: {is_gone}\n")
        },
    }
}

#[test]
fn a_stop_does_not_wait_for_idle_connections() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "A stop isn't held up by a connection on which nothing was ever sent, or by a client that keeps TCP open \
               after its answer. On every WebSocket the server sends a Close with 1001.",
        signs: [],
        shows: || {
            // A read times out only after ten minutes.
            let server = serve(Settings { tick: FOREVER, head_within: FOREVER, ..settings() });
            let idle = [(); 5].map(|()| Peer::connect(server.address()));
            let mut answered = Client::connect(server.address());
            answered.request("GET", "/people", None);
            let mut shown = format!("a client has its answer, {}, and stays\n", answered.response().status);
            let mut ada = Peer::named(server.address(), "ada");
            let (stopped, has_stopped) = mpsc::channel();
            thread::spawn(move || {
                drop(server);
                stopped.send(())
            });
            shown += &format!("a WebSocket: {}", ada.hears());
            ada.send(&masked(CLOSE, b"\x03\xe9"));
            shown += &format!(" | {}\n", ada.hears());
            ada.end();
            let in_time = has_stopped.recv_timeout(stretched(DEADLINE)).is_ok();
            drop(idle);
            shown + &format!("the server has stopped: {in_time}\n")
        },
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_file_table_pauses_the_server() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "When the server has no file descriptor left, a newcomer waits until there is one. Even then, Ctrl-C \
               ends the server, with a goodbye to everyone.",
        signs: [],
        shows: || full_file_table(program!().serve_with_files(FILES)),
    }
}

/// How many file descriptors the server may have: fewer than its clients need.
#[cfg(target_os = "linux")]
const FILES: usize = 40;

#[cfg(target_os = "linux")]
fn full_file_table(server: program::Server) -> String {
    let (address, pid) = (server.address, server.id());
    let files = || std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
    let at_first = files();
    let mut ada = Peer::named(address, "ada");
    // Without a chat that works, there is no use in filling it.
    ada.send(&text(&ada_says("here")));
    let heard = ada.waits_for(r#"{"id"#);
    assert!(
        heard.starts_with('{'),
        "her own message doesn't come back: {heard}"
    );

    let mut others: Vec<Peer> = (0..45).map(|_| Peer::connect(address)).collect();
    // The last one is in the queue of the system until others leave.
    let mut last = others.pop().expect("there are 45");
    last.send(&handshake("", ""));
    others.truncate(5);
    let head = last.head();
    let status = String::from_utf8_lossy(&head[..12]);
    let mut shown = format!("when there is room again: {status}\n");

    // Now WebSockets, up to the last descriptor: there is none left for a connection that wakes.
    others.clear();
    let deadline = Instant::now() + stretched(DEADLINE);
    while files() > at_first + 2 && Instant::now() < deadline {
        thread::yield_now();
    }
    while files() < FILES && Instant::now() < deadline {
        others.push(Peer::open(address, ""));
    }
    ada.send(&text(&ada_says("still here")));
    let heard = ada.waits_for(r#"{"id"#);
    shown += heard
        .split_once(',')
        .map_or("", |(_, without_id)| without_id);

    let mut interrupt = std::process::Command::new("kill");
    let interrupt = interrupt.args(["-INT", &pid.to_string()]).status();
    let is_sent = interrupt.is_ok_and(|status| status.success());
    shown += &format!("\nCtrl-C: {is_sent}");
    for peer in &mut others {
        peer.waits_for("Close");
        peer.send(&masked(CLOSE, b"\x03\xe9"));
        peer.end();
    }
    for peer in [&mut ada, &mut last] {
        shown += &format!(" | {}", peer.waits_for("Close"));
        peer.send(&masked(CLOSE, b"\x03\xe9"));
        peer.hears_all();
        peer.end();
    }
    let ended = server.end(DEADLINE / 2);
    let ended = ended.map_or("not in time".to_string(), |status| status.to_string());
    shown + &format!("\nended: {ended}\n")
}

#[test]
fn the_program_serves() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`cargo run -p chat` says where it listens, and its options are its limits. The first id is a time, \
               so no earlier server has given it.",
        signs: [],
        shows: || {
            let server = program!().serve(&[]);
            let get = |path: &str| exchange(server.address, "GET", path, None).text();
            let people = get("/people");
            let messages = get("/messages");
            let next = messages.strip_prefix(r#"{"messages":[],"next":"#).and_then(|it| it.strip_suffix('}'));
            let next: u64 = next.and_then(|it| it.parse().ok()).unwrap_or_default();
            // Microseconds: later than 2025, and exact in a browser.
            let is_time = (1_735_689_600_000_000..1 << 53).contains(&next);
            let shown = format!("GET /people\n  → {people}\nGET /messages: the last id is a time: {is_time}\n");
            let full = program!().serve(&["--max-connections", "0"]);
            let status = exchange(full.address, "GET", "/people", None).status;
            shown + &format!("--max-connections 0\n  → {status}\n")
        },
    }
}
