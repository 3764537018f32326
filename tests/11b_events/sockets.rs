//! On real sockets.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use chat::client::Limits;
use chat::server::Server;
use echo::Patience;
use events::{Cursor, Events, GuestId, Settings};
use serde_json::{Value, json};
use support::check;
use support::frame::{TEXT, masked};
use support::http::{Client, Response, exchange};
use support::machine::stretched;
use support::sign::{under, yours};
use support::wire::Transcript;

use super::page::{Dice, Page};
use super::shared::{
    DEADLINE, FIRST, FOREVER, NEW, SHORT, ask, cursor, frames_of, lock, meaning, noting, quick, say,
};

fn serve(events: Events) -> Server<Events> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    events.start(listener).expect("the server starts")
}

fn on_sockets() -> Settings {
    Settings {
        tick: SHORT,
        // A busy machine may take minutes for a check. Nothing is over because of that.
        keep: FOREVER,
        keep_unproven: FOREVER,
        ping_every: FOREVER,
        request_within: FOREVER,
        hold: FOREVER,
        client: Limits {
            max_message: 2000,
            patience: Patience {
                ping_after: FOREVER,
                pong_within: FOREVER,
                close_within: stretched(DEADLINE),
            },
        },
        ..quick()
    }
}

/// Why nothing more comes, in words. A system has others for a wait that was in vain.
fn why(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            format!("nothing within {} s", DEADLINE.as_secs())
        }
        _ => error.to_string(),
    }
}

fn upgrade(query: &str, more: &str) -> String {
    format!(
        "GET /socket{query} HTTP/1.1\r\nHost: 127.0.0.1:9011\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\n{more}\r\n"
    )
}

fn query(token: &str, cursor: Option<Cursor>) -> String {
    let (of, after) = cursor.map_or((0, 0), |cursor| (cursor.session.0, cursor.after));
    format!("?session={token}&of={of}&after={after}")
}

/// A WebSocket on TCP.
struct Peer {
    stream: TcpStream,
    head: Vec<u8>,
    bytes: Vec<u8>,
    frames: VecDeque<(u8, Vec<u8>)>,
}

