//! The program itself, in a pipe.

use std::net::TcpListener;
use std::thread;

use support::frame::{CLOSE, TEXT, unmasked};
use support::sign::{missing, yours};
use support::{check, program};

use super::shared::{Peer, Played, right_answer};

#[test]
fn the_program_says_how_it_is_used() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`--help` shows what the program does, and how.",
        signs: [],
        shows: || program!().runs(&[&["--help"]]),
    }
}

#[test]
fn the_program_explains_what_it_can_not_read() {
    check! {
        rfc: "the workshop's own rule",
        rule: "What the command line asks for in vain is said in a sentence, and the exit code is 2.",
        signs: [],
        shows: || program!().runs(&[
            &[],
            &["http://127.0.0.1:9/socket"],
            &["wss://127.0.0.1:9/socket"],
            &["ws://ada:secret@127.0.0.1:9/"],
            &["127.0.0.1:9"],
            &["ws://127.0.0.1:9/", "ws://127.0.0.1:9/"],
            &["--max-message", "much", "ws://127.0.0.1:9/"],
            &["--origin", "https://example.org\r\nCookie: a", "ws://127.0.0.1:9/"],
            &["--retry", "ws://127.0.0.1:9/"],
        ]),
    }
}

/// What the program prints if the server does this with the first client. Its port is shown as 9012.
fn visits(
    options: &[&str],
    input: &str,
    server_does: impl FnOnce(&mut Peer) + Send + 'static,
) -> String {
    let played = Played::listen();
    let port = played.address().port();
    let serving = thread::spawn(move || {
        let mut peer = played.accept();
        server_does(&mut peer);
        peer.end();
        peer.hears();
    });
    let url = format!("ws://127.0.0.1:{port}/socket");
    let arguments = [options, &[&url]].concat();
    let printed = program!().runs_in_a_pipe(&arguments, input);
    _ = serving.join();
    printed.replace(&format!(":{port}"), ":9012")
}

/// Answers the handshake.
fn opens(peer: &mut Peer) {
    let answer = peer.answer("");
    peer.send(&answer);
}

/// Echoes a text, and answers a Close. Says whether it was a text.
fn echoes(peer: &mut Peer) -> bool {
    let heard = peer.hears();
    match heard.strip_prefix("Text ") {
        Some(text) => peer.send(&unmasked(TEXT, format!("you said {text}").as_bytes())),
        None => peer.send(&unmasked(CLOSE, &1000_u16.to_be_bytes())),
    }
    heard.starts_with("Text ")
}

#[test]
fn the_program_talks_in_a_pipe() {
    check! {
        rfc: "RFC 6455 §6",
        rule: "In a pipe, each line is a message, and each message a line. At its end the connection is closed.",
        signs: [
            missing(["you said two"]).says("The program didn't wait for the messages that come before the server's Close."),
        ],
        shows: || {
            let talk = visits(&[], "one\n/close\ntwo\n", |peer| {
                opens(peer);
                while echoes(peer) {}
            });
            let fails = visits(&[], "", |peer| {
                opens(peer);
                peer.hears();
                peer.send(&unmasked(CLOSE, b"\x03\xf3oh no\x1b[2J"));
            });
            // A talk that is over isn't taken up again.
            let gone = visits(&["--reconnect"], "", |peer| {
                opens(peer);
                peer.hears();
            });
            let too_big = visits(&["--max-message", "4"], "", |peer| {
                opens(peer);
                peer.send(&unmasked(TEXT, b"Hello"));
            });
            [talk, fails, gone, too_big].join("\n")
        },
    }
}

#[test]
fn the_program_says_why_there_is_no_websocket() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "If the WebSocket can't be opened, a sentence says why, and the exit code is 2.",
        signs: [
            yours(["\u{9b}"]).says(
                "A control character of the server goes to the terminal as it came: a refusal is the server's words, \
                 too.",
            ),
        ],
        shows: || {
            let refused = visits(&[], "", |peer| {
                peer.head();
                peer.send(b"HTTP/1.1 403 Forbidden\r\n\r\n");
            });
            let hostile = visits(&[], "", |peer| {
                peer.head();
                peer.send("HTTP/1.1 302 Found\r\nLocation: \u{9b}2J\r\n\r\n".as_bytes());
            });
            let protocols = visits(&["--subprotocol", "chat", "--origin", "https://example.org"], "", |peer| {
                let head = peer.head();
                let has = |line| if head.contains(line) { "chat" } else { "nothing" };
                let chosen = has("Origin: https://example.org\r\nSec-WebSocket-Protocol: chat\r\n");
                let chosen = format!("Sec-WebSocket-Protocol: super{chosen}\r\n");
                peer.send(&right_answer(&head, &chosen));
            });
            [refused, hostile, protocols, nobody_listens()].join("\n")
        },
    }
}

/// What the program says if nothing listens there. The system's words are left out.
fn nobody_listens() -> String {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = address.expect("loopback has a free port").to_string();
    let printed = program!().runs(&[&[&format!("ws://{address}/")]]);
    let (port, words) = (format!("no connection to {address}: "), "(why)\n(exit code");
    let printed = match (printed.find(&port), printed.find("\n(exit code")) {
        (Some(start), Some(end)) => {
            let start = start + port.len();
            format!(
                "{}{words}{}",
                &printed[..start],
                &printed[end + "\n(exit code".len()..]
            )
        }
        _ => printed,
    };
    printed.replace(&address, "127.0.0.1:9012")
}
