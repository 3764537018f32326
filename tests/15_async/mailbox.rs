//! An outbox that a task waits for.

use std::sync::Arc;
use std::task::Poll;

use async_chat::Mailbox;
use chat::Outbox;
use support::check;
use support::sign::{missing, yours};
use tokio::sync::Notify;
use tokio::time::{Duration, timeout};

use super::shared::step_10::{ROOM_ENOUGH, piece};
use super::shared::{in_virtual_time, poll_once, settle};

fn mailbox() -> Mailbox {
    Mailbox::new(Outbox::new(ROOM_ENOUGH))
}

/// What a take brings, if it comes.
async fn takes(mailbox: &Mailbox) -> String {
    match timeout(Duration::from_secs(1), mailbox.take()).await {
        Ok(Some(bytes)) => format!("{:?}", String::from_utf8_lossy(&bytes)),
        Ok(None) => "the end".to_string(),
        Err(_) => "(it waits for ever)".to_string(),
    }
}

/// Whether a mailbox has a `Notify` with a permit. Only in what a `Notify` prints of itself can that be seen for sure.
fn has_permit(mailbox: &Mailbox) -> bool {
    let notify = Notify::new();
    notify.notify_one();
    format!("{mailbox:?}").contains(&format!("{notify:?}"))
}

/// Pushes while a task waits.
async fn pushed_while_it_waits(mailbox: Mailbox, push: impl Fn(&Mailbox)) -> String {
    let mailbox = Arc::new(mailbox);
    let waiting = {
        let mailbox = Arc::clone(&mailbox);
        tokio::spawn(async move { takes(&mailbox).await })
    };
    settle().await;
    push(&mailbox);
    waiting.await.expect("it doesn't panic")
}

#[test]
fn a_piece_wakes_the_task() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A task that waits is woken by a piece, and by the end. A piece that came before the wait isn't waited \
               for. A wake for pieces that have been taken already leads to nothing.",
        signs: [
            missing(["while it waits: \"one\""]).says(
                "Nothing wakes the task. The outbox calls the function that it was made with; that one must notify \
                 the same `Notify` that `take` waits for.",
            ),
            missing(["for the next wait: true"]).says(
                "`notify_waiters` wakes whoever waits already. A piece that comes after the look and before the wait \
                 would wake nobody, once in a million times. `notify_one` keeps a permit for the next wait.",
            ),
            yours(["many pieces"]).says(
                "There was one wake for many pieces, and one take doesn't bring them all: look into the outbox first, \
                 and wait only if it is empty.",
            ),
            yours(["taken already"]).says(
                "A wake was taken for a piece. It only says that something may have changed: look again, in a loop.",
            ),
        ],
        shows: || in_virtual_time(async {
            let push = |text: &'static str| move |it: &Mailbox| _ = it.outbox().push(piece(text));
            let taken = pushed_while_it_waits(mailbox(), push("one")).await;
            let mut shown = format!("a piece while it waits: {taken}\n");
            let ends = |it: &Mailbox| it.outbox().finish(piece(""));
            shown += &format!("the end while it waits: {}\n", pushed_while_it_waits(mailbox(), ends).await);

            let it = mailbox();
            push("one")(&it);
            shown += &format!("a piece before it waits: {}\n", takes(&it).await);

            let it = mailbox();
            for _ in 0..200 {
                push("1000 bytes")(&it);
                _ = it.outbox().push(vec![b'x'; 990].into());
            }
            let mut length = 0;
            while let Ok(Some(bytes)) = timeout(Duration::from_secs(1), it.take()).await {
                length += bytes.len();
            }
            shown += &format!("many pieces before it waits: {length} of 200000 bytes\n");

            let it = mailbox();
            push("one")(&it);
            shown += &format!("its wake is kept for the next wait: {}\n", has_permit(&it));

            let it = mailbox();
            push("one")(&it);
            let first = takes(&it).await;
            let second = takes(&it).await;
            shown + &format!("a wake for what was taken already: {first}, then {second}\n")
        }),
    }
}

#[test]
fn a_take_that_is_dropped_has_taken_nothing() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`select!` drops a take when something else comes first. All pieces are still in the outbox then.",
        signs: [
            yours(["one piece: Pending"]).says(
                "The pieces were taken out, and then the function waited again. Whoever drops it there loses them. \
                 Nothing may wait between the take and the return.",
            ),
        ],
        shows: || in_virtual_time(async {
            let it = mailbox();
            let is_ready = |poll: Poll<Option<Vec<u8>>>| match poll {
                Poll::Ready(Some(bytes)) => format!("{:?}", String::from_utf8_lossy(&bytes)),
                Poll::Ready(None) => "the end".to_string(),
                Poll::Pending => "Pending".to_string(),
            };
            let mut shown = format!("polled and dropped, with nothing in it: {}\n", is_ready(poll_once(it.take())));
            _ = it.outbox().push(piece("one"));
            shown += &format!("polled and dropped, with one piece: {}\n", is_ready(poll_once(it.take())));
            for text in ["two", "three"] {
                _ = it.outbox().push(piece(text));
            }
            // The timer is first.
            tokio::select! {
                biased;
                () = std::future::ready(()) => {}
                _ = it.take() => {}
            }
            shown + &format!("after something else came first: {}\n", takes(&it).await)
        }),
    }
}