impl Peer {
    fn connect(address: SocketAddr, request: &str) -> Self {
        let mut stream =
            TcpStream::connect_timeout(&address, stretched(DEADLINE)).expect("it listens");
        let timeout = stream.set_read_timeout(Some(stretched(DEADLINE)));
        timeout.expect("the deadline is not zero");
        _ = stream.write_all(request.as_bytes());
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
            head.extend(byte);
        }
        Self {
            stream,
            head,
            bytes: Vec::new(),
            frames: VecDeque::new(),
        }
    }

    fn open(address: SocketAddr, token: &str, cursor: Option<Cursor>) -> Self {
        Self::connect(address, &upgrade(&query(token, cursor), ""))
    }

    fn says(&mut self, lines: &str) {
        _ = self.stream.write_all(&masked(TEXT, lines.as_bytes()));
    }

    /// What the next frame says, or that there is none.
    fn hears(&mut self) -> String {
        let mut piece = [0; 4096];
        while self.frames.is_empty() {
            match self.stream.read(&mut piece) {
                Ok(0) => return "(TCP ends)".to_string(),
                Ok(count) => self.bytes.extend(&piece[..count]),
                Err(error) => return format!("({})", why(&error)),
            }
            self.frames.extend(frames_of(&mut self.bytes));
        }
        self.frames
            .pop_front()
            .as_ref()
            .map(meaning)
            .unwrap_or_default()
    }

    /// Everything that comes until TCP ends, unless that would take long.
    fn rest_unless(mut self, is_long: bool) -> String {
        let mut rest = Vec::new();
        if !is_long {
            _ = self.stream.read_to_end(&mut rest);
        }
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// Kills TCP both ways, without a Close frame.
    fn dies(self) {
        _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn get(address: SocketAddr, token: &str, cursor: Option<Cursor>) -> Response {
    exchange(
        address,
        "GET",
        &format!("/events{}", query(token, cursor)),
        None,
    )
}

fn post(address: SocketAddr, token: &str, of: u64, lines: &str) -> Response {
    let target = format!("/events{}", query(token, cursor(of, 0)));
    exchange(address, "POST", &target, Some(lines))
}

#[test]
fn one_session_over_a_websocket_and_over_requests() {
    check! {
        rfc: "RFC 6455 §1.7, RFC 6202 §2.1",
        rule: "One port, one session. It begins over a WebSocket, goes on over requests when that dies, and goes back \
               to a WebSocket.",
        signs: [],
        shows: || {
            let notes = Arc::default();
            let server = serve(noting(on_sockets(), &notes));
            let address = server.address();
            let mut transcript = Transcript::new();
            let request = upgrade("?session=a1", "");
            let mut ada = Peer::connect(address, &request);
            transcript.client(request.as_bytes());
            transcript.server(&ada.head);
            let says = |peer: &mut Peer, transcript: &mut Transcript, lines: &str, answers: usize| {
                peer.says(lines);
                transcript.note(&format!("WebSocket → {lines}"));
                for _ in 0..answers {
                    transcript.note(&format!("WebSocket ← {}", peer.hears()));
                }
            };
            transcript.note(&format!("WebSocket ← {}", ada.hears()));
            says(&mut ada, &mut transcript, &ask(1, "hi"), 3);
            ada.dies();
            transcript.note("TCP is killed");
            let response = get(address, "a1", cursor(FIRST.0, 1));
            transcript.server(&response.bytes());
            let response = post(address, "a1", FIRST.0, &format!("{}\n{}", ask(1, "hi"), say(2, "hello")));
            transcript.server(&response.bytes());
            let mut again = Peer::open(address, "a1", cursor(FIRST.0, 2));
            for _ in 0..2 {
                transcript.note(&format!("WebSocket ← {}", again.hears()));
            }
            says(&mut again, &mut transcript, r#"{"bye":true}"#, 2);
            // The lock is free when the handler of `close` is done.
            server.app().with(|_| ());
            transcript.note(&lock(&notes).join("\n"));
            transcript.to_string()
        },
    }
}

/// A request: its first words, its fields, and its body. `LONG` stands for something that is too long.
enum Request {
    Plain(&'static str, &'static [&'static str], &'static str),
    WithoutHost(&'static str),
    /// A handshake for this resource, with one more field.
    Handshake(&'static str, &'static str),
}

use Request::{Handshake, Plain, WithoutHost};

/// Good requests, and all kinds of bad ones.
const REQUESTS: [Request; 29] = [
    Plain("GET /", &[], ""),
    Plain("HEAD /", &[], ""),
    Plain("GET /nothing", &[], ""),
    Plain("PUT /events", &[], ""),
    Plain("POST /", &[], ""),
    Plain("GET /events", &[], ""),
    Plain("GET /events?session=", &[], ""),
    Plain("GET /events?session=a%201", &[], ""),
    Plain("GET /events?session=LONG", &[], ""),
    Plain("GET /events?session=a1&of=x", &[], ""),
    Plain("GET /events?session=a1&of=1&after=-1", &[], ""),
    WithoutHost("GET /events?session=a1"),
    Plain(
        "GET /events?session=a1",
        &["Origin: http://evil.example"],
        "",
    ),
    Plain("GET /events?session=a1", &["Origin: null"], ""),
    Plain(
        "GET /events?session=a1",
        &["Sec-Fetch-Site: cross-site"],
        "",
    ),
    Plain(
        "POST /events?session=a1&of=41",
        &["Origin: http://evil.example", "Content-Length: 2"],
        "{}",
    ),
    Handshake("?session=a1", "Origin: http://evil.example"),
    Handshake("?session=a1", "Origin: http://127.0.0.1:9011"),
    Handshake("", ""),
    Plain("GET /socket?session=a1", &[], ""),
    Plain("GET /events?session=b1", &["Origin: http://h"], ""),
    Plain("POST /events?session=b1&of=42", &[], ""),
    Plain(
        "POST /events?session=b1&of=42",
        &["Transfer-Encoding: chunked"],
        "0\r\n\r\n",
    ),
    Plain(
        "POST /events?session=b1&of=42",
        &["Transfer-Encoding: chunked", "Content-Length: 5"],
        "0\r\n\r\n",
    ),
    Plain("POST /events?session=a1", &["Content-Length: 2001"], "LONG"),
    Plain(
        "POST /events?session=b1&of=42",
        &["Content-Length: 2"],
        "\u{fe}",
    ),
    Plain("POST /events?session=b1&of=42", &["Content-Length: 0"], ""),
    Plain(
        "POST /events?session=b1&of=42",
        &["Content-Length: 32"],
        r#"{"n":1,"event":"say","data":"h"}"#,
    ),
    Plain(
        "POST /events?session=b-1_&of=42",
        &["Content-Length: 13"],
        r#"{"ping":true}"#,
    ),
];

impl Request {
    fn text(&self) -> String {
        match self {
            Plain(line, fields, body) => {
                let line = line.replace("LONG", &"w".repeat(65));
                let body = body.replace("LONG", &"x".repeat(2001));
                let fields: String = fields.iter().map(|it| format!("{it}\r\n")).collect();
                format!("{line} HTTP/1.1\r\nHost: h\r\n{fields}\r\n{body}")
            }
            WithoutHost(line) => format!("{line} HTTP/1.1\r\n\r\n"),
            Handshake(query, "") => upgrade(query, ""),
            Handshake(query, field) => upgrade(query, &format!("{field}\r\n")),
        }
    }

    /// What the transcript has of it.
    fn shown(&self) -> String {
        let text = match self {
            Plain(line, fields, body) => {
                let line = line.replace("LONG", "(65 letters)");
                let body = body.replace("LONG", &"x".repeat(40));
                [line, fields.join(", "), body].join("  ")
            }
            WithoutHost(line) => line.to_string(),
            Handshake(query, "") => format!("GET /socket{query}  a handshake"),
            Handshake(query, field) => format!("GET /socket{query}  {field}"),
        };
        text.trim_end().replace("\r\n", "␍␊")
    }
}

#[test]
fn a_wrong_request_gets_its_status() {
    check! {
        rfc: "RFC 9110 §15, RFC 6455 §10.2",
        rule: "A page of another host may do nothing here, by either transport. A body says its length, which has a \
               limit, and a request names its session.",
        signs: [
            under("GET /events?session=a1  Origin", yours(["200 "])).says(
                "The given src/front.rs was changed: Origin is checked for WebSockets only, and then any page may \
                 take part by requests.",
            ),
        ],
        shows: || {
            let notes = Arc::default();
            let events = noting(on_sockets(), &notes).file("/", "text/html", "<!doctype html>");
            let server = serve(events);
            let address = server.address();
            let mut shown = String::new();
            for request in &REQUESTS {
                let peer = Peer::connect(address, &request.text());
                let head = String::from_utf8_lossy(&peer.head).into_owned();
                let status = head.get(9..12).unwrap_or("(no answer)");
                let mut body = peer.rest_unless(status == "101" || head.is_empty());
                body.truncate(body.trim_end().len());
                _ = writeln!(shown, "{}\n  {status} {}", request.shown(), body.replace('\n', " "));
            }
            let notes = lock(&notes).join("\n");
            shown + &notes
        },
    }
}

#[test]
fn stopping_ends_every_transport() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "When the server stops, held requests are answered, and WebSockets get a Close with 1001.",
        signs: [],
        shows: || {
            let notes = Arc::default();
            let server = serve(noting(on_sockets(), &notes));
            let address = server.address();
            let mut ada = Peer::open(address, "a1", NEW);
            let mut shown = format!("WebSocket ← {}\n", ada.hears());
            // Each request takes over from a WebSocket. When that is told so, the request is held.
            let mut held = Vec::new();
            for (token, of) in [("b1", 42), ("b2", 43), ("b3", 44)] {
                let mut before = Peer::open(address, token, NEW);
                before.hears();
                let mut client = Client::connect(address);
                client.request("GET", &format!("/events{}", query(token, cursor(of, 0))), None);
                _ = writeln!(shown, "the WebSocket before ← {}", before.hears());
                before.dies();
                held.push(client);
            }
            let (say, said) = mpsc::channel();
            let stopping = thread::spawn(move || {
                drop(server);
                _ = say.send(());
            });
            for client in &mut held {
                let answer = client.try_response();
                let is_late = answer.is_err();
                let answer = answer.map_or_else(|error| why(&error), |it| it.text());
                _ = writeln!(shown, "GET ← {answer}");
                if is_late {
                    return shown;
                }
            }
            drop(held);
            _ = writeln!(shown, "WebSocket ← {}", ada.hears());
            let waits = said.recv_timeout(SHORT).is_err();
            _ = writeln!(shown, "it has not ended, and the server waits for it: {waits}");
            ada.dies();
            let ended = said.recv_timeout(stretched(DEADLINE)).is_ok();
            drop(stopping);
            shown + if ended { "the server has ended\n" } else { "the server doesn't end\n" }
        },
    }
}

#[test]
fn a_full_server_answers_503() {
    check! {
        rfc: "RFC 9110 §15.6.4",
        rule: "If there is no room for one more session, the answer is 503, by either transport.",
        signs: [],
        shows: || {
            let notes = Arc::default();
            let server = serve(noting(Settings { max_sessions: 1, ..on_sockets() }, &notes));
            let address = server.address();
            let mut ada = Peer::open(address, "a1", NEW);
            let mut shown = format!("WebSocket ← {}\n", ada.hears());
            let response = get(address, "b1", NEW);
            _ = writeln!(shown, "GET ← {} {}", response.status, response.text().trim_end());
            let bob = Peer::open(address, "b1", NEW);
            let head = String::from_utf8_lossy(&bob.head).into_owned();
            _ = writeln!(shown, "WebSocket ← {}", head.lines().next().unwrap_or_default());
            ada.dies();
            shown
        },
    }
}

#[test]
fn a_thousand_requests_keep_no_client_out() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A thousand requests with a thousand tokens come once and never again. A client that comes then still \
               gets in, by either transport, and a client that was there before still is.",
        signs: [],
        shows: || {
            let notes = Arc::default();
            let server = serve(noting(on_sockets(), &notes));
            let address = server.address();
            let mut ada = Peer::open(address, "a1", NEW);
            let mut shown = format!("WebSocket ← {}\n", ada.hears());
            _ = writeln!(shown, "GET ← {}", get(address, "b1", NEW).text().trim_end());
            let known = cursor(42, 0);
            server.app().with(|guests| guests.emit(GuestId(42), "said", &json!("hi")));
            _ = writeln!(shown, "GET ← {}", get(address, "b1", known).text().trim_end().replace('\n', "\n  "));
            // One in ten comes over TCP. The others go straight to `poll`.
            let is_taken = |token: &str, n| match n % 10 {
                0 => get(address, token, NEW).status == 200,
                _ => server.app().poll(token, NEW).is_ok(),
            };
            let refused = (0..1000).filter(|n| !is_taken(&format!("x{n}"), *n)).count();
            let sessions = server.app().with(|guests| guests.count());
            _ = writeln!(shown, "1000 GETs: {refused} refused; sessions: {sessions}");
            let mut cy = Peer::open(address, "c1", NEW);
            _ = writeln!(shown, "a new WebSocket ← {}", cy.hears());
            _ = writeln!(shown, "a new GET ← {}", get(address, "d1", NEW).text().trim_end());
            let answer = get(address, "b1", known).text().trim_end().replace('\n', "\n  ");
            _ = writeln!(shown, "the GET from before ← {answer}");
            ada.says(&say(1, "still here"));
            let heard = std::iter::repeat_with(|| ada.hears()).take(1000);
            let heard = heard.into_iter().find(|it| it.contains("still here") || !it.contains("left"));
            _ = writeln!(shown, "the WebSocket from before ← {}", heard.unwrap_or_default());
            ada.dies();
            cy.dies();
            shown
        },
    }
}

#[test]
fn a_replay_fits_into_an_outbox() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Everything that is kept can be replayed: many short lines, or one long one.",
        signs: [
            yours(["heard "]).says(
                "The given src/settings.rs was changed: the replay is cut off as too much, each time, and the session \
                 can't go on.",
            ),
        ],
        shows: || {
            let max_kept = 60_000;
            let server = serve(Events::new(Settings { max_kept, ..on_sockets() }));
            let address = server.address();
            let mut shown = String::new();
            let long = "x".repeat(max_kept - 50);
            for (token, who, what) in [("a1", GuestId(41), ""), ("b1", GuestId(42), &*long)] {
                Peer::open(address, token, NEW).dies();
                let begin = Instant::now();
                while !server.app().with(|guests| guests.has(who)) && begin.elapsed() < stretched(DEADLINE) {
                    thread::yield_now();
                }
                let mut count = 0;
                let mut length = 30;
                let full = max_kept - 40 - what.len();
                let mut kept = 0;
                while kept < full {
                    server.app().with(|guests| guests.emit(who, "", &json!(what)));
                    count += 1;
                    length = format!(r#"{{"n":{count},"event":"","data":{}}}"#, json!(what)).len();
                    kept += length;
                }
                let mut peer = Peer::open(address, token, cursor(who.0, 0));
                peer.hears();
                let heard = (1..=count).take_while(|n| peer.hears().starts_with(&format!("{{\"n\":{n},"))).count();
                _ = writeln!(shown, "{count} lines, the last one of {length} bytes: heard {heard}");
                peer.dies();
            }
            let server = serve(Events::new(Settings { max_kept: 31, ..on_sockets() }));
            let mut peer = Peer::open(server.address(), "a1", NEW);
            _ = writeln!(shown, "room for one short line: {}", peer.hears());
            server.app().with(|guests| guests.emit(FIRST, "", &json!("")));
            _ = writeln!(shown, "  {}", peer.hears());
            // What may wait is four times as much, and 4096 bytes.
            server.app().with(|guests| {
                guests.join(FIRST, "all");
                guests.offer_to("all", "long", &json!("x".repeat(5000)));
            });
            _ = writeln!(shown, "  a value of 5000 bytes: {}", peer.hears());
            peer.dies();
            shown
        },
    }
}

