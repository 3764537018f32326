//! A server that is dropped, and the program.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use echo::http::Http;
use echo::{Server, Settings};
use support::frame::{TEXT, masked};
use support::http::{Client, exchange};
use support::machine::stretched;
use support::wire::Transcript;
use support::{check, program};

use super::shared::{DEADLINE, Peer, handshake, serve};

#[test]
fn a_server_that_is_dropped_listens_no_more() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Dropping a server stops it, whatever its address is, and tiny_http behind its door as well.",
        signs: [],
        shows: dropped_servers,
    }
}

fn dropped_servers() -> String {
    let server = serve(Settings::default());
    let http = Http::start(Settings::default().head, None).expect("the server starts");
    let addresses = [server.address(), http.address()];
    let answers = addresses.map(|address| exchange(address, "GET", "/", None).status);
    drop((server, http));
    // Not every system has more addresses of loopback than one.
    let other = TcpListener::bind("127.0.0.2:0").or_else(|_| TcpListener::bind("127.0.0.1:0"));
    let other = other.expect("loopback has a free port");
    let other = Server::start(other, Settings::default()).expect("the server starts");
    let third = other.address();
    drop(other);
    let [in_front, behind] = addresses.map(refused_or_accepted);
    let third = refused_or_accepted(third);
    format!(
        "while they run: {answers:?}\nin front of the door: {in_front}\nbehind it: {behind}\n\
         at another address: {third}"
    )
}

fn refused_or_accepted(address: SocketAddr) -> &'static str {
    if is_left(address) {
        "refused"
    } else {
        "accepted"
    }
}

/// Whether nothing listens there any more, at the latest when the deadline is over.
fn is_left(address: SocketAddr) -> bool {
    let deadline = Instant::now() + stretched(DEADLINE);
    let refused = || {
        let connected = TcpStream::connect_timeout(&address, stretched(DEADLINE));
        connected.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    };
    while !refused() {
        if Instant::now() > deadline {
            return false;
        }
        // Not at once: each attempt takes one of the system's ports for a while.
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

#[test]
fn the_program_serves() {
    check! {
        rfc: "RFC 6455 §1.2",
        rule: "`cargo run -p echo` says where it listens, echoes, and its options are its limits.",
        signs: [],
        shows: visit_to_the_program,
    }
}

fn visit_to_the_program() -> String {
    let server = program!().serve(&["--max-message", "5", "--max-fields", "6"]);
    let mut transcript = Transcript::new();
    let mut peer = Peer::open(server.address);
    for text in ["Hello", "Hello!"] {
        peer.says(&masked(TEXT, text.as_bytes()), &mut transcript);
        peer.hears(&mut transcript);
    }
    let mut other = Client::connect(server.address);
    other.send(&handshake("a: b\r\na: b\r\n"));
    transcript.note(&format!(
        "a head of 7 fields, of 6 allowed: {}",
        other.response().status
    ));
    transcript.to_string()
}
