//! One thread, many sockets.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use echo::{Log, Patience};
use frames::Opcode;
use handshake::head::RequestHead;
use polling::routes::{Refusal, Reply};
use speed::client::READ_SIZE;
use speed::{Answers, App, Echo, Server, Settings};
use support::check;
use support::frame::{BINARY, BINARY_NO_FIN, CLOSE, CONTINUATION, PING, TEXT, masked, unmasked};
use support::sign::{missing, no_answer, under, yours};

use super::shared::{FOREVER, Peer, comes_true, handshake, long_enough, settings, start};

fn echo() -> Server {
    echo_with(settings())
}

fn echo_with(settings: Settings) -> Server {
    // What breaks a rule is no news here.
    let (log, _) = mpsc::channel();
    start(
        settings,
        Echo {
            log: Log::Lines(log),
        },
    )
}

#[test]
fn an_echo_on_a_real_socket() {
    check! {
        rfc: "RFC 6455 §5, §7.1.1",
        rule: "Each message comes back as it came, however it came. After Close, the server ends TCP.",
        signs: [
            no_answer("the handshake").says("Nothing is answered. Does each client that is ready get a turn (`give_turns`)?"),
            under("three in one write", missing(["\"c\""])).says(
                "Only a part of what came in one read was answered.",
            ),
            under("1 MiB", missing(["1 MiB came back"])).says(
                "A message that no single read brings doesn't come back whole. What follows a turn? (`after_read`, `give_turns`)",
            ),
        ],
        shows: || {
            let server = echo();
            let mut peer = Peer::open(server.address());
            let mut shown = String::new();
            peer.send(&masked(TEXT, "Zoë".as_bytes()));
            shown += &format!("one message\n  {}\n", peer.hears());
            peer.send(&[masked(TEXT, b"a"), masked(PING, b"b"), masked(BINARY, b"c")].concat());
            let three = [(); 3].map(|()| peer.hears());
            shown += &format!("three in one write\n  {}\n", three.join("\n  "));
            peer.send(&[masked(BINARY_NO_FIN, b"Hel"), masked(CONTINUATION, b"lo")].concat());
            shown += &format!("fragments\n  {}\n", peer.hears());
            for byte in masked(TEXT, b"byte by byte") {
                peer.send(&[byte]);
            }
            shown += &format!("byte by byte\n  {}\n", peer.hears());
            let payload = Vec::from_iter((0..1 << 20).map(|index| (index % 251) as u8));
            let frame = masked(BINARY, &payload);
            let mut writer = Peer { stream: io::BufReader::new(peer.stream.get_ref().try_clone().expect("a socket can be shared")) };
            let writing = thread::spawn(move || writer.send(&frame));
            let came = peer.frame();
            _ = writing.join();
            let verdict = match came {
                Ok(Some((BINARY, came))) if came == payload => "1 MiB came back".to_string(),
                other => format!("{:?}", other.map(|it| it.map(|(first, bytes)| (first, bytes.len())))),
            };
            shown += &format!("1 MiB\n  {verdict}\n");
            if verdict != "1 MiB came back" {
                return shown;
            }
            peer.send(&masked(CLOSE, &[3, 232]));
            shown + &format!("Close\n  {}\n  {}\n", peer.hears(), peer.hears())
        },
    }
}

#[test]
fn many_clients_have_one_thread() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A hundred clients, each with messages of its own, are served at the same time.",
        signs: [],
        shows: || {
            let server = echo();
            let mut peers = Vec::from_iter((0..100).map(|_| Peer::open(server.address())));
            for (number, peer) in peers.iter_mut().enumerate() {
                peer.send(&masked(TEXT, format!("I am {number}").as_bytes()));
            }
            let right = |(number, peer): (usize, &mut Peer)| peer.hears() == format!("text \"I am {number}\"");
            let right = peers.iter_mut().enumerate().map(right).filter(|it| *it).count();
            format!("{right} of 100 got their own message back\n")
        },
    }
}

