//! One client on a real socket, in a room that only takes notes.

use std::collections::VecDeque;
use std::io::{BufRead, ErrorKind, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{io, thread};

use chat::client::{ClientId, Limits, Room, Sink};
use chat::outbox::Bytes;
use chat::{Outbox, client};
use connection::Event;
use echo::Patience;
use support::check;
use support::frame::{BINARY, CLOSE, PING, PONG, TEXT, header, masked, unmasked};
use support::machine::stretched;
use support::sign::{missing, swapped, yours};

use super::shared::{
    DEADLINE, FOR_EVER, LONG_ENOUGH, PATIENT, Peer, ROOM_ENOUGH, SHORT, SOON, lock, piece, text,
};

/// A room that takes notes. Of those who leave, it takes one.
struct Notes {
    outbox: Arc<Outbox>,
    notes: Mutex<Vec<String>>,
    /// Whether the thread that holds the room's lock lets go of it.
    free: AtomicBool,
}

impl Notes {
    fn note(&self, what: &str) {
        let mut notes = lock(&self.notes);
        if what != "it leaves" || notes.iter().all(|note| note != what) {
            notes.push(what.to_string());
        }
    }
}

impl Room for Notes {
    /// `?` gets an answer, `!` is told to everybody (there is but one), `wait` waits for its turn, and
    /// `panic` is a mistake of ours.
    fn hear(&self, _: ClientId, message: &Event) -> Option<String> {
        let Event::Text(text) = message else {
            self.note("it sends something that is no text");
            return Some("text, please".to_string());
        };
        self.note(&format!("it says {text}"));
        match text.as_str() {
            "panic" => panic!("a mistake in the room"),
            "wait" => {
                let deadline = Instant::now() + stretched(DEADLINE);
                while !self.free.load(Ordering::Relaxed) && Instant::now() < deadline {
                    thread::yield_now();
                }
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
        self.outbox.finish_at_once(close.into());
    }
}

/// One client, with a thread that runs it.
struct Table {
    peer: Peer,
    room: Arc<Notes>,
    running: JoinHandle<()>,
}

impl Table {
    /// `first` came with the handshake. So many bytes may wait.
    fn new(first: &[u8], most: usize, patience: Patience) -> Self {
        Self::with_tick(SHORT / 4, first, most, patience)
    }

    /// The same, with another time after which a read without a byte is over.
    fn with_tick(tick: Duration, first: &[u8], most: usize, patience: Patience) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let peer = Peer::connect(listener.local_addr().expect("it is bound"));
        let (stream, _) = listener.accept().expect("the peer has connected");
        stream.set_read_timeout(Some(tick)).expect("it is not zero");
        let outbox = Arc::new(Outbox::new(most));
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
                _ = client::run(&stream, &first, (room, ClientId::FIRST), outbox, limits);
            })
        };
        Self {
            peer,
            room,
            running,
        }
    }

    fn patient(first: &[u8]) -> Self {
        let close_within = stretched(PATIENT.close_within);
        Self::new(
            first,
            ROOM_ENOUGH,
            Patience {
                close_within,
                ..PATIENT
            },
        )
    }

    /// Waits for a note of the room, but not for long. Says whether it came.
    fn until(&self, what: &str) -> bool {
        let deadline = Instant::now() + stretched(Duration::from_secs(1));
        let came = || lock(&self.room.notes).iter().any(|note| note == what);
        while !came() && Instant::now() < deadline {
            thread::yield_now();
        }
        came()
    }

    /// Whether the room is left, soon, although we have not ended TCP.
    fn has_left(&self) -> bool {
        self.until("it leaves")
    }

    /// Whether the client is still run after a while.
    fn goes_on(&self, a_while: Duration) -> bool {
        let end = Instant::now() + a_while;
        while !self.running.is_finished() && Instant::now() < end {
            thread::yield_now();
        }
        !self.running.is_finished()
    }

    /// Whether the client is run to its end by itself, whatever its peer does meanwhile.
    fn is_cut_off(&self, meanwhile: impl Fn(&TcpStream)) -> bool {
        let deadline = Instant::now() + stretched(LONG_ENOUGH);
        while !self.running.is_finished() && Instant::now() < deadline {
            meanwhile(self.peer.stream.get_ref());
        }
        self.running.is_finished()
    }

    /// Waits until the client has been run to its end, and shows the room's notes.
    fn ends(self) -> String {
        drop(self.peer);
        let deadline = Instant::now() + stretched(LONG_ENOUGH);
        while !self.running.is_finished() && Instant::now() < deadline {
            thread::yield_now();
        }
        let ended = match self.running.is_finished() {
            true => "both threads have ended",
            false => "its threads go on for ever",
        };
        self.room.note(ended);
        let notes = lock(&self.room.notes);
        notes.join(", ")
    }
}

