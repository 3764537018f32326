//! A client's side: which servers it takes, and what it says about the others.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::slice;
use std::thread;
use std::time::{Duration, SystemTime};

use echo::stream::Connector;
use rustls::pki_types::CertificateDer;
use support::check;
use support::machine::stretched;
use support::sign::{missing, under, yours};
use tls::authority::{Issued, LOCAL_NAMES};
use tls::{Authority, TlsConnector};

use super::negotiation::record;
use super::shared::{
    DAY, LONG_ENOUGH, Peer, SHORT, authority, issued, played_server, read, server_end, tcp_pair,
};

/// What a client of the learner's says, if it trusts one authority, asks for this name, and the server does this.
fn connects(
    name: &str,
    trusted: &CertificateDer<'static>,
    within: Duration,
    server: impl FnOnce(TcpStream) + Send + 'static,
) -> String {
    let (ours, theirs) = tcp_pair();
    let server = thread::spawn(move || server(theirs));
    let connector =
        TlsConnector::new(slice::from_ref(trusted), within).expect("it is a certificate");
    let outcome = match connector.connect(name, ours) {
        Ok(stream) => format!("connected, and reads {}", read(&*stream)),
        Err(error) => error.to_string(),
    };
    _ = server.join();
    outcome
}

/// A server that shows this certificate, and speaks these protocols.
fn shows(issued: Issued, alpn: &[&str]) -> impl FnOnce(TcpStream) + Send + 'static {
    let tls = server_end(played_server(issued, alpn));
    move |tcp| {
        if let Ok(mut peer) = Peer::shake_hands(tls, tcp) {
            peer.sends(b"welcome");
            // Until the client ends.
            _ = peer.reads(&mut [0]);
        }
    }
}

/// A server that says this to anything, and ends.
fn says(bytes: Vec<u8>) -> impl FnOnce(TcpStream) + Send + 'static {
    move |mut tcp| {
        _ = tcp.read(&mut [0; 4096]);
        _ = tcp.write_all(&bytes);
    }
}

fn row(title: &str, outcome: &str) -> String {
    format!("{title}\n  → {outcome}\n")
}

/// A certificate that isn't valid now: of an authority that was made so many days ago.
fn at_a_different_time(authority: &Authority, begins: SystemTime) -> Issued {
    authority
        .issue(&LOCAL_NAMES, begins)
        .expect("these are names")
}

#[test]
fn a_name_must_be_proved() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "The certificate must be valid now, for this very name, and signed by an authority that is trusted.",
        signs: [
            missing(["connected"]).says(
                "A server that proves its name is refused. The name to prove is that of the URL, without a port.",
            ),
            yours(["connected"]).says(
                "A server is taken that hasn't proved its name: anyone between the client and the server could be it.",
            ),
        ],
        shows: certificates,
    }
}

fn certificates() -> String {
    let now = SystemTime::now();
    let long = stretched(LONG_ENOUGH);
    let trusted = authority().certificate();
    let other = Authority::new(now).expect("there are random numbers");
    let old = Authority::new(now - DAY * 400).expect("there are random numbers");
    let good = |name: &str| connects(name, trusted, long, shows(issued(&LOCAL_NAMES), &[]));
    let bad = |issued: Issued| connects("localhost", trusted, long, shows(issued, &[]));
    let expired = at_a_different_time(&old, now - DAY * 200);
    let early = at_a_different_time(&old, now + DAY * 2);
    [
        row("localhost", &good("localhost")),
        row("127.0.0.1", &good("127.0.0.1")),
        row("::1", &good("::1")),
        row("[::1]", &good("[::1]")),
        row("a name that it doesn't have", &good("example.org")),
        row("an address that it doesn't have", &good("127.0.0.2")),
        row("no name at all", &good("not a name")),
        row(
            "a certificate for a different name",
            &bad(issued(&["elsewhere.localhost"])),
        ),
        row(
            "an authority that isn't trusted",
            &bad(other.issue(&LOCAL_NAMES, now).expect("these are names")),
        ),
        row("signed by itself", &bad(self_signed())),
        row(
            "it was valid in the past",
            &connects("localhost", old.certificate(), long, shows(expired, &[])),
        ),
        row(
            "it will be valid",
            &connects("localhost", old.certificate(), long, shows(early, &[])),
        ),
        row("beyond what the authority may sign", &beyond()),
    ]
    .concat()
}

