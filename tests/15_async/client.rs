//! One client: what comes in and what goes out, whatever else happens at the same time.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use support::check;
use support::frame::{BINARY, PING, PONG, TEXT, masked, unmasked};
use support::sign::{missing, yours};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, split};
use tokio::time::{sleep, timeout};

use super::shared::step_10::text;
use super::shared::{Made, PATIENCE, Rig, Trickle, client_on, in_virtual_time, settle};

/// Sends bytes, and shows what comes back.
async fn asks(rig: &mut Rig, title: &str, bytes: &[u8]) -> String {
    rig.send(bytes).await;
    let heard = rig.hears().await;
    let heard = heard.split_once("s  ").map_or(&*heard, |(_, what)| what);
    format!("{title:<22} {heard}\n")
}

#[test]
fn a_frame_that_is_cut_survives() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "A frame comes in two parts, cut anywhere. In between, the room says something, and 35 s later the clock \
               goes off; the read is dropped each time. The message is heard once, and whole.",
        signs: [
            yours(["never waits", "meanwhile"]).says(
                "The alarm was left in the past, so the wait for it is over at once, again and again. After each \
                 answer of the deadlines, say when to ask them next.",
            ),
            yours(["never waits"]).says(
                "A branch of the `select!` is ready again and again, although nothing has happened. Write only if \
                 something is unwritten, and take only if nothing is.",
            ),
            yours([": Close 1002"]).says(
                "The connection got bytes that the client never sent: only the filled part of the buffer has come.",
            ),
            yours(["Close 1002"]).says(
                "The first part of the frame was lost when the read was dropped, so the second part was taken for a \
                 frame. `read_exact` and buffers of your own forget what they have when they are dropped: give the \
                 connection every byte as soon as it has come.",
            ),
            missing(["you: in two parts?"]).and(yours(["meanwhile |"])).says(
                "The first part of the frame was lost when the read was dropped. Give the connection every byte as \
                 soon as it has come.",
            ),
        ],
        shows: || {
            let frame = text("in two parts?");
            let mut lines = Vec::new();
            for cut in 1..frame.len() {
                lines.push(in_virtual_time(cut_frame(&frame, cut)));
                if lines.iter().any(|line| line.contains("never waits")) {
                    break;
                }
            }
            let places = lines.len();
            lines.dedup();
            lines.concat() + &format!("(cut at {places} places)\n")
        },
    }
}

/// Cuts a frame, and lets other things happen in between. Shows what is heard, except for a ping.
async fn cut_frame(frame: &[u8], cut: usize) -> String {
    let mut rig = Rig::new();
    rig.send(&frame[..cut]).await;
    let said = unmasked(TEXT, b"meanwhile");
    _ = rig.outbox.push(said.into());
    sleep(Duration::from_secs(35)).await;
    rig.send(&frame[cut..]).await;
    rig.end().await;
    let heard = rig.hears_all().await;
    let heard = heard
        .lines()
        .map(|line| line.split_once("s  ").map_or(line, |(_, what)| what));
    let heard = heard.filter(|what| !what.starts_with("Ping"));
    format!("heard: {}\n", heard.collect::<Vec<_>>().join(" | "))
}

#[test]
fn the_room_hears_all_that_a_client_sends() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "The room hears what came with the handshake, and every message, in whatever pieces it comes and \
               whatever comes with it. The client gets the room's answers.",
        signs: [
            yours(["with the handshake", "(nothing"]).and(missing(["(TCP ends)"])).says(
                "Nothing comes at all. Is the read's branch in the `select!`, and the write's?",
            ),
            yours(["a binary message", "(nothing"]).says(
                "The task went to sleep although bytes had come. A future in a `select!` must be polled until it says \
                 that it waits.",
            ),
            yours(["Close 1002"]).says(
                "The connection got bytes that the client never sent: only the filled part of the buffer has come.",
            ),
            yours(["something is unwritten"]).says(
                "Pieces were taken although earlier ones aren't written yet. Take only while `unwritten` is `Nothing`.",
            ),
            yours(["goes on for hours"]).says(
                "TCP has ended, and the task doesn't: a read of 0 bytes is the end, and after it nothing is read.",
            ),
        ],
        shows: || in_virtual_time(async {
            let mut rig = Rig::of(Made { first: text("zero?"), ..Made::default() });
            let mut shown = asks(&mut rig, "with the handshake", b"").await;
            shown += &asks(&mut rig, "a text message", &text("one?")).await;
            shown += &asks(&mut rig, "a binary message", &masked(BINARY, b"\0")).await;
            shown += &asks(&mut rig, "a ping", &masked(PING, b"p")).await;
            shown += &asks(&mut rig, "a pong and a message", &[masked(PONG, b""), text("two?")].concat()).await;
            let long = format!("{}?", "long ".repeat(10_000));
            shown += &asks(&mut rig, "50,001 bytes", &text(&long)).await;
            for byte in text("three?") {
                rig.send(&[byte]).await;
            }
            shown += &asks(&mut rig, "byte by byte", b"").await;
            rig.end().await;
            shown += "the page ends TCP\n";
            for line in rig.hears_all().await.lines() {
                shown += &format!("{:<22} {}\n", "", line.split_once("s  ").map_or(line, |(_, what)| what));
            }
            shown + &rig.ends().await
        }),
    }
}

