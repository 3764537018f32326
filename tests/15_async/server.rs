//! A server on real sockets: how it stops, how many connections it takes, and the program.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use async_chat::exchange::LINGER;
use chat::Settings;
use echo::Patience;
use support::frame::{CLOSE, masked};
use support::http::{Client, exchange};
use support::machine::stretched;
use support::sign::{missing, yours};
use support::{check, program};

use super::shared::serve;
use super::shared::step_10::{
    DEADLINE, FOREVER, LONG_ENOUGH, PATIENT, Peer, SOON, ada_says, comes_true, handshake, settings,
    settings_with, text,
};

#[test]
fn a_stop_is_announced_to_everyone() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "A server that stops sends everyone a Close with 1001, and reads until they have answered and ended TCP. \
               It stops in time, whatever they do.",
        signs: [
            missing(["the server waits for the one that doesn't: true"]).says(
                "The server didn't wait for its clients. When all tasks have ended, `all_ended` has no sender any \
                 more: wait for that, up to the deadline, which leaves time for `close_within`.",
            ),
            missing(["a client that answers: Close 1001"]).says(
                "The clients weren't told. A runtime that is dropped drops all its tasks where they wait; nothing of \
                 what is in an outbox goes out. Tell the hub, and let the tasks end.",
            ),
            missing(["it stops in time: true"]).says(
                "The server waits for a client that never answers. Each wait needs a deadline.",
            ),
            missing(["it no longer listens: true"]).says(
                "The task that accepts connections doesn't see the stop.",
            ),
        ],
        shows: || {
            // Longer than the time that the server has for TCP alone.
            let patience = Patience { close_within: 3 * LINGER, ..PATIENT };
            let server = serve(settings_with(patience));
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
            let longest = patience.close_within + Duration::from_secs(1) + stretched(DEADLINE) / 5;
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
        rule: "A stop isn't held up by a connection on which nothing was ever sent. When the last client has answered \
               its Close, the server has stopped, long before the deadline.",
        signs: [
            yours(["before the deadline: false"]).says(
                "The server always waits for the whole deadline, because a sender of `all_ended` is left. The task that \
                 accepts connections has one: it must see the stop, and end.",
            ),
        ],
        shows: || {
            let patience = Patience { close_within: FOREVER, ..PATIENT };
            let server = serve(Settings { head_within: FOREVER, ..settings_with(patience) });
            let idle = [(); 5].map(|()| Peer::connect(server.address()));
            let mut ada = Peer::named(server.address(), "ada");
            let (stopped, has_stopped) = mpsc::channel();
            thread::spawn(move || {
                drop(server);
                stopped.send(())
            });
            let mut shown = format!("a WebSocket: {}", ada.hears());
            ada.send(&masked(CLOSE, b"\x03\xe9"));
            shown += &format!(" | {}\n", ada.hears());
            ada.end();
            let in_time = has_stopped.recv_timeout(stretched(DEADLINE)).is_ok();
            drop(idle);
            shown + &format!("the server has stopped before the deadline: {in_time}\n")
        },
    }
}

#[test]
fn a_client_that_speaks_with_its_handshake_is_heard() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "The page needn't wait for the 101 before it says something. (A browser waits.)",
        signs: [
            missing([r#"{"id":1"#]).says(
                "hyper has read the first frame together with the head. It is in `read_buf`, and belongs to the \
                 client.",
            ),
        ],
        shows: || {
            let server = serve(settings());
            let mut peer = Peer::connect(server.address());
            peer.send(&[handshake("", ""), text(&ada_says("at once"))].concat());
            peer.head();
            let heard = [(); 3].map(|()| peer.hears());
            heard.join("\n") + "\n"
        },
    }
}

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
fn a_head_has_a_deadline() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "If a client doesn't send a whole head in time, the server ends TCP.",
        signs: [],
        shows: || {
            let server = serve(Settings { head_within: stretched(SOON), ..settings() });
            let mut shown = String::new();
            for (title, bytes) in [("nothing", &b""[..]), ("half a head", b"GET / HTTP/1.1\r\nHost:")] {
                let mut peer = Peer::connect(server.address());
                peer.send(bytes);
                let is_over = peer.hears().starts_with("(TCP");
                shown += &format!("{title}: TCP is over: {is_over}\n");
            }
            shown
        },
    }
}

