//! One client on a real socket, when it has gone, or doesn't read.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chat::client::{ClientId, Room};
use chat::outbox::Piece;
use echo::Patience;
use support::check;
use support::frame::{BINARY, PING, TEXT, masked, unmasked};
use support::machine::stretched;
use support::sign::yours;

use super::rig::Rig;
use super::shared::{DEADLINE, PATIENT, ROOM_ENOUGH, SHORT, comes_true, lock, text};

#[test]
fn a_client_that_has_gone_leaves_at_once() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A client whose TCP has failed leaves at once. The room no longer hears what it sent before.",
        signs: [
            yours(["it says message"]).says(
                "The room hears all that a client had sent before it went. In a busy room, a crowd that has left \
                 keeps the others waiting.",
            ),
        ],
        shows: || {
            let messages = (1..=50).map(|number| text(&format!("message {number}")));
            let messages = Vec::from_iter(messages).concat();
            let rig = Rig::patient(&[text("wait"), messages].concat());
            let waits = rig.room.comes("it says wait");
            let mut shown = format!("it says 51 things, and waits for the first to be heard: {waits}\n");
            // Unread data makes the system reset the connection.
            let frame: Piece = unmasked(TEXT, b"unread").into();
            _ = rig.room.outbox.push(Arc::clone(&frame));
            let Rig { peer, room, running } = rig;
            _ = peer.stream.get_ref().peek(&mut [0]);
            drop(peer);
            let has_left = comes_true(stretched(Duration::from_secs(1)), || {
                _ = room.outbox.push(Arc::clone(&frame));
                lock(&room.notes).iter().any(|note| note == "it leaves")
            });
            shown += &format!("TCP is reset; it has left while it still waits: {has_left}\n");
            room.free.store(true, Ordering::Relaxed);
            comes_true(stretched(DEADLINE), || running.is_finished());
            let notes = lock(&room.notes);
            shown + &format!("the room's notes: {}\n", notes.join(", "))
        },
    }
}

#[test]
fn a_client_that_pings_and_does_not_read_is_too_slow() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "Pongs wait in the outbox like everything else, up to its limit.",
        signs: [
            yours(["(no frame"]).says(
                "There is no space for a pong, and the room doesn't learn it: `too_slow`. So the client is never cut \
                 off.",
            ),
        ],
        shows: || {
            let pings = masked(PING, &[b'p'; 125]).repeat(20);
            let mut rig = Rig::new(&pings, 1000, PATIENT);
            let heard = rig.peer.hears_all();
            format!("20 pings of 125 bytes at once, 1000 may wait\n{heard}\n{}", rig.ends())
        },
    }
}

#[test]
fn a_stuck_writer_holds_up_no_other_thread() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "The room still hears a client that doesn't read, and no thread ever waits to send it something. Once \
               the client is cut off, it has little time: then TCP ends, and both its threads.",
        signs: [
            yours(["each push takes as long as a write"]).says("`push` waits for the writer."),
            yours(["it is heard: false"]).says(
                "The reader waits for the writer. Put what the connection sends into the outbox, and read on.",
            ),
        ],
        shows: || {
            let hasty = Patience { close_within: SHORT, ..PATIENT };
            let mut rig = Rig::new(b"", ROOM_ENOUGH, hasty);
            // More than the system keeps for one connection.
            let frame: Piece = unmasked(BINARY, &[7; 60_000]).into();
            let begin = Instant::now();
            for _ in 0..1000 {
                _ = rig.room.outbox.push(Arc::clone(&frame));
            }
            let was_quick = begin.elapsed() < stretched(Duration::from_secs(1));
            let pushed = if was_quick { "60 MB are pushed at once" } else { "each push takes as long as a write" };
            rig.peer.send(&[text("I don't read"), masked(PING, b"?")].concat());
            let is_heard = rig.room.comes("it says I don't read");
            let mut shown = format!("{pushed}\nit is heard: {is_heard}\n");
            rig.room.too_slow(ClientId::FIRST);
            let is_cut_off = rig.is_cut_off(|_| ());
            shown += &format!("its threads end, although it has not read a byte: {is_cut_off}\n");
            shown + &rig.ends()
        },
    }
}
