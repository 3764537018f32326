//! The driver, on a stream that follows a script.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use connection::{Config, Connection};
use echo::{Driver, Patience};
use support::frame::{BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, TEXT_NO_FIN, masked};
use support::sign::{missing, never_finished, only, panics, swapped, too_little, too_much, yours};
use support::{check, cut};

use super::shared::{NO_PATIENCE, brief};

/// Longer than any check takes.
const FOREVER: Duration = Duration::from_secs(600);

/// The outcome of one read.
#[derive(Clone)]
enum Step {
    /// Bytes have come.
    Bytes(Vec<u8>),
    /// Nothing comes, and the wait ends like this.
    Waits(ErrorKind),
    /// The client has ended TCP.
    End,
}

/// A stream that follows a script, and records what the driver does with it.
struct Script {
    steps: VecDeque<Step>,
    /// How each write fails, if it does.
    write_error: Option<ErrorKind>,
    /// The most bytes that one write takes.
    takes: usize,
    said: String,
    /// How many reads there were after the end of the script.
    beyond: usize,
}

impl Script {
    fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            write_error: None,
            takes: usize::MAX,
            said: String::new(),
            beyond: 0,
        }
    }

    fn say(&mut self, line: &str) {
        self.said += line;
        self.said += "\n";
    }
}

impl Read for Script {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.steps.pop_front() {
            Some(Step::Bytes(mut bytes)) => {
                let rest = bytes.split_off(bytes.len().min(buffer.len()));
                buffer[..bytes.len()].copy_from_slice(&bytes);
                self.say(&format!("reads   {}", brief(&bytes)));
                if !rest.is_empty() {
                    self.steps.push_front(Step::Bytes(rest));
                }
                Ok(bytes.len())
            }
            Some(Step::Waits(kind)) => {
                self.say(&format!("reads   {kind:?}"));
                Err(kind.into())
            }
            Some(Step::End) => {
                self.say("reads   nothing: TCP has ended");
                Ok(0)
            }
            None => {
                self.beyond += 1;
                assert!(
                    self.beyond < 10,
                    "it reads on forever, though nothing more comes"
                );
                self.say("reads   once more, and nothing comes: TCP has ended");
                Ok(0)
            }
        }
    }
}

impl Write for Script {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(kind) = self.write_error {
            self.say(&format!("writes  {}: {kind:?}", brief(bytes)));
            return Err(kind.into());
        }
        let taken = &bytes[..bytes.len().min(self.takes)];
        self.say(&format!("writes  {}", brief(taken)));
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.say("flushes");
        Ok(())
    }
}

/// Whether the server is to stop.
#[derive(PartialEq)]
enum ServerIs {
    Running,
    Stopping,
}

/// The script, with the driver's part in it.
fn driven(script: Script, patience: Patience, server: ServerIs) -> String {
    driven_with(script, patience, server, Config::default())
}

fn driven_with(mut script: Script, patience: Patience, server: ServerIs, config: Config) -> String {
    let stop = AtomicBool::new(server == ServerIs::Stopping);
    let driver = Driver::new(&mut script, Connection::server(config), patience, &stop);
    let ended = match driver.run() {
        Ok(()) => "ends    and closes TCP".to_string(),
        Err(error) => format!("ends    because of {:?}", error.kind()),
    };
    script.say(&ended);
    script.said
}

fn drive(steps: impl IntoIterator<Item = Step>) -> String {
    driven(Script::new(steps), Patience::default(), ServerIs::Running)
}

fn bytes(pieces: &[Vec<u8>]) -> Step {
    Step::Bytes(pieces.concat())
}

