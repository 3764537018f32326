//! A server's port: TLS, HTTP without TLS, silence, and too many at once.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use echo::stream::{Acceptor, Stream};
use support::check;
use support::machine::stretched;
use support::sign::{missing, never_finished, under, yours};
use tls::acceptor::Limits;
use tls::{Authority, Certificates, TlsAcceptor};

use super::negotiation::{hello, tls_1_1_hello};
use super::shared::{
    FOREVER, LONG_ENOUGH, Peer, SHORT, client_end, comes_true, played_client, read, tcp_pair,
};

/// The learner's acceptor, and the certificate to trust.
struct Port {
    acceptor: Arc<TlsAcceptor>,
    trusted: rustls::pki_types::CertificateDer<'static>,
}

type Accepted = JoinHandle<Result<Box<dyn Stream>, String>>;

impl Port {
    fn new(limits: Limits) -> Self {
        let now = SystemTime::now();
        let authority = Authority::new(now).expect("there are random numbers");
        let trusted = authority.certificate().clone();
        let certificates = Certificates::local(authority, now).expect("it can make one");
        let acceptor = TlsAcceptor::new(Arc::new(certificates), limits);
        let acceptor = Arc::new(acceptor.expect("it can be configured"));
        Self { acceptor, trusted }
    }

    /// A client that has connected, and the thread that accepts it.
    fn connect(&self) -> (TcpStream, Accepted) {
        let (ours, theirs) = tcp_pair();
        // The only deadline is that of the acceptor. This is none that it could have set itself.
        ours.set_read_timeout(Some(FOREVER * 2))
            .expect("a socket has options");
        let acceptor = self.acceptor.clone();
        let accepted = thread::spawn(move || {
            let accepted = acceptor.accept(ours);
            accepted.map_err(|error| error.to_string())
        });
        (theirs, accepted)
    }

    /// The same, with a client that stops in the middle of its handshake. When this returns, it is there.
    fn connect_half(&self) -> (TcpStream, Accepted) {
        let (mut client, thread) = self.connect();
        _ = client.write_all(&hello());
        // The first byte of the answer. Where none comes, the check shows that.
        _ = client.read(&mut [0]);
        (client, thread)
    }

    /// Shakes hands as a client.
    fn shake_hands(&self, tcp: TcpStream) -> Option<Peer> {
        let tls = client_end(played_client(&self.trusted, &["http/1.1"]));
        Peer::shake_hands(tls, tcp).ok()
    }
}

/// What the acceptor returns.
fn accepted(thread: Accepted) -> String {
    match thread.join() {
        Ok(Ok(_)) => "a stream".to_string(),
        Ok(Err(why)) => why,
        Err(_) => "a panic".to_string(),
    }
}

fn long() -> Limits {
    Limits {
        within: FOREVER,
        ..Limits::default()
    }
}

#[test]
fn tls_becomes_a_stream() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "After the handshake there is a stream with the timeouts that TCP had, and no byte is lost.",
        signs: [
            missing(["GET /"]).says(
                "The byte that was looked at is gone, or what came right after the handshake is: peek takes nothing.",
            ),
            yours(["timeout", "no"]).says("The timeouts of the handshake stay on the socket."),
        ],
        shows: || {
            let port = Port::new(long());
            let (client, thread) = port.connect();
            let Some(mut peer) = port.shake_hands(client) else {
                return format!("no handshake: {}", accepted(thread));
            };
            peer.sends(b"GET /");
            let Ok(Ok(stream)) = thread.join() else {
                return "no stream".to_string();
            };
            let same = stream.read_timeout().ok() == Some(Some(FOREVER * 2));
            let same = if same { "yes" } else { "no" };
            format!("the client sends \"GET /\"\n  you read {}\n  the timeout that TCP had: {same}\n", read(&*stream))
        },
    }
}

