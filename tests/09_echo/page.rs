//! The page, and the drawings that it asks for.

use echo::Settings;
use echo::tap::Tap;
use support::check;
use support::frame::{BINARY, PING, TEXT, masked};
use support::http::exchange;
use support::sign::panics;
use support::wire::{hex, show};

use super::shared::{Peer, handshake, serve};

#[test]
fn each_frame_is_drawn_for_the_page() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "Under the subprotocol `bits` each frame is followed by a drawing, in a binary message.",
        signs: [
            panics("no more bytes within").says(
                "One frame was drawn, not two: `receive` doesn't tell the tap what came.",
            ),
        ],
        shows: frames_and_drawings,
    }
}

fn frames_and_drawings() -> String {
    let server = serve(Settings::default());
    let mut peer = Peer::connect(server.address());
    peer.send(&handshake("Sec-WebSocket-Protocol: bits\r\n"));
    let head = peer.head();
    peer.send(&masked(TEXT, b"Hi"));
    let head = String::from_utf8_lossy(&head).into_owned();
    let subprotocol = head
        .lines()
        .find(|line| line.starts_with("Sec-WebSocket-Protocol"));
    let mut shown = format!(
        "{}\n\n{}\n",
        subprotocol.unwrap_or("(none)"),
        show(&peer.frame())
    );
    for _ in 0..2 {
        let frame = peer.frame();
        shown += &format!(
            "{}:\n{}\n",
            hex(&frame[..4]),
            String::from_utf8_lossy(&frame[4..])
        );
    }
    shown
}

#[test]
fn a_frame_too_long_to_draw_is_skipped() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A frame is drawn when it is whole, if it has at most 4096 bytes. Frames after a longer one are drawn \
               again; bytes that aren't a frame end the drawing.",
        signs: [],
        shows: drawings_of_long_frames,
    }
}

fn drawings_of_long_frames() -> String {
    // The header of these frames has 8 bytes.
    let frame = |length: usize| masked(BINARY, &vec![b'*'; length - 8]);
    let stream = [
        frame(4096),
        frame(4097),
        masked(TEXT, b"one"),
        frame(9000),
        masked(PING, b""),
        vec![0xff; 3],
        masked(TEXT, b"lost"),
    ];
    let stream = stream.concat();
    let mut shown = String::new();
    for size in [stream.len(), 1000, 7] {
        let mut tap = Tap::new(frame_header::ReservedBits::NONE);
        shown += &format!("{} bytes in pieces of {size}\n", stream.len());
        for (index, piece) in stream.chunks(size).enumerate() {
            tap.received(piece);
            for drawing in tap.drawings() {
                let last = drawing.lines().last().unwrap_or_default();
                shown += &format!("  with piece {:>4}: {last}\n", index + 1);
            }
        }
    }
    shown
}

#[test]
fn the_page_opens_a_websocket() {
    check! {
        rfc: "WHATWG WebSockets §3.1",
        rule: "The page asks the host that it came from for /socket, and for drawings.",
        signs: [],
        shows: lines_of_the_page,
    }
}

fn lines_of_the_page() -> String {
    let server = serve(Settings::default());
    let page = exchange(server.address(), "GET", "/", None);
    let text = page.text();
    let lines = text
        .lines()
        .filter(|line| line.contains("/socket") || line.contains("new WebSocket"));
    let lines: Vec<&str> = lines.map(str::trim).collect();
    lines.join("\n")
}
