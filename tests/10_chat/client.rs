//! One client on a real socket, in a room that only takes notes.

use std::collections::VecDeque;
use std::io::{BufRead, ErrorKind, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{io, iter, thread};

use chat::client::{ClientId, Limits, Room, Sink};
use chat::outbox::Piece;
use chat::{Outbox, client};
use connection::{Event, NoExtension};
use echo::Patience;
use support::check;
use support::frame::{BINARY, CLOSE, PING, PONG, TEXT, header, masked, unmasked};
use support::machine::stretched;
use support::sign::{missing, swapped, yours};

use super::shared::{
    DEADLINE, FOREVER, LONG_ENOUGH, PATIENT, Peer, ROOM_ENOUGH, SHORT, SOON, comes_true, lock,
    piece, text,
};

/// A room that takes notes. However often a client leaves, that is one note.
struct Notes {
    outbox: Arc<Outbox>,
    notes: Mutex<Vec<String>>,
    /// Whether a client that waits for the room may go on.
    free: AtomicBool,
}

impl Notes {
    fn note(&self, what: &str) {
        let mut notes = lock(&self.notes);
        if what != "it leaves" || notes.iter().all(|note| note != what) {
            notes.push(what.to_string());
        }
    }

    /// Whether this note is taken within a second.
    fn comes(&self, what: &str) -> bool {
        comes_true(stretched(Duration::from_secs(1)), || {
            lock(&self.notes).iter().any(|note| note == what)
        })
    }
}

impl Room for Notes {
    /// A text with `?` gets an answer. One with `!` is told to all clients, of which there is one. `wait` waits until
    /// the room is free, and `panic` stands for a mistake in the room.
    fn hear(&self, _: ClientId, message: &Event) -> Option<String> {
        let Event::Text(text) = message else {
            self.note("it sends something that isn't text");
            return Some("text, please".to_string());
        };
        self.note(&format!("it says {text}"));
        match text.as_str() {
            "panic" => panic!("a mistake in the room"),
            "wait" => {
                comes_true(stretched(DEADLINE), || self.free.load(Ordering::Relaxed));
                None
            }
            text if text.ends_with('!') => {
                let frame = unmasked(TEXT, format!("all: {text}").as_bytes());
                _ = self.outbox.push(frame.into());
                None
            }
            text if text.ends_with('?') => Some(format!("you: {text}")),
            _ => None,
        }
    }

    fn leave(&self, _: ClientId) {
        self.note("it leaves");
    }

    fn too_slow(&self, _: ClientId) {
        self.note("it is too slow");
        let close = unmasked(CLOSE, b"\x03\xf5too slow");
        self.outbox.clear_and_finish(close.into());
    }
}

/// One client, its peer, and a thread that runs it.
struct Rig {
    peer: Peer,
    room: Arc<Notes>,
    running: JoinHandle<()>,
}

impl Rig {
    /// Runs a client. `first` came with the handshake; this many bytes may wait.
    fn new(first: &[u8], max_outbox_bytes: usize, patience: Patience) -> Self {
        Self::with_tick(SHORT / 4, first, max_outbox_bytes, patience)
    }

    /// The same, with a different timeout of each read.
    fn with_tick(
        tick: Duration,
        first: &[u8],
        max_outbox_bytes: usize,
        patience: Patience,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let peer = Peer::connect(listener.local_addr().expect("it is bound"));
        let (stream, _) = listener.accept().expect("the peer has connected");
        stream.set_read_timeout(Some(tick)).expect("it is not zero");
        let outbox = Arc::new(Outbox::new(max_outbox_bytes));
        let room = Arc::new(Notes {
            outbox: Arc::clone(&outbox),
            notes: Mutex::default(),
            free: AtomicBool::new(false),
        });
        let running = {
            let (room, first) = (Arc::clone(&room), first.to_vec());
            let limits = Limits {
                max_message: 100_000,
                patience,
            };
            thread::spawn(move || {
                let room: &dyn Room = &*room;
                let none = Box::new(NoExtension::default());
                _ = client::run(
                    &stream,
                    &first,
                    (room, ClientId::FIRST),
                    outbox,
                    limits,
                    none,
                );
            })
        };
        Self {
            peer,
            room,
            running,
        }
    }

    /// Runs a client with much patience and much space.
    fn patient(first: &[u8]) -> Self {
        let close_within = stretched(PATIENT.close_within);
        let patience = Patience {
            close_within,
            ..PATIENT
        };
        Self::new(first, ROOM_ENOUGH, patience)
    }

    /// Whether the client is still running after a while.
    fn goes_on(&self, a_while: Duration) -> bool {
        !comes_true(a_while, || self.running.is_finished())
    }

    /// Whether the client ends although its peer doesn't end TCP, whatever the peer does meanwhile.
    fn is_cut_off(&self, meanwhile: impl Fn(&TcpStream)) -> bool {
        comes_true(stretched(LONG_ENOUGH), || {
            meanwhile(self.peer.stream.get_ref());
            self.running.is_finished()
        })
    }

    /// Ends TCP, waits for the end of the client, and shows the room's notes.
    fn ends(self) -> String {
        drop(self.peer);
        let has_ended = comes_true(stretched(LONG_ENOUGH), || self.running.is_finished());
        let ended = if has_ended {
            "both threads have ended"
        } else {
            "its threads go on forever"
        };
        self.room.note(ended);
        let notes = lock(&self.room.notes);
        notes.join(", ")
    }
}

/// What the writer writes to: it takes a limited number of bytes at a time, and in all.
#[derive(Clone)]
struct Trickle {
    at_a_time: usize,
    in_all: usize,
    taken: Arc<Mutex<Vec<u8>>>,
    /// In which direction TCP was ended, each time.
    ended: Arc<Mutex<Vec<Shutdown>>>,
}

impl Write for Trickle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = lock(&self.taken);
        let left = self.in_all - taken.len();
        let count = bytes.len().min(self.at_a_time).min(left);
        if count == 0 {
            return Err(ErrorKind::BrokenPipe.into());
        }
        taken.extend(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Trickle {
    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        lock(&self.ended).push(how);
        Ok(())
    }
}

#[test]
fn everything_is_written_and_then_tcp_ends() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "A write may take fewer bytes than it was given. After the last piece, the server ends TCP in its own \
               direction. When a write fails, it ends TCP in both, and writes nothing more.",
        signs: [
            yours(["\"one twofive"]).says(
                "`write` may take fewer bytes than it was given; here it takes seven at a time. `write_all` goes on \
                 until all are written.",
            ),
            yours(["ended: []"]).and(missing(["ended: [Write]"])).says(
                "The writer is done and doesn't end TCP. The client waits for the end of TCP, and the server waits for \
                 the client.",
            ),
            missing(["ended: [Write]"]).and(yours(["ended: [Both]"])).says(
                "After the last piece TCP is ended in both directions. The client may still send; bytes that arrive \
                 now make the system reset the connection.",
            ),
            missing(["ended: [Both]"]).and(yours(["ended: [Both, Write]"])).says(
                "After a write has failed, there is nothing more to do: TCP has been ended in both directions.",
            ),
            missing(["ended: [Both]"]).and(yours(["still waiting: 0"])).says(
                "A failed write is ignored, and the writer goes on with the next piece.",
            ),
            missing(["ended: [Both]"]).says(
                "After a failed write the reader still waits for a client that is gone. End TCP in both directions: \
                 that also ends the read.",
            ),
        ],
        shows: || {
            let seven_at_a_time = writes("it takes 7 bytes at a time", usize::MAX);
            seven_at_a_time + &writes("it fails after 10 bytes", 10)
        },
    }
}

