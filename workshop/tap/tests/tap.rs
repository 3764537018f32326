//! `cargo workshop tap` on real sockets: what it shows, and that it changes nothing.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use echo_solution::{Log, Server, Settings};
use workshop_tap::record::{Ending, Event};
use workshop_tap::{Layout, Message, Transcript, Viewer, relay, show_file, watch};
use workshop_wire::side::Side;

#[path = "../../tests/common/shown.rs"]
mod shown;

use shown::{root, shown};

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(20);
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const RECORDED: &str = "tests/tap/chromium-156.tap";
const COMPRESSED: &str = "tests/tap/chromium-156-deflate.tap";

/// A tap in front of `to`: its address, and its messages.
fn tap(to: SocketAddr) -> (SocketAddr, SyncSender<Message>, Receiver<Message>) {
    tap_to(&[to])
}

/// The same, in front of a server with these addresses.
fn tap_to(to: &[SocketAddr]) -> (SocketAddr, SyncSender<Message>, Receiver<Message>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    let (sender, receiver) = mpsc::sync_channel(256);
    let (to, out) = (to.to_vec(), sender.clone());
    thread::spawn(move || relay::relay(&listener, &to, &out));
    (address, sender, receiver)
}

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).expect("somebody listens");
    stream
        .set_read_timeout(Some(DEADLINE))
        .expect("it can be set");
    stream.set_nodelay(true).expect("it can be set");
    stream
}

/// The tap's records until this many connections are over.
fn events(receiver: &Receiver<Message>, connections: usize) -> Vec<Event> {
    let end = Instant::now() + DEADLINE;
    let mut events = Vec::new();
    let mut ends = 0;
    while ends < 2 * connections {
        let left = end.saturating_duration_since(Instant::now());
        let Ok(Message::Record(record)) = receiver.recv_timeout(left) else {
            panic!("the connection never ended: {events:?}");
        };
        match record.event {
            Event::End(..) => ends += 1,
            Event::Unreachable(_) => ends += 2,
            _ => {}
        }
        events.push(record.event);
    }
    events
}

fn bytes_from(side: Side, events: &[Event]) -> Vec<u8> {
    let bytes = events.iter().filter_map(|event| match event {
        Event::Bytes(from, bytes) if *from == side => Some(bytes.as_slice()),
        _ => None,
    });
    bytes.collect::<Vec<_>>().concat()
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short one");
    let masked = payload.iter().zip(KEY.iter().cycle());
    let masked: Vec<u8> = masked.map(|(byte, key)| byte ^ key).collect();
    [&[first, 0b1000_0000 | length], &KEY[..], &masked].concat()
}

/// A client that says one thing after another, each when the one before has been answered.
struct Script {
    stream: TcpStream,
}

impl Script {
    fn open(to: SocketAddr) -> Self {
        let mut script = Self {
            stream: connect(to),
        };
        script.send(
            b"GET /socket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n\
              Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
              Sec-WebSocket-Version: 13\r\n\r\n",
        );
        let head = script.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        script
    }

    fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("it is taken");
    }

    fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream
                .read_exact(&mut byte)
                .expect("there is more of a head");
            head.extend(byte);
        }
        String::from_utf8(head).expect("it is text")
    }

    fn expect(&mut self, bytes: &[u8]) {
        let mut come = vec![0; bytes.len()];
        self.stream.read_exact(&mut come).expect("it comes");
        assert_eq!(come, bytes);
    }

    fn expect_end(mut self) {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).expect("it ends");
    }
}

