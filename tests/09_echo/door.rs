//! Requests that tiny_http can't handle.

use echo::Settings;
use support::check;
use support::sign::only;

use super::server::first_line;
use super::shared::{Peer, handshake, serve};

#[test]
fn some_heads_are_refused_at_the_door() {
    check! {
        rfc: "RFC 6455 §8.1",
        rule: "A target that isn't ASCII is refused, and so is a request with a body. A field's value may have any \
               bytes, if nothing reads it.",
        signs: [
            only(["a body of"]).says(
                "The given src/door.rs was changed. tiny_http makes room for as long a body as a client says it has.",
            ),
        ],
        shows: heads_at_the_door,
    }
}

fn heads_at_the_door() -> String {
    let server = serve(Settings::default());
    let cannot_be_sorted = "x;q=2,x;q=nan,x;q=1,".repeat(7);
    let heads: [(&str, Vec<u8>); 9] = [
        (
            "a target that isn't UTF-8",
            b"GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(),
        ),
        (
            "a target in UTF-8",
            "GET /\u{e9} HTTP/1.1\r\nHost: h\r\n\r\n".into(),
        ),
        (
            "a field that isn't UTF-8",
            b"GET / HTTP/1.1\r\na: \xff\r\n\r\n".to_vec(),
        ),
        (
            "the cookie name=Zo\u{eb}",
            handshake("Cookie: name=Zo\u{eb}\r\n"),
        ),
        (
            "a key in other letters",
            handshake("Sec-WebSocket-Key: Zo\u{eb}\r\n"),
        ),
        (
            "a TE that can't be sorted",
            format!("GET / HTTP/1.1\r\nTE: {cannot_be_sorted}\r\n\r\n").into(),
        ),
        (
            "a body of a terabyte",
            handshake("Content-Length: 1000000000000\r\n"),
        ),
        (
            "a body of unknown length",
            handshake("Transfer-Encoding: chunked\r\n"),
        ),
        ("no HTTP", b"Hello?\r\n\r\n".to_vec()),
    ];
    let mut shown = String::new();
    for (what, head) in heads {
        let mut peer = Peer::connect(server.address());
        peer.send(&head);
        let answer = if what.starts_with("the cookie") {
            // Frames follow a 101, so TCP doesn't end.
            first_line(&peer.head())
        } else {
            peer.refusal()
        };
        shown += &format!("{what:<26}{answer}\n");
    }
    shown
}
