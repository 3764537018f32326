//! One client on a real socket: the room hears what it sends.

use support::check;
use support::frame::{BINARY, PING, PONG, masked};
use support::sign::yours;

use super::rig::Rig;
use super::shared::{SHORT, text};

#[test]
fn the_room_hears_all_that_a_client_sends() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "The room hears what came with the handshake, and every message, text or binary, in whatever pieces it \
               comes and whatever comes with it.",
        signs: [
            yours(["Close 1008"]).says(
                "The answer is in a Close frame, which ends the connection. A rejection is a sentence in an ordinary \
                 text message.",
            ),
            yours(["Close 1002"]).says(
                "More was taken than the read has brought: the client sent only `&buffer[..count]`.",
            ),
            yours(["binary", "you: one?"]).says(
                "Some events of a read wait for the next read. Poll until there are none, whatever the events are.",
            ),
            yours(["with the handshake", "(no frame"]).says(
                "What was read along with the handshake is lost. Take `first` before you read from the socket.",
            ),
            yours(["a binary message", "(no frame"]).says(
                "Only text is given to the room. A client that sends binary never learns why nothing happens.",
            ),
            yours(["after a silence", "false"]).says(
                "A read that timed out was taken for the end of TCP. Its timeout is the tick of the clock.",
            ),
            yours(["go on forever"]).says(
                "A read of 0 bytes was taken for silence. It is the end of TCP.",
            ),
        ],
        shows: || {
            let mut rig = Rig::patient(&text("one?"));
            let mut shown = format!("with the handshake    {}\n", rig.peer.hears());
            let sent = [
                ("a binary message", masked(BINARY, b"\0")),
                ("a ping", masked(PING, b"p")),
                ("a pong and a message", [masked(PONG, b""), text("two?")].concat()),
            ];
            for (title, bytes) in sent {
                rig.peer.send(&bytes);
                shown += &format!("{title:<21} {}\n", rig.peer.hears());
            }
            text("three?").iter().for_each(|byte| rig.peer.send(&[*byte]));
            shown += &format!("byte by byte          {}\n", rig.peer.hears());
            // Long enough for a few reads to time out.
            let goes_on = rig.goes_on(SHORT);
            shown += &format!("after a silence       its threads go on: {goes_on}\n\n");
            shown + &rig.ends()
        },
    }
}
