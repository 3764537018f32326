//! One client on a real socket: its reader goes on while its writer waits in the middle of a frame.

use std::collections::VecDeque;
use std::io::BufRead;
use std::sync::Arc;
use std::thread;

use support::check;
use support::frame::{BINARY, PING, PONG, masked, unmasked};
use support::sign::yours;

use super::rig::Rig;
use super::shared::text;

/// What the check says when the reader writes its pongs itself.
const MIXED: &str = "a pong went into the middle of a frame, or the reader waits to write it there";

#[test]
fn frames_of_two_senders_never_mix() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "Two clients send much at a time, with pongs in between: each frame comes whole.",
        signs: [
            yours(["middle of a frame"]).says(
                "The reader writes its pongs itself. While the writer waits in the middle of a frame, the pongs \
                 land in that frame, or the reader waits, too.",
            ),
        ],
        shows: || {
            let mut rig = Rig::patient(b"");
            // More than the system keeps: a write has to wait in the middle of a frame.
            let sizes = [8_000_000, 60_000];
            let frame = |letter: u8, size: usize| unmasked(BINARY, &vec![letter; size]);
            let senders = [b'a', b'b'].map(|letter| {
                let outbox = Arc::clone(&rig.room.outbox);
                thread::spawn(move || sizes.map(|size| outbox.push(frame(letter, size).into())))
            });
            for sender in senders {
                assert_eq!(sender.join().expect("it sends"), [Ok(()); 2], "there is room");
            }
            // As soon as a frame begins to come, the writer is in the middle of it.
            _ = rig.peer.stream.fill_buf();
            for number in 0..100 {
                rig.peer.send(&masked(PING, &[number]));
            }
            rig.peer.send(&text("that was a hundred"));
            // The peer reads nothing until the room has heard that: a reader that writes its pongs itself waits
            // here, or writes them into the frame.
            if !rig.room.comes("it says that was a hundred") {
                let has_left = rig.room.comes("it leaves");
                return if has_left { "its connection failed" } else { MIXED }.to_string();
            }
            let frames = |letter: u8| VecDeque::from(sizes.map(|size| frame(letter, size)));
            let mut expected = [frames(b'a'), frames(b'b')];
            let mut pongs = 0;
            while pongs < 100 || expected.iter().any(|frames| !frames.is_empty()) {
                let it = match rig.peer.frame() {
                    Ok(it) => it,
                    Err(end) => return format!("{end}, before everything had come"),
                };
                let sender = expected.iter_mut().find(|frames| frames.front() == Some(&it));
                match sender {
                    Some(frames) => _ = frames.pop_front(),
                    None if it == [PONG, 1, pongs] => pongs += 1,
                    None => return MIXED.to_string(),
                }
            }
            "each frame came whole, and each pong between two frames".to_string()
        },
    }
}