fn self_signed() -> Issued {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec!["localhost".to_string()]).expect("it is a name");
    Issued {
        chain: vec![cert.into()],
        key: signing_key.into(),
        not_after: SystemTime::now(),
    }
}

/// What the authority signs for a name that isn't this machine's is worth nothing.
fn beyond() -> String {
    let issued = issued(&["example.org"]);
    let server = shows(issued, &[]);
    let trusted = authority().certificate();
    connects("example.org", trusted, stretched(LONG_ENOUGH), server)
}

/// The name that a server sees before it has to show a certificate.
fn named(name: &str) -> String {
    let (ours, theirs) = tcp_pair();
    let trusted = slice::from_ref(authority().certificate());
    let connector = TlsConnector::new(trusted, SHORT).expect("it is a certificate");
    let name = name.to_string();
    let client = thread::spawn(move || connector.connect(&name, ours).is_ok());
    let mut hello = rustls::server::Acceptor::default();
    let named = loop {
        if !hello.read_tls(&mut &theirs).is_ok_and(|count| count > 0) {
            break "no hello".to_string();
        }
        match hello.accept() {
            Ok(Some(accepted)) => {
                let hello = accepted.client_hello();
                break hello.server_name().unwrap_or("nothing").to_string();
            }
            Ok(None) => {}
            Err((error, _)) => break error.to_string(),
        }
    };
    drop(theirs);
    _ = client.join();
    named
}

#[test]
fn the_host_is_named_in_tls() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "The client's first message names the host, because a server may have many. It names no address.",
        signs: [
            missing(["localhost → localhost"]).says(
                "The host isn't named. A server with several certificates then shows the wrong one.",
            ),
            yours(["→ localhost"]).says("The name is always the same, whatever the URL says."),
        ],
        shows: || ["localhost", "example.org", "127.0.0.1", "[::1]"]
            .map(|name| format!("{name} → {}\n", named(name)))
            .concat(),
    }
}

#[test]
fn a_failure_has_a_sentence() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "If there is no TLS connection, the client says why: what the server speaks, or that it was too slow.",
        signs: [
            yours(["connected"]).says("A client goes on, although the handshake has failed."),
            under("says nothing", yours(["TCP ended"])).says(
                "A server that says nothing is waited for without a deadline.",
            ),
        ],
        shows: || {
            let long = stretched(LONG_ENOUGH);
            let to = |within, server: Box<dyn FnOnce(TcpStream) + Send>| {
                connects("localhost", authority().certificate(), within, server)
            };
            let http = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
            // A ServerHello of TLS 1.1: no session, TLS_RSA_WITH_AES_128_CBC_SHA, no compression.
            let mut old = vec![3, 2];
            old.extend([7; 32]);
            old.extend([0, 0, 0x2f, 0]);
            let waits = |mut tcp: TcpStream| while tcp.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {};
            [
                row("a port that speaks HTTP", &to(long, Box::new(says(http)))),
                row("a server that wants h2", &to(long, Box::new(shows(issued(&LOCAL_NAMES), &["h2"])))),
                row("a server that knows TLS 1.1", &to(long, Box::new(says(record(2, &old))))),
                row("a server that refuses TLS", &to(long, Box::new(says(vec![0x15, 3, 3, 0, 2, 2, 40])))),
                row("a server that ends", &to(long, Box::new(says(Vec::new())))),
                row("a server that says nothing", &to(SHORT, Box::new(waits))),
            ].concat()
        },
    }
}
