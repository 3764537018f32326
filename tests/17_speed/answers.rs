//! What goes out: how many writes, how many copies, and what happens when the socket takes no more.

use std::io::{self, ErrorKind, IoSlice, Write};

use frames::Opcode;
use speed::answers::LARGE;
use speed::{Answers, Waiting};
use support::check;
use support::frame::{BINARY, TEXT, unmasked};
use support::sign::{missing, panics, under, yours};

/// A socket that notes every write, and takes so many bytes at most.
#[derive(Default)]
struct Socket {
    writes: Vec<Vec<(usize, usize)>>,
    bytes: Vec<u8>,
    room: usize,
    /// The most that one write takes.
    at_once: usize,
    /// What the next write says in place of taking something.
    fails: Option<ErrorKind>,
}

impl Socket {
    fn with_room(room: usize) -> Self {
        Self {
            room,
            at_once: usize::MAX,
            ..Self::default()
        }
    }

    fn shown(&self) -> String {
        let lengths = |write: &Vec<(usize, usize)>| {
            let lengths = write.iter().map(|(_, length)| length.to_string());
            format!("[{}]", Vec::from_iter(lengths).join(" + "))
        };
        match self.writes.len() {
            0 => "no write".to_string(),
            1 => format!("1 write: {}", lengths(&self.writes[0])),
            more => {
                let all = Vec::from_iter(self.writes.iter().map(lengths));
                format!("{more} writes: {}", all.join(", "))
            }
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice]) -> io::Result<usize> {
        assert!(self.writes.len() < 10_000, "writes without end");
        let slices = slices.iter().filter(|slice| !slice.is_empty());
        let write = slices.clone().map(|it| (it.as_ptr() as usize, it.len()));
        self.writes.push(write.collect());
        match self.fails.take() {
            Some(ErrorKind::WriteZero) => return Ok(0),
            Some(kind) => return Err(kind.into()),
            None => {}
        }
        if self.room == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let count = slices.clone().map(|slice| slice.len()).sum::<usize>();
        let count = count.min(self.room).min(self.at_once);
        let end = self.bytes.len() + count;
        for slice in slices {
            let more = slice.len().min(end - self.bytes.len());
            self.bytes.extend_from_slice(&slice[..more]);
        }
        self.room -= count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends these messages in one turn.
fn turn(socket: &mut Socket, waiting: &mut Waiting, messages: &[(Opcode, &[u8])]) {
    let mut joined = Vec::new();
    let mut answers = Answers::new(socket, &mut joined, waiting);
    for (opcode, payload) in messages {
        answers
            .message(*opcode, payload)
            .expect("the socket doesn't fail");
    }
    answers.finish().expect("the socket doesn't fail");
    assert!(
        joined.is_empty(),
        "bytes are left in the thread's buffer: the next client would get them"
    );
}

#[test]
fn small_answers_go_out_in_one_write() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "All small answers of a turn go out in one write, in their order. No answer, no write.",
        signs: [
            under("three answers", yours(["3 writes"])).says(
                "Each message was written by itself. A small one is only appended to `joined`; the end of the turn \
                 writes.",
            ),
            panics("left in the thread's buffer").says("`joined` must be empty once its bytes are written, or wait."),
            under("no answer", missing(["no write"])).says("An empty write is a system call, too. No bytes, no write."),
            under("three answers", yours(["other bytes"])).says(
                "The bytes are wrong: each message is its header, and then its payload, unmasked.",
            ),
        ],
        shows: || {
            let mut shown = String::new();
            let three: [(Opcode, &[u8]); 3] =
                [(Opcode::Text, b"Hello"), (Opcode::Binary, &[7; 200]), (Opcode::Text, b"")];
            for (title, messages) in [("no answer", &three[..0]), ("one answer", &three[..1]), ("three answers", &three[..])] {
                let (mut socket, mut waiting) = (Socket::with_room(usize::MAX), Waiting::default());
                turn(&mut socket, &mut waiting, messages);
                let frames = messages.iter().flat_map(|(opcode, payload)| unmasked(0x80 | opcode.bits(), payload));
                let right = socket.bytes.iter().copied().eq(frames);
                let verdict = if right { "their frames" } else { "other bytes" };
                shown += &format!("{title}\n  {}\n  {verdict}\n", socket.shown());
            }
            shown
        },
    }
}

