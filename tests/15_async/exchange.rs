//! One request on a stream, and the stream that comes back.

use std::time::Duration;

use async_chat::Site;
use async_chat::exchange::{Answered, LINGER, exchange, linger};
use chat::Settings;
use handshake::head::Limits;
use support::check;
use support::frame::{TEXT, unmasked};
use support::sign::{missing, yours};
use support::wire::hex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, timeout};

use super::shared::in_virtual_time;
use super::shared::step_10::{handshake, settings, text};

/// What a page sends, in parts; what it reads, up to a pause; and what is left.
async fn exchanged(
    site: &Site,
    parts: &[&[u8]],
) -> (Vec<u8>, DuplexStream, Answered<DuplexStream>) {
    let (mut page, socket) = duplex(1 << 16);
    let talk = async {
        for part in parts {
            page.write_all(part).await.expect("the socket is open");
            super::shared::settle().await;
        }
    };
    let (answered, ()) = tokio::join!(exchange(socket, site), talk);
    let mut answer = vec![0; 1 << 16];
    let read = timeout(Duration::from_secs(1), page.read(&mut answer)).await;
    answer.truncate(read.map_or(0, |count| count.unwrap_or(0)));
    (answer, page, answered)
}

/// The first line of an answer.
fn status(answer: &[u8]) -> String {
    let line = answer.split(|byte| *byte == b'\r').next();
    match line.unwrap_or_default() {
        [] => "(nothing)".to_string(),
        line => String::from_utf8_lossy(line).into_owned(),
    }
}

#[test]
fn the_stream_comes_back_with_what_was_read() {
    check! {
        rfc: "RFC 6455 §4.2.2",
        rule: "After the 101, TCP belongs to the WebSocket. A frame that came with the head was read by hyper, and \
               must come back with the stream.",
        signs: [
            missing(["81 82 37 fa 21 3d 5f 93"]).says(
                "hyper reads as much as there is, so it had read the first frame already. It is in `read_buf`.",
            ),
            yours(["the page reads: \"\""]).says(
                "TCP has ended. `poll_without_shutdown` answers, and leaves TCP open.",
            ),
            yours(["guest: false"]).says(
                "There is no guest, although there was a 101.",
            ),
        ],
        shows: || in_virtual_time(async {
            let site = Site::new(settings());
            let request = handshake("?after=0&tab=x7", "");
            let (first, rest) = request.split_at(30);
            let together = [rest, &text("hi")].concat();
            let mut shown = String::new();
            for parts in [vec![first, &together], vec![&request]] {
                let (answer, mut page, mut answered) = exchanged(&site, &parts).await;
                let guest = answered.guest.is_some();
                shown += &format!("{}; guest: {guest}; came along: {}\n", status(&answer), hex(&answered.first));
                let frame = unmasked(TEXT, b"hello");
                _ = answered.stream.write_all(&frame).await;
                let mut read = vec![0; 20];
                let count = timeout(Duration::from_secs(1), page.read(&mut read)).await;
                read.truncate(count.map_or(0, |count| count.unwrap_or(0)));
                let payload = String::from_utf8_lossy(read.get(2..).unwrap_or_default());
                shown += &format!("  the page reads: {payload:?}\n");
            }
            shown
        }),
    }
}

#[test]
fn what_is_not_a_handshake_is_answered_and_stays_open() {
    check! {
        rfc: "RFC 9110 §15",
        rule: "hyper answers a head that is too long, or isn't one. TCP is still open after every answer: the client \
               may have sent more than was read, and the server reads on for a moment.",
        signs: [
            yours(["the page reads: \"\""]).says(
                "TCP has ended. `poll_without_shutdown` answers, and leaves TCP open, even if it fails.",
            ),
        ],
        shows: || in_virtual_time(async {
            let head = Limits { bytes: 10_000, fields: 20 };
            let site = Site::new(Settings { head, ..settings() });
            let long = format!("GET / HTTP/1.1\r\nHost: h\r\nCookie: {}\r\n\r\n", "x".repeat(11_000));
            let many = format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "A: b\r\n".repeat(30));
            let rows: [(&str, &[u8]); 7] = [
                ("a page", b"GET /people HTTP/1.1\r\nHost: h\r\n\r\n"),
                ("HTTP/1.0", b"GET /people HTTP/1.0\r\nHost: h\r\n\r\n"),
                ("with a body", b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"),
                ("11,000 bytes", long.as_bytes()),
                ("30 fields", many.as_bytes()),
                ("TLS", b"\x16\x03\x01\x00\xf6\x01\x00\x00\xf2\x03\x03 and so on\r\n\r\n"),
                ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            ];
            let mut shown = String::new();
            for (title, request) in rows {
                let (answer, mut page, mut answered) = exchanged(&site, &[request]).await;
                _ = answered.stream.write_all(b"more").await;
                let mut read = vec![0; 20];
                let count = timeout(Duration::from_secs(1), page.read(&mut read)).await;
                read.truncate(count.map_or(0, |count| count.unwrap_or(0)));
                let read = String::from_utf8_lossy(&read).into_owned();
                shown += &format!("{title:<13}{:<46}the page reads: {read:?}\n", status(&answer));
            }
            shown
        }),
    }
}

#[test]
fn an_answer_is_not_cut_off() {
    check! {
        rfc: "RFC 9112 §9.6",
        rule: "After its answer, the server ends TCP in its own direction, and reads what still comes until the client \
               does the same, but only for a moment. Bytes that nobody reads would reset the connection.",
        signs: [],
        shows: || in_virtual_time(async {
            let mut shown = String::new();
            for ends in [true, false] {
                let (mut page, socket) = duplex(1 << 10);
                let begin = Instant::now();
                let lingering = tokio::spawn(linger(socket));
                // More than the socket keeps: it must be read.
                let all_read = page.write_all(&[b'.'; 100_000]).await.is_ok();
                let over = timeout(Duration::from_secs(1), page.read(&mut [0; 20])).await;
                let over = matches!(over, Ok(Ok(0)));
                let who = if ends { "a client that ends TCP" } else { "a client that doesn't" };
                let page = (!ends).then_some(page);
                _ = lingering.await;
                let after = if begin.elapsed() < LINGER { "at once" } else { "after a moment" };
                shown += &format!("{who}: all is read: {all_read}; it sees the end: {over}; the task ends {after}\n");
                drop(page);
            }
            shown
        }),
    }
}

#[test]
fn an_answer_has_its_fields() {
    check! {
        rfc: "RFC 9110 §6.6",
        rule: "The answers say what step 10's say. hyper writes the names in lowercase, which is the same (RFC 9110 \
               §5.1), and adds the length and the date.",
        signs: [],
        shows: || in_virtual_time(async {
            let site = Site::new(settings());
            let mut shown = String::new();
            let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n").into_bytes();
            for request in [get("/people"), get("/socket"), handshake("", "")] {
                let (answer, ..) = exchanged(&site, &[&request]).await;
                let answer = String::from_utf8_lossy(&answer).into_owned();
                for line in answer.lines() {
                    let line = if line.starts_with("date: ") { "date: (now)" } else { line };
                    shown += &format!("{line}\n");
                }
                shown += "\n";
            }
            shown
        }),
    }
}