#[test]
fn a_conversation_with_the_echo_server() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let to = listener.local_addr().expect("it has an address");
    // The server's output is shown only if the test fails.
    let (log, logged) = mpsc::channel();
    thread::spawn(move || logged.iter().for_each(|line: String| println!("{line}")));
    let settings = Settings {
        tick: Duration::from_millis(20),
        log: Log::Lines(log),
        ..Settings::default()
    };
    let server = Server::start(listener, settings).expect("it starts");
    let (address, sender, receiver) = tap(to);
    let (lines, said) = mpsc::channel();
    let watching = thread::spawn(move || {
        let viewer = Viewer::new(Layout::default(), false);
        watch(&receiver, viewer, None, &mut |line| {
            _ = lines.send(line.to_string())
        });
    });
    let mut seen = Seen {
        said,
        text: String::new(),
    };

    // A handshake that is refused.
    let mut refused = Script {
        stream: connect(address),
    };
    refused.send(
        b"GET /socket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n\
          Connection: Upgrade\r\nSec-WebSocket-Key: too short\r\nSec-WebSocket-Version: 13\r\n\r\n",
    );
    refused.expect_end();
    seen.until("#1 tap      over");

    // Fragments with a ping in between.
    let mut talking = Script::open(address);
    talking.send(&frame(0x81, b"Hello"));
    talking.expect(b"\x81\x05Hello");
    talking.send(&frame(0x01, b"Hel"));
    talking.send(&frame(0x89, b"are you there?"));
    talking.expect(b"\x8a\x0eare you there?");
    talking.send(&frame(0x80, b"lo"));
    talking.expect(b"\x81\x05Hello");

    // A frame without a mask.
    let mut bare = Script::open(address);
    bare.send(b"\x81\x05Hello");
    bare.expect(b"\x88");
    bare.expect_end();
    seen.until("#3 tap      over");

    // The server stops.
    let stopping = thread::spawn(move || drop(server));
    talking.expect(b"\x88\x12\x03\xe9the server stops");
    talking.send(&frame(0x88, b"\x03\xe9"));
    talking.expect_end();
    seen.until("#2 tap      over");
    stopping.join().expect("the server ends");

    // And then it is gone, as soon as nothing holds its listener any more.
    eventually("the server's port is closed", || {
        TcpStream::connect(to).is_err()
    });
    Script {
        stream: connect(address),
    }
    .expect_end();
    seen.until("✗ ");
    sender.send(Message::Stop).expect("somebody watches");
    watching.join().expect("it ends");
    shown("tap", &normal(&seen.text, &[address, to]));
}

/// The lines so far.
struct Seen {
    said: Receiver<String>,
    text: String,
}

impl Seen {
    #[track_caller]
    fn until(&mut self, text: &str) {
        loop {
            match self.said.recv_timeout(DEADLINE) {
                Ok(line) => self.text += &format!("{line}\n"),
                Err(_) => panic!("no line with {text:?} came:\n{}", self.text),
            }
            if self
                .text
                .lines()
                .next_back()
                .is_some_and(|line| line.contains(text))
            {
                return;
            }
        }
    }
}

/// Without what differs from run to run: times and ports, and a system's words for an error.
fn normal(text: &str, known: &[SocketAddr]) -> String {
    let lines = text.lines().map(|line| {
        let mut line = line.to_string();
        if let Some((time, rest)) = line.split_once(" #")
            && time.trim().parse::<f64>().is_ok()
        {
            line = format!("   0.000 #{rest}");
        }
        if let Some((before, rest)) = line.split_once("over after ") {
            let (_, behind) = rest.split_once(" s:").expect("how long it took");
            line = format!("{before}over after 0.000 s:{behind}");
        }
        if let Some((before, _)) = line.split_once("connects: ") {
            line = format!("{before}connects: 127.0.0.1:50000");
        }
        if line.to_lowercase().contains("refused")
            && let Some((address, _)) = line.split_once(": ")
        {
            line = format!("{address}: connection refused");
        }
        for (index, address) in known.iter().enumerate() {
            line = line.replace(&address.to_string(), &format!("127.0.0.1:{}", 9000 + index));
        }
        line
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What is shown of a transcript.
fn shown_again(name: &str) -> String {
    let mut text = String::new();
    let name = root().join(name);
    show_file(
        &name.to_string_lossy(),
        Viewer::new(Layout::default(), false),
        &mut |line| text += &format!("{line}\n"),
    )
    .expect("it is a transcript");
    text
}

#[test]
fn a_visit_that_was_recorded_is_shown_again() {
    shown("tap_chromium", &shown_again(RECORDED));
}

#[test]
fn messages_that_a_browser_compressed_are_shown_inflated() {
    shown("tap_deflate", &shown_again(COMPRESSED));
}

#[test]
fn no_byte_is_changed_in_either_direction_however_they_are_cut() {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let to = upstream.local_addr().expect("it has an address");
    let (address, _sender, receiver) = tap(to);
    let taken = thread::spawn(move || events(&receiver, 1));
    let there = noise(1, 3 << 20);
    let back = noise(2, 2 << 20);
    let serving = {
        let back = back.clone();
        thread::spawn(move || {
            let (stream, _) = upstream.accept().expect("the tap connects");
            both_ways(&stream, &back)
        })
    };
    let client = connect(address);
    let come = both_ways(&client, &there);
    assert!(come == back, "what came back differs");
    assert!(
        serving.join().expect("it ends") == there,
        "what came there differs"
    );
    let taken = taken.join().expect("it ends");
    assert!(bytes_from(Side::Client, &taken) == there);
    assert!(bytes_from(Side::Server, &taken) == back);
    for side in [Side::Client, Side::Server] {
        assert!(taken.contains(&Event::End(side, Ending::Fin)));
    }
}

/// Sends these bytes in pieces of many sizes, ends its direction, and returns what came until the
/// other one ended.
fn both_ways(stream: &TcpStream, bytes: &[u8]) -> Vec<u8> {
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, mut rest, mut size) = (stream, bytes, 1);
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(size.min(rest.len()));
                stream.write_all(piece).expect("it is taken");
                rest = behind;
                size = size % 40_000 * 3 + 1;
            }
            stream.shutdown(Shutdown::Write).expect("it is open");
        });
        let (mut stream, mut come) = (stream, Vec::new());
        stream.read_to_end(&mut come).expect("it ends");
        come
    })
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let bytes = (0..length).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    });
    bytes.collect()
}

