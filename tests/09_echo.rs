//! Step 09, `echo`: first a driver on a stream that follows a script, then a server on a real socket.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use connection::{Config, Connection};
use echo::door::Socket;
use echo::http::Http;
use echo::tap::Tap;
use echo::{Deadlines, Driver, Log, Patience, Server, Settings};
use support::cut;
use support::frame::{
    BINARY, BINARY_NO_FIN, CLOSE, CONTINUATION, KEY, PING, PONG, TEXT, TEXT_NO_FIN, masked,
};
use support::http::{Client, exchange};
use support::machine::stretched;
use support::sign::{
    missing, never_finished, only, panics, swapped, too_little, too_much, under, yours,
};
use support::wire::hex;
use support::wire::{Transcript, show, without_date};
use support::{check, program};

/// How long one read or write of a check may take.
const DEADLINE: Duration = Duration::from_secs(3);

/// Longer than any check takes.
const FOREVER: Duration = Duration::from_secs(600);

/// No peer gets any time.
const NO_PATIENCE: Patience = Patience {
    ping_after: Duration::ZERO,
    pong_within: Duration::ZERO,
    close_within: Duration::ZERO,
};

// Time.

/// Deadlines of 30, 10 and 5 seconds, and a function that gives the time so many seconds later.
fn deadlines_from_now() -> (Deadlines, impl Fn(u64) -> Instant) {
    let patience = Patience {
        ping_after: Duration::from_secs(30),
        pong_within: Duration::from_secs(10),
        close_within: Duration::from_secs(5),
    };
    let start = Instant::now();
    let at = move |second| start + Duration::from_secs(second);
    (Deadlines::new(patience, start), at)
}

/// The actions that are due, second by second, if these things happen at these times.
fn diary(happens: &[(u64, &str)], until: u64) -> String {
    let (mut deadlines, at) = deadlines_from_now();
    let mut diary = String::new();
    for second in 0..=until {
        for (_, what) in happens.iter().filter(|(when, _)| *when == second) {
            diary += &format!("{second:>3} s  {what}\n");
            match *what {
                "bytes come" => deadlines.received(at(second)),
                _ => deadlines.close_sent(at(second)),
            }
        }
        if let Some(due) = deadlines.due(at(second)) {
            diary += &format!("{second:>3} s  → {due:?}\n");
            match due {
                echo::Due::Close => deadlines.close_sent(at(second)),
                echo::Due::End => return diary,
                echo::Due::Ping => {}
            }
        }
    }
    diary + &format!("{until:>3} s  nothing is due\n")
}

/// The actions that are due if they are done late: the Close long after it was due, the end never.
fn close_waits() -> String {
    let (mut deadlines, at) = deadlines_from_now();
    let row = |second| {
        if second == 51 {
            deadlines.close_sent(at(second));
        }
        match deadlines.due(at(second)) {
            Some(due) => format!("{second:>3} s  → {due:?}\n"),
            None => format!("{second:>3} s  nothing is due\n"),
        }
    };
    [30, 40, 41, 50, 51, 56, 57].map(row).concat()
}

#[test]
fn a_silent_peer_gets_a_ping_then_a_close_then_the_end() {
    check! {
        rfc: "RFC 6455 §5.5.2",
        rule: "After 30 s of silence a ping is due, 10 s later a Close, 5 s later the end. Bytes that come start \
               the wait again.",
        signs: [
            under("nothing ever comes", yours(["42 s  → Close"])).says(
                "Each deadline is a second late: a wait of exactly 30 s is over. Compare with `<`, not with `<=`.",
            ),
            under("nothing ever comes", yours(["35 s  → Close"]).or(yours(["50 s  → End"]))).says(
                "Two patiences are swapped: 10 s are for the answer to a ping, 5 s for the answer to a Close.",
            ),
            under("nothing ever comes", yours(["31 s  → Close"])).says(
                "The wait for the pong began with the last bytes, not with the ping: `since` is still the old time.",
            ),
            under("nothing ever comes", yours(["31 s  → Ping"])).says(
                "A ping is due each time the clock is looked at: it changed neither `waiting_for` nor `since`.",
            ),
            under("nothing ever comes", yours(["60 s  → Ping"])).says(
                "After a ping, the wait isn't for its answer. A silent peer gets a ping every 30 s, and is never given \
                 up.",
            ),
            under("it answers", yours(["63 s  → Ping"])).says(
                "Bytes counted only while a pong was awaited. A client that talks all the time gets a ping, too.",
            ),
            under("it answers late", yours(["30 s  → Ping"])).says(
                "The bytes that came at 29 s changed nothing: the silence still counts from the beginning.",
            ),
            under("it answers", yours(["40 s  → Close"])).says(
                "Bytes counted only until a ping was due. Its answer changed nothing.",
            ),
            under("it answers", yours(["43 s  → Close"])).says(
                "Bytes that come after a ping prolong the wait for a pong, but don't end it. Any bytes are an \
                 answer.",
            ),
            under("Close goes out at 51 s", yours(["41 s  nothing"])).says(
                "A Close was due only once. It stays due until `close_sent` is called, which the driver does when it \
                 sends the Close.",
            ),
            under("Close goes out at 51 s", yours(["57 s  nothing"])).says(
                "The end was due only once. It stays due.",
            ),
        ],
        shows: diaries_of_silence,
    }
}