/// What the writer writes to: it takes so many bytes at a time, and so many in all.
struct Trickle {
    at_a_time: usize,
    most: usize,
    taken: Arc<Mutex<Vec<u8>>>,
    /// How TCP was ended, each time.
    ended: Arc<Mutex<Vec<Shutdown>>>,
}

impl Write for Trickle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = lock(&self.taken);
        let count = bytes.len().min(self.at_a_time).min(self.most - taken.len());
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
        rule: "A write may take fewer bytes than it was given. After the last piece TCP ends in our direction; when a \
               write fails, in both, and nothing more is written.",
        signs: [
            yours(["\"one twofive"]).says(
                "`write` may take fewer bytes than it was given; here it takes seven at a time. `write_all` goes on \
                 until all are written.",
            ),
            yours(["ended: []"]).and(missing(["ended: [Write]"])).says(
                "The writer is done and doesn't end TCP. The client waits for that, and the server waits for the \
                 client.",
            ),
            missing(["ended: [Write]"]).and(yours(["ended: [Both]"])).says(
                "After the last piece TCP is ended in both directions. The client may still send; bytes that arrive now \
                 make the system reset the connection.",
            ),
            missing(["ended: [Both]"]).and(yours(["ended: [Both, Write]"])).says(
                "After a write has failed, there is nothing more to do: TCP has been ended in both directions.",
            ),
            missing(["ended: [Both]"]).and(yours(["still waiting: 0"])).says(
                "A failed write is ignored, and all that waits is still tried.",
            ),
            missing(["ended: [Both]"]).says(
                "After a failed write the reader still waits for a client that is gone. End TCP in both directions, and \
                 its read ends, too.",
            ),
        ],
        shows: || {
            let cases = [("it takes 7 bytes at a time", 7, usize::MAX), ("it fails after 10 bytes", 7, 10)];
            let rows = cases.map(|(title, at_a_time, most)| {
                let outbox = Outbox::new(ROOM_ENOUGH);
                let (taken, ended) = (Arc::default(), Arc::default());
                let sink = Trickle { at_a_time, most, taken: Arc::clone(&taken), ended: Arc::clone(&ended) };
                for it in ["one two three", &"four ".repeat(20_000), "five"] {
                    _ = outbox.push(piece(it));
                }
                outbox.finish(piece("last."));
                client::write_all(sink, &outbox);
                let taken = lock(&taken);
                let waits = std::iter::from_fn(|| outbox.take()).map(|bytes| bytes.len()).sum::<usize>();
                let text = String::from_utf8_lossy(&taken).into_owned();
                let shown = match text.len() {
                    0..=20 => format!("{text:?}"),
                    length => format!("{:?} … {:?}, {length} bytes", &text[..13], &text[length - 9..]),
                };
                format!("{title}\n  written: {shown}; still waiting: {waits} bytes\n  TCP ended: {:?}\n", lock(&ended))
            });
            rows.concat()
        },
    }
}

#[test]
fn the_room_hears_all_that_a_client_sends() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "What came with the handshake counts. So does every message, text or binary, in whatever pieces it comes, \
               and whatever comes with it.",
        signs: [
            yours(["Close 1008"]).says(
                "The answer is in a Close frame, which ends the connection. What is refused gets a sentence, in a text \
                 message like any other.",
            ),
            yours(["Close 1002"]).says(
                "More was taken than the read has brought: the rest of the buffer isn't the client's. The bytes are \
                 `&buffer[..count]`.",
            ),
            yours(["binary", "you: one?"]).says(
                "Some events of a read wait for the next read. Poll until there are none, whatever they are.",
            ),
            yours(["with the handshake", "(no frame"]).says(
                "What was read along with the handshake is lost. It is in `first`, and it comes first.",
            ),
            yours(["a binary message", "(no frame"]).says(
                "Only text is given to the room. A client that sends binary never learns why nothing happens.",
            ),
            yours(["after a silence", "false"]).says(
                "A read that brought nothing in time was taken for the end of TCP. Its timeout is the tick of the \
                 clock.",
            ),
            yours(["go on for ever"]).says(
                "A read of 0 bytes was taken for silence. It is the end of TCP.",
            ),
        ],
        shows: || {
            let mut table = Table::patient(&text("one?"));
            let mut shown = format!("with the handshake    {}\n", table.peer.hears());
            let sent = [
                ("a binary message", masked(BINARY, b"\0")),
                ("a ping", masked(PING, b"p")),
                ("a pong and a message", [masked(PONG, b""), text("two?")].concat()),
            ];
            for (title, bytes) in sent {
                table.peer.send(&bytes);
                shown += &format!("{title:<21} {}\n", table.peer.hears());
            }
            text("three?").iter().for_each(|byte| table.peer.send(&[*byte]));
            shown += &format!("byte by byte          {}\n", table.peer.hears());
            // So long that a few reads bring nothing.
            shown += &format!("after a silence       its threads go on: {}\n\n", table.goes_on(SHORT));
            shown + &table.ends()
        },
    }
}

