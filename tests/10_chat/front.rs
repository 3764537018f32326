//! The whole chat: what one connection gets from its port.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use chat::Settings;
use support::check;
use support::frame::{BINARY, CLOSE, masked};
use support::http::Client;
use support::machine::stretched;
use support::sign::yours;
use support::wire::{Transcript, show};

use super::shared::{DEADLINE, Peer, SHORT, ada_says, handshake, serve, settings, some_of, text};

#[test]
fn a_chat_on_a_real_socket() {
    check! {
        rfc: "RFC 6455 §1.2",
        rule: "The opening handshake, who is here, a message, a rejection, and the closing handshake.",
        signs: [],
        shows: || {
            let server = serve(settings());
            let mut transcript = Transcript::new();
            let mut peer = Peer::connect(server.address());
            peer.says(&handshake("", ""), &mut transcript);
            let head = peer.head();
            transcript.server(&head);
            peer.shows(&mut transcript);
            peer.says(&text(&ada_says("hi")), &mut transcript);
            peer.shows(&mut transcript);
            peer.shows(&mut transcript);
            peer.says(&masked(BINARY, b"hi"), &mut transcript);
            peer.shows(&mut transcript);
            peer.says(&masked(CLOSE, b"\x03\xe8"), &mut transcript);
            peer.shows(&mut transcript);
            peer.shows(&mut transcript);
            transcript.to_string()
        },
    }
}

#[test]
fn one_port_for_everything() {
    check! {
        rfc: "RFC 6455 §1.7",
        rule: "The page, two lists and the WebSocket are on one port. Every other request gets an answer that \
               says why, and then TCP ends.",
        signs: [
            yours(["a page of another host", "101"]).says(
                "Pages of any origin may open the WebSocket: any page on the web can read along, and speak in its \
                 visitor's name.",
            ),
        ],
        shows: || {
            let server = serve(settings());
            let mut ada = Peer::named(server.address(), "ada");
            for word in ["one", "two"] {
                ada.send(&text(&ada_says(word)));
                ada.waits_for(r#"{"id""#);
            }
            let requests = requests().into_iter().map(|(title, request)| {
                format!("{title:<33} {}", answer(server.address(), &request))
            });
            let origins = ORIGINS.iter().map(|(title, origin)| {
                format!("{title:<33} {}", answer_to_page(server.address(), origin))
            });
            let rows = requests.chain(origins).map(|row| row.trim_end().to_string());
            Vec::from_iter(rows).join("\n")
        },
    }
}

/// Requests without a body, each with its title.
fn requests() -> Vec<(&'static str, Vec<u8>)> {
    let lines = [
        "GET /",
        "HEAD /",
        "GET /chat.js",
        "GET /frames.js",
        "GET /chat.css",
        "GET /people",
        "GET /messages",
        "GET /messages?after=1",
        "GET /messages?x=1&after=2",
        "GET /messages?after=+1",
        "GET /nowhere",
        "POST /messages",
        "GET http://127.0.0.1:9010/people",
    ];
    let long = format!("Cookie: {}\r\n", "c".repeat(20_000));
    let many = "A: b\r\n".repeat(200);
    let plain = lines.iter().map(|line| (*line, request(line)));
    let others = [
        ("GET /socket, no handshake", request("GET /socket")),
        ("a handshake with after=x", handshake("?after=x", "")),
        ("a line of 20,000 bytes", handshake("", &long)),
        ("200 lines", handshake("", &many)),
        ("no HTTP", b"hello\r\n\r\n".to_vec()),
    ];
    plain.chain(others).collect()
}

fn request(line: &str) -> Vec<u8> {
    format!("{line} HTTP/1.1\r\nHost: 127.0.0.1:9010\r\n\r\n").into_bytes()
}

/// The status of an answer, and the first line of its body. Files are left out.
fn answer(address: SocketAddr, request: &[u8]) -> String {
    let mut client = Client::connect(address);
    client.send(request);
    let answer = String::from_utf8_lossy(&client.rest()).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let is_file = ["text/html", "text/javascript", "text/css"]
        .iter()
        .any(|it| head.contains(it));
    let line = match body.lines().next().unwrap_or_default() {
        line if is_file && !line.is_empty() => "(a file)",
        line => line,
    };
    format!("{} {line}", head.get(9..12).unwrap_or("(nothing)"))
}

/// Pages that open the WebSocket, each with its origin.
const ORIGINS: [(&str, &str); 2] = [
    ("a page of another host", "http://evil.example"),
    ("its own page", "http://127.0.0.1:9010"),
];

/// The status of the answer to a handshake from a page, and why it is refused.
fn answer_to_page(address: SocketAddr, origin: &str) -> String {
    let mut peer = Peer::connect(address);
    peer.send(&handshake("", &format!("Origin: {origin}\r\n")));
    let head = String::from_utf8_lossy(&peer.head()).into_owned();
    let status = &head[9..12];
    let why = if status == "101" {
        Vec::new()
    } else {
        some_of(&mut peer.stream, 1000).unwrap_or_default()
    };
    format!("{status} {}", String::from_utf8_lossy(&why))
}

#[test]
fn the_exact_bytes_of_an_answer() {
    check! {
        rfc: "RFC 9112 §9.6",
        rule: "An answer has a length, and says that the connection ends with it.",
        signs: [],
        shows: || {
            let server = serve(settings());
            let answer = |method: &str, target: &str| {
                let mut client = Client::connect(server.address());
                client.request(method, target, None);
                show(&client.rest())
            };
            let people = answer("GET", "/people");
            let head = answer("HEAD", "/people");
            let refused = answer("DELETE", "/");
            let no_upgrade = answer("GET", "/socket");
            let wrong_method = answer("HEAD", "/socket");
            format!(
                "GET /people\n\n{people}\n\nHEAD /people\n\n{head}\nDELETE /\n\n{refused}\n\
                 GET /socket\n\n{no_upgrade}\nHEAD /socket\n\n{wrong_method}"
            )
        },
    }
}

#[test]
fn a_request_head_has_a_deadline() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "If a client doesn't send a whole head in time, the server ends TCP, even if a byte comes now and then.",
        signs: [],
        shows: || {
            let server = serve(Settings { head_within: SHORT, tick: SHORT / 4, ..settings() });
            let silent = Peer::connect(server.address()).hears();
            let ended = if drips(server.address()) { "in time" } else { "never" };
            let shown = format!("a client that sends nothing: {silent}\none that drips: TCP ends {ended}\n");
            let patient = serve(Settings { tick: SHORT / 10, ..settings() });
            let (status, sent) = pauses(patient.address(), server.address());
            shown + &format!("one that pauses: {status}\nafter its answer, it may still send: {sent:?}\n")
        },
    }
}