#[test]
fn a_body_has_a_deadline() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The whole body has to come before the deadline. A body that comes byte by byte gets no more time.",
        signs: [],
        shows: || {
            let mut settings = on_sockets();
            settings.request_within = SHORT;
            settings.client.max_message = 1 << 40;
            let server = serve(Events::new(settings));
            let patient = serve(Events::new(on_sockets()));
            let mut late = Client::connect(patient.address());
            late.send(b"POST /events?session=a1&of=41 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n");
            let mut shown = String::new();
            for is_slow in [false, true] {
                let mut client = Client::connect(server.address());
                let length = 1_u64 << 40;
                let head = "POST /events?session=a1&of=41 HTTP/1.1\r\nHost: h";
                let request = format!("{head}\r\nContent-Length: {length}\r\n\r\n");
                client.send(request.as_bytes());
                let begin = Instant::now();
                while is_slow && !client.has_answer() && begin.elapsed() < stretched(DEADLINE) {
                    client.send(b"x");
                }
                let how = if is_slow { "byte by byte" } else { "nothing at all" };
                let answer = client.try_response();
                let answer = answer.map_or_else(|error| why(&error), |it| it.text());
                _ = writeln!(shown, "{how}: {}", answer.trim_end());
            }
            // Its head came long ago, and its server has all the time that there is.
            late.send(b"{}");
            _ = writeln!(shown, "late, but in time: {}", late.response().text().replace('\n', " "));
            shown
        },
    }
}