fn diaries_of_silence() -> String {
    let silent = diary(&[], 60);
    let answers = diary(
        &[(33, "bytes come"), (63, "bytes come"), (70, "bytes come")],
        99,
    );
    let late = diary(
        &[(29, "bytes come"), (68, "bytes come"), (69, "bytes come")],
        90,
    );
    let waits = close_waits();
    format!(
        "nothing ever comes\n{silent}\nit answers\n{answers}\nit answers late\n{late}\n\
         it is silent, and our Close goes out at 51 s\n{waits}"
    )
}

#[test]
fn only_a_close_answers_a_close() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "A peer has 5 s to answer our Close, whatever else it sends.",
        signs: [
            missing(["7 s  → End"]).says(
                "Bytes that came after our Close prolonged the wait. A client that sends a byte now and then would \
                 never be closed.",
            ),
        ],
        shows: diary_of_a_dripping_peer,
    }
}

fn diary_of_a_dripping_peer() -> String {
    let drips: Vec<(u64, &str)> = [(2, "we close")]
        .into_iter()
        .chain((3..20).map(|second| (second, "bytes come")))
        .collect();
    diary(&drips, 20)
}

// A stream that follows a script.

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

fn brief(bytes: &[u8]) -> String {
    match bytes.len() {
        0..=23 => hex(bytes),
        length => format!("{} … ({length} bytes)", hex(&bytes[..16])),
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

// A real socket.

fn serve(mut settings: Settings) -> Server {
    if let Log::Stderr = settings.log {
        let (unheard, _) = mpsc::channel();
        settings.log = Log::Lines(unheard);
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    Server::start(listener, settings).expect("the server starts")
}

/// Settings with which connections look at the clock often.
fn ticking(patience: Patience) -> Settings {
    Settings {
        tick: Duration::from_millis(10),
        patience,
        ..Settings::default()
    }
}

/// A handshake that keeps every rule, with more lines in it.
fn handshake(more: &str) -> Vec<u8> {
    format!(
        "GET /socket HTTP/1.1\r\nHost: 127.0.0.1:9009\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\n{more}\r\n"
    )
    .into_bytes()
}

fn first_line(head: &[u8]) -> String {
    let head = String::from_utf8_lossy(head);
    head.lines().next().unwrap_or("nothing").to_string()
}

/// Why nothing more comes, in the same words on every system.
fn why(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            format!("no more bytes within {} s", DEADLINE.as_secs())
        }
        _ => error.to_string(),
    }
}

/// A client that sends and receives raw bytes.
struct Peer {
    stream: TcpStream,
}

impl Peer {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, stretched(DEADLINE))
            .unwrap_or_else(|error| panic!("can't connect to your server at {address}: {error}"));
        for set in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
            set(&stream, Some(stretched(DEADLINE))).expect("the deadline is not zero");
        }
        stream.set_nodelay(true).expect("TCP has that option");
        Self { stream }
    }

    /// A peer whose handshake is done.
    fn open(address: SocketAddr) -> Self {
        let mut peer = Self::connect(address);
        peer.send(&handshake(""));
        let head = peer.head();
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", show(&head));
        peer
    }

    fn send(&mut self, bytes: &[u8]) {
        // A server that has closed already may have sent bytes before; they can still be read.
        _ = self.stream.write_all(bytes);
    }

    /// Reads so many bytes, or fewer if TCP ends before.
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let wanted = Read::by_ref(&mut self.stream)
            .take(count as u64)
            .read_to_end(&mut bytes);
        match wanted {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => {
                panic!(
                    "your server sent {} of {count} bytes, and then {}",
                    bytes.len(),
                    why(&error)
                )
            }
            _ => bytes,
        }
    }

    /// Reads the head of a response, and nothing after it.
    fn head(&mut self) -> Vec<u8> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = self.bytes(1);
            assert!(
                !byte.is_empty(),
                "TCP ended in the middle of a head: {}",
                show(&head)
            );
            head.extend(byte);
        }
        head
    }

    /// Reads one frame. It is empty if TCP ends instead.
    fn frame(&mut self) -> Vec<u8> {
        let mut frame = self.bytes(2);
        let extended = match frame.get(1) {
            Some(126) => 2,
            Some(127) => 8,
            _ => 0,
        };
        frame.extend(self.bytes(extended));
        let length = match (frame.get(1), extended) {
            (None, _) => return frame,
            (Some(length), 0) => usize::from(*length),
            _ => frame[2..]
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte)),
        };
        frame.extend(self.bytes(length));
        frame
    }

    /// How TCP ends.
    fn end(&mut self) -> &'static str {
        match self.stream.read(&mut [0]) {
            Ok(0) => "FIN",
            Ok(_) => "more bytes",
            Err(error) if error.kind() == ErrorKind::ConnectionReset => "a reset",
            Err(error) => panic!("your server doesn't end TCP: {}", why(&error)),
        }
    }

    /// The first line of a response, and how TCP ends after it.
    fn refusal(&mut self) -> String {
        let mut response = Vec::new();
        let end = match self.stream.read_to_end(&mut response) {
            Ok(_) => "FIN",
            Err(error) if error.kind() == ErrorKind::ConnectionReset => "a reset",
            Err(error) => panic!("your server doesn't end TCP: {}", why(&error)),
        };
        format!("{} | {end}", first_line(&response))
    }

    /// Sends bytes, and writes them down.
    fn says(&mut self, bytes: &[u8], transcript: &mut Transcript) {
        transcript.client(bytes);
        self.send(bytes);
    }

    /// Reads one frame, or the end of TCP, and writes it down.
    fn hears(&mut self, transcript: &mut Transcript) {
        match self.frame() {
            frame if frame.is_empty() => transcript.note("the server closes TCP"),
            frame => transcript.server(&frame),
        }
    }
}