#[test]
fn http_is_answered_in_http() {
    check! {
        rfc: "RFC 9110 §15.5.1",
        rule: "A client that speaks HTTP gets its answer in HTTP, whole, however its request is cut.",
        signs: [
            yours(["15 03"]).or(missing(["HTTP/1.1"])).says(
                "A client that speaks HTTP gets an alert of TLS, or nothing: a person can read neither.",
            ),
            yours(["reset"]).says(
                "The connection is reset, and the reset overtakes the answer: read what still comes before you close.",
            ),
        ],
        shows: || {
            let row = |title: &str, pieces: &[&[u8]]| {
                let port = Port::new(long());
                let (mut client, thread) = port.connect();
                for piece in pieces {
                    _ = client.write_all(piece);
                }
                let mut answer = Vec::new();
                let outcome = client.read_to_end(&mut answer);
                let outcome = outcome.map_or_else(|error| super::shared::kind(&error), |_| "the end");
                drop(client);
                let answer = String::from_utf8_lossy(&answer);
                let status = answer.lines().next().unwrap_or("nothing");
                let body = answer.lines().last().unwrap_or_default();
                format!("{title}\n  {status}\n  {body}\n  {outcome}\n  you return: {}\n", accepted(thread))
            };
            let request: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost:9009\r\n\r\n";
            let upgrade: &[u8] = b"GET /socket HTTP/1.1\r\nHost: localhost:9009\r\nUpgrade: websocket\r\n\r\n";
            [
                row("a page", &[request]),
                row("a page, in three pieces", &[&request[..1], &request[1..20], &request[20..]]),
                row("a WebSocket", &[upgrade]),
                row("a form", &[b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n", b"name=Anna"]),
                row("no HTTP", &[b"HELO localhost\r\n\r\n"]),
            ].concat()
        },
    }
}

#[test]
fn a_failed_handshake_ends_in_an_alert() {
    check! {
        rfc: "RFC 8446 §6.2",
        rule: "A client that the server can't talk to gets an alert, and then TCP's end: no reset overtakes it.",
        signs: [
            yours(["reset"]).says(
                "The connection is closed while bytes are unread: a reset goes out, and overtakes the alert.",
            ),
            yours(["nothing"]).says("The alert that says why is never written."),
        ],
        shows: || {
            let port = Port::new(long());
            let (mut client, thread) = port.connect();
            // More than the hello: the server has no use for it.
            let sent = [tls_1_1_hello(), vec![0; 5000]].concat();
            _ = client.write_all(&sent);
            let mut alert = Vec::new();
            let outcome = client.read_to_end(&mut alert);
            let outcome = outcome.map_or_else(|error| super::shared::kind(&error), |_| "the end");
            drop(client);
            let alert = if alert.is_empty() { "nothing".to_string() } else { support::wire::hex(&alert) };
            format!("TLS 1.1, and more\n  {alert}\n  {outcome}\n  you return: {}\n", accepted(thread))
        },
    }
}

#[test]
fn a_port_has_one_deadline() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "Whether a client says nothing, half a head, or sends it byte by byte: its time ends at the same moment.",
        signs: [
            under("says nothing", yours(["a panic"])).says("No byte is not a byte: peek returns 0 or an error."),
            never_finished().says("A client that says nothing holds a thread for ever."),
            missing(["too long"]).says(
                "A part of the way has no deadline, or one of its own: the first byte, the head without TLS, and the \
                 handshake share one.",
            ),
        ],
        shows: || {
            let limits = Limits { within: SHORT, ..Limits::default() };
            let row = |title: &str, sends: &dyn Fn(&mut TcpStream)| {
                let port = Port::new(limits);
                let (mut client, thread) = port.connect();
                sends(&mut client);
                let ended = comes_true(stretched(LONG_ENOUGH), || {
                    _ = client.set_read_timeout(Some(Duration::from_millis(1)));
                    matches!(client.read(&mut [0; 64]), Ok(0))
                });
                drop(client);
                format!("{title}\n  → {}, {}\n", accepted(thread), if ended { "the end" } else { "no end" })
            };
            [
                row("a client that says nothing", &|_| ()),
                row("half a head", &|client| _ = client.write_all(b"GET / HT")),
                row("a head, byte by byte", &|client| {
                    for byte in b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" {
                        _ = client.write_all(&[*byte]);
                        // This is the time that passes, and no wait for anything.
                        thread::sleep(SHORT / 5);
                    }
                }),
                row("half a record", &|client| _ = client.write_all(&tls_1_1_hello()[..20])),
                late(),
            ].concat()
        },
    }
}

/// A client whose first byte comes just before the deadline, and all others after it.
fn late() -> String {
    let within = stretched(Duration::from_millis(300));
    let port = Port::new(Limits {
        within,
        ..Limits::default()
    });
    let (client, thread) = port.connect();
    let tls = client_end(played_client(&port.trusted, &[]));
    let mut peer = Peer { tls, tcp: client };
    let hello = peer.ciphertext();
    // This is the time that passes, and no wait for anything.
    thread::sleep(within * 9 / 10);
    peer.sends_raw(&hello[..1]);
    thread::sleep(within * 6 / 10);
    peer.sends_raw(&hello[1..]);
    drop(Peer::shake_hands(peer.tls, peer.tcp));
    format!(
        "the first byte in time, and the others not\n  → {}\n",
        accepted(thread)
    )
}

#[test]
fn only_so_many_handshakes_run_at_once() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "If as many handshakes run as may, the next client is dropped. When one ends, there is room again.",
        signs: [
            under("the third", yours(["is waited for"])).says(
                "No handshake is counted, or one too many is allowed. `_ =` drops the count at once; `let _running =` \
                 keeps it to the end of the function.",
            ),
            under("a client after that", missing(["a stream"])).says(
                "A handshake that has ended is still counted: after enough of them, nobody gets in.",
            ),
        ],
        shows: || {
            let port = Port::new(Limits { within: FOREVER, at_once: 2 });
            let mut half = vec![port.connect_half(), port.connect_half()];
            let (client, thread) = port.connect();
            let third = if comes_true(stretched(LONG_ENOUGH), || thread.is_finished()) {
                accepted(thread)
            } else {
                "it is waited for".to_string()
            };
            drop(client);
            let mut shown = format!("two clients in the middle of their handshakes, and the third\n  → {third}\n");
            // One of them ends, and then one shakes hands, and stays.
            let (client, thread) = half.remove(0);
            _ = client.shutdown(Shutdown::Write);
            shown += &format!("one of them ends\n  → {}\n", accepted(thread));
            let (client, thread) = port.connect();
            let peer = port.shake_hands(client);
            let stream = thread.join();
            let is_open = peer.is_some() && matches!(stream, Ok(Ok(_)));
            shown += &format!("a client after that\n  → {}\n", if is_open { "a stream" } else { "no stream" });
            let (client, thread) = port.connect();
            let peer = port.shake_hands(client);
            shown += &format!("the handshake before is over, and another client comes\n  → {}\n", accepted(thread));
            drop((peer, stream, half));
            shown
        },
    }
}
