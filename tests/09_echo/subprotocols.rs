//! The query of a target, and the subprotocol of the page's drawings.

use echo::Settings;
use support::check;
use support::frame::{TEXT, masked};
use support::sign::{missing, under, yours};
use support::wire::hex;

use super::shared::{Peer, handshake, serve};

#[test]
fn a_query_and_an_offer_of_subprotocols_change_no_echo() {
    check! {
        rfc: "RFC 6455 §4.2.2",
        rule: "A query doesn't change the path. The 101 names a subprotocol that was offered and is known here, or \
               none.",
        signs: [
            under("/socket?", yours(["404"])).says(
                "The given src/http.rs was changed: the query was taken for a part of the path.",
            ),
            under("mqtt is offered", yours(["Protocol"])).says(
                "The given src/http.rs was changed: the 101 names a subprotocol that isn't known here.",
            ),
            under("mqtt and bits", missing(["Protocol"])).says(
                "The given src/http.rs was changed: the 101 doesn't name the subprotocol `bits`.",
            ),
        ],
        shows: queries_and_offers,
    }
}

fn queries_and_offers() -> String {
    let server = serve(Settings::default());
    let at = |target: &str| {
        let text = String::from_utf8(handshake("")).expect("it is ASCII");
        text.replace("/socket", target).into_bytes()
    };
    let offer = |names: &str| handshake(&format!("Sec-WebSocket-Protocol: {names}\r\n"));
    [
        ("/socket?x=1", at("/socket?x=1")),
        ("/socket?", at("/socket?")),
        ("mqtt is offered", offer("mqtt")),
        ("mqtt and bits are", offer("mqtt, bits")),
    ]
    .map(|(title, request)| {
        let mut peer = Peer::connect(server.address());
        peer.send(&request);
        let head = String::from_utf8_lossy(&peer.head()).into_owned();
        let lines = head
            .lines()
            .filter(|line| line.starts_with("HTTP") || line.contains("Protocol:"));
        let lines: Vec<&str> = lines.collect();
        let mut shown = format!("{title}\n  {}\n", lines.join("\n  "));
        if head.starts_with("HTTP/1.1 101 ") {
            peer.send(&masked(TEXT, b"Hello"));
            shown += &format!("  {}\n", hex(&peer.frame()));
        }
        shown
    })
    .concat()
}