#[test]
fn an_echo_on_a_real_socket() {
    check! {
        rfc: "RFC 6455 §1.2",
        rule: "Handshake, messages, closing handshake, and then the server closes TCP.",
        signs: [],
        shows: a_whole_visit,
    }
}

fn a_whole_visit() -> String {
    let server = serve(Settings::default());
    let mut transcript = Transcript::new();
    let mut peer = Peer::connect(server.address());
    peer.says(&handshake(""), &mut transcript);
    transcript.server(&without_date(&peer.head()));
    for frame in [
        masked(TEXT, b"Hello"),
        masked(BINARY, b"\x00\xff"),
        masked(PING, b"?"),
    ] {
        peer.says(&frame, &mut transcript);
        peer.hears(&mut transcript);
    }
    peer.says(&masked(CLOSE, b"\x03\xe8bye"), &mut transcript);
    peer.hears(&mut transcript);
    peer.hears(&mut transcript);
    transcript.to_string()
}

#[test]
fn a_frame_may_come_with_the_handshake() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "A frame in the same segment as the handshake is not lost. The bytes may also come one at a time.",
        signs: [
            only(["in pieces of 176"]).says(
                "The given src/server.rs was changed: the bytes after the head were thrown away with their buffer.",
            ),
        ],
        shows: handshake_with_frames,
    }
}

fn handshake_with_frames() -> String {
    let server = serve(Settings::default());
    let bytes = [handshake(""), masked(TEXT, b"Hello"), masked(CLOSE, b"")].concat();
    let mut shown = String::new();
    for size in [bytes.len(), 1] {
        let mut peer = Peer::connect(server.address());
        bytes.chunks(size).for_each(|piece| peer.send(piece));
        peer.head();
        let frames = [peer.frame(), peer.frame(), peer.frame()].map(|frame| hex(&frame));
        shown += &format!("in pieces of {size}: {}\n", frames.join(" | "));
    }
    shown
}

#[test]
fn pages_and_websockets_on_one_port() {
    check! {
        rfc: "RFC 6455 §1.7",
        rule: "One port serves the page, the WebSocket, and requests for anything else.",
        signs: [],
        shows: answers_on_one_port,
    }
}

