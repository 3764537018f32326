//! The end of one client.

use std::time::Duration;

use support::check;
use support::frame::{CLOSE, PING, TEXT, masked, unmasked};
use support::sign::{missing, yours};
use tokio::time::sleep;

use super::shared::step_10::text;
use super::shared::{Made, Rig, in_virtual_time, settle};

#[test]
fn a_close_is_answered_and_tcp_ends_last() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "A Close is answered, and then the server ends TCP in its own direction. It reads on until the page has \
               done the same: unread bytes would reset the connection.",
        signs: [
            missing(["(TCP ends)"]).says(
                "After the last piece, the end of TCP must be written, too: `shutdown` of the writer.",
            ),
            yours(["the task goes on for hours"]).says(
                "Both directions of TCP have ended, and the task waits for more.",
            ),
            missing(["2 s  the task has ended"]).says(
                "The task didn't wait until the page ended TCP, or it didn't notice that.",
            ),
        ],
        shows: || in_virtual_time(async {
            let mut rig = Rig::new();
            rig.send(&[text("bye?"), masked(CLOSE, b"\x03\xe8done"), text("too late?")].concat()).await;
            let mut shown = rig.hears_all().await;
            sleep(Duration::from_secs(2)).await;
            // More than the socket keeps: it must be read.
            rig.send(&[b'.'; 200_000]).await;
            let reads = !rig.running.is_finished();
            shown += &format!("the task still reads: {reads}\n");
            rig.end().await;
            shown + &rig.ends().await
        }),
    }
}

#[test]
fn a_broken_rule_is_answered() {
    check! {
        rfc: "RFC 6455 §7.1.7",
        rule: "A frame that breaks a rule fails the connection: a Close with its code, and the end of TCP. The room \
               hears nothing after it.",
        signs: [],
        shows: || in_virtual_time(async {
            let mut shown = String::new();
            let sent = [
                ("not masked", unmasked(TEXT, b"hi")),
                ("not UTF-8", masked(TEXT, b"\xff")),
                ("too long", masked(TEXT, &[b'.'; 100_001])[..20].to_vec()),
                ("a ping of 126 bytes", masked(PING, &[b'.'; 126])),
            ];
            for (title, bytes) in sent {
                let mut rig = Rig::new();
                rig.send(&[bytes, text("after?")].concat()).await;
                shown += &format!("{title}\n{}", rig.hears_all().await);
                rig.end().await;
                shown += &rig.ends().await;
            }
            shown
        }),
    }
}

#[test]
fn what_waits_is_written_before_the_end() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "Whoever ends it, what was in the outbox before is still written. A page that ends TCP without a Close \
               gets it, too.",
        signs: [
            yours(["never waits"]).says(
                "After the end of TCP, a read is ready at once with 0 bytes, again and again. Read only while there \
                 may be something to read.",
            ),
            yours(["some are lost"]).says(
                "The task ended when the page did, although pieces were waiting. It ends when both directions have.",
            ),
        ],
        shows: || in_virtual_time(async {
            let mut shown = String::new();
            for by_the_room in [false, true] {
                let mut rig = Rig::of(Made { socket: 64, ..Made::default() });
                for _ in 0..10 {
                    _ = rig.outbox.push(unmasked(TEXT, &[b'.'; 100]).into());
                }
                if by_the_room {
                    rig.outbox.finish(unmasked(CLOSE, b"\x03\xe9").into());
                } else {
                    rig.end().await;
                }
                settle().await;
                let heard = rig.hears_all().await;
                let count = heard.lines().filter(|line| line.contains("....")).count();
                let lost = if count < 10 { ": some are lost" } else { "" };
                let end = heard.lines().filter(|line| !line.contains("....")).collect::<Vec<_>>().join(" |");
                let who = if by_the_room { "the room ends it" } else { "the page ends TCP" };
                shown += &format!("{who}: {count} of 10{lost} |{end}\n");
                if by_the_room {
                    rig.end().await;
                }
                shown += &rig.ends().await;
            }
            shown
        }),
    }
}

#[test]
fn a_page_that_ends_tcp_and_never_reads_is_dropped() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "What waits is written after the page's end, but not for longer than the answer to a Close may take.",
        signs: [
            yours(["never waits"]).says(
                "After the end of TCP, a read is ready at once with 0 bytes, again and again. Read only while there \
                 may be something to read.",
            ),
            yours(["goes on for hours"]).says(
                "The page has ended TCP and reads nothing. A write to it waits for ever, unless there is a deadline.",
            ),
        ],
        shows: || in_virtual_time(async {
            let mut rig = Rig::of(Made { socket: 64, ..Made::default() });
            _ = rig.outbox.push(unmasked(TEXT, &[b'.'; 1000]).into());
            rig.end().await;
            rig.ends().await
        }),
    }
}
