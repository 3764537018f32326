//! The deadlines of one client, in virtual time.

use std::time::Duration;

use echo::Patience;
use support::check;
use support::frame::{CLOSE, PONG, TEXT, masked, unmasked};
use support::sign::{missing, nothing, yours};
use tokio::time::sleep;

use super::shared::step_10::text;
use super::shared::{Made, PATIENCE, Rig, in_virtual_time};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn silence_is_asked_about_and_then_closed() {
    check! {
        rfc: "RFC 6455 §5.5.2",
        rule: "After 30 s of silence there is a ping, after 10 more a Close with 1008, and after 5 more the end.",
        signs: [
            yours(["(nothing for an hour)"]).and(missing(["Ping"])).says(
                "The clock is never looked at, or the ping stays where it is. The alarm is one of the things that a \
                 client waits for, and what the connection wants to send must be posted.",
            ),
            yours(["never waits"]).says(
                "The alarm was left in the past, so the wait for it is over at once, again and again. After each \
                 answer of the deadlines, and when the connection begins to close, say when to ask them next.",
            ),
            yours(["40 s  Ping"]).says(
                "The ping stayed with the connection until the Close was posted. Post what it wants to send.",
            ),
            yours(["90 s"]).says(
                "Each sleep has the same length, whatever it is for. `sleep_until` sleeps until the alarm, which says \
                 what is next.",
            ),
            yours(["60 s"]).says(
                "After the ping, the wait is for its answer, which has a shorter patience of its own.",
            ),
            yours(["the task has ended"]).and(missing(["45 s  the task has ended"])).says(
                "After a Close of ours, the client has `close_within` to answer it.",
            ),
        ],
        shows: || in_virtual_time(async {
            let mut rig = Rig::new();
            let mut shown = format!("{}\n{}\n", rig.hears().await, rig.hears().await);
            shown += &rig.hears_all().await;
            shown + &rig.ends().await
        }),
    }
}

#[test]
fn the_clock_goes_on_while_the_room_talks() {
    check! {
        rfc: "RFC 6455 §5.5.2",
        rule: "The room says something every 0.9 s, and the page says nothing. The ping comes after 30 s all the same: \
               the 30 s begin again only when the page sends something.",
        signs: [
            nothing().says(
                "Each time something else came first, the sleep was dropped, and the next one began from the start. \
                 The time of the alarm must be in `self`: `sleep_until`, not `sleep`.",
            ),
        ],
        shows: || in_virtual_time(async {
            let mut rig = Rig::new();
            let mut shown = String::new();
            for second in 1..=50 {
                // Never at the same moment as an alarm.
                sleep(Duration::from_millis(900)).await;
                _ = rig.outbox.push(unmasked(TEXT, format!("{second}").as_bytes()).into());
                let mut heard = rig.hears().await;
                while !heard.ends_with(&format!("  {second}")) {
                    shown += &format!("{heard}\n");
                    if heard.contains('(') {
                        return shown;
                    }
                    heard = rig.hears().await;
                }
            }
            shown
        }),
    }
}

#[test]
fn any_bytes_begin_the_time_again() {
    check! {
        rfc: "RFC 6455 §5.5.2",
        rule: "A pong, a message, or half of one: any bytes show that the page is there, and its 30 s begin again.",
        signs: [
            yours(["30 s  Ping"]).says(
                "The alarm wasn't moved when bytes came. Or it was, and only for messages.",
            ),
            yours(["(nothing for an hour)"]).says("After some bytes, no ping comes any more: each answer of the \
                                                   deadlines needs an alarm."),
        ],
        shows: || in_virtual_time(async {
            let mut shown = String::new();
            let sent = [
                ("a message", text("hi")),
                ("a pong", masked(PONG, b"")),
                ("a byte", vec![TEXT]),
            ];
            for (title, bytes) in sent {
                let mut rig = Rig::new();
                sleep(seconds(20)).await;
                rig.send(&bytes).await;
                shown += &format!("{title} after 20 s\n{}\n", rig.hears().await);
            }
            let mut rig = Rig::new();
            shown += &format!("a pong for each ping\n{}\n", rig.hears().await);
            for _ in 0..3 {
                sleep(seconds(5)).await;
                rig.send(&masked(PONG, b"still there?")).await;
                shown += &format!("{}\n", rig.hears().await);
            }
            shown
        }),
    }
}

