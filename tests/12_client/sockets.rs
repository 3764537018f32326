//! A client on a real socket. The check plays its server.

use std::net::Shutdown;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use client::client::ConnectError;
use client::{Client, Settings, Target, connect, connect_with};
use connection::{CloseCode, Connection, Event, SendError};
use echo::deadlines::Patience;
use echo::echo::answer as echo_answer;
use support::check;
use support::frame::{BINARY, CLOSE, PING, PONG, TEXT, masked, unmasked};
use support::machine::stretched;
use support::sign::{missing, under, yours};
use support::wire::Transcript;

use super::shared::{
    FOREVER, LONG_ENOUGH, Peer, Played, SHORT, SOON, Valve, comes_true, meaning, right_answer, told,
};

/// What connecting leads to.
type Connected = Result<(Client, Receiver<Event>), ConnectError>;

/// A patience that no check exhausts.
const PATIENT: Patience = Patience {
    ping_after: FOREVER,
    pong_within: FOREVER,
    close_within: FOREVER,
};

/// Settings with much patience, and a clock that is looked at often.
fn settings() -> Settings {
    Settings {
        connect_within: FOREVER,
        answer_within: FOREVER,
        write_within: FOREVER,
        patience: PATIENT,
        tick: SHORT / 4,
        ..Settings::default()
    }
}

fn settings_with(patience: Patience) -> Settings {
    Settings {
        patience,
        ..settings()
    }
}

/// The bytes go through this valve.
fn through(valve: &Valve, settings: Settings) -> Settings {
    Settings {
        connector: Some(Arc::new(valve.clone())),
        ..settings
    }
}

/// Connects by the connector of the settings, if they have one: only a URL that begins with `wss:` has its stream made.
fn connect_by(settings: &Settings, target: &Target) -> Connected {
    let secure = settings.connector.is_some();
    let target = Target {
        secure,
        ..target.clone()
    };
    connect(&target, settings)
}

/// A client, its events, the server that the check plays, and a diary of what they do.
struct Scene {
    client: Option<Client>,
    events: Receiver<Event>,
    server: Peer,
    /// How long the next event may take. After one that never came, the check doesn't wait as long again.
    patience: Duration,
    diary: String,
}

impl Scene {
    fn open(settings: Settings) -> Self {
        Self::open_with(settings, &[])
    }

    /// The server sends these bytes together with its answer.
    fn open_with(settings: Settings, early: &[u8]) -> Self {
        Self::open_by(early, move |target| connect_by(&settings, target))
    }

    /// The program connects like this.
    fn open_by(early: &[u8], connect: impl FnOnce(&Target) -> Connected + Send + 'static) -> Self {
        let played = Played::listen();
        let target = played.target();
        let connecting = thread::spawn(move || connect(&target));
        let server = played.accept_while(stretched(LONG_ENOUGH), || !connecting.is_finished());
        let mut server = server.expect("your client didn't connect");
        let answer = server.answer("");
        server.send(&[&answer, early].concat());
        let is_open = comes_true(stretched(LONG_ENOUGH), || connecting.is_finished());
        assert!(is_open, "your client never took the right answer");
        let connected = connecting.join().expect("your client connects");
        let (client, events) = connected.expect("the answer is right");
        Self {
            client: Some(client),
            events,
            server,
            patience: LONG_ENOUGH,
            diary: String::new(),
        }
    }

    fn note(&mut self, side: &str, what: &str) {
        self.diary += &format!("{side:<8} {what}\n");
    }

    /// The program calls this.
    fn program(&mut self, what: &str, call: impl FnOnce(&Client) -> Result<(), SendError>) {
        let called = self.client.as_ref().map(call);
        let failed = match called {
            Some(Err(error)) => format!(" → Err({error:?})"),
            _ => String::new(),
        };
        self.note("program", &format!("{what}{failed}"));
    }

    fn says(&mut self, text: &str) {
        self.program(&format!("send_text({text:?})"), |client| {
            client.send_text(text)
        });
    }

    fn closes(&mut self, code: u16, reason: &str) {
        let call = format!("close({code}, {reason:?})");
        self.program(&call, |client| client.close(CloseCode(code), reason));
    }

    /// The program hears these many events, or that there are no more.
    fn events(&mut self, count: usize) {
        for _ in 0..count {
            let heard = match self.events.recv_timeout(stretched(self.patience)) {
                Ok(event) => told(&event),
                Err(RecvTimeoutError::Timeout) => {
                    self.patience = SHORT;
                    self.server.patience = SHORT;
                    "nothing".to_string()
                }
                Err(RecvTimeoutError::Disconnected) => "the end of the events".to_string(),
            };
            self.note("program", &format!("hears {heard}"));
        }
    }