#[cfg(target_os = "linux")]
#[test]
fn more_clients_are_not_more_threads() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A client is a task, and no thread. (Step 10 has two threads for each.)",
        signs: [
            missing(["0 more threads"]).says(
                "Each client has a thread of its own. `tokio::spawn` starts a task, `spawn_blocking` takes a thread.",
            ),
        ],
        shows: || {
            let server = program!().serve(&[]);
            let threads = || {
                let status = std::fs::read_to_string(format!("/proc/{}/status", server.id()));
                let status = status.expect("Linux has it");
                let line = status.lines().find_map(|line| line.strip_prefix("Threads:"));
                line.and_then(|line| line.trim().parse::<usize>().ok()).expect("a number")
            };
            let _first = Peer::named(server.address, "ada");
            let before = threads();
            let peers = Vec::from_iter((0..100).map(|_| Peer::open(server.address, "")));
            let more = threads() - before;
            let shown = format!("{} more clients, {more} more threads\n", peers.len());
            drop(peers);
            shown
        },
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_file_table_pauses_the_server() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "When the server has no file descriptor left, a newcomer waits until there is one.",
        signs: [
            yours(["(no answer)"]).says(
                "A connection that can't be accepted ended the task that accepts them. Later there may be room again.",
            ),
        ],
        shows: || {
            let server = program!().serve_with_files(40);
            let mut ada = Peer::named(server.address, "ada");
            let others = Vec::from_iter((0..44).map(|_| TcpStream::connect(server.address)));
            // This one is in the queue of the system until others leave.
            let last = TcpStream::connect(server.address).and_then(|mut last| {
                last.write_all(&handshake("", ""))?;
                drop(others);
                last.set_read_timeout(Some(stretched(LONG_ENOUGH)))?;
                let mut line = [0; 12];
                last.read_exact(&mut line)?;
                Ok(String::from_utf8_lossy(&line).into_owned())
            });
            let line = last.unwrap_or("(no answer)".to_string());
            let mut shown = format!("when there is room again: {line}\n");
            ada.send(&text(&ada_says("still here")));
            let heard = ada.waits_for(r#"{"id"#);
            shown += heard.split_once(',').map_or("", |(_, without_id)| without_id);
            shown + "\n"
        },
    }
}

#[test]
fn the_program_serves() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`cargo run -p async` says where it listens, and its options are its limits, as in step 10.",
        signs: [],
        shows: || {
            let server = program!().serve(&[]);
            let people = exchange(server.address, "GET", "/people", None).text();
            let shown = format!("GET /people\n  → {people}\n");
            let full = program!().serve(&["--max-connections", "0"]);
            let status = exchange(full.address, "GET", "/people", None).status;
            let shown = shown + &format!("--max-connections 0\n  → {status}\n");
            let impatient = program!().serve(&["--ping-after", "0", "--look-every", "3600"]);
            let mut peer = Peer::open(impatient.address, "");
            let heard = [peer.hears(), peer.hears()];
            let ping = heard.iter().any(|it| it.starts_with("Ping"));
            let shown = shown + &format!("--ping-after 0\n  → a ping at once: {ping}\n");
            let help = program!().runs(&[&["--help"]]);
            let own = |line: &&str| line.contains("--look-every") || line.contains("--max-connections");
            let own = help.lines().filter(own).collect::<Vec<_>>();
            shown + &format!("--help\n{}\n", own.join("\n"))
        },
    }
}