fn answers_on_one_port() -> String {
    let server = serve(Settings::default());
    let page = exchange(server.address(), "GET", "/", None);
    let type_of_page = page.header("Content-Type").unwrap_or("(none)");
    let mut shown = format!("GET /           {} {type_of_page}\n", page.status);
    for target in ["/nowhere", "/socket"] {
        let answer = exchange(server.address(), "GET", target, None);
        shown += &format!("GET {target:<12}{}\n", answer.status);
    }
    let status = |more: &str| {
        let mut client = Client::connect(server.address());
        client.send(&handshake(more));
        client.response().status
    };
    let foreign = "Origin: http://evil.example\r\n";
    shown += &format!("a handshake     {}\n", status(""));
    shown + &format!("a foreign page  {}\n", status(foreign))
}

#[test]
fn a_query_and_an_offer_of_subprotocols_change_no_echo() {
    check! {
        rfc: "RFC 6455 §4.2.2",
        rule: "A query doesn't change the path. The 101 names a subprotocol that was offered and is known here, or \
               none.",
        signs: [
            under("/socket?", yours(["404"])).says(
                "The given src/http.rs was changed: the query was taken for a part of the path.",
            ),
            under("mqtt is offered", yours(["Protocol"])).says(
                "The given src/http.rs was changed: the 101 names a subprotocol that isn't known here.",
            ),
            under("mqtt and bits", missing(["Protocol"])).says(
                "The given src/http.rs was changed: the 101 doesn't name the subprotocol `bits`.",
            ),
        ],
        shows: queries_and_offers,
    }
}

fn queries_and_offers() -> String {
    let server = serve(Settings::default());
    let at = |target: &str| {
        let text = String::from_utf8(handshake("")).expect("it is ASCII");
        text.replace("/socket", target).into_bytes()
    };
    let offer = |names: &str| handshake(&format!("Sec-WebSocket-Protocol: {names}\r\n"));
    [
        ("/socket?x=1", at("/socket?x=1")),
        ("/socket?", at("/socket?")),
        ("mqtt is offered", offer("mqtt")),
        ("mqtt and bits are", offer("mqtt, bits")),
    ]
    .map(|(title, request)| {
        let mut peer = Peer::connect(server.address());
        peer.send(&request);
        let head = String::from_utf8_lossy(&peer.head()).into_owned();
        let lines = head
            .lines()
            .filter(|line| line.starts_with("HTTP") || line.contains("Protocol:"));
        let lines: Vec<&str> = lines.collect();
        let mut shown = format!("{title}\n  {}\n", lines.join("\n  "));
        if head.starts_with("HTTP/1.1 101 ") {
            peer.send(&masked(TEXT, b"Hello"));
            shown += &format!("  {}\n", hex(&peer.frame()));
        }
        shown
    })
    .concat()
}

#[test]
fn many_connections_at_once() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "Connections are independent: a silent one keeps no other waiting.",
        signs: [],
        shows: fifty_peers,
    }
}

fn fifty_peers() -> String {
    let server = serve(Settings::default());
    let mut peers: Vec<Peer> = (0..50).map(|_| Peer::open(server.address())).collect();
    for (number, peer) in peers.iter_mut().enumerate().rev() {
        peer.send(&masked(TEXT, number.to_string().as_bytes()));
    }
    let right = peers.iter_mut().enumerate().filter_map(|(number, peer)| {
        let frame = peer.frame();
        (frame[2..] == *number.to_string().as_bytes()).then_some(frame)
    });
    format!("{} of 50 get their own number back", right.count())
}

#[test]
fn too_many_connections_get_503() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "The number of connections has a limit, and there is room again when one leaves.",
        signs: [
            panics("no room was made").says("A driver goes on after its client has left."),
        ],
        shows: one_peer_too_many,
    }
}

fn one_peer_too_many() -> String {
    let server = serve(Settings {
        max_connections: 1,
        ..Settings::default()
    });
    let status = || {
        let mut client = Client::connect(server.address());
        client.send(&handshake(""));
        client.response().status
    };
    let first = Peer::open(server.address());
    let shown = format!("the first is open; the second gets {}\n", status());
    drop(first);
    let deadline = Instant::now() + stretched(DEADLINE);
    while status() != 101 {
        assert!(Instant::now() < deadline, "no room was made in time");
    }
    shown + "the first has left; the third gets 101"
}

#[test]
fn a_message_has_a_limit() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "A client that declares more than is allowed gets 1009 before any of it has come, and so does one \
               that sends it in fragments.",
        signs: [],
        shows: messages_that_are_too_long,
    }
}

