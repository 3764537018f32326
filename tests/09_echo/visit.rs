//! A whole visit on a real socket, with the 101 that tiny_http writes.

use echo::Settings;
use support::check;
use support::frame::{BINARY, CLOSE, PING, TEXT, masked};
use support::wire::{Transcript, without_date};

use super::shared::{Peer, handshake, serve};

#[test]
fn an_echo_on_a_real_socket() {
    check! {
        rfc: "RFC 6455 §1.2",
        rule: "Handshake, messages, closing handshake, and then the server closes TCP.",
        signs: [],
        shows: a_whole_visit,
    }
}

fn a_whole_visit() -> String {
    let server = serve(Settings::default());
    let mut transcript = Transcript::new();
    let mut peer = Peer::connect(server.address());
    peer.says(&handshake(""), &mut transcript);
    transcript.server(&without_date(&peer.head()));
    for frame in [
        masked(TEXT, b"Hello"),
        masked(BINARY, b"\x00\xff"),
        masked(PING, b"?"),
    ] {
        peer.says(&frame, &mut transcript);
        peer.hears(&mut transcript);
    }
    peer.says(&masked(CLOSE, b"\x03\xe8bye"), &mut transcript);
    peer.hears(&mut transcript);
    peer.hears(&mut transcript);
    transcript.to_string()
}
