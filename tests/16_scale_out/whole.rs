//! Whole servers in one process, on one bus, with real sockets.

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chat::Server;
use chat::server::App;
use echo::Patience;
use scale_out::{Bus, Node, Settings};
use support::check;
use support::frame::{CLOSE, TEXT, masked};
use support::http::{Client, exchange};
use support::machine::stretched;

use super::shared::{DEADLINE, FOREVER, Fate, Faulty, SHORT, UNLIMITED, comes_true, meaning};

/// Settings for a check: no limits to what is said, much patience, and news at once.
fn settings() -> Settings {
    let mut settings = Settings {
        wait: SHORT,
        renew_every: SHORT,
        lease: stretched(DEADLINE),
        publish_within: stretched(DEADLINE),
        ..Settings::default()
    };
    settings.chat.pace = UNLIMITED;
    settings.chat.tick = SHORT;
    settings.chat.client.patience = Patience {
        ping_after: FOREVER,
        pong_within: FOREVER,
        close_within: 5 * SHORT,
    };
    settings
}

fn serve(bus: &Arc<Faulty>) -> Server<Node> {
    serve_with(bus, settings())
}

fn serve_with(bus: &Arc<Faulty>, settings: Settings) -> Server<Node> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    Node::serve(listener, Arc::clone(bus) as Arc<dyn Bus>, settings).expect("the server starts")
}

/// A client with a socket.
pub struct Peer(BufReader<TcpStream>);

impl Peer {
    pub fn open(address: SocketAddr, query: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream
            .set_read_timeout(Some(stretched(Duration::from_millis(1500))))
            .expect("it isn't zero");
        let mut peer = Self(BufReader::new(stream));
        let head = format!(
            "GET /socket{query} HTTP/1.1\r\nHost: 127.0.0.1:9016\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        peer.send(head.as_bytes());
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(peer.bytes(1)[0]);
        }
        assert!(
            answer.starts_with(b"HTTP/1.1 101 "),
            "{}",
            String::from_utf8_lossy(&answer)
        );
        peer
    }