fn messages_that_are_too_long() -> String {
    let server = serve(Settings {
        max_message: 1000,
        ..Settings::default()
    });
    let mut peer = Peer::open(server.address());
    let mut transcript = Transcript::new();
    let declared = &masked(BINARY, &[0; 1001])[..8];
    peer.says(declared, &mut transcript);
    peer.hears(&mut transcript);
    peer.hears(&mut transcript);
    let mut peer = Peer::open(server.address());
    let fragments = [
        masked(BINARY_NO_FIN, &[0; 600]),
        masked(CONTINUATION, &[0; 600]),
    ];
    peer.send(&fragments.concat());
    transcript.note("another client sends two fragments of 600 bytes");
    peer.hears(&mut transcript);
    peer.hears(&mut transcript);
    transcript.to_string()
}

#[test]
fn deadlines_on_a_real_socket() {
    check! {
        rfc: "RFC 6455 §5.5.2",
        rule: "A silent peer gets a ping, then a Close, then the end of TCP.",
        signs: [],
        shows: silence_on_a_real_socket,
    }
}

fn silence_on_a_real_socket() -> String {
    let server = serve(ticking(NO_PATIENCE));
    let mut peer = Peer::open(server.address());
    let mut transcript = Transcript::new();
    for _ in 0..3 {
        peer.hears(&mut transcript);
    }
    transcript.to_string()
}

#[test]
fn a_head_must_arrive_in_time() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "A head must be whole in time, even if its bytes keep coming. A silent client gets no answer, and the \
               server goes on.",
        signs: [
            panics("a head that drips").says(
                "The given src/door.rs was changed: each byte that comes restarts the wait.",
            ),
        ],
        shows: slow_heads,
    }
}

fn slow_heads() -> String {
    let head_within = Duration::from_millis(50);
    let server = serve(Settings {
        head_within,
        ..ticking(Patience::default())
    });
    let whole = [handshake(""), masked(CLOSE, b"")].concat();
    let half = &whole[..whole.len() / 2];
    let mut silent = Peer::connect(server.address());
    let answer = |bytes: &[u8]| answered(|| answer_to(server.address(), bytes));
    [
        format!("says half       {}\n", answer(half)),
        format!("drips           {}\n", answered(|| drip(server.address()))),
        format!("says nothing    {}\n", silent.refusal()),
        format!("the next client {}\n", answer(&whole)),
    ]
    .concat()
}

/// The answer to these bytes.
fn answer_to(address: SocketAddr, bytes: &[u8]) -> String {
    let mut peer = Peer::connect(address);
    peer.send(bytes);
    peer.refusal()
}

/// Asks again if there was no answer: on a busy machine, the bytes may reach the server too late.
fn answered(ask: impl Fn() -> String) -> String {
    let deadline = Instant::now() + stretched(DEADLINE);
    loop {
        let answer = ask();
        if !answer.starts_with("nothing") || Instant::now() > deadline {
            return answer;
        }
    }
}

/// Sends a head that never ends, a byte at a time, until there is an answer.
fn drip(address: SocketAddr) -> String {
    let mut peer = Peer::connect(address);
    let often = Some(Duration::from_millis(20));
    peer.stream.set_read_timeout(often).expect("it isn't zero");
    let deadline = Instant::now() + stretched(DEADLINE);
    while peer.stream.peek(&mut [0]).is_err() {
        peer.send(b"a");
        assert!(
            Instant::now() < deadline,
            "a head that drips is read forever"
        );
    }
    let long = Some(stretched(DEADLINE));
    peer.stream.set_read_timeout(long).expect("it isn't zero");
    peer.refusal()
}

#[test]
fn a_head_has_a_maximum_size() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "A head that is too long is refused at its first byte too many, before its end has come.",
        signs: [
            panics("no more bytes within").says(
                "The given src/door.rs was changed: the whole head is read before it is measured.",
            ),
        ],
        shows: heads_of_some_sizes,
    }
}

fn heads_of_some_sizes() -> String {
    let server = serve(Settings::default());
    let begun = "GET /socket HTTP/1.1\r\nHost: 127.0.0.1:9009\r\nCookie: ";
    let mut shown = String::new();
    for (length, end) in [
        (16 * 1024, "\r\n\r\n"),
        (16 * 1024, ""),
        (16 * 1024 + 1, ""),
    ] {
        let cookie = "c".repeat(length - begun.len() - end.len());
        let mut peer = Peer::connect(server.address());
        peer.send(format!("{begun}{cookie}{end}").as_bytes());
        let whole = if end.is_empty() { "begun" } else { "whole" };
        shown += &format!("{length} bytes, {whole}  ");
        // A head that isn't too long yet has all its time.
        shown += &match (whole, length) {
            ("begun", 16_384) => {
                peer.send(b"c");
                format!("one more: {}\n", peer.refusal())
            }
            _ => format!("{}\n", peer.refusal()),
        };
    }
    for fields in [100, 101] {
        let mut peer = Peer::connect(server.address());
        let more = "a: b\r\n".repeat(fields - 5);
        peer.send(&handshake(&more));
        let line = first_line(&peer.head());
        shown += &format!("{fields} fields          {line}\n");
    }
    shown
}