#[test]
fn a_half_closed_connection_still_gets_its_answer() {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let (address, _sender, receiver) = tap(upstream.local_addr().expect("it has an address"));
    let mut client = connect(address);
    client.write_all(b"the question").expect("it is taken");
    client.shutdown(Shutdown::Write).expect("it is open");
    let (mut server, _) = upstream.accept().expect("the tap connects");
    let mut question = String::new();
    server.read_to_string(&mut question).expect("it ends");
    assert_eq!(question, "the question");
    server.write_all(b"the answer").expect("it is taken");
    drop(server);
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("it ends");
    assert_eq!(answer, "the answer");
    let events = events(&receiver, 1);
    let ends: Vec<&Event> = events
        .iter()
        .filter(|event| matches!(event, Event::End(..)))
        .collect();
    assert_eq!(
        ends,
        [
            &Event::End(Side::Client, Ending::Fin),
            &Event::End(Side::Server, Ending::Fin)
        ]
    );
}

/// Writes until nothing is taken for a second. How much was.
fn flood(mut stream: &TcpStream, most: usize) -> usize {
    let timeout = Some(Duration::from_secs(1));
    stream.set_write_timeout(timeout).expect("it can be set");
    let block = vec![0; 64 << 10];
    let mut taken = 0;
    while taken < most {
        match stream.write(&block) {
            Ok(count) => taken += count,
            Err(error) if is_timeout(&error) => return taken,
            Err(error) => panic!("{error}"),
        }
    }
    taken
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// The systems' own buffers hold a few megabytes, the tap's at most four.
const BOUND: usize = 48 << 20;

#[test]
fn a_receiver_that_does_not_read_makes_the_sender_wait() {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let (address, _sender, receiver) = tap(upstream.local_addr().expect("it has an address"));
    thread::spawn(move || receiver.iter().for_each(drop));
    let client = connect(address);
    let (_server, _) = upstream.accept().expect("the tap connects");
    let taken = flood(&client, 2 * BOUND);
    assert!(taken < BOUND, "{taken} bytes were taken");
}

#[test]
fn a_stopped_terminal_makes_the_sender_wait() {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let (address, _sender, _receiver) = tap(upstream.local_addr().expect("it has an address"));
    let client = connect(address);
    let (mut server, _) = upstream.accept().expect("the tap connects");
    thread::spawn(move || io::copy(&mut server, &mut io::sink()));
    let taken = flood(&client, 2 * BOUND);
    assert!(taken < BOUND, "{taken} bytes were taken");
}

#[test]
fn without_a_server_the_client_is_closed_and_that_is_reported() {
    let nobody = [refusing(), refusing()];
    let (address, _sender, receiver) = tap_to(&nobody);
    let mut client = connect(address);
    assert_eq!(client.read(&mut [0]).expect("it is closed"), 0);
    let events = events(&receiver, 1);
    let [Event::Open(_), Event::Unreachable(why)] = &events[..] else {
        panic!("{events:?}");
    };
    for address in nobody {
        assert!(why.contains(&address.to_string()), "{why}");
    }
}

#[test]
fn the_second_address_is_tried_if_the_first_refuses() {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let to = upstream.local_addr().expect("it has an address");
    let (address, _sender, _receiver) = tap_to(&[refusing(), to]);
    let mut client = connect(address);
    client.write_all(b"x").expect("it is taken");
    let (mut server, _) = upstream.accept().expect("the tap connects");
    server.read_exact(&mut [0]).expect("it comes");
}

/// An address that refuses: its listener is gone.
fn refusing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address")
}

