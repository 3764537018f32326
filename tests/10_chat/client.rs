//! One client on a real socket: answers, closing handshakes, deadlines, and a reset.

use std::io::Write;
use std::net::TcpStream;

use chat::outbox::Piece;
use echo::Patience;
use support::check;
use support::frame::{BINARY, CLOSE, PING, PONG, TEXT, header, masked, unmasked};
use support::sign::{swapped, yours};

use super::rig::Rig;
use super::shared::{DEADLINE, FOREVER, PATIENT, ROOM_ENOUGH, SHORT, SOON, text};

#[test]
fn a_client_hears_answers_in_the_order_of_its_messages() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "The answer to a message comes before anything that the next message causes.",
        signs: [
            swapped().says(
                "Answers are put into the outbox together, at the end of a read: what later messages caused has \
                 overtaken them.",
            ),
        ],
        shows: || {
            let first = [
                text("one?"), text("two!"), masked(PONG, b""), masked(PING, b"p"), masked(BINARY, b"\0"),
                text("three!"),
            ];
            let mut rig = Rig::patient(&first.concat());
            let mut shown = String::new();
            for _ in 0..5 {
                shown += &format!("{}\n", rig.peer.hears());
            }
            shown + "\n" + &rig.ends()
        },
    }
}

#[test]
fn the_closing_handshake_in_every_order() {
    check! {
        rfc: "RFC 6455 §7.1.1, §7.1.7",
        rule: "Nothing but the end of TCP follows a Close. What is still on its way is read, so that no reset \
               overtakes the Close. The client leaves the room.",
        signs: [
            yours(["Close 1000 bye | (no frame"]).says(
                "The Close goes into the outbox like any frame, so the writer waits for more. `finish` makes it \
                 the last.",
            ),
            yours(["left before TCP has ended: false"]).says(
                "A client that has said goodbye is in the room until its TCP has ended.",
            ),
            yours(["until it ends TCP, too: false"]).says(
                "Reading ends with the closing handshake. Bytes that are unread when the socket is closed make \
                 the system reset the connection, and the Close may be lost.",
            ),
        ],
        shows: || {
            let mut shown = String::new();
            for closing in closings() {
                match closing.runs() {
                    Ok(seen) => shown += &seen,
                    // What one client waits for in vain, the others would wait for, too.
                    Err(seen) => return shown + &seen,
                }
            }
            shown
        },
    }
}

/// One way in which a connection may end.
struct Closing {
    title: &'static str,
    /// What the client sends.
    bytes: Vec<u8>,
    /// Whether the client ends TCP after that.
    ends_tcp: bool,
}

fn closings() -> Vec<Closing> {
    let close = || masked(CLOSE, b"\x03\xe8bye");
    let much = || masked(BINARY, &[0; 60_000]);
    let two_frames = [masked(0x02, &[0; 60_000]), masked(0x80, &[0; 60_000])];
    let mut too_long = header(BINARY, 100_001);
    too_long[1] |= 0x80;
    let goes_on = |title: &'static str, bytes: Vec<u8>| Closing {
        title,
        bytes,
        ends_tcp: false,
    };
    let ends_tcp = |title: &'static str, bytes: Vec<u8>| Closing {
        title,
        bytes,
        ends_tcp: true,
    };
    vec![
        goes_on("it closes", close()),
        goes_on("it closes, without a code", masked(CLOSE, b"")),
        ends_tcp("it closes and ends TCP", close()),
        goes_on(
            "a message, a ping, a Close",
            [text("hi!"), masked(PING, b"?"), close()].concat(),
        ),
        goes_on(
            "more after the Close",
            [close(), text("more!"), close(), much()].concat(),
        ),
        ends_tcp("it ends TCP, without a Close", text("bye!")),
        goes_on("no mask", unmasked(TEXT, b"hi")),
        goes_on("text that isn't UTF-8", masked(TEXT, b"\xff")),
        goes_on("more than 100,000 bytes", [too_long, much()].concat()),
        ends_tcp(
            "120,000 bytes in two frames, and it ends TCP",
            two_frames.concat(),
        ),
    ]
}

impl Closing {
    /// What is seen of it. An error ends with what was wrong.
    fn runs(self) -> Result<String, String> {
        let mut rig = Rig::patient(b"");
        rig.peer.send(&self.bytes);
        if self.ends_tcp {
            rig.peer.end();
        }
        let heard = rig.peer.hears_all();
        let mut shown = format!("{}\n  {heard}\n", self.title);
        if heard.contains("(no frame") {
            return Err(shown);
        }
        if !self.ends_tcp {
            let has_left = rig.room.comes("it leaves");
            shown += &format!("  left before TCP has ended: {has_left}\n");
            if !has_left {
                return Err(shown);
            }
        }
        if self.title == "it closes" {
            let goes_on = rig.goes_on(SOON);
            shown += &format!("  read until it ends TCP, too: {goes_on}\n");
        }
        Ok(shown + &format!("  {}\n", rig.ends()))
    }
}