#[test]
fn some_heads_are_refused_at_the_door() {
    check! {
        rfc: "RFC 6455 §8.1",
        rule: "A target that isn't ASCII is refused, and so is a request with a body. A field's value may have any \
               bytes, if nothing reads it.",
        signs: [
            only(["a body of"]).says(
                "The given src/door.rs was changed. tiny_http makes room for as long a body as a client says it has.",
            ),
        ],
        shows: heads_at_the_door,
    }
}

fn heads_at_the_door() -> String {
    let server = serve(Settings::default());
    let cannot_be_sorted = "x;q=2,x;q=nan,x;q=1,".repeat(7);
    let heads: [(&str, Vec<u8>); 9] = [
        (
            "a target that isn't UTF-8",
            b"GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(),
        ),
        (
            "a target in UTF-8",
            "GET /\u{e9} HTTP/1.1\r\nHost: h\r\n\r\n".into(),
        ),
        (
            "a field that isn't UTF-8",
            b"GET / HTTP/1.1\r\na: \xff\r\n\r\n".to_vec(),
        ),
        (
            "the cookie name=Zo\u{eb}",
            handshake("Cookie: name=Zo\u{eb}\r\n"),
        ),
        (
            "a key in other letters",
            handshake("Sec-WebSocket-Key: Zo\u{eb}\r\n"),
        ),
        (
            "a TE that can't be sorted",
            format!("GET / HTTP/1.1\r\nTE: {cannot_be_sorted}\r\n\r\n").into(),
        ),
        (
            "a body of a terabyte",
            handshake("Content-Length: 1000000000000\r\n"),
        ),
        (
            "a body of unknown length",
            handshake("Transfer-Encoding: chunked\r\n"),
        ),
        ("no HTTP", b"Hello?\r\n\r\n".to_vec()),
    ];
    let mut shown = String::new();
    for (what, head) in heads {
        let mut peer = Peer::connect(server.address());
        peer.send(&head);
        let answer = if what.starts_with("the cookie") {
            // Frames follow a 101, so TCP doesn't end.
            first_line(&peer.head())
        } else {
            peer.refusal()
        };
        shown += &format!("{what:<26}{answer}\n");
    }
    shown
}

#[test]
fn tcp_ends_with_a_fin() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "TCP is closed cleanly: bytes that the client sends after the end are read and dropped.",
        signs: [
            yours(["a reset"]).says(
                "The given src/door.rs was changed. If TCP is closed while bytes are unread, the client gets a reset, \
                 and may lose the last bytes that were sent to it.",
            ),
        ],
        shows: ends_of_tcp,
    }
}

fn ends_of_tcp() -> String {
    let server = serve(Settings::default());
    let too_much = vec![0x82; 200_000];
    let last = [
        ("a Close", masked(CLOSE, b"\x03\xe8")),
        (
            "a Close and much more",
            [masked(CLOSE, b"\x03\xe8"), too_much.clone()].concat(),
        ),
        (
            "no mask, and much more",
            [b"\x81\x05Hello".to_vec(), too_much].concat(),
        ),
    ];
    let mut shown = String::new();
    for (what, bytes) in last {
        let mut peer = Peer::open(server.address());
        peer.send(&bytes);
        let frame = peer.frame();
        shown += &format!("{what:<24}{} | {}\n", brief(&frame), peer.end());
    }
    let mut refused = Peer::connect(server.address());
    refused.send(&vec![b'a'; 200_000]);
    shown + &format!("a head without end      {}\n", refused.refusal())
}

#[test]
fn the_server_waits_for_the_client_to_end_tcp() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "After our last byte, TCP stays half open until the client has ended it, too, or has used up our \
               patience.",
        signs: [
            yours(["the client is silent:   the server has closed"])
                .or(yours(["the client says more:   the server has closed"]))
                .says(
                    "The given src/door.rs was changed: if the server has stopped reading, bytes that the client still \
                     sends lead to a reset.",
                ),
        ],
        shows: half_open,
    }
}