#[test]
fn a_feed_goes_on_after_a_panic() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A feed (`every`) runs again and again for as long as there is a server, even if it panics.",
        signs: [],
        shows: || {
            let events = Events::new(on_sockets());
            let mut count = 0;
            let events = events.every(SHORT / 4, move |guests| {
                count += 1;
                assert!(count != 2, "a feed of the check fails");
                guests.emit_to_all("beat", &Value::Null);
            });
            let server = serve(events);
            let mut ada = Peer::open(server.address(), "a1", NEW);
            let heard = [(); 4].map(|()| ada.hears());
            ada.dies();
            heard.join("\n")
        },
    }
}

#[test]
fn killed_for_real() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The same on TCP: WebSockets are killed while both sides speak, and requests take over. Each event \
               arrives once, in order.",
        signs: [],
        shows: || {
            let heard: Arc<Mutex<Vec<u64>>> = Arc::default();
            let hears = Arc::clone(&heard);
            let events = Events::new(Settings { hold: Duration::ZERO, ..on_sockets() });
            let events = events.on("count", move |guests, who, data| {
                lock(&hears).extend(data.as_u64());
                guests.emit(who, "count", data);
                Value::Null
            });
            let server = serve(events);
            let address = server.address();
            let mut page = Page::default();
            let mut dice = Dice::new(7);
            for round in 0..30 {
                (0..3).for_each(|_| page.counts());
                if round % 3 == 2 {
                    let response = get(address, "a1", page.cursor());
                    response.text().lines().for_each(|line| page.hears(line));
                    let response = post(address, "a1", page.of, &page.unconfirmed().join("\n"));
                    response.text().lines().for_each(|line| page.hears(line));
                    continue;
                }
                let mut peer = Peer::open(address, "a1", page.cursor());
                peer.hears().lines().for_each(|line| page.hears(line));
                for line in page.unconfirmed() {
                    peer.says(&line);
                }
                // There is an answer to each, at least.
                for _ in 0..dice.below(page.kept.len() + 1) {
                    let lines = peer.hears();
                    lines.lines().for_each(|line| page.hears(line));
                }
                peer.dies();
            }
            let mut peer = Peer::open(address, "a1", page.cursor());
            page.unconfirmed().iter().for_each(|line| peer.says(line));
            while page.trouble.is_none() && (page.heard.len() as u64) < page.sent {
                let lines = peer.hears();
                lines.lines().for_each(|line| page.hears(line));
            }
            peer.dies();
            let expected = Vec::from_iter(1..=page.sent);
            if let Some(trouble) = page.trouble {
                return trouble;
            }
            let verdict = |heard: &[u64]| if *heard == expected { "once and in order" } else { "wrong" };
            let (there, back) = (verdict(&lock(&heard)), verdict(&page.heard));
            format!("{} events there: {there}\nand back again: {back}\n", page.sent)
        },
    }
}
