//! What is the fast server's own: the first line of its answers, and how a check makes it close a connection.

use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use echo::{Patience, Settings};
use support::frame::{CLOSE, masked};
use support::http::exchange;

use super::shared::{Peer, serve, ticking};

/// The first line of a response, with the reason phrase of step 09: step 17 writes none, as step 10 does (RFC 9112 §4).
pub fn first_line(head: &[u8]) -> String {
    let head = String::from_utf8_lossy(head);
    let line = head.lines().next().unwrap_or("nothing");
    let phrase = match line {
        "HTTP/1.1 408 " => "Request Timeout",
        "HTTP/1.1 426 " => "Upgrade Required",
        "HTTP/1.1 431 " => "Request Header Fields Too Large",
        _ => "",
    };
    format!("{line}{phrase}")
}

/// A client whose server closes with so much patience, and a channel that tells when it has closed: then there is room
/// for another client.
pub fn leaving(patience: Duration) -> (TcpStream, mpsc::Receiver<()>) {
    let patience = Patience {
        close_within: patience,
        ..Patience::default()
    };
    let server = serve(Settings {
        max_connections: 1,
        ..ticking(patience)
    });
    let mut peer = Peer::open(server.address());
    peer.send(&masked(CLOSE, b""));
    peer.frame();
    let (has_closed, closed) = mpsc::channel();
    thread::spawn(move || {
        while exchange(server.address(), "GET", "/", None).status == 503 {
            thread::sleep(Duration::from_millis(2));
        }
        has_closed.send(())
    });
    (peer.stream, closed)
}