/// Only Linux promises that a socket which is closed with unread bytes sends a reset.
#[cfg(target_os = "linux")]
#[test]
fn a_reset_is_told_apart_from_an_end() {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let (address, _sender, receiver) = tap(upstream.local_addr().expect("it has an address"));
    let mut client = connect(address);
    client.write_all(b"never read").expect("it is taken");
    let (server, _) = upstream.accept().expect("the tap connects");
    server.peek(&mut [0]).expect("the bytes are there");
    drop(server);
    // Both directions end: a client must not wait for a server that is gone.
    _ = client.read(&mut [0]);
    let events = events(&receiver, 1);
    assert!(
        events.contains(&Event::End(Side::Server, Ending::Reset)),
        "{events:?}"
    );
    assert!(
        events.contains(&Event::End(Side::Client, Ending::Cut)),
        "{events:?}"
    );
}

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_workshop-tap"));
    command.args(arguments).current_dir(root());
    command.stdin(Stdio::null()).output().expect("it runs")
}

#[test]
fn an_address_that_cannot_be_tapped_gets_a_sentence_and_exit_code_2() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let taken = listener
        .local_addr()
        .expect("it has an address")
        .to_string();
    let cases: &[(&[&str], &str)] = &[
        (&["--listen", "here", "--to", "127.0.0.1:1"], "`here` "),
        (&["--to", "nowhere"], "`nowhere` can't be tapped: "),
        (
            &["--to", "wss://127.0.0.1:1/"],
            "`wss://127.0.0.1:1/` can't be tapped: it speaks TLS",
        ),
        (&["--read", "no/such.tap"], "no/such.tap can't be read: "),
        (&["--read", "README.md"], "README.md isn't a transcript: "),
        (
            &[
                "--to",
                "127.0.0.1:1",
                "--listen",
                "127.0.0.1:0",
                "--save",
                "README.md",
            ],
            "README.md is there already",
        ),
        (
            &[],
            "--to <ADDRESS> is missing: write `cargo workshop tap --to <ADDRESS>`; `--help` says more.\n",
        ),
        (
            &["--to"],
            "--to <ADDRESS> has no value: write one after it; `--help` says more.\n",
        ),
        (
            &["--read", "a", "--to", "b"],
            "the argument '--read <FILE>' cannot be used with '--to <ADDRESS>'; `--help` says more.\n",
        ),
    ];
    for (arguments, sentence) in cases {
        let done = run(arguments);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.starts_with(sentence), "{said}");
    }
    let done = run(&["--listen", &taken, "--to", "127.0.0.1:1"]);
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(2), "{said}");
    assert!(said.starts_with(&format!("{taken} is taken: ")), "{said}");
}

