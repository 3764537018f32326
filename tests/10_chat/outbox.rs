//! An outbox, which several threads use.

use std::sync::{Arc, mpsc};
use std::thread;

use chat::Outbox;
use chat::outbox::Full;
use support::check;
use support::frame::PONG;
use support::machine::stretched;
use support::sign::{never_finished, yours};

use super::shared::{DEADLINE, ROOM_ENOUGH, SHORT, piece};

/// What the next `take` gives. The outbox must have something to take, or be finished.
fn taken(outbox: &Outbox) -> String {
    match outbox.take() {
        Some(bytes) => format!("{:?}", String::from_utf8_lossy(&bytes)),
        None => "nothing more".to_string(),
    }
}

#[test]
fn waiting_pieces_are_written_together_and_in_order() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "One `take` takes the pieces that wait, in order and each of them whole, until it has enough for one \
               write.",
        signs: [
            yours(["→ \"one \""]).says(
                "`take` gives one piece at a time: a system call for each frame.",
            ),
            yours(["→ \"one two \""]).says(
                "Only one more piece is taken. Take pieces *while* there are some: an `if` is not enough.",
            ),
            yours(["→ \"three"]).says(
                "The newest piece comes first.",
            ),
            yours(["200000 bytes"]).says(
                "All that waits is taken for one write, however much it is. `AT_ONCE` bytes are enough.",
            ),
            yours(["20000 bytes"]).says(
                "A piece is left for the next write because it goes beyond `AT_ONCE`. Ask before each piece \
                 whether there is enough already, not whether it fits.",
            ),
            yours(["65546 bytes, 1 bytes"]).says(
                "With exactly `AT_ONCE` bytes there is enough: `<`, not `<=`.",
            ),
        ],
        shows: || {
            let outbox = Outbox::new(ROOM_ENOUGH);
            let mut shown = String::new();
            for pieces in [&["one ", "two ", "three"][..], &["four"]] {
                for it in pieces {
                    assert_eq!(outbox.push(piece(it)), Ok(()), "there is room for {it:?}");
                }
                shown += &format!("{pieces:?} → {}\n", taken(&outbox));
            }
            let length = 10_000;
            for digit in 0..20 {
                _ = outbox.push(vec![digit; length].into());
            }
            shown += "\n20 pieces of 10,000 bytes, about 65,536 at once\n";
            let mut next = 0;
            while next < 20 {
                let bytes = outbox.take().unwrap_or_default();
                let whole = bytes.chunks(length).zip(next..);
                let right = whole.filter(|(piece, digit)| **piece == vec![*digit; length]).count();
                shown += &format!("{} bytes, {right} pieces, whole and in order\n", bytes.len());
                if bytes.is_empty() {
                    break;
                }
                next += right.max(1) as u8;
            }
            let push = |length: usize| outbox.push(vec![0; length].into());
            let take = || outbox.take().unwrap_or_default().len();
            _ = (push(65_536), push(10));
            let first = take();
            // There must be something to take, even if the first `take` took everything.
            _ = push(1);
            shown + &format!("\n65,536 bytes, and 10 more; then 1\n{first} bytes, {} bytes\n", take())
        },
    }
}

#[test]
fn an_outbox_has_a_limit() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "The memory of what waits has a limit; each piece takes its length and 64 bytes more. A piece goes in \
               whole or not at all.",
        signs: [
            yours(["may wait: 1000"]).says(
                "Nothing is refused. A client that doesn't read fills the server's memory.",
            ),
            yours(["push  400 bytes  ✗"]).says(
                "What was taken still counts. The queue's `pop` subtracts a piece's bytes; taking from `pieces` \
                 doesn't.",
            ),
            yours(["push  408 bytes  ✓"]).says(
                "`push` asks whether the outbox is already full. Ask whether this piece still fits.",
            ),
            yours(["push  937 bytes  ✓"]).says(
                "The piece was counted with its length alone. Keeping it takes 64 bytes more: `memory` counts \
                 both.",
            ),
            yours(["push  936 bytes  ✗"]).and(yours(["push    1 bytes  ✓"])).says(
                "A piece that fits exactly was refused. What waits may reach the limit.",
            ),
            yours(["push  936 bytes  ✗"]).says(
                "A piece that was refused is in the queue all the same.",
            ),
            never_finished().says(
                "`push` waits until there is space. The thread that calls it holds the room's lock, so everyone waits \
                 for one client.",
            ),
        ],
        shows: || {
            let outbox = Outbox::new(1000);
            let push = |length: usize| {
                let verdict = match outbox.push(vec![b'x'; length].into()) {
                    Ok(()) => "✓",
                    Err(Full) => "✗ full",
                };
                format!("push {length:>4} bytes  {verdict}\n")
            };
            let take = || format!("take {:>4} bytes\n", outbox.take().map_or(0, |bytes| bytes.len()));
            let mut shown = [push(937), push(936), push(0), push(1), take()].concat();
            let again = [push(400), push(409), push(408), push(0)].concat();
            shown += &again;
            // If nothing went in, `take` would wait.
            if !again.contains(" 409 bytes  ✓") {
                return shown;
            }
            shown += &take();
            // Much more than the limit goes through, one piece after the other.
            let goes_through = |_: &usize| outbox.push(vec![0; 900].into()).is_ok() && outbox.take().is_some();
            let through = (0..1000).take_while(goes_through).count();
            shown += &format!("900 bytes, one piece after the other: {through} times\n");
            let mut pongs = 0;
            while outbox.push(vec![PONG, 0].into()).is_ok() && pongs < 1000 {
                pongs += 1;
            }
            shown += &format!("pieces of 2 bytes that may wait: {pongs}\n");
            // Room for two pieces, exactly. One take leaves the second.
            let outbox = Outbox::new(65_600 + 74);
            let push = |length: usize| outbox.push(vec![b'x'; length].into());
            let full = [push(65_536), push(10), push(1)];
            let taken = outbox.take().map_or(0, |bytes| bytes.len());
            let again = [push(65_536), push(1)];
            shown + &format!("{full:?}\ntake {taken} bytes, and again\n{again:?}\n")
        },
    }
}