#[test]
fn what_waits_goes_out_at_once() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The room puts a piece into the outbox of a client that waits, a hundred times: each is written at once. \
               And a page that never stops sending doesn't keep its own task from writing.",
        signs: [
            yours(["too late"]).says(
                "The read always comes first. `biased;` asks the branches from top to bottom, so the others have to \
                 wait until nothing more can be read.",
            ),
            yours(["something is unwritten"]).says(
                "Pieces were taken although earlier ones aren't written yet. Take only while `unwritten` is `Nothing`.",
            ),
            yours(["some are late"]).says(
                "A wake got lost, or went to another waiter. `notify_one` wakes one waiter: if `finished` waits beside \
                 `take`, it may get the wake of a piece, and then `take` never hears of it. Wait for `finished` only \
                 while something is unwritten.",
            ),
        ],
        shows: || in_virtual_time(async {
            let mut rig = Rig::new();
            settle().await;
            let mut all_at_once = true;
            for number in 0..100 {
                let frame = unmasked(TEXT, format!("{number}").as_bytes());
                _ = rig.outbox.push(frame.as_slice().into());
                let mut got = vec![0; frame.len()];
                let read = timeout(Duration::from_millis(100), rig.page.read_exact(&mut got)).await;
                all_at_once &= read.is_ok() && got == frame;
            }
            let when = if all_at_once { "all at once" } else { "some are late" };
            let shown = format!("a hundred pieces, one after the other: {when}\n");
            if rig.running.is_finished() {
                return shown + &rig.ends().await;
            }

            let messages = Arc::default();
            let torrent = Torrent { messages: Arc::clone(&messages), is_answered: false };
            let (client, _, outbox) = client_on(split(torrent), 1000, PATIENCE);
            _ = outbox.push(unmasked(TEXT, b"hello").into());
            client.run(b"").await;
            let in_time = messages.load(Ordering::Relaxed) < MANY_MESSAGES;
            let when = if in_time { "in between" } else { "too late" };
            shown + &format!("while the page sends {MANY_MESSAGES} messages without a pause: {when}\n")
        }),
    }
}

/// So many that nothing is written in between only if nothing may be.
const MANY_MESSAGES: usize = 10_000;

/// A page that sends messages without a pause, until it gets something.
struct Torrent {
    /// How many it has sent.
    messages: Arc<AtomicUsize>,
    is_answered: bool,
}

impl AsyncRead for Torrent {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_answered && self.messages.load(Ordering::Relaxed) < MANY_MESSAGES {
            self.messages.fetch_add(1, Ordering::Relaxed);
            buffer.put_slice(&text("on and on"));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Torrent {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.is_answered = true;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_client_that_waits_is_not_polled() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A task is polled when something has happened, and not to look whether something has. An idle client has \
               one alarm, its next deadline.",
        signs: [
            yours(["too often"]).says(
                "The task wakes up again and again, to see that nothing has happened. Sleep until the deadline itself; \
                 ten thousand ticks a second would keep a processor busy.",
            ),
        ],
        shows: || in_virtual_time(async {
            let (page, socket) = tokio::io::duplex(64);
            let (client, _, _) = client_on(split(socket), 1000, PATIENCE);
            let mut polls = 0;
            let mut running = pin!(client.run(b""));
            let counted = poll_fn(|context: &mut Context| {
                polls += 1;
                running.as_mut().poll(context)
            });
            tokio::select! {
                () = counted => {}
                () = sleep(Duration::from_secs(29)) => {}
            }
            drop(page);
            let polls = if polls <= 3 { "at most 3 times".to_string() } else { "too often".to_string() };
            format!("within 29 s of silence, the task is polled {polls}\n")
        }),
    }
}

#[test]
fn an_idle_client_takes_little_memory() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "What lives across an `.await` is in the task's memory, for as long as the task waits. Ten thousand idle \
               clients have no read buffers.",
        signs: [
            yours(["too much"]).says(
                "A buffer lives across an `.await`, so each idle client has one. Put it into the closure of `poll_fn`: \
                 it is on the stack then, and only while bytes are read.",
            ),
        ],
        shows: || in_virtual_time(async {
            let (_page, socket) = tokio::io::duplex(64);
            let (client, _, _) = client_on(split(socket), 1000, PATIENCE);
            let future = client.run(b"");
            let size = size_of_val(&future);
            if size <= 2048 {
                "the future has 2 kB at most\n".to_string()
            } else {
                format!("the future has {} kB: too much\n", size.div_ceil(1000))
            }
        }),
    }
}