    /// The program hears nothing, though there is time for it.
    fn hears_nothing(&mut self) {
        // Right code always takes as long as this. Wrong code has little to do, and is seen even on a busy machine.
        let heard = self.events.recv_timeout(stretched(LONG_ENOUGH / 5));
        let heard = heard.map_or("nothing".to_string(), |event| told(&event));
        self.note("program", &format!("hears {heard}, for a while"));
    }

    fn server_hears(&mut self) {
        let heard = self.server.hears();
        if heard == "nothing" {
            self.patience = SHORT;
        }
        self.note("server", &format!("hears {heard}"));
    }

    /// The server hears nothing, though there is time for it.
    fn server_hears_nothing(&mut self) {
        let heard = self.server.hears_within(SOON);
        self.note("server", &format!("hears {heard}, for a while"));
    }

    fn server_sends(&mut self, first: u8, payload: &[u8]) {
        self.note("server", &format!("sends {}", meaning(first, payload)));
        self.server.send(&unmasked(first, payload));
    }

    fn server_ends(&mut self) {
        self.note("server", "ends TCP");
        self.server.end();
    }

    /// Both directions of TCP end, at the latest now.
    fn ends(&mut self) {
        self.server_ends();
        self.server_hears();
        self.events(1);
    }
}

#[test]
fn an_answer_has_its_time() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "An answer may take its time, all of it together. A tick isn't the end, and the end isn't a tick.",
        signs: [
            yours(["ticks apart", "Ended"]).says(
                "A read that has waited for a tick is taken for the end of TCP. Only 0 bytes say that TCP has ended.",
            ),
            yours(["ticks apart", "AnswerTooLate"]).says(
                "A server that takes longer than a tick to answer is given up.",
            ),
            yours(["ticks apart", "Broken"]).says(
                "Bytes were received that never came: of the buffer, only as many are the read's as it has counted.",
            ),
            yours(["never comes", "never returns"]).says(
                "Nothing looks at the deadline while nothing comes. A tick is the time to do so.",
            ),
            yours(["comes in drops", "Ended"]).or(yours(["comes in drops", "never"])).says(
                "The deadline begins again with each byte. A server that sends one now and then is waited for forever.",
            ),
            yours(["TCP ends", "again and again"]).says(
                "0 bytes are taken for a tick. TCP has ended: nothing more can come, and reading it takes no time, so \
                 that the loop keeps a processor busy.",
            ),
            yours(["TCP ends", "AnswerTooLate"]).says(
                "The loop ends with TCP, as if time were up. The error is different: `OpeningError::Ended`.",
            ),
        ],
        shows: times_of_an_answer,
    }
}

/// An answer that starts no thread.
const REFUSAL: &[u8] = b"HTTP/1.1 403 Forbidden\r\n\r\n";

fn times_of_an_answer() -> String {
    let within = |answer_within| Settings {
        answer_within,
        ..settings()
    };
    let rows = [
        (
            "it is a refusal",
            connects(settings(), |server, _| server.send(REFUSAL)),
        ),
        (
            "it comes in halves, ticks apart",
            connects(settings(), |server, _| {
                let (first, second) = REFUSAL.split_at(REFUSAL.len() / 2);
                server.send(first);
                // Nothing comes meanwhile: this is the time that the server takes.
                server.hears_within(SHORT);
                server.send(second);
            }),
        ),
        ("it never comes", connects(within(SHORT * 2), |_, _| {})),
        (
            "it comes in drops, without end",
            connects(within(SHORT * 3), |server, _| {
                server.send(b"HTTP/1.1 101 Switching Protocols\r\na: ");
                let deadline = Instant::now() + stretched(LONG_ENOUGH / 4);
                while server.sends(b"a") && Instant::now() < deadline {
                    // Longer than a tick, and shorter than the client's deadline.
                    if server.hears_within(SHORT / 2) != "nothing" {
                        break;
                    }
                }
                server.end();
            }),
        ),
        (
            "TCP ends in the middle of it",
            // A client that reads on does so until then, and keeps a processor busy.
            connects(within(stretched(LONG_ENOUGH / 4)), |server, head| {
                server.send(&right_answer(head, "")[..40]);
                server.end();
            }),
        ),
    ];
    rows.map(|(title, returned)| format!("{title:<32} → {returned}\n"))
        .concat()
}

/// What `connect` returns if the server does this after the request.
fn connects(settings: Settings, server_does: impl FnOnce(&mut Peer, &str)) -> String {
    let played = Played::listen();
    let target = played.target();
    let valve = Valve::of(usize::MAX);
    let settings = through(&valve, settings);
    let connecting = thread::spawn(move || match connect_by(&settings, &target) {
        Ok(_) => "open".to_string(),
        Err(ConnectError::Opening(error)) => format!("Opening({error:?})"),
        Err(ConnectError::Io(_)) => "Io(_)".to_string(),
        Err(other) => format!("{other:?}"),
    });
    let server = played.accept_while(stretched(LONG_ENOUGH), || !connecting.is_finished());
    let mut server = server.expect("your client didn't connect");
    let head = server.head();
    server_does(&mut server, &head);
    let has_returned = comes_true(stretched(LONG_ENOUGH / 2), || connecting.is_finished());
    drop(server);
    let reads_on = if valve.reads_on_after_the_end() {
        ", and reads the end of TCP again and again"
    } else {
        ""
    };
    match has_returned {
        true => connecting.join().expect("your client connects") + reads_on,
        false => "connect never returns".to_string() + reads_on,
    }
}