/// Sends echoes that nobody reads, until the server reads no more. Returns how many bytes it took.
fn fill(peer: &mut Peer, frame: &[u8], most: usize) -> usize {
    let stream = peer.stream.get_mut();
    stream
        .set_nonblocking(true)
        .expect("a socket can be non-blocking");
    let (mut sent, mut quiet) = (0, 0);
    // It is full if it takes nothing for a while.
    while sent < most && quiet < 300 {
        match stream.write(&frame[sent % frame.len()..]) {
            Ok(count) => (sent, quiet) = (sent + count, 0),
            Err(_) => {
                quiet += 1;
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
    stream
        .set_nonblocking(false)
        .expect("a socket can be blocking");
    sent
}

/// An echo that counts the rounds of the loop: each asks once for news.
pub struct Rounds(pub Arc<AtomicU64>);

impl App for Rounds {
    type Member = ();

    fn get(&self, _path: &str, _query: &str) -> Reply {
        Refusal::NoSuchPath.into()
    }

    fn join(&mut self, _request: &RequestHead, _query: &str) -> Result<(), Reply> {
        Ok(())
    }

    fn hear<Stream: Write>(
        &mut self,
        _member: &mut (),
        opcode: Opcode,
        payload: &[u8],
        answers: &mut Answers<Stream>,
    ) -> io::Result<()> {
        answers.message(opcode, payload)
    }

    fn has_news(&mut self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed);
        false
    }
}

#[test]
fn a_client_that_reads_nothing_is_not_read() {
    check! {
        rfc: "the workshop's own rule",
        rule: "While answers wait for a client, the server doesn't read from it: its memory stays bounded. Others are served.",
        signs: [
            under("a client that never reads", yours(["without end"])).says(
                "The server reads on, and keeps every answer. While anything waits for a client, `write_and_read` must \
                 not read from it.",
            ),
            under("once it reads", missing(["all came back"])).says(
                "The client reads again, and the server doesn't go on. An event says that its socket is writable: \
                 write what waits, and then read, because no event tells of bytes that were there before. After a read \
                 that was full, there may be more of them: the client goes to the end of the list.",
            ),
            yours(["round and round"]).says(
                "Nothing can be done, and the loop doesn't wait: it takes a whole core. A client whose socket takes no \
                 more leaves the list until the next event: `Next::Wait`.",
            ),
        ],
        shows: || {
            let rounds = Arc::new(AtomicU64::new(0));
            let server = start(settings(), Rounds(Arc::clone(&rounds)));
            let mut greedy = Peer::open(server.address());
            let frame = masked(BINARY, &[b'x'; 50_000]);
            let most = 64 << 20;
            let sent = fill(&mut greedy, &frame, most);
            let taken = if sent < most { "some megabytes, and then no more" } else { "64 MiB: without end" };
            let (before, since) = (rounds.load(Ordering::Relaxed), Instant::now());
            thread::sleep(10 * settings().tick);
            // A round in each tick is right, and for each event. A loop that doesn't wait makes a hundred in a tick.
            let turns = u128::from(rounds.load(Ordering::Relaxed) - before);
            let ticks = since.elapsed().as_millis() / settings().tick.as_millis();
            let waits = if turns < 20 + 5 * ticks { "waits" } else { "goes round and round" };
            let mut other = Peer::open(server.address());
            other.send(&masked(TEXT, b"and I?"));
            let mut shown = format!(
                "a client that never reads\n  {taken}\nthe loop meanwhile\n  {waits}\nanother client meanwhile\n  {}\n",
                other.hears()
            );
            // The rest of the frame that it is in, while all the echoes are read.
            let left = frame[sent % frame.len()..].to_vec();
            let whole = sent.div_ceil(frame.len());
            let mut writer = Peer { stream: io::BufReader::new(greedy.stream.get_ref().try_clone().expect("a socket can be shared")) };
            let writing = thread::spawn(move || if left.len() < 50_014 { writer.send(&left) });
            let all = (0..whole).all(|_| matches!(greedy.frame(), Ok(Some((BINARY, bytes))) if bytes.len() == 50_000));
            _ = writing.join();
            let verdict = if all { "all came back" } else { "something is missing" };
            shown += &format!("once it reads\n  {verdict}\n");
            shown
        },
    }
}

#[test]
fn one_that_never_stops_keeps_none_waiting() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Each client that is ready has one turn, and then the next has one.",
        signs: [
            missing(["echoes meanwhile"]).says(
                "While one client sends without a pause, another gets no echo. One that has more to read goes to the \
                 end of the list, and a round has as many turns as there are clients in it at its beginning.",
            ),
        ],
        shows: || {
            let server = echo();
            let mut flood = Peer::open(server.address());
            let stream = flood.stream.get_ref().try_clone().expect("a socket can be shared");
            let mut reader = Peer { stream: io::BufReader::new(stream) };
            let (stop, stopped) = mpsc::channel::<()>();
            let reading = thread::spawn(move || {
                let mut bytes = vec![0; 1 << 20];
                while let Ok(1..) = io::Read::read(reader.stream.get_mut(), &mut bytes) {}
            });
            let writing = thread::spawn(move || {
                let frames = masked(BINARY, &[b'x'; 1000]).repeat(500);
                while stopped.try_recv().is_err_and(|it| it == mpsc::TryRecvError::Empty) {
                    flood.send(&frames);
                }
                _ = flood.stream.get_ref().shutdown(std::net::Shutdown::Both);
            });
            let mut other = Peer::open(server.address());
            let echoes = (0..5).take_while(|_| {
                other.send(&masked(TEXT, b"still there?"));
                other.hears() == "text \"still there?\""
            });
            let echoes = echoes.count();
            drop(stop);
            _ = (writing.join(), reading.join());
            match echoes {
                5 => "5 echoes meanwhile\n".to_string(),
                fewer => format!("{fewer} of 5\n"),
            }
        },
    }
}