#[test]
fn text_comes_back_as_text_and_binary_as_binary() {
    check! {
        rfc: "RFC 6455 §5.6",
        rule: "Text comes back as text, and binary as binary, whole, in one frame.",
        signs: [
            yours(["81 05 48 65 6c 6c 6f 88 02 03 ea"]).says(
                "The whole buffer was passed on, not just the bytes that came. The zeros after the message look like a \
                 frame without a mask: hence the Close with 1002 (03 ea).",
            ),
            missing(["writes  82 03 00"]).and(yours(["writes  81"])).says(
                "Binary came back as text. Bytes that aren't UTF-8 can't be text.",
            ),
            yours(["writes  82 05 48 65 6c 6c 6f"]).says("Text came back as binary."),
            missing(["writes  88 00"]).but_not(missing(["writes  81 05"])).says(
                "The round ended before its last write: the answer to the Close never went out.",
            ),
            missing(["writes  88 00"]).but_not(yours(["writes"])).says(
                "Nothing was written. The bytes that the connection wants to send wait in its buffer until the driver \
                 takes them out and writes them.",
            ),
            missing(["writes  81 05"]).but_not(yours(["writes"])).says(
                "No message was answered; the Close was, because the connection does that by itself.",
            ),
            only(["writes  81 00", "flushes"]).and(missing(["writes  81 00"])).says(
                "An empty message wasn't sent back. It is a message, too.",
            ),
            too_little().and(only(["flushes"])).says(
                "Nothing was flushed. A stream may keep bytes in a buffer until it is.",
            ),
            too_much().and(only(["flushes"])).says(
                "The stream was flushed although there was nothing to write.",
            ),
            yours(["reads   once more"]).says(
                "The driver reads on after both Close frames: it doesn't ask the connection whether to close TCP.",
            ),
        ],
        shows: messages_of_each_type,
    }
}

fn messages_of_each_type() -> String {
    let e_acute = "é".as_bytes();
    drive([
        bytes(&[masked(TEXT, b"Hello")]),
        bytes(&[masked(BINARY, b"\x00\xff\x80")]),
        bytes(&[masked(TEXT, b"")]),
        bytes(&[masked(TEXT_NO_FIN, &e_acute[..1])]),
        bytes(&[masked(CONTINUATION, &e_acute[1..])]),
        bytes(&[masked(CLOSE, b"")]),
    ])
}

#[test]
fn one_read_is_answered_by_one_write() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "All the answers to one read go out in one write. Only the bytes that came count, not the rest of the \
               buffer.",
        signs: [
            yours(["reads   once more"]).says(
                "One event was taken from each read. `poll` returns them one at a time, and `None` after the last.",
            ),
            yours(["writes  8a 01 3f 81 03"]).says(
                "All events were collected before the first was answered, as `Connection::receive` does: by then the \
                 connection had answered the ping, and the Close after `four`.",
            ),
            yours(["6f 6e 65 8a 01 3f"]).says(
                "A ping ended the loop over the events: the messages after it got no echo until more bytes came.",
            ),
            yours(["writes  82 03 74 77 6f"]).says(
                "Each answer was written as soon as it was there. A system call costs more than everything else.",
            ),
            missing(["writes  81 05 61 66"]).says(
                "A pong ended the loop over the events: the message after it got no echo until more bytes came.",
            ),
        ],
        shows: || drive([
            bytes(&[masked(TEXT, b"one"), masked(PING, b"?"), masked(BINARY, b"two"), masked(TEXT, b"three")]),
            bytes(&[masked(PONG, b"unasked")]),
            bytes(&[masked(PONG, b"unasked"), masked(TEXT, b"after")]),
            bytes(&[masked(TEXT, b"four"), masked(CLOSE, b"\x03\xe8")]),
        ]),
    }
}

#[test]
fn one_read_takes_at_most_sixteen_kib() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "A connection reads into one buffer of `READ_BUFFER_SIZE` bytes, however much has come. A message \
               that is longer comes back whole.",
        signs: [
            yours(["reads   82 ff"]).says(
                "The buffer has a different size. Each connection has one: a thousand of 1 MiB take 1 GiB.",
            ),
            yours(["writes  82 7f"]).or(yours(["writes  82 7e"])).says(
                "The echo is shorter than the message. The connection's limits decide how long a message may be.",
            ),
        ],
        shows: || {
            let message = masked(BINARY, &[b'*'; 70_000]);
            drive([bytes(&[message, masked(CLOSE, b"\x03\xe8")])])
        },
    }
}

#[test]
fn a_write_may_be_partial() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "A write may take fewer bytes than it is given. The rest needs another write.",
        signs: [
            too_little().and(missing(["writes"])).says(
                "`write` was called once. It may take only some of the bytes; `write_all` goes on until all are taken.",
            ),
        ],
        shows: || {
            let mut script = Script::new([bytes(&[masked(TEXT, b"Hello, world"), masked(CLOSE, b"")])]);
            script.takes = 7;
            driven(script, Patience::default(), ServerIs::Running)
        },
    }
}

#[test]
fn a_stream_may_be_cut_anywhere() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "A read brings any number of bytes: half a frame, or three and a half.",
        signs: [
            only(["cut in two", "in bytes"]).says(
                "Each read was treated as a whole frame. A frame that comes in two reads must get the same answer.",
            ),
        ],
        shows: stream_in_pieces,
    }
}