#[test]
fn the_handshake_on_a_real_socket() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "The client sends its request, checks the answer, and knows then what was agreed on.",
        signs: [
            missing(["sends its key again"]).says("Both handshakes had the same key. A nonce is used once."),
            missing(["Sec-WebSocket-Protocol"]).says("The subprotocols of the settings weren't offered."),
            missing(["Origin"]).says("The origin of the settings wasn't sent."),
        ],
        shows: handshakes,
    }
}

fn handshakes() -> String {
    let mut transcript = Transcript::new();
    let mut keys = Vec::new();
    for _ in 0..2 {
        let settings = Settings {
            subprotocols: vec!["chat".to_string(), "superchat".to_string()],
            origin: Some("https://example.org".to_string()),
            ..settings()
        };
        let played = Played::listen();
        let target = played.target();
        let connecting = thread::spawn(move || connect(&target, &settings));
        let server = played.accept_while(stretched(LONG_ENOUGH), || !connecting.is_finished());
        let mut server = server.expect("your client didn't connect");
        let head = server.head();
        let key = head
            .lines()
            .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        keys.extend(key.map(str::to_string));
        server.send(&right_answer(&head, "Sec-WebSocket-Protocol: chat\r\n"));
        let connected = connecting.join().expect("your client connects");
        if keys.len() == 1 {
            transcript.client(head.replace(&keys[0], "(a new one)").as_bytes());
            transcript.note("the server answers with 101, and chooses chat");
            let agreed = connected.map(|(client, _)| client.agreement().subprotocol.clone());
            transcript.note(&format!("connect returns a client: {agreed:?}"));
        }
    }
    let again = if keys[0] == keys[1] {
        "sends its key again"
    } else {
        "sends a new key"
    };
    transcript.note(&format!("the next client {again}"));
    transcript.to_string()
}

#[test]
fn both_sides_talk() {
    check! {
        rfc: "RFC 6455 §6",
        rule: "What the program sends is a frame, and what the server sends is an event, in order.",
        signs: [
            yours(["hears Error"]).says(
                "Bytes were received that never came: of the buffer, only as many are the read's as it has counted.",
            ),
            missing(["hears Text Hello"]).and(yours(["server   hears Text Hello"])).says(
                "What is sent isn't written until something else wakes the writer: `send` has to do it.",
            ),
            missing(["program  hears Open"]).says(
                "`Open` doesn't come before the server has sent something. The connection is open with the handshake: \
                 the bytes after it are received first, even if there are none.",
            ),
            missing(["server   hears Pong"]).says(
                "A ping gets no answer: its pong waits among the outgoing bytes until the writer is woken.",
            ),
            yours(["not masked"]).says("A frame isn't masked. A client masks every frame."),
            missing(["the end of the events"]).says(
                "The events don't end. TCP has ended: `eof` tells the connection, and the writer, which waits for \
                 bytes, has to be woken.",
            ),
        ],
        shows: || {
            let mut scene = Scene::open(settings());
            scene.events(1);
            scene.says("Hello");
            scene.server_hears();
            scene.server_sends(TEXT, "Hello, too".as_bytes());
            scene.events(1);
            scene.program("send_binary([0, 255])", |client| client.send_binary(&[0, 255]));
            scene.server_hears();
            scene.server_sends(BINARY, &[0xff, 0]);
            scene.events(1);
            scene.program("send_ping(\"?\")", |client| client.send_ping(b"?"));
            scene.server_hears();
            scene.server_sends(PONG, b"?");
            scene.events(1);
            scene.server_sends(PING, b"!");
            scene.events(1);
            scene.server_hears();
            scene.server_sends(CLOSE, b"\x03\xe8bye");
            scene.events(1);
            scene.server_hears();
            scene.ends();
            scene.diary
        },
    }
}

#[test]
fn every_frame_has_its_own_key() {
    check! {
        rfc: "RFC 6455 §5.3",
        rule: "Every frame is masked, and with a new key.",
        signs: [
            yours(["1 different"]).says("All frames have the same masking key. The next one must not be known."),
        ],
        shows: || {
            let mut scene = Scene::open(settings());
            for _ in 0..40 {
                scene.says("again");
                scene.server.hears();
            }
            let mut keys = scene.server.keys.clone();
            let frames = keys.len();
            keys.sort_unstable();
            keys.dedup();
            // Three pairs of 40 random keys are the same once in 10¹⁸ runs.
            let different = match keys.len() {
                38..=40 => "all have different keys".to_string(),
                few => format!("{few} different keys"),
            };
            format!("{frames} frames of 40 are masked, {different}\n")
        },
    }
}