/// Sends one byte after the other, and says whether TCP ends in time.
fn drips(address: SocketAddr) -> bool {
    let mut drips = Peer::connect(address);
    let stream = drips.stream.get_ref();
    stream
        .set_read_timeout(Some(SHORT / 4))
        .expect("it is not zero");
    let deadline = Instant::now() + stretched(DEADLINE);
    for byte in handshake("", &"A: b\r\n".repeat(20)).into_iter().cycle() {
        drips.send(&[byte]);
        match drips.stream.get_mut().read(&mut [0]) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            _ => return true,
        }
        if Instant::now() > deadline {
            break;
        }
    }
    false
}

/// Pauses in the middle of a head, and again after the answer. Returns its status, and whether the client may still
/// send then. A pause takes as long as `clock`, a different server, waits for a head.
fn pauses(address: SocketAddr, clock: SocketAddr) -> (u16, [bool; 2]) {
    let pause = || {
        Peer::connect(clock).hears();
    };
    let mut tries = 20;
    loop {
        let begin = Instant::now();
        let mut client = Client::connect(address);
        client.send(b"GET /people HTTP/1.1\r\n");
        pause();
        client.send(b"Host: 127.0.0.1:9010\r\n\r\n");
        let status = client.response().status;
        pause();
        // If the server has closed the socket, this makes the system reset the connection.
        let sent = [(); 2].map(|()| client.socket().write(b"x").is_ok());
        // The server waits half a second for the client to close. On a busy machine, the pauses may take longer.
        tries -= 1;
        if begin.elapsed() < Duration::from_millis(400) || tries == 0 {
            return (status, sent);
        }
    }
}