const MIXED: &str = "a pong went into the middle of a frame, or its reader waits to put it there";

#[test]
fn frames_of_two_senders_never_mix() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "Two clients send much at a time, with pongs in between: each frame comes whole.",
        signs: [
            yours(["middle of a frame"]).says(
                "The reader writes its pongs itself. As soon as the writer has to wait, they land in the middle \
                 of its frame, or the reader waits, too.",
            ),
        ],
        shows: || {
            let mut table = Table::patient(b"");
            // More than the system keeps: a write has to wait in the middle of a frame.
            let sizes = [8_000_000, 60_000];
            let frame = |letter: u8, size: usize| unmasked(BINARY, &vec![letter; size]);
            let senders = [b'a', b'b'].map(|letter| {
                let outbox = Arc::clone(&table.room.outbox);
                thread::spawn(move || sizes.map(|size| outbox.push(frame(letter, size).into())))
            });
            for sender in senders {
                assert_eq!(sender.join().expect("it sends"), [Ok(()); 2], "there is room");
            }
            // As soon as a frame begins to come, the writer is in the middle of it.
            _ = table.peer.stream.fill_buf();
            for number in 0..100 {
                table.peer.send(&masked(PING, &[number]));
            }
            table.peer.send(&text("that was a hundred"));
            // Nothing is read until they are heard: who writes its pongs itself waits here, or writes them
            // into the frame.
            if !table.until("it says that was a hundred") {
                let has_left = table.until("it leaves");
                return if has_left { "its connection failed".to_string() } else { MIXED.to_string() };
            }
            let mut expected = [b'a', b'b'].map(|letter| VecDeque::from(sizes.map(|size| frame(letter, size))));
            let mut pongs = 0;
            while pongs < 100 || expected.iter().any(|frames| !frames.is_empty()) {
                let it = match table.peer.frame() {
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
        rule: "What each message leads to comes after what the one before it led to.",
        signs: [
            swapped().says(
                "Answers are put into the outbox together, at the end of a read: what later messages led to has \
                 overtaken them.",
            ),
        ],
        shows: || {
            let first = [
                text("one?"), text("two!"), masked(PONG, b""), masked(PING, b"p"), masked(BINARY, b"\0"),
                text("three!"),
            ];
            let mut table = Table::patient(&first.concat());
            let mut shown = String::new();
            for _ in 0..5 {
                shown += &format!("{}\n", table.peer.hears());
            }
            shown + "\n" + &table.ends()
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
            let close = masked(CLOSE, b"\x03\xe8bye");
            let much = masked(BINARY, &[0; 60_000]);
            let cases = [
                ("it closes", close.clone(), false),
                ("it closes, without a code", masked(CLOSE, b""), false),
                ("it closes and ends TCP", close.clone(), true),
                ("a message, a ping, a Close", [text("hi!"), masked(PING, b"?"), close.clone()].concat(), false),
                ("more behind the Close", [close.clone(), text("more!"), close, much.clone()].concat(), false),
                ("it ends TCP, without a Close", text("bye!"), true),
                ("no mask", unmasked(TEXT, b"hi"), false),
                ("text that is no UTF-8", masked(TEXT, b"\xff"), false),
                ("more than 100,000 bytes", [header(BINARY, 100_001), much].concat(), false),
                ("as many in two frames, and it ends TCP", [masked(0x02, &[0; 60_000]), masked(0x80, &[0; 60_000])].concat(), true),
            ];
            let mut shown = String::new();
            for (title, bytes, end) in cases {
                let mut bytes = bytes;
                if title.starts_with("more than") {
                    bytes[1] |= 0x80;
                }
                let mut table = Table::patient(b"");
                table.peer.send(&bytes);
                if end {
                    table.peer.end();
                }
                let heard = table.peer.hears_all();
                shown += &format!("{title}\n  {heard}\n");
                // What one client waits for in vain, the others would, too.
                if heard.contains("(no frame") {
                    return shown;
                }
                if !end && !table.has_left() {
                    return shown + "  left before TCP has ended: false\n";
                }
                if !end {
                    shown += "  left before TCP has ended: true\n";
                }
                if title == "it closes" {
                    shown += &format!("  read until it ends TCP, too: {}\n", table.goes_on(SOON));
                }
                shown += &format!("  {}\n", table.ends());
            }
            shown
        },
    }
}

#[test]
fn a_close_from_the_room_waits_for_its_answer() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "When the room has said goodbye, the client's Close isn't answered by a second one. The client has \
               some time for it, whatever it sends meanwhile; the room doesn't hear that any more.",
        signs: [
            yours(["silent, it is cut off: false"]).says(
                "The clock is asked only when something was read. A client that is silent is waited for without \
                 an end.",
            ),
            yours(["talking, it is cut off: false"]).says(
                "The clock is asked only when nothing came. A client that goes on talking is waited for without \
                 an end.",
            ),
        ],
        shows: || {
            let goodbye = |table: &Table| {
                let close = unmasked(CLOSE, b"\x03\xe9the server stops");
                table.room.outbox.finish(close.into());
            };
            let mut answers = Table::patient(b"");
            goodbye(&answers);
            let mut shown = format!("it answers\n  {} | ", answers.peer.hears());
            answers.peer.send(&[text("on its way!"), text("is it?"), masked(CLOSE, b"\x03\xe9")].concat());
            shown += &format!("{}\n", answers.peer.hears_all());
            shown += &format!("  {}\n", answers.ends());

            let short = Patience { close_within: SOON, ..PATIENT };
            let mut silent = Table::new(b"", ROOM_ENOUGH, short);
            goodbye(&silent);
            shown += &format!("it is silent\n  {}\n", silent.peer.hears_all());
            if !silent.is_cut_off(|_| thread::yield_now()) {
                return shown + "  silent, it is cut off: false\n";
            }
            shown += &format!("  {}\n", silent.ends());

            // Its reader never waits until a read is over without a byte.
            let talks = Table::with_tick(FOR_EVER, b"", ROOM_ENOUGH, short);
            goodbye(&talks);
            let talk = |mut stream: &TcpStream| _ = stream.write_all(&masked(PONG, b""));
            if !talks.is_cut_off(talk) {
                return shown + "it goes on to talk\n  talking, it is cut off: false\n";
            }
            shown + &format!("it goes on to talk\n  {}\n", talks.ends())
        },
    }
}