#[test]
fn frames_may_come_with_the_answer() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "The bytes after the 101 are frames. They may come in the same read.",
        signs: [
            missing(["hears Text early"]).says(
                "The bytes that came with the answer are lost. `Opened` has them: they are received before the first \
                 read.",
            ),
        ],
        shows: || {
            let early = [
                unmasked(TEXT, b"early"), unmasked(PING, b"?"), unmasked(TEXT, b"cut in two")[..5].to_vec(),
            ];
            let mut scene = Scene::open_with(settings(), &early.concat());
            scene.events(3);
            scene.server_hears();
            scene.server.send(&unmasked(TEXT, b"cut in two")[5..]);
            scene.events(1);
            scene.diary
        },
    }
}

#[test]
fn an_answer_comes_before_the_next_event() {
    check! {
        rfc: "RFC 6455 §7.1.7",
        rule: "A program can answer each event before the next one is looked at.",
        signs: [
            missing(["server   hears Text zero"]).says(
                "The program's answer isn't asked for. `take_in` feeds the bytes, and `answer_all` calls `answer` with \
                 each event. The connection's own `receive` knows of no answer.",
            ),
            missing(["hears Close 1002"]).and(yours(["server   hears the end of TCP"])).says(
                "TCP is ended before the Close is written: the writer goes on until nothing is left.",
            ),
            missing(["server   hears Text one"]).says(
                "The Close for the broken rule went out before the answer to the message. `answer_all` calls `answer` \
                 before it polls for the next event.",
            ),
        ],
        shows: || {
            let mut scene = Scene::open_by(&[], |target| connect_with(target, &settings(), echo_answer));
            scene.server_sends(TEXT, b"zero");
            scene.server_hears();
            let frames = [unmasked(TEXT, b"one"), unmasked(PING, b"two"), unmasked(0x83, b"")].concat();
            scene.server.send(&frames);
            scene.note("server", "sends Text one, Ping two, and a frame of an unknown kind");
            for _ in 0..3 {
                scene.server_hears();
            }
            scene.server.end();
            scene.events(7);
            scene.diary
        },
    }
}

#[test]
fn answers_wait_for_room() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "While too many answers wait to be written, nothing is read: a server that never reads fills no memory.",
        signs: [
            missing(["program  hears Text one"]).says(
                "While a write waits, no events come. Nothing may be written with the lock in hand.",
            ),
            missing(["hears nothing, for a while"]).says(
                "Answers that wait have no limit. A server that only writes is read on, and its answers fill the \
                 memory. After the events are handed on, `wait_for_answers` waits for room.",
            ),
            missing(["server   hears Text four"]).but_not(missing(["server   hears Text three"])).says(
                "There is room again, and the reader still waits for it. The writer wakes those who wait when it has \
                 taken the bytes.",
            ),
        ],
        shows: || {
            let valve = Valve::of(usize::MAX);
            let few = through(&valve, Settings { max_waiting: 20, ..settings() });
            let mut scene = Scene::open_by(&[], move |target| {
                connect_with(&Target { secure: true, ..target.clone() }, &few, echo_answer)
            });
            scene.events(1);
            valve.shut();
            scene.says("zero");
            valve.is_awaited();
            scene.note("server", "reads nothing: the writer waits");
            for text in ["one", "two", "three"] {
                scene.server_sends(TEXT, text.as_bytes());
                scene.events(1);
            }
            scene.server_sends(TEXT, b"four");
            scene.hears_nothing();
            valve.open();
            scene.note("server", "reads");
            for _ in 0..5 {
                scene.server_hears();
            }
            scene.events(1);
            scene.diary
        },
    }
}

#[test]
fn each_ping_gets_its_pong() {
    check! {
        rfc: "RFC 6455 §5.5.3",
        rule: "While few bytes wait to be written, each ping gets a pong of its own.",
        signs: [
            missing(["hears Pong 2"]).says(
                "Only the latest ping gets a pong, because a connection with bytes to write answers no other. \
                 `make_room` takes them out before the next bytes are fed.",
            ),
        ],
        shows: || {
            let valve = Valve::of(usize::MAX);
            let mut scene = Scene::open(through(&valve, settings()));
            scene.events(1);
            valve.shut();
            scene.says("first");
            valve.is_awaited();
            scene.note("server", "reads nothing: the writer waits");
            for payload in [b"1", b"2", b"3"] {
                scene.server_sends(PING, payload);
                scene.events(1);
            }
            valve.open();
            scene.note("server", "reads");
            for _ in 0..4 {
                scene.server_hears();
            }
            scene.diary
        },
    }
}

