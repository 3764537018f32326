//! The whole chat: what one connection gets from its port.

use std::io::{ErrorKind, Read, Write};
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
        rule: "Handshake, who is here, messages, sentences, and the closing handshake.",
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
            let plain = |line: &str| format!("{line} HTTP/1.1\r\nHost: 127.0.0.1:9010\r\n\r\n").into_bytes();
            let long = format!("Cookie: {}\r\n", "c".repeat(20_000));
            let many = "A: b\r\n".repeat(200);
            let requests = [
                ("GET /", plain("GET /")),
                ("HEAD /", plain("HEAD /")),
                ("GET /chat.js", plain("GET /chat.js")),
                ("GET /frames.js", plain("GET /frames.js")),
                ("GET /chat.css", plain("GET /chat.css")),
                ("GET /people", plain("GET /people")),
                ("GET /messages", plain("GET /messages")),
                ("GET /messages?after=1", plain("GET /messages?after=1")),
                ("GET /messages?x=1&after=2", plain("GET /messages?x=1&after=2")),
                ("GET /messages?after=+1", plain("GET /messages?after=+1")),
                ("GET /nowhere", plain("GET /nowhere")),
                ("POST /messages", plain("POST /messages")),
                ("GET http://127.0.0.1:9010/people", plain("GET http://127.0.0.1:9010/people")),
                ("GET /socket, no handshake", plain("GET /socket")),
                ("a handshake with after=x", handshake("?after=x", "")),
                ("a line of 20,000 bytes", handshake("", &long)),
                ("200 lines", handshake("", &many)),
                ("no HTTP", b"hello\r\n\r\n".to_vec()),
            ];
            let mut shown = String::new();
            for (title, request) in requests {
                let mut client = Client::connect(server.address());
                client.send(&request);
                let answer = String::from_utf8_lossy(&client.rest()).into_owned();
                let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
                let status = head.get(9..12).unwrap_or("(nothing)");
                let body = match body.lines().next().unwrap_or_default() {
                    _ if title.contains("GET /") && (title.len() == 5 || title.contains(".js") || title.contains(".css")) => "(a file)",
                    line => line,
                };
                shown += format!("{title:<33} {status} {body}").trim_end();
                shown += "\n";
            }
            let pages = [("a page of another host", "http://evil.example"), ("its own page", "http://127.0.0.1:9010")];
            for (title, origin) in pages {
                let mut peer = Peer::connect(server.address());
                peer.send(&handshake("", &format!("Origin: {origin}\r\n")));
                let head = String::from_utf8_lossy(&peer.head()).into_owned();
                let why = match &head[9..12] {
                    "101" => Vec::new(),
                    _ => some_of(&mut peer.stream, 1000).unwrap_or_default(),
                };
                shown += format!("{title:<33} {} {}", &head[9..12], String::from_utf8_lossy(&why)).trim_end();
                shown += "\n";
            }
            shown
        },
    }
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
        rule: "A client that doesn't send a whole head in time is left alone, even one that sends a byte now and \
               then.",
        signs: [],
        shows: || {
            let server = serve(Settings { head_within: SHORT, tick: SHORT / 4, ..settings() });
            let silent = Peer::connect(server.address()).hears();
            let mut drips = Peer::connect(server.address());
            let stream = drips.stream.get_ref();
            stream.set_read_timeout(Some(SHORT / 4)).expect("it is not zero");
            let deadline = Instant::now() + stretched(DEADLINE);
            let mut ended = "never";
            for byte in handshake("", &"A: b\r\n".repeat(20)).into_iter().cycle() {
                drips.send(&[byte]);
                match drips.stream.get_mut().read(&mut [0]) {
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                    _ => ended = "in time",
                }
                if ended != "never" || Instant::now() > deadline {
                    break;
                }
            }
            let mut shown = format!("one who says nothing: {silent}\none who drips: TCP ends {ended}\n");
            // Ten ticks of one server are the clock for what the other one waits for.
            let patient = serve(Settings { tick: SHORT / 10, ..settings() });
            let ten_ticks = || {
                Peer::connect(server.address()).hears();
            };
            let late = || {
                let begin = Instant::now();
                let mut late = Client::connect(patient.address());
                late.send(b"GET /people HTTP/1.1\r\n");
                ten_ticks();
                late.send(b"Host: 127.0.0.1:9010\r\n\r\n");
                let status = late.response().status;
                // Its answer has come. What it sends now would make a closed socket reset the connection.
                ten_ticks();
                let sent = [(); 2].map(|()| late.socket().write(b"x").is_ok());
                (status, sent, begin.elapsed())
            };
            // The server waits for it for half a second. A busy machine may take longer for so many ticks.
            let mut tries = 20;
            let (status, sent) = loop {
                let (status, sent, took) = late();
                tries -= 1;
                if took < Duration::from_millis(400) || tries == 0 {
                    break (status, sent);
                }
            };
            shown += &format!("one who thinks in between: {status}\n");
            shown + &format!("the same, when it has its answer: may still send: {sent:?}\n")
        },
    }
}