#[test]
fn a_transcript_is_shown_again_to_the_letter() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let name = folder.join(format!("kept-{}.tap", std::process::id()));
    let name = name.to_string_lossy().into_owned();
    _ = std::fs::remove_file(&name);
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let (address, sender, receiver) = tap(upstream.local_addr().expect("it has an address"));
    let file = Transcript::create(&name, "a test", 1 << 20).expect("it can be written");
    let mut live = Vec::new();
    let watching = thread::spawn(move || {
        watch(
            &receiver,
            Viewer::new(Layout::default(), true),
            Some(file),
            &mut |line| live.push(line.to_string()),
        );
        live
    });
    let client = connect(address);
    let serving = thread::spawn(move || {
        let (server, _) = upstream.accept().expect("the tap connects");
        both_ways(
            &server,
            b"HTTP/1.1 101 Go\r\n\r\n\x81\x05Hello\x88\x02\x03\xe8",
        )
    });
    both_ways(
        &client,
        &[b"GET / HTTP/1.1\r\n\r\n", &frame(0x81, b"Hello")[..]].concat(),
    );
    serving.join().expect("it ends");
    // The tap has told everything when it has told both ends, which it does before it passes them on.
    sender.send(Message::Stop).expect("somebody watches");
    let mut live = watching.join().expect("it ends");
    let last = live.pop().expect("a last line");
    assert!(last.contains("shows it again"), "{last}");
    let mut again = Vec::new();
    let viewer = Viewer::new(Layout::default(), true);
    show_file(&name, viewer, &mut |line| again.push(line.to_string())).expect("it is a transcript");
    assert_eq!(live, again);
    assert!(
        again.iter().any(|line| line.contains("over after")),
        "{again:?}"
    );
    let error = Transcript::create(&name, "again", 1 << 20).err();
    let sentence = error.expect("it isn't written over").to_string();
    assert!(sentence.contains("is there already"), "{sentence}");
    _ = std::fs::remove_file(&name);
}

#[test]
fn a_transcript_ends_at_its_limit_and_the_tap_goes_on() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let name = folder.join(format!("limited-{}.tap", std::process::id()));
    let name = name.to_string_lossy().into_owned();
    _ = std::fs::remove_file(&name);
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let (address, sender, receiver) = tap(upstream.local_addr().expect("it has an address"));
    let limit = 1 << 20;
    let file = Transcript::create(&name, "a test", limit).expect("it can be written");
    let watching = thread::spawn(move || {
        let mut said = String::new();
        let viewer = Viewer::new(Layout::default(), false);
        watch(&receiver, viewer, Some(file), &mut |line| {
            said += &format!("{line}\n")
        });
        said
    });
    let there = noise(1, 2 << 20);
    let client = connect(address);
    let serving = thread::spawn(move || {
        let (server, _) = upstream.accept().expect("the tap connects");
        both_ways(&server, b"")
    });
    both_ways(&client, &there);
    assert!(
        serving.join().expect("it ends") == there,
        "all of it is passed on"
    );
    sender.send(Message::Stop).expect("somebody watches");
    let said = watching.join().expect("it ends");
    assert_eq!(
        said.matches("has reached its limit of 1 MiB").count(),
        1,
        "{said}"
    );
    assert!(said.contains("`--save-limit` allows more"), "{said}");
    assert!(said.contains("shows it again"), "{said}");
    let kept = std::fs::read_to_string(&name).expect("it is text");
    assert!(kept.len() as u64 <= limit + 200, "{}", kept.len());
    assert!(kept.ends_with("# The limit is reached: what followed is not in this file.\n"));
    let viewer = Viewer::new(Layout::default(), false);
    show_file(&name, viewer, &mut |_| ()).expect("it is a transcript all the same");
    _ = std::fs::remove_file(&name);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_cleanly() {
    let mut tap = Command::new(env!("CARGO_BIN_EXE_workshop-tap"))
        .args(["--listen", "127.0.0.1:0", "--to", "127.0.0.1:1"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut line = String::new();
    let mut output = BufReader::new(tap.stdout.take().expect("it is a pipe"));
    output.read_line(&mut line).expect("it is text");
    assert!(line.starts_with("listening on ws://127.0.0.1:"), "{line}");
    let interrupted = Command::new("kill")
        .args(["-INT", &tap.id().to_string()])
        .status();
    assert!(interrupted.is_ok_and(|status| status.success()));
    let done = tap.wait_with_output().expect("it ends");
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    assert_eq!(String::from_utf8_lossy(&done.stderr), "");
}

/// Waits until something is so.
#[track_caller]
fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + DEADLINE;
    while Instant::now() < end {
        if is_so() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{what}: not within {} s", DEADLINE.as_secs());
}
