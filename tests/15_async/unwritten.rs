//! What is left to write, while other things come first.

use std::task::Poll;

use async_chat::Unwritten;
use support::check;
use support::sign::{missing, yours};

use super::shared::{Trickle, poll_once};

/// Writes some bytes and the end. Whenever the writer isn't ready, the write is dropped, as `select!` does.
fn writes(title: &str, at_a_time: usize, in_all: usize) -> String {
    let mut unwritten = Unwritten::default();
    let mut writer = Trickle::new(at_a_time, in_all);
    let mut error = None;
    let pieces = [
        Some(b"one two three".to_vec()),
        Some(b" four".to_vec()),
        None,
    ];
    'pieces: for piece in pieces {
        unwritten.put(piece);
        for _ in 0..20 {
            match poll_once(unwritten.write_some(&mut writer)) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(why)) => {
                    error = Some(why.kind());
                    break 'pieces;
                }
                Poll::Pending => {}
            }
            if !unwritten.is_some() {
                break;
            }
        }
        if unwritten.is_some() {
            break;
        }
    }
    let text = String::from_utf8_lossy(&writer.taken);
    let error = error.map_or("none".to_string(), |kind| format!("{kind:?}"));
    format!(
        "{title}\n  written: {text:?}; error: {error}\n  left: {unwritten:?}; TCP ended: {}\n",
        writer.ended
    )
}

#[test]
fn a_write_that_is_dropped_is_continued() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Here, every other poll of a write is dropped, because something else has come first. Each byte is \
               written once, then the end.",
        signs: [
            yours(["one two three\"", "WriteZero"]).says(
                "After the last byte there is nothing left, and it must say so. Otherwise no bytes are written, again \
                 and again.",
            ),
            yours(["one twoone two"]).says(
                "The bytes began again from the first one. `write_all` knows how far it was, and forgets it when it is \
                 dropped: call `write`, and keep the count in `self`.",
            ),
            yours(["left: Bytes", "written: 7"]).says(
                "`write` may take fewer bytes than it gets. The rest is written by the next call, so it must still be \
                 there.",
            ),
            yours(["written: \"one two four\""]).says(
                "`write` may take fewer bytes than it gets, here seven. The rest of them is lost.",
            ),
            yours(["TCP ended: false"]).and(missing(["TCP ended: true"])).says(
                "The end is never told: `shutdown` of a stream sends a FIN, and then the client knows.",
            ),
            missing(["WriteZero"]).says(
                "A stream that takes no bytes, although it gets some, will never take any. Without an error, the task \
                 would try for ever.",
            ),
        ],
        shows: || {
            writes("7 bytes at a time", 7, usize::MAX)
                + &writes("all at once", 100, usize::MAX)
                + &writes("it fails after 10 bytes", 7, 10)
                + &writes("it takes nothing", 0, usize::MAX)
        },
    }
}