#[test]
fn a_large_payload_is_not_copied() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "A payload of LARGE bytes is written from where it lies, in one vectored write with all that precedes it.",
        signs: [
            yours(["a copy"]).says(
                "The large payload was copied before it was written. Give `write_with` the slice, so that it goes out \
                 from where it lies.",
            ),
            yours(["[14], "]).or(yours(["[4], "])).or(yours(["[7], "])).says(
                "Header and payload went out in two writes. One vectored write takes both slices.",
            ),
            panics("left in the thread's buffer").says("`joined` must be empty once its bytes are written, or wait."),
        ],
        shows: || {
            let payload = vec![b'x'; LARGE];
            let mut shown = String::new();
            let messages: [(Opcode, &[u8]); 2] = [(Opcode::Text, b"small"), (Opcode::Binary, &payload)];
            for (title, messages) in [("a large message", &messages[1..]), ("a small one, then a large one", &messages[..])] {
                let (mut socket, mut waiting) = (Socket::with_room(usize::MAX), Waiting::default());
                turn(&mut socket, &mut waiting, messages);
                let place = payload.as_ptr() as usize;
                let in_place = socket.writes.iter().flatten().any(|(at, length)| *at == place && *length == LARGE);
                let copied = if in_place { "not copied" } else { "a copy" };
                shown += &format!("{title}\n  {}\n  the payload: {copied}\n", socket.shown());
            }
            shown
        },
    }
}

#[test]
fn what_the_socket_does_not_take_waits() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "Wherever the socket stops, the rest waits, and goes out later: each byte once, in order.",
        signs: [
            yours(["lost"]).says(
                "Bytes are lost, or out of place. A write may take any part of the two slices: the rest of the first, \
                 and then the rest of the second, wait.",
            ),
            yours(["doubled"]).says("Bytes went out twice. Those that the socket has taken don't wait any more."),
            panics("without end").says("`WouldBlock` doesn't go away by trying again. Return, and wait for the event."),
            panics("doesn't fail").says("`WouldBlock` isn't a failure: the rest waits for an event of the socket."),
        ],
        shows: || {
            let payload = vec![b'x'; LARGE];
            let messages: [(Opcode, &[u8]); 3] = [(Opcode::Text, b"one"), (Opcode::Binary, &payload), (Opcode::Text, b"two")];
            let expected = [unmasked(TEXT, b"one"), unmasked(BINARY, &payload), unmasked(TEXT, b"two")].concat();
            let mut tried = 0;
            for room in (0..40).chain((LARGE - 10..expected.len()).step_by(3)).chain([expected.len()]) {
                for at_once in [usize::MAX, 3001] {
                    let (mut socket, mut waiting) = (Socket::with_room(room), Waiting::default());
                    socket.at_once = at_once;
                    turn(&mut socket, &mut waiting, &messages);
                    let waits = waiting.length();
                    socket.room = usize::MAX;
                    // However much one call writes: that is for a different check.
                    for _ in 0..100 {
                        waiting.write(&mut socket).expect("the socket doesn't fail");
                    }
                    tried += 1;
                    if waits != expected.len() - room || socket.bytes != expected {
                        let what = if socket.bytes.len() > expected.len() { "doubled" } else { "lost" };
                        return format!(
                            "of {} bytes the socket took {room}, {waits} waited, {} came: {what}\n",
                            expected.len(), socket.bytes.len()
                        );
                    }
                }
            }
            format!("{tried} ways to stop: every byte came once, and in order\n")
        },
    }
}

#[test]
fn nothing_overtakes_what_waits() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "While bytes wait, later answers wait behind them, even if the socket would take them.",
        signs: [
            yours(["out of order"]).says(
                "New bytes went out ahead of those that wait: in the middle of a frame. Write only if nothing waits.",
            ),
        ],
        shows: || {
            let (mut socket, mut waiting) = (Socket::with_room(3), Waiting::default());
            turn(&mut socket, &mut waiting, &[(Opcode::Text, b"first")]);
            socket.room = usize::MAX;
            let large = vec![b'x'; LARGE];
            turn(&mut socket, &mut waiting, &[(Opcode::Text, b"second"), (Opcode::Binary, &large)]);
            waiting.write(&mut socket).expect("the socket doesn't fail");
            let expected = [unmasked(TEXT, b"first"), unmasked(TEXT, b"second"), unmasked(BINARY, &large)].concat();
            let order = if socket.bytes == expected { "in order" } else { "out of order" };
            format!("{} bytes, {order}\n", socket.bytes.len())
        },
    }
}