/// An application that waits inside its `hear` until the check lets it go on, and tells what happens.
struct Slow {
    news: Mutex<Sender<&'static str>>,
    go_on: Mutex<Receiver<()>>,
}

impl App for Slow {
    type Member = ();

    fn get(&self, _path: &str, _query: &str) -> Reply {
        Refusal::NoSuchPath.into()
    }

    fn join(&mut self, _request: &RequestHead, _query: &str) -> Result<(), Reply> {
        Ok(())
    }

    fn hear<Stream: Write>(
        &mut self,
        _member: &mut (),
        opcode: Opcode,
        payload: &[u8],
        answers: &mut Answers<Stream>,
    ) -> io::Result<()> {
        match payload {
            b"wait" => {
                self.say("waits");
                _ = self
                    .go_on
                    .get_mut()
                    .expect("it isn't shared")
                    .recv_timeout(long_enough());
                Ok(())
            }
            b"panic" => panic!("a panic of the application"),
            _ => answers.message(opcode, payload),
        }
    }

    fn leave(&mut self, _member: &mut ()) {
        self.say("left");
    }
}

impl Slow {
    fn say(&self, what: &'static str) {
        _ = self.news.lock().map(|news| news.send(what));
    }

    fn start() -> (Server, Receiver<&'static str>, Sender<()>) {
        let (news, hears) = mpsc::channel();
        let (go, go_on) = mpsc::channel();
        let app = Self {
            news: Mutex::new(news),
            go_on: Mutex::new(go_on),
        };
        (start(settings(), app), hears, go)
    }
}

#[test]
fn tcp_may_end_with_the_last_bytes() {
    check! {
        rfc: "RFC 6455 §7.1.4",
        rule: "If TCP has ended behind the bytes of a read, the server notices: no later event will tell.",
        signs: [
            missing(["has left"]).says(
                "The last bytes were answered, and the end of TCP right behind them wasn't seen. A short read isn't \
                 the last one if the event has said that the other side has ended (`read_closed`).",
            ),
        ],
        shows: || {
            let (server, hears, go_on) = Slow::start();
            let mut peer = Peer::open(server.address());
            peer.send(&masked(TEXT, b"wait"));
            _ = hears.recv_timeout(long_enough());
            // All of this is with the system before the server looks again.
            peer.send(&masked(TEXT, b"the last words"));
            peer.end();
            thread::sleep(Duration::from_millis(20));
            _ = go_on.send(());
            let echo = peer.hears();
            let left = hears.recv_timeout(long_enough()) == Ok("left");
            format!("{echo}\nthe client {}\n", if left { "has left" } else { "is still there" })
        },
    }
}

#[test]
fn a_panic_ends_one_client_only() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A panic in the code for one client ends that client, and the thread serves all the others.",
        signs: [],
        shows: || {
            let (server, hears, _go_on) = Slow::start();
            let mut other = Peer::open(server.address());
            let mut peer = Peer::open(server.address());
            peer.send(&[masked(TEXT, b"first"), masked(TEXT, b"panic")].concat());
            let left = hears.recv_timeout(long_enough()) == Ok("left");
            other.send(&masked(TEXT, b"still there?"));
            format!("{}\nthe other one: {}\n", if left { "one client has left" } else { "no client has left" }, other.hears())
        },
    }
}

#[test]
fn silence_is_asked_and_ended() {
    check! {
        rfc: "RFC 6455 §5.5.2, §7.4.1",
        rule: "A silent client gets a ping, then Close 1008, and then TCP ends.",
        signs: [],
        shows: || {
            let short = Duration::from_millis(60);
            let patience = Patience { ping_after: short, pong_within: short, close_within: short };
            let server = echo_with(Settings { patience, max_connections: 1, ..settings() });
            let mut peer = Peer::open(server.address());
            let heard = [(); 3].map(|()| peer.hears()).join("\n");
            // It doesn't end TCP itself.
            let enters = comes_true(|| {
                let mut next = Peer::connect(server.address());
                next.send(&handshake());
                next.head().contains(" 101 ")
            });
            format!("{heard}\n{}\n", if enters { "its place is free" } else { "it keeps its place" })
        },
    }
}