#[test]
fn a_patience_may_be_as_long_as_a_number() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The command line takes any number of seconds. One that is longer than the clock can count is no panic.",
        signs: [
            yours(["panicked: overflow"]).says(
                "A time and a wait were added with `+`, which panics if the sum is too large. `after` computes it for \
                 any wait.",
            ),
        ],
        shows: || in_virtual_time(async {
            let max = Duration::MAX;
            let patience = Patience { ping_after: max, pong_within: max, close_within: max };
            let mut rig = Rig::of(Made { patience, ..Made::default() });
            rig.send(&text("hi?")).await;
            let mut shown = format!("{}\n", rig.hears().await);
            rig.send(&masked(CLOSE, b"\x03\xe8")).await;
            shown += &format!("{}\n", rig.hears().await);
            rig.end().await;
            shown += &rig.ends().await;

            let patience = Patience { pong_within: max, ..PATIENCE };
            let mut rig = Rig::of(Made { patience, ..Made::default() });
            shown += &format!("only the pong has any time\n{}\n", rig.hears().await);
            rig.end().await;
            shown += &rig.hears_all().await;
            shown + &rig.ends().await
        }),
    }
}

#[test]
fn a_page_that_goes_on_talking_gets_no_more_time() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "The room ends it after 2 s, and the page never answers the Close, but sends something twice a second. \
               It has 5 s for its answer, all the same.",
        signs: [
            yours(["goes on for hours"]).says(
                "Whatever the page says, the wait for its Close begins again. It begins once, when the outbox is \
                 finished: `closing` remembers that.",
            ),
            yours(["the task never waits"]).says(
                "When the outbox is finished, whichever side has done that, the wait for their Close begins, and the \
                 next alarm is its deadline. Here the alarm was left in the past.",
            ),
        ],
        shows: || in_virtual_time(async {
            let mut rig = Rig::new();
            let mut heard = String::new();
            for half in 0..120 {
                if half == 4 {
                    rig.outbox.finish(unmasked(CLOSE, b"\x03\xe9").into());
                    heard = rig.hears_all().await;
                }
                sleep(Duration::from_millis(499)).await;
                rig.send(&text("wait!")).await;
                if rig.running.is_finished() {
                    break;
                }
            }
            let ends = if rig.running.is_finished() { "" } else { "the task goes on for hours\n" };
            heard + &rig.ends().await.replace("it says wait!, ", "") + ends
        }),
    }
}

#[test]
fn a_write_that_is_stuck_has_a_deadline() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "The page never reads, and the room ends with a Close that can't be written. After 5 s, the task ends.",
        signs: [
            missing(["7 s  the task has ended"]).and(yours(["hours"])).says(
                "The Close was the room's, so the connection doesn't know of it. Ask the outbox whether it is \
                 finished, and begin the deadline then.",
            ),
            yours(["35 s", "ended"]).says(
                "The task didn't notice that the room has ended it, because it waited for the write, and for the alarm \
                 of the next ping. While something is unwritten, wait for `Mailbox::finished`, too.",
            ),
        ],
        shows: || in_virtual_time(async {
            let rig = Rig::of(Made { socket: 64, patience: PATIENCE, ..Made::default() });
            _ = rig.outbox.push(unmasked(TEXT, &[b'.'; 1000]).into());
            sleep(seconds(2)).await;
            rig.outbox.finish(unmasked(CLOSE, b"\x03\xe9").into());
            rig.ends().await
        }),
    }
}