#[test]
fn the_server_ends_tcp_first() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "After the closing handshake the client waits for the server to end TCP, but not forever.",
        signs: [
            under("the program closes", missing(["hears nothing, for a while"])).says(
                "The client ended TCP first. After both Close frames the server does that: it then holds the TIME_WAIT.",
            ),
            under("the server never ends TCP", missing(["hears the end of TCP"])).says(
                "A server that has sent its Close and doesn't end TCP is waited for forever. The wait begins when its \
                 Close comes: `close_sent` notes that.",
            ),
            under("the server doesn't answer", missing(["hears the end of TCP"])).says(
                "A server that doesn't answer our Close is waited for forever.",
            ),
            under("the server talks on", missing(["hears the end of TCP"])).says(
                "The clock is looked at only when nothing comes. A server that talks on is never given up.",
            ),
        ],
        shows: || {
            let patience = Patience { close_within: SHORT, ..PATIENT };
            format!(
                "the program closes\n{}\nthe server closes\n{}\nthe server never ends TCP\n{}\n\
                 the server doesn't answer\n{}\nthe server talks on\n{}",
                indented(&program_closes(PATIENT)),
                indented(&server_closes()),
                indented(&never_ends(patience)),
                indented(&no_answer_to_a_close(patience)),
                indented(&talks_on(patience)),
            )
        },
    }
}

fn indented(diary: &str) -> String {
    let lines = diary.lines().map(|line| format!("  {line}\n"));
    lines.collect()
}

fn program_closes(patience: Patience) -> String {
    let mut scene = Scene::open(settings_with(patience));
    scene.closes(1000, "bye");
    scene.server_hears();
    scene.server_sends(TEXT, b"the last word");
    scene.server_sends(CLOSE, b"\x03\xe8bye");
    scene.events(3);
    scene.server_hears_nothing();
    scene.ends();
    scene.diary
}

fn server_closes() -> String {
    let mut scene = Scene::open(settings());
    scene.server_sends(CLOSE, b"\x03\xe9restart");
    scene.events(2);
    scene.server_hears();
    scene.closes(1000, "");
    scene.server_hears_nothing();
    scene.ends();
    scene.diary
}

fn never_ends(patience: Patience) -> String {
    let mut scene = Scene::open(settings_with(patience));
    scene.server_sends(CLOSE, b"");
    scene.events(2);
    scene.server_hears();
    scene.server_hears();
    scene.events(1);
    scene.diary
}

fn no_answer_to_a_close(patience: Patience) -> String {
    let mut scene = Scene::open(settings_with(patience));
    scene.closes(4000, "");
    scene.server_hears();
    scene.server_hears();
    scene.events(3);
    scene.diary
}

fn talks_on(patience: Patience) -> String {
    // No read ever waits for so long that its tick is over.
    let mut scene = Scene::open(Settings {
        tick: FOREVER,
        ..settings_with(patience)
    });
    scene.closes(1000, "");
    scene.server_hears();
    scene.note("server", "sends pong after pong, without end");
    let deadline = Instant::now() + stretched(LONG_ENOUGH);
    let mut heard = "nothing".to_string();
    while heard == "nothing" && Instant::now() < deadline {
        scene.server.send(&unmasked(PONG, b""));
        heard = scene.server.hears_within(Duration::from_millis(1));
    }
    scene.note("server", &format!("hears {heard}"));
    scene.diary
}

#[test]
fn a_server_that_breaks_a_rule_is_told() {
    check! {
        rfc: "RFC 6455 §7.1.7",
        rule: "If the server breaks a rule, it gets a Close with the code, and then the client ends TCP.",
        signs: [
            missing(["hears Close 1002"]).and(yours(["hears the end of TCP"])).says(
                "TCP is ended before the Close is written: the server never learns what was wrong. The writer goes \
                 on until nothing is left.",
            ),
            missing(["hears Close 1002"]).says("The Close waits among the outgoing bytes: the writer isn't woken."),
            missing(["hears Close 1009"]).says("The settings' limit of a message isn't used."),
        ],
        shows: || {
            let broken = |bytes: &[u8]| {
                let mut scene = Scene::open(Settings { max_message: 5, ..settings() });
                scene.server.send(bytes);
                scene.server_hears();
                scene.server_hears();
                scene.events(3);
                scene.server_ends();
                scene.events(1);
                indented(&scene.diary)
            };
            format!(
                "a frame with a mask\n{}\na reserved bit\n{}\n6 bytes, of 5 allowed\n{}\nthe server goes on\n{}",
                broken(&masked(TEXT, b"Hello")),
                broken(&unmasked(TEXT | 0x40, b"Hello")),
                broken(&unmasked(TEXT, b"Hello!")),
                indented(&goes_on()),
            )
        },
    }
}

/// The server breaks a rule, and then sends more than the system keeps for anyone.
fn goes_on() -> String {
    let mut scene = Scene::open(settings());
    scene.server.send(&masked(TEXT, b"Hello"));
    scene.server_hears();
    scene.server_hears();
    let is_taken = scene.server.sends(&vec![0; 32 << 20]);
    let taken = if is_taken { "takes" } else { "doesn't take" };
    scene.note("client", &format!("{taken} 32 MiB more"));
    scene.diary
}