fn stream_in_pieces() -> String {
    let stream = [
        masked(TEXT, b"Hello"),
        masked(PING, b"?"),
        masked(CLOSE, b""),
    ]
    .concat();
    let written = |pieces: &[&[u8]]| -> String {
        let steps = pieces.iter().map(|piece| Step::Bytes(piece.to_vec()));
        let said = drive(steps);
        let writes = said
            .lines()
            .filter_map(|line| line.strip_prefix("writes  "));
        writes.collect::<Vec<_>>().join(" ")
    };
    let whole = written(&[&stream]);
    let cuts = cut::every_cut(&stream).count();
    let same = cut::every_cut(&stream).filter(|pieces| written(pieces) == whole);
    let same = same.count();
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    let mut bytewise = written(&bytes);
    if bytewise == whole {
        bytewise = "the same".to_string();
    }
    format!(
        "in one piece: {whole}\ncut in two: the same for {same} of {cuts} cuts\nin bytes: {bytewise}\n"
    )
}

#[test]
fn a_timeout_is_not_the_end_of_tcp() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "A read that has waited for long enough, or was interrupted, is neither a failure nor the end.",
        signs: [
            yours(["ends    because of WouldBlock"]).says(
                "Every error of `read` ends the driver: a client that says nothing for half a second is cut off.",
            ),
            yours(["ends    because of TimedOut"]).says(
                "`TimedOut` ended the driver. Windows returns it when other systems return `WouldBlock`.",
            ),
            yours(["ends    because of Interrupted"]).says(
                "`Interrupted` ended the driver. A signal may interrupt a read; the next one goes on.",
            ),
            too_little().and(missing(["reads   "])).says(
                "A wait that is over was taken for the end of TCP. Only `Ok(0)` says that TCP has ended.",
            ),
        ],
        shows: || drive([
            Step::Waits(ErrorKind::WouldBlock),
            Step::Waits(ErrorKind::TimedOut),
            Step::Waits(ErrorKind::Interrupted),
            bytes(&[masked(TEXT, b"Hello")]),
            Step::Waits(ErrorKind::WouldBlock),
            bytes(&[masked(CLOSE, b"")]),
        ]),
    }
}

#[test]
fn tcp_may_end_without_a_close() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "If TCP ends or fails, the driver ends.",
        signs: [
            panics("reads on forever").says(
                "0 bytes were taken for a tick: the thread then reads nothing, forever, as fast as it can.",
            ),
            missing(["ends    because of ConnectionReset"]).says(
                "A reset is a failure of TCP. `run` must return that error.",
            ),
        ],
        shows: || {
            let ended = drive([bytes(&[masked(TEXT, b"bye")]), Step::End]);
            let reset = drive([Step::Waits(ErrorKind::ConnectionReset)]);
            format!("the client ends TCP\n{ended}\nthe client resets TCP\n{reset}")
        },
    }
}

#[test]
fn tcp_is_closed_after_close() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "When both Close frames are sent, or a rule was broken, the server closes TCP, and reads \
               no more.",
        signs: [
            yours(["reads   once more"]).says(
                "The server waits for the client to close TCP, and the client waits for the server.",
            ),
            missing(["writes  81 0a 6c 61 73 74"]).says(
                "The good message got no echo: by the time it was answered, the connection had failed.",
            ),
        ],
        shows: ends_of_a_connection,
    }
}

fn ends_of_a_connection() -> String {
    let close = drive([bytes(&[masked(CLOSE, b"\x03\xe8bye")])]);
    let unmasked = drive([Step::Bytes(b"\x81\x05Hello".to_vec())]);
    let last = drive([bytes(&[masked(TEXT, b"last words"), vec![0xff]])]);
    let limit = Config {
        max_frame: 4,
        max_message: 4,
        ..Config::default()
    };
    let steps = [
        bytes(&[masked(TEXT, b"four")]),
        bytes(&[masked(TEXT, b"fives")]),
    ];
    let long = driven_with(
        Script::new(steps),
        Patience::default(),
        ServerIs::Running,
        limit,
    );
    format!(
        "they close\n{close}\na frame without a mask\n{unmasked}\n\
         a message, and then nonsense\n{last}\na message of 5 bytes, of 4 allowed\n{long}"
    )
}