#[test]
fn a_peer_that_vanished_is_noticed() {
    check! {
        rfc: "RFC 6455 §5.5.2",
        rule: "A silent client is sent a ping, then a Close with 1008, and leaves the room; later its TCP ends. \
               One that answers stays.",
        signs: [
            yours(["it is waited for: false"]).says(
                "The loop ends when the Close is sent. Only `Due::End` ends it: until then the client may answer.",
            ),
        ],
        shows: || {
            let hasty = Patience { ping_after: SHORT, pong_within: SHORT, close_within: SOON };
            let mut vanished = Table::new(b"", ROOM_ENOUGH, hasty);
            let mut shown = format!("it vanished\n  {}\n", vanished.peer.hears_all());
            shown += &format!("  {}\n", vanished.ends());

            let mut late = Table::new(b"", ROOM_ENOUGH, Patience { close_within: DEADLINE, ..hasty });
            shown += &format!("it answers late\n  {}\n", late.peer.hears_all());
            // Where it isn't waited for, its threads have ended by now, or are about to.
            shown += &format!("  it is waited for: {}\n", late.goes_on(SHORT));
            late.peer.send(&masked(CLOSE, b"\x03\xf0"));
            shown += &format!("  {}\n", late.ends());

            let mut answers = Table::new(b"", ROOM_ENOUGH, Patience { ping_after: SHORT, ..PATIENT });
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
            yours(["go on for ever"]).says(
                "An error of a read was taken for silence, or the writer still waits for something to write.",
            ),
        ],
        shows: || {
            let reset = Table::patient(b"");
            // Who closes a socket with bytes unread resets it.
            let frame: Bytes = unmasked(TEXT, b"unread").into();
            _ = reset.room.outbox.push(frame);
            _ = reset.peer.stream.get_ref().peek(&mut [0]);
            let mut shown = format!("a reset\n  {}\n", reset.ends());
            let mut panics = Table::patient(&text("panic"));
            shown += &format!("a panic\n  {}\n", panics.peer.hears_all());
            shown + &format!("  {}\n", panics.ends())
        },
    }
}