/// What is written to a socket that takes 7 bytes at a time, and this many in all.
fn writes(title: &str, in_all: usize) -> String {
    let outbox = Outbox::new(ROOM_ENOUGH);
    let sink = Trickle {
        at_a_time: 7,
        in_all,
        taken: Arc::default(),
        ended: Arc::default(),
    };
    for it in ["one two three", &"four ".repeat(20_000), "five"] {
        _ = outbox.push(piece(it));
    }
    outbox.finish(piece("last."));
    client::write_all(sink.clone(), &outbox);
    let left = iter::from_fn(|| outbox.take());
    let left: usize = left.map(|bytes| bytes.len()).sum();
    let text = String::from_utf8_lossy(&lock(&sink.taken)).into_owned();
    let written = match text.len() {
        0..=20 => format!("{text:?}"),
        length => {
            let (first, last) = (&text[..13], &text[length - 9..]);
            format!("{first:?} … {last:?}, {length} bytes")
        }
    };
    let ended = lock(&sink.ended);
    format!("{title}\n  written: {written}; still waiting: {left} bytes\n  TCP ended: {ended:?}\n")
}

#[test]
fn the_room_hears_all_that_a_client_sends() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "The room hears what came with the handshake, and every message, text or binary, in whatever pieces it \
               comes and whatever comes with it.",
        signs: [
            yours(["Close 1008"]).says(
                "The answer is in a Close frame, which ends the connection. A rejection is a sentence in an ordinary \
                 text message.",
            ),
            yours(["Close 1002"]).says(
                "More was taken than the read has brought: the client sent only `&buffer[..count]`.",
            ),
            yours(["binary", "you: one?"]).says(
                "Some events of a read wait for the next read. Poll until there are none, whatever the events are.",
            ),
            yours(["with the handshake", "(no frame"]).says(
                "What was read along with the handshake is lost. Take `first` before you read from the socket.",
            ),
            yours(["a binary message", "(no frame"]).says(
                "Only text is given to the room. A client that sends binary never learns why nothing happens.",
            ),
            yours(["after a silence", "false"]).says(
                "A read that timed out was taken for the end of TCP. Its timeout is the tick of the clock.",
            ),
            yours(["go on forever"]).says(
                "A read of 0 bytes was taken for silence. It is the end of TCP.",
            ),
        ],
        shows: || {
            let mut rig = Rig::patient(&text("one?"));
            let mut shown = format!("with the handshake    {}\n", rig.peer.hears());
            let sent = [
                ("a binary message", masked(BINARY, b"\0")),
                ("a ping", masked(PING, b"p")),
                ("a pong and a message", [masked(PONG, b""), text("two?")].concat()),
            ];
            for (title, bytes) in sent {
                rig.peer.send(&bytes);
                shown += &format!("{title:<21} {}\n", rig.peer.hears());
            }
            text("three?").iter().for_each(|byte| rig.peer.send(&[*byte]));
            shown += &format!("byte by byte          {}\n", rig.peer.hears());
            // Long enough for a few reads to time out.
            let goes_on = rig.goes_on(SHORT);
            shown += &format!("after a silence       its threads go on: {goes_on}\n\n");
            shown + &rig.ends()
        },
    }
}

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