#[test]
fn tcp_may_end_without_a_close() {
    check! {
        rfc: "RFC 6455 §7.1.5",
        rule: "If TCP ends or fails, the program hears a Close with 1006, and the events end.",
        signs: [
            yours(["again and again"]).says(
                "0 bytes are taken for a tick. The reader then reads nothing, forever, as fast as it can.",
            ),
            missing(["Close 1006"]).says(
                "The reader ends without a word. TCP has ended: the connection has to know (`eof`), and the program \
                 gets its last event.",
            ),
        ],
        shows: || {
            let valve = Valve::of(usize::MAX);
            let mut ends = Scene::open(through(&valve, settings()));
            ends.server_sends(TEXT, b"bye");
            ends.events(2);
            ends.server_ends();
            ends.events(2);
            if valve.reads_on_after_the_end() {
                ends.note("reader", "reads the end of TCP again and again");
            }
            let mut cut = Scene::open(settings());
            cut.events(1);
            cut.says("unread");
            // With bytes that weren't read, TCP is reset.
            comes_true(stretched(LONG_ENOUGH), || cut.server.socket().peek(&mut [0]).is_ok());
            cut.note("server", "is gone");
            cut.server = Played::nowhere();
            cut.events(2);
            format!("the server ends TCP\n{}\nthe server resets TCP\n{}", indented(&ends.diary), indented(&cut.diary))
        },
    }
}

#[test]
fn a_silent_server_is_given_up() {
    check! {
        rfc: "RFC 6455 §5.5.2",
        rule: "A server that is silent gets a ping, then a Close, and then TCP is ended. Any bytes show it is there.",
        signs: [
            under("it answers", missing(["hears Ping"])).says(
                "The deadlines aren't told that bytes have come: a server that answers every ping is closed.",
            ),
            under("it never answers", missing(["hears Ping"])).says(
                "A server that has vanished looks like one that has nothing to say. Nothing looks at the clock while \
                 nothing comes.",
            ),
        ],
        shows: || {
            let patience = Patience { ping_after: SHORT, pong_within: SHORT, close_within: SHORT };
            let mut vanished = Scene::open(settings_with(patience));
            vanished.server_hears();
            vanished.server_hears();
            vanished.server_hears();
            vanished.events(3);
            // The other times are longer, for a machine that is busy.
            let patience = Patience { ping_after: SHORT / 2, pong_within: stretched(SHORT * 15), ..PATIENT };
            let mut answers = Scene::open(settings_with(patience));
            for _ in 0..3 {
                answers.server_hears();
                answers.server_sends(PONG, b"still there?");
            }
            answers.server_hears();
            format!("it never answers\n{}\nit answers\n{}", indented(&vanished.diary), indented(&answers.diary))
        },
    }
}

#[test]
fn events_wait_for_the_program() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A program that takes no events can still send, and no event is lost.",
        signs: [
            yours(["send_text waits"]).says(
                "Events are handed on under the lock. While the program takes none, nothing can be sent.",
            ),
        ],
        shows: || {
            let mut scene = Scene::open(settings());
            for number in 0..200 {
                scene.server.send(&unmasked(TEXT, format!("{number}").as_bytes()));
            }
            // By now the reader has more events than fit into the channel.
            scene.server_hears_nothing();
            scene.note("server", "has sent 0 to 199");
            let client = Arc::new(scene.client.take().expect("it is open"));
            let sending = thread::spawn({
                let client = Arc::clone(&client);
                move || client.send_text("first")
            });
            scene.server_hears();
            let returns = comes_true(stretched(SOON), || sending.is_finished());
            scene.note("program", if returns { "send_text returns" } else { "send_text waits" });
            let mut texts = Vec::new();
            while texts.len() < 201 {
                match scene.events.recv_timeout(stretched(LONG_ENOUGH)) {
                    Ok(event) => texts.push(told(&event)),
                    Err(_) => break,
                }
            }
            let expected = (0..200).map(|number| format!("Text {number}"));
            let in_order = texts.iter().skip(1).cloned().eq(expected);
            scene.note("program", &format!("hears {} events, all in order: {in_order}", texts.len()));
            drop(sending.join());
            scene.diary
        },
    }
}

#[test]
fn dropping_the_client_closes() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "If the program drops its client, the server gets a Close with 1001.",
        signs: [
            missing(["hears Close 1001"]).says(
                "The program has gone, and nothing tells the server: both threads go on. Dropping the client closes.",
            ),
        ],
        shows: || {
            let mut scene = Scene::open(settings());
            scene.says("my last words");
            scene.client = None;
            scene.note("program", "drops the client");
            scene.server_hears();
            scene.server_hears();
            scene.server_sends(CLOSE, b"\x03\xe9");
            scene.events(2);
            scene.ends();
            scene.diary
        },
    }
}