#[test]
fn a_close_from_the_room_waits_for_its_answer() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "After the room's Close, the client has some time for its own, which isn't answered by another. \
               Whatever it sends meanwhile, the room doesn't hear it.",
        signs: [
            yours(["silent, it is cut off: false"]).says(
                "The clock is asked only when something was read. The server waits forever for a silent client.",
            ),
            yours(["talking, it is cut off: false"]).says(
                "The clock is asked only when nothing came. The server waits forever for a client that goes on \
                 talking.",
            ),
        ],
        shows: || {
            let goodbye = |rig: &Rig| {
                let close = unmasked(CLOSE, b"\x03\xe9the server stops");
                rig.room.outbox.finish(close.into());
            };
            let mut answers = Rig::patient(b"");
            goodbye(&answers);
            let mut shown = format!("it answers\n  {} | ", answers.peer.hears());
            let on_its_way = [text("on its way!"), text("is it?"), masked(CLOSE, b"\x03\xe9")];
            answers.peer.send(&on_its_way.concat());
            shown += &format!("{}\n", answers.peer.hears_all());
            shown += &format!("  {}\n", answers.ends());

            let short = Patience { close_within: SOON, ..PATIENT };
            let mut silent = Rig::new(b"", ROOM_ENOUGH, short);
            goodbye(&silent);
            shown += &format!("it is silent\n  {}\n", silent.peer.hears_all());
            if !silent.is_cut_off(|_| ()) {
                return shown + "  silent, it is cut off: false\n";
            }
            shown += &format!("  {}\n", silent.ends());

            // None of its reads ever times out.
            let talks = Rig::with_tick(FOREVER, b"", ROOM_ENOUGH, short);
            goodbye(&talks);
            let talk = |mut stream: &TcpStream| _ = stream.write_all(&masked(PONG, b""));
            if !talks.is_cut_off(talk) {
                return shown + "it goes on talking\n  talking, it is cut off: false\n";
            }
            shown + &format!("it goes on talking\n  {}\n", talks.ends())
        },
    }
}

#[test]
fn a_peer_that_vanished_is_noticed() {
    check! {
        rfc: "RFC 6455 §5.5.2",
        rule: "The server sends a silent client a ping, then a Close with 1008. The client leaves the room, and later \
               its TCP ends. A client that answers stays.",
        signs: [
            yours(["it is waited for: false"]).says(
                "The loop ends when the Close is sent. Only `Due::End` ends it: until then the client may answer.",
            ),
        ],
        shows: || {
            let hasty = Patience { ping_after: SHORT, pong_within: SHORT, close_within: SOON };
            let mut vanished = Rig::new(b"", ROOM_ENOUGH, hasty);
            let mut shown = format!("it vanished\n  {}\n", vanished.peer.hears_all());
            shown += &format!("  {}\n", vanished.ends());

            let waits_for_a_close = Patience { close_within: DEADLINE, ..hasty };
            let mut late = Rig::new(b"", ROOM_ENOUGH, waits_for_a_close);
            shown += &format!("it answers late\n  {}\n", late.peer.hears_all());
            // If the server doesn't wait for it, its threads have ended by now, or are about to.
            shown += &format!("  it is waited for: {}\n", late.goes_on(SHORT));
            late.peer.send(&masked(CLOSE, b"\x03\xf0"));
            shown += &format!("  {}\n", late.ends());

            let pings_soon = Patience { ping_after: SHORT, ..PATIENT };
            let mut answers = Rig::new(b"", ROOM_ENOUGH, pings_soon);
            shown += "it answers\n";
            for _ in 0..3 {
                shown += &format!("  {}\n", answers.peer.hears());
                answers.peer.send(&masked(PONG, b"still there?"));
            }
            answers.peer.send(&text("here!"));
            shown += &format!("  {}\n", answers.peer.waits_for("all"));
            shown + &format!("  {}\n", answers.ends())
        },
    }
}

#[test]
fn a_reset_or_a_panic_ends_both_threads() {
    check! {
        rfc: "RFC 6455 §7.1.4",
        rule: "When TCP is reset or a thread panics, the client leaves the room, and no thread waits any more.",
        signs: [
            yours(["go on forever"]).says(
                "An error of a read was taken for silence, or the writer still waits for a piece to write.",
            ),
        ],
        shows: || {
            let reset = Rig::patient(b"");
            // If bytes are unread when a socket is closed, the system resets the connection.
            let frame: Piece = unmasked(TEXT, b"unread").into();
            _ = reset.room.outbox.push(frame);
            _ = reset.peer.stream.get_ref().peek(&mut [0]);
            let mut shown = format!("a reset\n  {}\n", reset.ends());
            let mut panics = Rig::patient(&text("panic"));
            shown += &format!("a panic\n  {}\n", panics.peer.hears_all());
            shown + &format!("  {}\n", panics.ends())
        },
    }
}