#[test]
fn a_write_that_is_cut_survives() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "The page reads slowly, so a frame is on the wire only in part. Meanwhile the page speaks, and the room \
               does. Each frame arrives whole, and in order.",
        signs: [
            yours(["heard meanwhile: nothing"]).says(
                "While the write was stuck, nothing was read. Wait for both at once.",
            ),
            yours(["bytes are lost"]).says(
                "Bytes that were taken out of the outbox are lost, because the write was dropped: they must be in \
                 `self` before anything is waited for. A branch of `select!` either takes or writes, never both.",
            ),
            yours(["came twice"]).says(
                "Some bytes were written twice. How many TCP has taken must be in `self`, not in a future that is \
                 dropped.",
            ),
        ],
        shows: || in_virtual_time(async {
            let mut rig = Rig::of(Made { socket: 64, ..Made::default() });
            let mut expected: Vec<u8> = Vec::new();
            for number in 0..40 {
                let frame = unmasked(TEXT, format!("{number}{}", ".".repeat(100)).as_bytes());
                expected.extend(&frame);
                _ = rig.outbox.push(frame.into());
            }
            let mut got = Vec::new();
            let mut said = 0;
            while let Some(part) = part_of(&mut rig).await {
                got.extend(part);
                if said < 10 {
                    rig.send(&text("hi")).await;
                    said += 1;
                }
            }
            let mut shown = format!("all of 40 frames: {}\n", got == expected);
            let (got, expected) = (got.len(), expected.len());
            if got < expected {
                shown += "some bytes are lost\n";
            }
            if got > expected {
                shown += "some bytes came twice\n";
            }
            rig.end().await;
            let notes = rig.ends().await;
            let heard = match notes.matches("it says hi").count() {
                0 => "nothing",
                count if count == said => "all",
                _ => "some of it",
            };
            shown + &format!("heard meanwhile: {heard}\n")
        }),
    }
}

/// Ten bytes of what comes, or `None` if nothing comes for a second.
async fn part_of(rig: &mut Rig) -> Option<Vec<u8>> {
    let mut part = vec![0; 10];
    let read = rig.page.read(&mut part);
    let count = timeout(Duration::from_secs(1), read).await;
    let count = count.ok()?.ok()?;
    part.truncate(count);
    (count > 0).then_some(part)
}

#[test]
fn what_waits_has_a_limit() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "While a write is stuck, only one write's worth of bytes is out of the outbox. All others are in it, \
               where they have a limit. The page is still heard. A page that lets even its answers pile up is too \
               slow.",
        signs: [
            yours(["the outbox is full after 99"]).says(
                "The pieces were taken out although earlier ones couldn't be written yet. In the outbox they have a \
                 limit; outside of it, they have none.",
            ),
            yours(["something is unwritten"]).says(
                "The outbox was asked although the last write isn't over, or although nothing follows any more. Take \
                 only while `unwritten` is `Nothing`: when it is `Ended`, it isn't `is_some()` either.",
            ),
            yours(["never waits"]).says(
                "A branch of the `select!` is ready again and again. Write only if something is unwritten, and wait \
                 for `finished` only until `closing` says that you know.",
            ),
            missing(["it says still here"]).says(
                "While the write was stuck, nothing was read. Wait for both at once.",
            ),
        ],
        shows: || in_virtual_time(async {
            let mut rig = Rig::of(Made { socket: 64, outbox: 10_000, ..Made::default() });
            settle().await;
            let frame = unmasked(TEXT, &[b'.'; 1000]);
            let mut pushed = 0;
            while pushed < 99 && rig.outbox.push(frame.as_slice().into()).is_ok() {
                pushed += 1;
                settle().await;
            }
            let mut shown = format!("the outbox is full after {pushed} frames\n");
            rig.send(&text("still here?")).await;
            rig.send(&text(&format!("{}?", "long ".repeat(200)))).await;
            shown += &rig.hears_all().await;
            rig.end().await;
            shown + &rig.ends().await
        }),
    }
}

#[test]
fn a_client_that_is_dropped_leaves() {
    check! {
        rfc: "the workshop's own rule",
        rule: "However a task ends, its client leaves the room: a write that fails, a panic, or a runtime that drops \
               it.",
        signs: [
            missing(["a write fails"]).says("After a write has failed, there is nobody to wait for."),
        ],
        shows: || in_virtual_time(async {
            let mut shown = String::new();

            let (page, socket) = tokio::io::duplex(64);
            let (reader, _) = split(socket);
            let (client, room, outbox) = client_on((reader, Trickle::new(7, 10)), 1000, PATIENCE);
            _ = outbox.push(unmasked(TEXT, b"more than ten bytes").into());
            client.run(b"").await;
            shown += &format!("a write fails: {}\n", room.all());
            drop(page);

            let mut rig = Rig::new();
            rig.send(&text("panic")).await;
            shown += &format!("the room panics\n{}", rig.ends().await);

            let rig = Rig::new();
            settle().await;
            rig.running.abort();
            shown + &format!("the task is dropped\n{}", rig.ends().await)
        }),
    }
}