/// Something that is done to an outbox.
type Action = fn(&Outbox);

const ENDINGS: [(&str, Action); 5] = [
    ("finish", |outbox| outbox.finish(piece("last."))),
    ("finish_at_once", |outbox| {
        outbox.finish_at_once(piece("last."));
    }),
    ("finish with nothing", |outbox| outbox.finish(piece(""))),
    ("finish twice", |outbox| {
        outbox.finish(piece("last."));
        outbox.finish(piece("another"));
    }),
    ("finish, and then finish_at_once", |outbox| {
        outbox.finish(piece("last."));
        outbox.finish_at_once(piece("another"));
    }),
];

#[test]
fn nothing_goes_in_after_the_last_piece() {
    check! {
        rfc: "RFC 6455 §5.5.1",
        rule: "Nothing is sent after a Close frame, not even a second one. `finish` puts it after what waits; \
               `finish_at_once` throws away what waits.",
        signs: [
            yours(["last.late"]).says(
                "`push` doesn't ask whether the last piece is in. A message then follows the Close frame.",
            ),
            yours(["later pushes: Err"]).says(
                "A piece that comes after the last one is an error. It should be dropped without an error: the client \
                 isn't too slow.",
            ),
            yours(["taken: nothing more"]).says(
                "`take` ends as soon as the last piece is in. That piece, and what waits ahead of it, must still be \
                 taken.",
            ),
            never_finished().says(
                "`take` waits for a piece although the last one has been taken. Wait only while `idle` is true.",
            ),
        ],
        shows: || {
            let mut shown = String::new();
            for (title, end) in ENDINGS {
                let outbox = Outbox::new(200);
                _ = outbox.push(piece("waits "));
                let before = outbox.is_finished();
                end(&outbox);
                let after = outbox.is_finished();
                let late = outbox.push(piece("late"));
                let much = outbox.push(vec![0; 1000].into());
                shown += &format!("{title}\n  finished: {before}, then {after}; later pushes: {late:?}, {much:?}\n");
                let taken = [(); 3].map(|()| taken(&outbox)).join(", ");
                shown += &format!("  taken: {taken}\n");
            }
            shown
        },
    }
}

const WAKERS: [(&str, Action); 4] = [
    ("push", |outbox| _ = outbox.push(piece("hi"))),
    ("finish", |outbox| outbox.finish(piece("bye"))),
    ("finish with nothing", |outbox| outbox.finish(piece(""))),
    ("finish_at_once", |outbox| {
        outbox.finish_at_once(piece("bye"));
    }),
];

#[test]
fn a_writer_waits_and_is_woken() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`take` waits until there is something to take. `push`, `finish` and `finish_at_once` wake it.",
        signs: [
            yours(["push: before it waits, after it still waits"]).says(
                "`push` wakes no one. The writer sleeps until something else wakes it.",
            ),
            yours(["push: before nothing more"]).says(
                "`take` doesn't wait: an empty queue was taken for the end.",
            ),
        ],
        shows: || {
            let mut shown = String::new();
            for (title, wake) in WAKERS {
                let outbox = Arc::new(Outbox::new(1000));
                let (say, said) = mpsc::channel();
                let writer = {
                    let outbox = Arc::clone(&outbox);
                    thread::spawn(move || say.send(taken(&outbox)))
                };
                let before = said.recv_timeout(SHORT).unwrap_or("it waits".to_string());
                wake(&outbox);
                let after = said.recv_timeout(stretched(DEADLINE)).unwrap_or("it still waits".to_string());
                shown += &format!("{title}: before {before}, after {after}\n");
                // A writer that waits forever ends with the process.
                drop(writer);
            }
            shown
        },
    }
}