#[test]
fn one_that_stays_is_gone() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "A client that doesn't end TCP after the Close frames is removed, once it has had time to.",
        signs: [],
        shows: || {
            let patience = Patience { close_within: Duration::from_millis(60), ..settings().patience };
            let server = echo_with(Settings { patience, max_connections: 1, ..settings() });
            let mut peer = Peer::open(server.address());
            peer.send(&masked(CLOSE, &[3, 232]));
            let heard = [(); 2].map(|()| peer.hears()).join("\n");
            let enters = comes_true(|| {
                let mut next = Peer::connect(server.address());
                next.send(&handshake());
                next.head().contains(" 101 ")
            });
            format!("{heard}\n{}\n", if enters { "its place is free" } else { "it keeps its place" })
        },
    }
}

#[test]
fn there_is_room_for_so_many() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "One client too many gets 503. When one leaves, there is room again.",
        signs: [
            missing(["after that"]).says(
                "A client that has ended TCP after the Close frames is still there. Whatever comes after the last word \
                 is read (`read_nothing`): only so does one see the end.",
            ),
        ],
        shows: || {
            // Longer than this takes.
            let patience = Patience { close_within: 2 * long_enough(), ..settings().patience };
            let server = echo_with(Settings { max_connections: 2, patience, ..settings() });
            let first = Peer::open(server.address());
            let mut second = Peer::open(server.address());
            let status = |peer: &mut Peer| {
                peer.send(&handshake());
                peer.head().lines().next().unwrap_or("nothing").trim_end().to_string()
            };
            // It stays: one that is refused takes nobody's place.
            let mut refused = Peer::connect(server.address());
            let third = status(&mut refused);
            drop(first);
            // Each try takes a round of the loop, so a few are enough.
            let enters = || {
                let mut peer = Peer::connect(server.address());
                let mut said = status(&mut peer);
                for _ in 0..20 {
                    if said.contains("101") {
                        break;
                    }
                    thread::sleep(Duration::from_millis(1));
                    peer = Peer::connect(server.address());
                    said = status(&mut peer);
                }
                (said, peer)
            };
            let (fourth, mut peer) = enters();
            peer.send(&masked(CLOSE, &[3, 232]));
            let goodbye = [(); 2].map(|()| peer.hears()).join(", then ");
            thread::sleep(3 * settings().tick);
            let meanwhile = status(&mut Peer::connect(server.address()));
            drop(peer);
            let (fifth, _peer) = enters();
            second.send(&masked(TEXT, b"and I?"));
            format!(
                "the third: {third}\nafter one has left: {fourth}\nit says goodbye: {goodbye}\n\
                 before it ends TCP, too: {meanwhile}\nafter that: {fifth}\nthe second: {}\n",
                second.hears()
            )
        },
    }
}

#[test]
fn a_stop_is_told_to_everyone() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "When the server stops, each client gets Close 1001. The server waits for its answer, but not long.",
        signs: [],
        shows: || {
            let server = echo();
            let mut peers = [(); 3].map(|()| Peer::open(server.address()));
            let stopping = thread::spawn(move || drop(server));
            let mut shown = String::new();
            for (number, peer) in peers.iter_mut().enumerate() {
                shown += &format!("client {number}: {}", peer.hears());
                // The last one doesn't answer.
                if number < 2 {
                    peer.send(&masked(CLOSE, &[3, 233]));
                }
                shown += &format!(", then {}\n", peer.hears());
            }
            let stopped = comes_true(|| stopping.is_finished());
            shown + if stopped { "it has stopped\n" } else { "it runs on\n" }
        },
    }
}

#[test]
fn a_stop_waits_for_the_last_one() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "A server that stops waits until its clients have answered, and not longer.",
        signs: [],
        shows: || {
            let patience = Patience { close_within: FOREVER, ..settings().patience };
            let server = echo_with(Settings { patience, ..settings() });
            let mut peers = [(); 2].map(|()| Peer::open(server.address()));
            let stopping = thread::spawn(move || drop(server));
            let mut shown = String::new();
            for (number, peer) in peers.iter_mut().enumerate() {
                shown += &format!("client {number}: {}\n", peer.hears());
                thread::sleep(3 * settings().tick);
                shown += if stopping.is_finished() { "  it has stopped\n" } else { "  it waits\n" };
                peer.send(&masked(CLOSE, &[3, 233]));
                shown += &format!("  {}\n", peer.hears());
                peer.end();
            }
            let stopped = comes_true(|| stopping.is_finished());
            shown + if stopped { "it has stopped\n" } else { "it waits on\n" }
        },
    }
}