    fn named(server: &Server<Node>, name: &str, query: &str) -> Self {
        let mut peer = Self::open(server.address(), query);
        peer.send(&masked(
            TEXT,
            format!(r#"{{"username":"{name}"}}"#).as_bytes(),
        ));
        peer.waits_for(r#"{"you""#);
        peer
    }

    pub fn says(&mut self, name: &str, text: &str) {
        self.send(&masked(
            TEXT,
            format!(r#"{{"username":"{name}","message":"{text}"}}"#).as_bytes(),
        ));
    }

    pub fn send(&mut self, bytes: &[u8]) {
        _ = self.0.get_mut().write_all(bytes);
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0
            .read_exact(&mut bytes)
            .unwrap_or_else(|error| panic!("your server says nothing more: {error}"));
        bytes
    }

    fn hears(&mut self) -> String {
        let mut frame = self.bytes(2);
        let length = match frame[1] {
            126 => {
                frame.extend(self.bytes(2));
                usize::from(u16::from_be_bytes([frame[2], frame[3]]))
            }
            length => usize::from(length),
        };
        frame.extend(self.bytes(length));
        meaning(&frame)
    }

    pub fn waits_for(&mut self, start: &str) -> String {
        loop {
            let heard = self.hears();
            if heard.starts_with(start) || heard.starts_with("Close") {
                return heard;
            }
        }
    }

    /// The messages up to one with this text: texts without ids.
    pub fn texts_up_to(&mut self, last: &str) -> Vec<String> {
        let mut texts = Vec::new();
        while texts.last().is_none_or(|it| it != last) {
            let heard = self.waits_for(r#"{"id":"#);
            let text = heard
                .rsplit_once(r#""message":""#)
                .map_or("(closed)", |(_, text)| text);
            texts.push(text.trim_end_matches(r#""}"#).to_string());
        }
        texts
    }
}

#[test]
fn two_servers_are_one_chat() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Clients of two servers hear the same, in the same order. A client that loses its server goes on at the \
               other one, with its cursor, and its name.",
        signs: [],
        shows: || {
            let bus = Faulty::new();
            let (one, other) = (serve(&bus), serve(&bus));
            let mut ada = Peer::named(&one, "ada", "?tab=1");
            let mut bob = Peer::named(&other, "bob", "?tab=2");
            ada.says("ada", "one");
            ada.texts_up_to("one");
            bob.says("bob", "two");
            let mut shown = format!("bob hears {:?}\n", bob.texts_up_to("two"));
            shown += &format!("ada hears {:?}\n", ada.texts_up_to("two"));
            drop(one);
            shown += &format!("ada's server stops: {}\n", ada.waits_for("Close"));
            ada.send(&masked(CLOSE, b"\x03\xe9"));
            bob.says("bob", "three");
            bob.texts_up_to("three");
            let mut ada = Peer::named(&other, "ada", "?after=2&tab=1");
            ada.says("ada", "four");
            let mut again = Peer::open(other.address(), "?after=2&tab=9");
            shown += &format!("at the other server, after 2: {:?}\n", again.texts_up_to("four"));
            shown + &format!("bob hears {:?}\n", bob.texts_up_to("four"))
        },
    }
}

#[test]
fn a_server_opens_with_its_history() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A server lets nobody in before it has looked at the log: an early client would find no history.",
        signs: [],
        shows: || {
            let bus = Faulty::new();
            bus.elsewhere(&["one", "two"]);
            let patient = Settings { wait: FOREVER, ..settings() };
            let gate = bus.keeps_waiting();
            thread::scope(|scope| {
                let serving = scope.spawn(|| serve_with(&bus, patient));
                let early = comes_true(3 * SHORT, || serving.is_finished());
                drop(gate);
                let soon = comes_true(stretched(DEADLINE), || serving.is_finished());
                let server = serving.join().expect("starting a server doesn't panic");
                let history = server.app().room().messages(0).messages.len();
                // It waits for news. So that it ends, there is some.
                server.app().room().stop();
                bus.elsewhere(&["three"]);
                format!("it is open: {early}\nthe log can be read. It is open: {soon}, with {history} messages\n")
            })
        },
    }
}

#[test]
fn a_server_that_stops_gives_its_names_back() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "A server that stops says goodbye with 1001, and gives its leases back: nobody waits for them to end.",
        signs: [],
        shows: || {
            let bus = Faulty::new();
            let (one, other) = (serve(&bus), serve(&bus));
            let mut ada = Peer::named(&one, "ada", "");
            let people = |server: &Server<Node>, people: &str| {
                let has_heard = || server.app().room().people().contains("ada") == (people != "[]");
                comes_true(stretched(DEADLINE), has_heard);
                exchange(server.address(), "GET", "/people", None).body == people.as_bytes()
            };
            let mut shown = format!("the other server knows ada: {}\n", people(&other, r#"["ada"]"#));
            drop(one);
            shown += &format!("ada: {}\n", ada.waits_for("Close"));
            shown += &format!("nobody is here any more: {}\n", people(&other, "[]"));
            let mut eve = Peer::named(&other, "ada", "");
            eve.says("ada", "it is mine now");
            shown + &format!("somebody else takes the name, and says {:?}\n", eve.texts_up_to("it is mine now"))
        },
    }
}

#[test]
fn a_proxy_can_ask_how_it_is() {
    check! {
        rfc: "RFC 9110 §15.6.4",
        rule: "/health is 200 while the bus can be reached, and 503 while it can't. The page, the lists and the \
               connections stay.",
        signs: [],
        shows: || {
            let bus = Faulty::new();
            let server = serve(&bus);
            let mut ada = Peer::named(&server, "ada", "");
            let health = |status: u16| {
                comes_true(stretched(DEADLINE), || server.app().room().is_away() == (status == 503));
                let answer = exchange(server.address(), "GET", "/health", None);
                format!("/health: {} {}\n", answer.status, String::from_utf8_lossy(&answer.body))
            };
            let mut shown = health(200);
            bus.goes(Some(Fate::Away));
            shown += &health(503);
            shown += &format!("ada ← {}\n", ada.waits_for(r#"{"notice"#));
            for path in ["/", "/people", "/messages?after=0", "/nowhere"] {
                let status = exchange(server.address(), "GET", path, None).status;
                shown += &format!("{path}: {status}\n");
            }
            bus.goes(None);
            shown += &health(200);
            shown + &format!("ada ← {}\n", ada.waits_for(r#"{"notice"#))
        },
    }
}

#[test]
fn a_cursor_that_no_message_can_have_counts_as_0() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A cursor beyond the clock is nonsense: such a client would wait for ever. A cursor that isn't a number is \
               refused.",
        signs: [],
        shows: || {
            let bus = Faulty::new();
            bus.elsewhere(&["one", "two"]);
            let server = serve(&bus);
            let mut shown = String::new();
            for after in ["0", "1", "9007199254740991"] {
                let mut peer = Peer::open(server.address(), &format!("?after={after}"));
                shown += &format!("after={after}: {:?}\n", peer.texts_up_to("two"));
            }
            let status = |path: &str| exchange(server.address(), "GET", path, None).status;
            shown + &format!("/messages?after=now: {}\n", status("/messages?after=now"))
        },
    }
}

#[test]
fn a_server_answers_its_page() {
    check! {
        rfc: "RFC 9110 §9.3.2",
        rule: "The page, the lists and the health are there for GET and HEAD, and a HEAD has no body. A request without a \
               handshake is refused at /socket.",
        signs: [],
        shows: || {
            let bus = Faulty::new();
            bus.elsewhere(&["one", "two"]);
            let server = serve(&bus);
            let mut shown = String::new();
            for target in ["/messages?after=1", "/people", "/health", "/chat.js", "/socket"] {
                for method in ["GET", "HEAD", "POST"] {
                    let mut client = Client::connect(server.address());
                    client.request(method, target, None);
                    let answer = String::from_utf8_lossy(&client.rest()).into_owned();
                    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, "(half a head)"));
                    let allow = head.lines().find(|line| line.starts_with("Allow")).unwrap_or_default();
                    let body = if body.len() < 100 { body.trim_end() } else { "(a file)" };
                    let answer = format!("{} {allow} {body}", &head[9..12]).replace("  ", " ");
                    shown += &format!("{method:<4} {target}: {}\n", answer.trim_end());
                }
            }
            shown + &format!("a server that stops waits for goodbyes: {:?}\n", server.app().longest_goodbye())
        },
    }
}