#[test]
fn a_peer_that_reads_nothing_is_given_up() {
    check! {
        rfc: "RFC 6455 §7.2.2",
        rule: "If a write fails, the driver ends, even if the write has only waited too long.",
        signs: [
            yours(["writes  81 04 6d 6f 72 65"]).says(
                "The result of the write is ignored: the driver goes on with a stream that lacks some bytes.",
            ),
            yours(["ends    and closes TCP"]).says(
                "The driver ends, and returns `Ok`. `run` must return the error of a write that failed.",
            ),
            never_finished().says("A write that failed is tried again and again."),
        ],
        shows: failing_writes,
    }
}

fn failing_writes() -> String {
    let failing = |kind| {
        let mut script = Script::new([
            bytes(&[masked(TEXT, b"Hello")]),
            bytes(&[masked(TEXT, b"more")]),
        ]);
        script.write_error = Some(kind);
        driven(script, Patience::default(), ServerIs::Running)
    };
    format!(
        "{}\n{}",
        failing(ErrorKind::WouldBlock),
        failing(ErrorKind::BrokenPipe)
    )
}

#[test]
fn a_silent_peer_is_pinged_and_then_closed() {
    check! {
        rfc: "RFC 6455 §5.5.2",
        rule: "At each tick the driver does what is due: a ping, a Close with 1008, the end of TCP.",
        signs: [
            swapped().says(
                "The clock is looked at after the write: a ping waits for the next tick before it goes out.",
            ),
            yours(["writes  89"]).and(missing(["writes  88"])).says(
                "The deadlines are told at each tick that something came. A silent client is never closed.",
            ),
            missing(["writes  89"]).says(
                "The clock is looked at only when bytes come, not at a tick: a silent client never gets a ping.",
            ),
            too_little().and(only(["reads   WouldBlock"])).says(
                "TCP was closed right after our Close. The client must still answer it, and `should_close_tcp` says \
                 when it has.",
            ),
            never_finished().says("The driver never leaves the round, though the connection says: close TCP."),
        ],
        shows: || {
            let ticks = vec![Step::Waits(ErrorKind::WouldBlock); 5];
            driven(Script::new(ticks), NO_PATIENCE, ServerIs::Running)
        },
    }
}

#[test]
fn any_bytes_show_that_the_client_is_there() {
    check! {
        rfc: "RFC 6455 §5.5.2",
        rule: "The deadlines are told of each read that brings bytes, whatever the bytes say. A tick brings none.",
        // A ping is due without any silence here, so one follows each read that counts.
        signs: [
            yours(["writes  81 02 48 69"]).and(yours(["reads   WouldBlock"])).says(
                "The clock is looked at only at a tick. A client that never stops talking would not be told that the \
                 server stops.",
            ),
            yours(["writes  81 02 48 69"]).but_not(yours(["48 69 89"])).says(
                "The deadlines are never told that bytes have come. A client that answers every ping is closed.",
            ),
            too_little().and(missing(["writes  89"])).says(
                "The deadlines are told of events, or of messages only. Half a frame leads to no event, and \
                 still shows that the client is there.",
            ),
        ],
        shows: bytes_and_ticks,
    }
}

fn bytes_and_ticks() -> String {
    let [begun, rest] = {
        let frame = masked(TEXT, b"Hi");
        [frame[..3].to_vec(), frame[3..].to_vec()].map(Step::Bytes)
    };
    let tick = || Step::Waits(ErrorKind::WouldBlock);
    let steps = [
        tick(),
        tick(),
        begun,
        rest,
        bytes(&[masked(PONG, b"?")]),
        tick(),
        Step::End,
    ];
    let patience = Patience {
        ping_after: Duration::ZERO,
        pong_within: FOREVER,
        close_within: FOREVER,
    };
    driven(Script::new(steps), patience, ServerIs::Running)
}

#[test]
fn a_stop_is_announced_to_the_client() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "A server that stops sends one Close with 1001, and waits for the client's Close.",
        signs: [],
        shows: stops,
    }
}

fn stops() -> String {
    let tick = Step::Waits(ErrorKind::WouldBlock);
    let steps = [
        tick.clone(),
        tick.clone(),
        bytes(&[masked(TEXT, b"on its way"), masked(PING, b"?")]),
        bytes(&[masked(CLOSE, b"\x03\xe9")]),
    ];
    let answered = driven(Script::new(steps), Patience::default(), ServerIs::Stopping);
    let patience = Patience {
        close_within: Duration::ZERO,
        ..Patience::default()
    };
    let silent = driven(
        Script::new([tick.clone(), tick.clone(), tick]),
        patience,
        ServerIs::Stopping,
    );
    format!("the client answers\n{answered}\nthe client is silent, and gets no time\n{silent}")
}