fn half_open() -> String {
    let (mut client, closed) = leaving(4 * stretched(DEADLINE));
    let mut shown = format!("the server says goodbye, and TCP {}\n", end_of(&mut client));
    // Several ticks of silence: a server that doesn't wait has time to show it.
    let silent = whether(&closed, Duration::from_millis(40));
    shown += &format!("the client is silent:   the server {silent}\n");
    _ = client.write_all(b"one more thing");
    let more = whether(&closed, Duration::from_millis(20));
    shown += &format!("the client says more:   the server {more}\n");
    drop(client);
    let left = whether(&closed, stretched(DEADLINE));
    shown += &format!("the client leaves:      the server {left}\n");
    let (_client, closed) = leaving(Duration::from_millis(20));
    let never = whether(&closed, stretched(DEADLINE));
    shown + &format!("another never leaves:   the server {never}\n")
}

/// A client whose server closes with so much patience, and a channel that tells when it has closed.
fn leaving(patience: Duration) -> (TcpStream, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("it has an address");
    let client = TcpStream::connect(address).expect("it listens");
    let (stream, _) = listener.accept().expect("a client has come");
    let tick = Duration::from_millis(10);
    let socket =
        Socket::new(Box::new(stream), tick, DEADLINE).expect("the system takes the options");
    let (has_closed, closed) = mpsc::channel();
    std::thread::spawn(move || {
        socket.close(patience);
        has_closed.send(())
    });
    (client, closed)
}

fn end_of(client: &mut TcpStream) -> &'static str {
    let deadline = Some(stretched(DEADLINE));
    client.set_read_timeout(deadline).expect("it isn't zero");
    match client.read(&mut [0]) {
        Ok(0) => "ends on its side",
        _ => "goes on",
    }
}

fn whether(closed: &mpsc::Receiver<()>, within: Duration) -> &'static str {
    match closed.recv_timeout(within) {
        Ok(()) => "has closed",
        Err(_) => "waits",
    }
}

#[test]
fn a_failure_is_logged() {
    check! {
        rfc: "RFC 6455 §7.1.7",
        rule: "A server that fails a connection logs what was wrong; a clean end isn't logged.",
        signs: [
            too_little().says(
                "The events come from `poll`, not from the driver's own `next_event`, which logs a failure.",
            ),
        ],
        shows: log_of_some_failures,
    }
}

fn log_of_some_failures() -> String {
    let (log, lines) = mpsc::channel();
    let server = serve(Settings {
        log: Log::Lines(log),
        ..Settings::default()
    });
    let last = [
        b"\x81\x05Hello".to_vec(),
        masked(CLOSE, b"\x03\xe8"),
        masked(TEXT, b"\xff"),
        [&[BINARY, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0][..], &KEY].concat(),
    ];
    for bytes in last {
        let mut peer = Peer::open(server.address());
        peer.send(&bytes);
        peer.frame();
        peer.end();
    }
    drop(server);
    let whose = |line: String| match line.split_once(": ") {
        Some((_, what)) => format!("(address): {what}\n"),
        None => line,
    };
    lines.iter().map(whose).collect()
}

#[test]
fn a_stop_is_announced_to_everyone() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "A server that stops sends 1001 to every client, and waits for the answers.",
        signs: [],
        shows: stop_with_three_peers,
    }
}

fn stop_with_three_peers() -> String {
    let server = serve(ticking(Patience::default()));
    let peers: Vec<Peer> = (0..3).map(|_| Peer::open(server.address())).collect();
    let stopping = std::thread::spawn(move || drop(server));
    let mut shown = String::new();
    for mut peer in peers {
        shown += &show(&peer.frame());
        peer.send(&masked(CLOSE, b"\x03\xe9"));
        shown += &format!("then {} bytes, and the end of TCP\n", peer.frame().len());
    }
    stopping.join().expect("the server stops");
    shown
}

#[test]
fn each_frame_is_drawn_for_the_page() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "Under the subprotocol `bits` each frame is followed by a drawing, in a binary message.",
        signs: [
            panics("no more bytes within").says(
                "One frame was drawn, not two: `receive` doesn't tell the tap what came.",
            ),
        ],
        shows: frames_and_drawings,
    }
}

fn frames_and_drawings() -> String {
    let server = serve(Settings::default());
    let mut peer = Peer::connect(server.address());
    peer.send(&handshake("Sec-WebSocket-Protocol: bits\r\n"));
    let head = peer.head();
    peer.send(&masked(TEXT, b"Hi"));
    let head = String::from_utf8_lossy(&head).into_owned();
    let subprotocol = head
        .lines()
        .find(|line| line.starts_with("Sec-WebSocket-Protocol"));
    let mut shown = format!(
        "{}\n\n{}\n",
        subprotocol.unwrap_or("(none)"),
        show(&peer.frame())
    );
    for _ in 0..2 {
        let frame = peer.frame();
        shown += &format!(
            "{}:\n{}\n",
            hex(&frame[..4]),
            String::from_utf8_lossy(&frame[4..])
        );
    }
    shown
}