#[test]
fn a_broken_rule_is_logged() {
    check! {
        rfc: "RFC 6455 §7.1.7",
        rule: "The echo writes a line for each client that breaks a rule, and none for others.",
        signs: [],
        shows: || {
            let (log, lines) = mpsc::channel();
            let server = start(settings(), Echo { log: Log::Lines(log) });
            for frame in [masked(TEXT, b"Hello"), unmasked(TEXT, b"Hello")] {
                let mut peer = Peer::open(server.address());
                peer.send(&frame);
                _ = peer.hears();
            }
            let line = lines.recv_timeout(long_enough()).unwrap_or("no line".to_string());
            let (peer, what) = line.split_once(": ").unwrap_or(("", &line));
            let named = if peer.starts_with("127.0.0.1:") { "its address: " } else { "no address: " };
            format!("{named}{what}\n{}", lines.try_recv().map_or_else(|_| String::new(), |line| line + "\n"))
        },
    }
}

#[test]
fn limits_are_those_of_the_other_steps() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Each limit of steps 09 and 10 is kept. A client that reads nothing has as long as one that is silent.",
        signs: [],
        shows: || {
            let patience = Patience {
                ping_after: Duration::from_secs(30),
                pong_within: Duration::from_secs(10),
                close_within: Duration::from_secs(5),
            };
            let of_the_echo = Settings::from(&echo::Settings {
                max_connections: 90,
                max_message: 9000,
                head_within: Duration::from_secs(9),
                write_within: Duration::from_secs(99),
                patience,
                tick: Duration::from_millis(900),
                ..echo::Settings::default()
            });
            let mut chat = chat::Settings { max_connections: 100, head_within: Duration::from_secs(10), ..chat::Settings::default() };
            (chat.client.max_message, chat.client.patience) = (1000, patience);
            let shown = |title, settings: Settings| format!("{title}\n{settings:#?}\n");
            format!("{}{}a read\n{READ_SIZE} bytes\n", shown("the echo", of_the_echo), shown("the chat", Settings::from(&chat)))
        },
    }
}

#[test]
fn heads_have_their_limits() {
    check! {
        rfc: "RFC 6455 §4.2.2, §10.4",
        rule: "A head that is too long, too late or wrong gets its status, and a page its text.",
        signs: [],
        shows: || {
            let server = echo_with(Settings { head_within: Duration::from_millis(100), ..settings() });
            let long = [b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'x'; 20_000]].concat();
            let rows: [(&str, Vec<u8>); 8] = [
                ("a page", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
                ("its head", b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
                ("another method", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".to_vec()),
                ("not a byte", Vec::new()),
                ("a page that isn't there", b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
                ("no upgrade", b"GET /socket HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
                ("too long", long),
                ("half a head", b"GET / HT".to_vec()),
            ];
            let row = |(title, request): (&str, Vec<u8>)| {
                let mut peer = Peer::connect(server.address());
                peer.send(&request);
                let head = peer.head();
                let mut body = Vec::new();
                _ = io::Read::read_to_end(&mut peer.stream, &mut body);
                let body = if body.is_empty() { "" } else { ", and a body" };
                format!("{title}\n  {}{body}\n", head.lines().next().unwrap_or("nothing").trim_end())
            };
            rows.map(row).concat()
        },
    }
}

#[test]
fn a_frame_may_come_with_the_handshake() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "Bytes that came right behind the head are the first ones of the WebSocket.",
        signs: [],
        shows: || {
            let server = echo();
            let mut peer = Peer::connect(server.address());
            let bytes = [handshake(), masked(TEXT, b"early")].concat();
            // The head itself may take its time.
            peer.send(&bytes[..30]);
            thread::sleep(3 * settings().tick);
            peer.send(&bytes[30..]);
            let status = peer.head().lines().next().unwrap_or("nothing").trim_end().to_string();
            let frame = peer.frame().ok().flatten();
            let right = frame.is_some_and(|(first, payload)| unmasked(first, &payload) == unmasked(TEXT, b"early"));
            format!("{status}\n{}\n", if right { "text \"early\"" } else { "no echo" })
        },
    }
}