/// A MiB of what never changes.
static MIB: [u8; 1 << 20] = [0; 1 << 20];

/// The pieces in which much is sent.
const PIECE: usize = 1 << 17;

/// How many pieces are 8 MiB.
const PIECES: usize = 64;

#[test]
fn a_write_may_take_few_bytes() {
    check! {
        rfc: "RFC 6455 §6.1",
        rule: "A write may take fewer bytes than there are. The others are written, too.",
        signs: [
            missing(["hears Text twelve"]).but_not(missing(["hears Text 1"])).says(
                "`write` returns how many bytes it took, and the others are lost. `write_all` writes them all.",
            ),
        ],
        shows: || {
            let mut scene = Scene::open(through(&Valve::of(7), settings()));
            scene.events(1);
            scene.note("stream", "takes 7 bytes at a time");
            // These frames have 7 bytes, 12, and 9.
            scene.says("1");
            scene.server_hears();
            scene.says("twelve");
            scene.server_hears();
            scene.closes(1000, "1");
            scene.server_hears();
            scene.diary
        },
    }
}

#[test]
fn both_sides_say_much_at_once() {
    check! {
        rfc: "RFC 6455 §6",
        rule: "Reading never waits for writing: 8 MiB come in while 8 MiB wait to go out.",
        signs: [
            missing(["the server has written"]).says(
                "Neither side reads: each waits until the other one takes what it writes. The writer must not hold \
                 the lock while it writes, and the reader must not write.",
            ),
            missing(["the server has read"]).says(
                "Some of the 8 MiB never went out. A sender that waits for room has to be woken when there is some.",
            ),
        ],
        shows: much_at_once,
    }
}

fn much_at_once() -> String {
    let mut scene = Scene::open(Settings {
        max_waiting: PIECE,
        ..settings()
    });
    let client = scene.client.take().expect("it is open");
    let sending = thread::spawn(move || {
        let sent = (0..PIECES).take_while(|_| client.send_binary(&MIB[..PIECE]).is_ok());
        let sent = sent.count();
        (client, sent)
    });
    let events = scene.events;
    let hearing = thread::spawn(move || {
        let heard = events
            .iter()
            .filter(|event| matches!(event, Event::Binary(_)));
        heard.take(PIECES).count()
    });
    // The server reads nothing until it has written everything.
    let frame = unmasked(BINARY, &MIB[..PIECE]);
    let written = (0..PIECES)
        .take_while(|_| scene.server.sends(&frame))
        .count();
    let read = (0..PIECES)
        .take_while(|_| scene.server.takes(PIECE))
        .count();
    // If something is missing, the end of TCP frees all who wait.
    if written < PIECES || read < PIECES {
        _ = scene.server.socket().shutdown(Shutdown::Both);
        let all = |count| if count == PIECES { "all" } else { "not all" };
        let [written, read] = [written, read].map(all);
        return format!("the server has written {written}\nthe server has read {read}\n");
    }
    let (client, sent) = sending.join().expect("your client sends");
    drop(client);
    let heard = hearing.join().expect("your client hears");
    format!(
        "the server has written all\nthe server has read all\n\
         the program has sent {sent} of {PIECES} pieces\nthe program has heard {heard} of {PIECES} pieces\n"
    )
}

#[test]
fn sending_waits_for_a_server_that_never_reads() {
    check! {
        rfc: "RFC 6455 §6",
        rule: "While more than `max_waiting` bytes wait to be written, sending waits. Events still come.",
        signs: [
            yours(["sends on"]).says(
                "Sending never waits. What a server doesn't take stays in memory, all of it.",
            ),
            yours(["hears nothing of it"]).says(
                "While sending waits for room, no events come. Nothing may be written, and nothing waited for, with \
                 the lock in hand.",
            ),
            missing(["sending fails"]).says(
                "A sender waits for room that never comes: the connection has ended. Only an open connection has \
                 something to wait for, and its end has to wake all who wait.",
            ),
        ],
        shows: never_read,
    }
}

fn never_read() -> String {
    let mut scene = Scene::open(Settings {
        max_waiting: PIECE,
        ..settings()
    });
    scene.events(1);
    let (sent, sending) = send_much(&mut scene);
    // What the system itself keeps is different everywhere. It is full when nothing moves any more.
    let moves = || {
        let last = sent.load(Ordering::Relaxed);
        comes_true(stretched(SOON), || sent.load(Ordering::Relaxed) > last)
    };
    while moves() {}
    let waits = if sending.is_finished() {
        "sends on"
    } else {
        "waits"
    };
    scene.note("program", &format!("{waits}, while the server never reads"));
    // What the server sends may bring word of some more room, until there is really none.
    scene.note("server", "sends a text, three times");
    for _ in 1..=3 {
        scene.server.send(&unmasked(TEXT, b"still here"));
        let event = scene.events.recv_timeout(stretched(LONG_ENOUGH));
        if !matches!(event, Ok(Event::Text(_))) {
            scene.note("program", "hears nothing of it");
            return scene.diary;
        }
        while moves() {}
    }
    scene.note("program", "hears it three times");
    scene.note("server", "cuts TCP off");
    scene.server = Played::nowhere();
    scene.events(2);
    let fails = comes_true(stretched(LONG_ENOUGH), || sending.is_finished());
    scene.note(
        "program",
        if fails {
            "sending fails"
        } else {
            "sending waits on"
        },
    );
    scene.diary
}

