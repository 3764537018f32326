//! Pages and WebSockets on one port.

use echo::Settings;
use support::check;
use support::frame::{CLOSE, TEXT, masked};
use support::http::{Client, exchange};
use support::sign::only;
use support::wire::hex;

use super::shared::{Peer, handshake, serve};

#[test]
fn a_frame_may_come_with_the_handshake() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "A frame in the same segment as the handshake is not lost. The bytes may also come one at a time.",
        signs: [
            only(["in pieces of 176"]).says(
                "The given src/server.rs was changed: the bytes after the head were thrown away with their buffer.",
            ),
        ],
        shows: handshake_with_frames,
    }
}

fn handshake_with_frames() -> String {
    let server = serve(Settings::default());
    let bytes = [handshake(""), masked(TEXT, b"Hello"), masked(CLOSE, b"")].concat();
    let mut shown = String::new();
    for size in [bytes.len(), 1] {
        let mut peer = Peer::connect(server.address());
        bytes.chunks(size).for_each(|piece| peer.send(piece));
        peer.head();
        let frames = [peer.frame(), peer.frame(), peer.frame()].map(|frame| hex(&frame));
        shown += &format!("in pieces of {size}: {}\n", frames.join(" | "));
    }
    shown
}

#[test]
fn pages_and_websockets_on_one_port() {
    check! {
        rfc: "RFC 6455 §1.7",
        rule: "One port serves the page, the WebSocket, and requests for anything else.",
        signs: [],
        shows: answers_on_one_port,
    }
}

fn answers_on_one_port() -> String {
    let server = serve(Settings::default());
    let page = exchange(server.address(), "GET", "/", None);
    let type_of_page = page.header("Content-Type").unwrap_or("(none)");
    let mut shown = format!("GET /           {} {type_of_page}\n", page.status);
    for target in ["/nowhere", "/socket"] {
        let answer = exchange(server.address(), "GET", target, None);
        shown += &format!("GET {target:<12}{}\n", answer.status);
    }
    let status = |more: &str| {
        let mut client = Client::connect(server.address());
        client.send(&handshake(more));
        client.response().status
    };
    let foreign = "Origin: http://evil.example\r\n";
    shown += &format!("a handshake     {}\n", status(""));
    shown + &format!("a foreign page  {}\n", status(foreign))
}
