//! Step 00, `hello`: the server's answers, to the byte.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use hello::server::Server;
use support::http::{Client, exchange};
use support::machine::stretched;
use support::sign::{only, yours};
use support::wire::{Transcript, without_date};
use support::{check, program};
use tiny_http::{Request, Response};

/// How long a check waits for something that should happen at once.
const AT_ONCE: Duration = Duration::from_secs(3);

fn start(max_requests: u64, answer: impl Fn(Request) + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    Server::start(listener, max_requests, answer).expect("the server starts")
}

/// A request for this path, and the server's response.
fn transcript_of(target: &str) -> String {
    let server = start(10, hello::answer);
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");

    let mut client = Client::connect(server.address());
    client.send(request.as_bytes());
    let response = client.response();

    let mut transcript = Transcript::new();
    transcript.client(request.as_bytes());
    transcript.server(&without_date(&response.bytes()));
    transcript.to_string()
}

#[test]
fn the_server_says_hello() {
    check! {
        rfc: "RFC 9112 §4",
        rule: "A response is a status line, header fields, an empty line, and then the body.",
        signs: [
            yours(["HTTP/1.1 500"]).says(
                "The request was dropped without an answer, so tiny_http sent a 500 in its place. `respond` sends \
                 yours.",
            ),
            yours(["hello, WebSocket␊"]).says(
                "The greeting still begins with a lowercase letter. `H` and `h` are one bit apart: 0010 0000.",
            ),
            yours(["hello, WebSocket"]).and(yours(["Content-Length: 16␍␊"])).says(
                "The first letter is still lowercase, and `\\n`, the last of the 17 bytes, is missing.",
            ),
            yours(["  Hello, WebSocket"]).and(yours(["Content-Length: 16␍␊"])).says(
                "The `\\n` at the end is missing. It is the last of the 17 bytes.",
            ),
            yours(["WebSocket␍␊"]).says(
                "The greeting ends in CR LF, as a header line does. This rule isn't for a body: here it ends in `\\n` \
                 alone.",
            ),
            yours(["WebSocket\\n"]).or(yours(["WebSocket/n"])).says(
                "The end of the text was sent as two characters. `\\n` is a line feed only in a string without an `r` \
                 before it.",
            ),
            only(["Content-Length: 1", "  ␊"]).says("The greeting ends in two line feeds. It needs one."),
            yours(["WebSocket ␊"]).says("There is a space after `WebSocket`. You can't see it, but it is sent."),
            yours(["   Hello"]).says("There is a space before `Hello`. It is sent like any other character."),
            yours(["Hello,\u{a0}WebSocket"]).says(
                "The space is a no-break space, as in web pages: it looks the same and takes two bytes. Type it again.",
            ),
            yours(["Hello WebSocket␊"]).says("The comma after `Hello` is missing."),
            yours(["Content-Length: 18␍␊"]).and(yours(["ello, WebSocket␊"])).but_not(yours(["Hello"])).says(
                "The first letter isn't the ASCII `H`: it takes two bytes, and `Content-Length` counts both.",
            ),
            yours(["Hello, Websocket␊"]).or(yours(["Hello, webSocket␊"])).or(yours(["Hello, websocket␊"])).says(
                "The first letter is right now, but one inside `WebSocket` is in the wrong case.",
            ),
            yours(["  lello, WebSocket"]).says(
                "The bit was counted from the right, which makes an `l` out of the `h`. It is the third from the left, \
                 0010 0000.",
            ),
            yours(["Content-Length: 0␍␊"]).says("The greeting is empty."),
        ],
        shows: || transcript_of("/"),
    }
}

#[test]
fn another_path_is_not_found() {
    check! {
        rfc: "RFC 9110 §15.5.5",
        rule: "If there is nothing at a path, the status is 404, and the body says so.",
        signs: [
            yours(["Hello, WebSocket"]).says("Every path gets the greeting: `answer` no longer checks the path."),
            only(["HTTP/1.1"]).says(
                "The sentence says that there is nothing here, but the status doesn't. A program reads the status.",
            ),
        ],
        shows: || transcript_of("/nowhere"),
    }
}

// Given code.

#[test]
fn one_request_too_many_gets_503() {
    check! {
        rfc: "RFC 9110 §15.6.4",
        rule: "A server answers a limited number of requests at a time. One more gets a 503 with Retry-After.",
        signs: [],
        shows: || {
            let (started, has_started) = mpsc::channel();
            let (held, until_released) = mpsc::channel::<()>();
            let until_released = Mutex::new(until_released);
            let server = start(2, move |request| {
                _ = started.send(());
                _ = until_released.lock().map(|held| held.recv());
                _ = request.respond(Response::from_string("done\n"));
            });
            let mut transcript = Transcript::new();
            let mut clients = [0, 1].map(|_| {
                let mut client = Client::connect(server.address());
                client.request("GET", "/", None);
                if has_started.recv_timeout(stretched(AT_ONCE)).is_err() {
                    let early = if client.has_answer() { client.response().text() } else { "nothing".to_string() };
                    panic!("two requests may be answered at a time; one of two got: {early}");
                }
                client
            });
            transcript.note("two requests are being answered, and the limit is two");
            let third = exchange(server.address(), "GET", "/", None);
            transcript.server(&without_date(&third.bytes()));
            drop(held);
            for client in &mut clients {
                transcript.note(&format!("one of the two gets {:?}", client.response().text()));
            }
            transcript.to_string()
        },
    }
}

#[test]
fn a_declared_length_over_the_limit_gets_413() {
    check! {
        rfc: "RFC 9110 §15.5.14",
        rule: "A body may have a declared length of 64 MiB. One byte more is refused before any of it is read.",
        signs: [],
        shows: || {
            let server = start(10, |request| {
                let length = request.body_length().unwrap_or_default();
                _ = request.respond(Response::from_string(format!("{length} bytes are declared\n")));
            });
            [64 << 20, (64 << 20) + 1, 1_u64 << 40].map(|length| {
                let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
                let mut client = Client::connect(server.address());
                client.send(head.as_bytes());
                let mut response = client.response();
                if response.status == 100 {
                    // An interim response; a client skips it (RFC 9110 §15.2).
                    response = client.response();
                }
                format!("Content-Length: {length}, and nothing follows\n  → {} {}", response.status, response.text())
            }).concat()
        },
    }
}

#[test]
fn a_dropped_server_stops_listening() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Dropping a server stops it: nothing listens at its address any more.",
        signs: [],
        shows: || {
            let server = start(10, hello::answer);
            let address = server.address();
            let before = exchange(address, "GET", "/", None).status;
            drop(server);
            let begin = Instant::now();
            while !is_refused(address) && begin.elapsed() < stretched(AT_ONCE) {
                // Not at once: each attempt takes one of the system's ports for a while.
                thread::sleep(Duration::from_millis(5));
            }
            let after = if is_refused(address) { "refused" } else { "accepted" };
            format!("before it is dropped: {before}\nafter: the connection is {after}")
        },
    }
}

/// Whether a connection to this address is refused.
fn is_refused(address: SocketAddr) -> bool {
    let connected = TcpStream::connect(address);
    connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

#[test]
fn the_program_serves() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`cargo run -p hello` says where it listens, and answers there until Ctrl-C.",
        signs: [],
        shows: || {
            let server = program!().serve(&["--max-requests", "7"]);
            let response = exchange(server.address, "GET", "/nowhere", None);
            format!("listening\nGET /nowhere\n  → {} {}", response.status, response.text())
        },
    }
}