#[test]
fn waiting_bytes_go_out_until_would_block() {
    check! {
        rfc: "the workshop's own rule",
        rule: "What waits is written until the socket says `WouldBlock`: only then does the system report it writable again.",
        signs: [
            under("takes 10 at once", yours(["not empty"])).says(
                "Everything is written, and the bytes are still there: empty the buffer, so that an idle client takes \
                 no memory.",
            ),
            under("takes 10 at once", missing(["0 left"])).says(
                "One write was made, and the socket took a part. Without a `WouldBlock` no event may come, and the rest \
                 waits forever. Write on.",
            ),
            under("full", yours(["failed"])).says("`WouldBlock` isn't a failure. What is left waits for the next event."),
            panics("without end").says("`WouldBlock` doesn't go away by trying again. Return."),
        ],
        shows: || {
            let mut shown = String::new();
            for (title, room, at_once) in [("takes 10 at once", usize::MAX, 10), ("full after 25", 25, 10), ("full at once", 0, 10)] {
                let (mut socket, mut waiting) = (Socket::with_room(room), Waiting::default());
                socket.at_once = at_once;
                waiting.put(&[b'x'; 50]);
                let took = waiting.write(&mut socket).map_or("failed".to_string(), |it| it.to_string());
                let left = waiting.length();
                let empty = if left == 0 && !waiting.is_empty() { ", but not empty" } else { "" };
                shown += &format!("{title}\n  {} writes, {took} bytes taken, {left} left{empty}\n", socket.writes.len());
                // Room for a few more, and then for all.
                for room in [12, usize::MAX] {
                    if !waiting.is_empty() && socket.room == 0 && left == 25 {
                        (socket.room, socket.writes) = (room, Vec::new());
                        let took = waiting.write(&mut socket).map_or("failed".to_string(), |it| it.to_string());
                        let (writes, left) = (socket.writes.len(), waiting.length());
                        shown += &format!("  later: {writes} writes, {took} bytes taken, {left} left\n");
                    }
                }
            }
            shown
        },
    }
}

#[test]
fn only_would_block_means_later() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A write that was interrupted is made again. A socket that fails, or takes nothing, ends its client.",
        signs: [
            under("interrupted", missing(["is out"])).says(
                "`Interrupted` isn't a failure: a signal came before the socket took anything. Write once more.",
            ),
            under("takes no byte", missing(["write zero"])).says(
                "A write took nothing, without an error. If you tried again, that might never end: return \
                 `ErrorKind::WriteZero`.",
            ),
            under("ended by the other side", missing(["broken pipe"])).says(
                "The socket has failed, and will never take a byte again. Return its error, so that the client is removed.",
            ),
        ],
        shows: || {
            let mut shown = String::new();
            for (title, kind) in [
                ("interrupted", ErrorKind::Interrupted),
                ("takes no byte", ErrorKind::WriteZero),
                ("ended by the other side", ErrorKind::BrokenPipe),
            ] {
                let socket = || Socket { fails: Some(kind), ..Socket::with_room(usize::MAX) };
                let verdict = |result: io::Result<()>, length: usize| match result {
                    Ok(()) if length == 50 => "all of it is out".to_string(),
                    Ok(()) => format!("{length} of 50 bytes are out"),
                    Err(error) => format!("the client ends: {}", error.kind()),
                };
                let (mut first, mut waiting) = (socket(), Waiting::default());
                waiting.put(&[b'x'; 50]);
                let waits = waiting.write(&mut first).map(|_| ());
                let (mut second, mut waiting, mut joined) = (socket(), Waiting::default(), vec![b'x'; 50]);
                let answers = Answers::new(&mut second, &mut joined, &mut waiting).finish();
                shown += &format!(
                    "{title}\n  bytes that wait: {}\n  answers: {}\n",
                    verdict(waits, first.bytes.len()), verdict(answers, second.bytes.len())
                );
            }
            shown
        },
    }
}