#[test]
fn a_client_that_has_gone_leaves_at_once() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A client whose TCP has failed leaves at once. What it sent before, and what waits for the \
               room's lock, is for nobody.",
        signs: [
            yours(["it says message"]).says(
                "The room hears all that a client sent before it was gone. In a busy room, a crowd that has left \
                 keeps the others waiting.",
            ),
        ],
        shows: || {
            let messages: Vec<Vec<u8>> = (1..=50).map(|number| text(&format!("message {number}"))).collect();
            let table = Table::patient(&[text("wait"), messages.concat()].concat());
            let waits = table.until("it says wait");
            let mut shown = format!("it says 51 things, and waits for the first to be heard: {waits}\n");
            // Unread data makes the system reset the connection.
            let frame: Bytes = unmasked(TEXT, b"unread").into();
            _ = table.room.outbox.push(Arc::clone(&frame));
            let Table { peer, room, running } = table;
            _ = peer.stream.get_ref().peek(&mut [0]);
            drop(peer);
            let left = || lock(&room.notes).iter().any(|note| note == "it leaves");
            let deadline = Instant::now() + stretched(Duration::from_secs(1));
            while !left() && Instant::now() < deadline {
                _ = room.outbox.push(Arc::clone(&frame));
                thread::yield_now();
            }
            shown += &format!("TCP is reset; it has left while it still waits: {}\n", left());
            room.free.store(true, Ordering::Relaxed);
            let deadline = Instant::now() + stretched(DEADLINE);
            while !running.is_finished() && Instant::now() < deadline {
                thread::yield_now();
            }
            let notes = lock(&room.notes);
            shown + &format!("the room's notes: {}\n", notes.join(", "))
        },
    }
}

#[test]
fn a_client_that_pings_and_does_not_read_is_too_slow() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "Pongs wait in the outbox like everything else, and no more of them than there is room for.",
        signs: [
            yours(["(no frame"]).says(
                "There is no space for a pong, and the room doesn't learn it: `too_slow`. So the client is never cut off.",
            ),
        ],
        shows: || {
            let pings = masked(PING, &[b'p'; 125]).repeat(20);
            let mut table = Table::new(&pings, 1000, PATIENT);
            let shown = format!("20 pings of 125 bytes at once, 1000 may wait\n{}\n", table.peer.hears_all());
            shown + &table.ends()
        },
    }
}

#[test]
fn a_stuck_writer_holds_up_no_other_thread() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "A client that doesn't read is still heard, and nothing that is meant for it ever waits. Once it is \
               cut off, its time is short: then TCP ends, and both threads.",
        signs: [
            yours(["each push takes as long as a write"]).says("`push` waits for the writer."),
            yours(["it is heard: false"]).says(
                "The reader waits for the writer. What it has to send goes into the outbox, and it reads on.",
            ),
        ],
        shows: || {
            let mut table = Table::new(b"", ROOM_ENOUGH, Patience { close_within: SHORT, ..PATIENT });
            // More than the system keeps for one connection.
            let frame: Bytes = unmasked(BINARY, &[7; 60_000]).into();
            let begin = Instant::now();
            for _ in 0..1000 {
                _ = table.room.outbox.push(Arc::clone(&frame));
            }
            let mut shown = match begin.elapsed() < stretched(Duration::from_secs(1)) {
                true => "60 MB are pushed at once\n".to_string(),
                false => "each push takes as long as a write\n".to_string(),
            };
            table.peer.send(&[text("I don't read"), masked(PING, b"?")].concat());
            let is_heard = table.until("it says I don't read");
            shown += &format!("it is heard: {is_heard}\n");
            table.room.too_slow(ClientId::FIRST);
            let is_cut_off = table.is_cut_off(|_| thread::yield_now());
            shown += &format!("its threads end, although it has not read a byte: {is_cut_off}\n");
            shown + &table.ends()
        },
    }
}