#[test]
fn a_frame_too_long_to_draw_is_skipped() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A frame is drawn when it is whole, if it has at most 4096 bytes. Frames after a longer one are drawn \
               again; bytes that aren't a frame end the drawing.",
        signs: [],
        shows: drawings_of_long_frames,
    }
}

fn drawings_of_long_frames() -> String {
    // The header of these frames has 8 bytes.
    let frame = |length: usize| masked(BINARY, &vec![b'*'; length - 8]);
    let stream = [
        frame(4096),
        frame(4097),
        masked(TEXT, b"one"),
        frame(9000),
        masked(PING, b""),
        vec![0xff; 3],
        masked(TEXT, b"lost"),
    ];
    let stream = stream.concat();
    let mut shown = String::new();
    for size in [stream.len(), 1000, 7] {
        let mut tap = Tap::new(frame_header::ReservedBits::NONE);
        shown += &format!("{} bytes in pieces of {size}\n", stream.len());
        for (index, piece) in stream.chunks(size).enumerate() {
            tap.received(piece);
            for drawing in tap.drawings() {
                let last = drawing.lines().last().unwrap_or_default();
                shown += &format!("  with piece {:>4}: {last}\n", index + 1);
            }
        }
    }
    shown
}

#[test]
fn the_page_opens_a_websocket() {
    check! {
        rfc: "WHATWG WebSockets §3.1",
        rule: "The page asks the host that it came from for /socket, and for drawings.",
        signs: [],
        shows: lines_of_the_page,
    }
}

fn lines_of_the_page() -> String {
    let server = serve(Settings::default());
    let page = exchange(server.address(), "GET", "/", None);
    let text = page.text();
    let lines = text
        .lines()
        .filter(|line| line.contains("/socket") || line.contains("new WebSocket"));
    let lines: Vec<&str> = lines.map(str::trim).collect();
    lines.join("\n")
}

#[test]
fn a_server_that_is_dropped_listens_no_more() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Dropping a server stops it, whatever its address is, and tiny_http behind its door as well.",
        signs: [],
        shows: dropped_servers,
    }
}

fn dropped_servers() -> String {
    let server = serve(Settings::default());
    let http = Http::start(Settings::default().head, None).expect("the server starts");
    let addresses = [server.address(), http.address()];
    let answers = addresses.map(|address| exchange(address, "GET", "/", None).status);
    drop((server, http));
    // Not every system has more addresses of loopback than one.
    let other = TcpListener::bind("127.0.0.2:0").or_else(|_| TcpListener::bind("127.0.0.1:0"));
    let other = other.expect("loopback has a free port");
    let other = Server::start(other, Settings::default()).expect("the server starts");
    let third = other.address();
    drop(other);
    let [in_front, behind] = addresses.map(refused_or_accepted);
    let third = refused_or_accepted(third);
    format!(
        "while they run: {answers:?}\nin front of the door: {in_front}\nbehind it: {behind}\n\
         at another address: {third}"
    )
}

fn refused_or_accepted(address: SocketAddr) -> &'static str {
    if is_left(address) {
        "refused"
    } else {
        "accepted"
    }
}

/// Whether nothing listens there any more, at the latest when the deadline is over.
fn is_left(address: SocketAddr) -> bool {
    let deadline = Instant::now() + stretched(DEADLINE);
    let refused = || {
        let connected = TcpStream::connect_timeout(&address, stretched(DEADLINE));
        connected.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    };
    while !refused() {
        if Instant::now() > deadline {
            return false;
        }
        // Not at once: each attempt takes one of the system's ports for a while.
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

#[test]
fn the_program_serves() {
    check! {
        rfc: "RFC 6455 §1.2",
        rule: "`cargo run -p echo` says where it listens, echoes, and its options are its limits.",
        signs: [],
        shows: visit_to_the_program,
    }
}

fn visit_to_the_program() -> String {
    let server = program!().serve(&["--max-message", "5", "--max-fields", "6"]);
    let mut transcript = Transcript::new();
    let mut peer = Peer::open(server.address);
    for text in ["Hello", "Hello!"] {
        peer.says(&masked(TEXT, text.as_bytes()), &mut transcript);
        peer.hears(&mut transcript);
    }
    let mut other = Client::connect(server.address);
    other.send(&handshake("a: b\r\na: b\r\n"));
    transcript.note(&format!(
        "a head of 7 fields, of 6 allowed: {}",
        other.response().status
    ));
    transcript.to_string()
}