/// Sends more than any system keeps, in a thread. Counts what is sent.
fn send_much(scene: &mut Scene) -> (Arc<AtomicUsize>, thread::JoinHandle<Option<Client>>) {
    let client = scene.client.take().expect("it is open");
    let sent = Arc::new(AtomicUsize::new(0));
    let sending = thread::spawn({
        let sent = Arc::clone(&sent);
        move || {
            while sent.load(Ordering::Relaxed) < 8 * PIECES {
                client.send_binary(&MIB[..PIECE]).ok()?;
                sent.fetch_add(1, Ordering::Relaxed);
            }
            Some(client)
        }
    });
    (sent, sending)
}

#[test]
fn a_server_that_takes_nothing_is_given_up() {
    check! {
        rfc: "RFC 6455 §7.1.5",
        rule: "If a write has waited for too long, the connection has ended, for the reader and all senders, too.",
        signs: [
            yours(["sending waits on"]).and(missing(["Close 1006"])).says(
                "The sender waits for room, and nothing is being written that could fail: a thread wasn't woken. \
                 `send` wakes the writer. The writer, when it has taken the bytes, wakes those who wait for room.",
            ),
            missing(["Close 1006"]).but_not(yours(["sends on"])).says(
                "The writer ends, and the reader doesn't learn of it: it waits for a server that has stopped reading. \
                 Ending TCP in both directions wakes it.",
            ),
            missing(["sending fails"]).says(
                "A sender waits for room that never comes: the connection has ended. Only an open one has room some \
                 day.",
            ),
        ],
        shows: || {
            let mut scene = Scene::open(Settings { max_waiting: PIECE, write_within: SHORT, ..settings() });
            scene.events(1);
            let (sent, sending) = send_much(&mut scene);
            scene.note("program", "sends without end, and the server never reads");
            // It takes a while until the system keeps no more.
            let fails = comes_true(stretched(LONG_ENOUGH * 2), || sending.is_finished());
            let last = sent.load(Ordering::Relaxed);
            let moves = || comes_true(stretched(SOON * 3), || sent.load(Ordering::Relaxed) > last);
            scene.note("program", match fails {
                true => "sending fails",
                false if moves() => "sends on",
                false => "sending waits on",
            });
            scene.events(2);
            scene.diary
        },
    }
}

#[test]
fn nothing_is_kept_for_a_server_that_is_gone() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "If TCP has failed, sending fails, even if the program takes no events.",
        signs: [
            yours(["sends on"]).says(
                "After a write has failed, everything that is sent stays in memory. The reader can't end the \
                 connection while the program takes no events, so `send` has to look at `can_write`.",
            ),
        ],
        shows: || {
            let texts = (0..40).flat_map(|number| unmasked(TEXT, format!("{number}").as_bytes()));
            let mut scene = Scene::open_with(settings(), &Vec::from_iter(texts));
            scene.note("server", "has sent more events than wait for the program, and is gone");
            scene.server = Played::nowhere();
            let client = scene.client.take().expect("it is open");
            let mut sent = Ok(());
            comes_true(stretched(LONG_ENOUGH), || {
                sent = client.send_text("still there?");
                sent.is_err()
            });
            scene.note("program", &match sent {
                Ok(()) => "sends on".to_string(),
                Err(error) => format!("sending fails: {error:?}"),
            });
            scene.diary
        },
    }
}

#[test]
fn an_answer_that_panics_ends_the_connection() {
    check! {
        rfc: "the workshop's own rule",
        rule: "If the program's answer panics, both threads end, and the last event says that the connection is lost.",
        signs: [
            missing(["hears the end of TCP"]).says("The reader has ended, and the writer still waits for bytes."),
        ],
        shows: || {
            let answer = |connection: &mut Connection, event: &Event| {
                if *event == Event::Text("two".to_string()) {
                    // Like a panic, but it prints nothing.
                    panic::resume_unwind(Box::new("two is too much"));
                }
                echo_answer(connection, event);
            };
            let mut scene = Scene::open_by(&[], move |target| connect_with(target, &settings(), answer));
            for text in ["one", "two", "three"] {
                scene.server.send(&unmasked(TEXT, text.as_bytes()));
                scene.note("server", &format!("sends Text {text}"));
                if text != "two" {
                    scene.server_hears();
                }
            }
            scene.server.end();
            scene.events(4);
            scene.says("hello?");
            scene.diary
        },
    }
}
