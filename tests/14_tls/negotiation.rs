//! The handshake of TLS on a socket, up to its deadline.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use support::check;
use support::machine::stretched;
use support::sign::{missing, never_finished, under, yours};
use tls::HandshakeError;
use tls::authority::LOCAL_NAMES;
use tls::negotiation::{shake_hands, uninterrupted};

use super::shared::{
    FOREVER, LONG_ENOUGH, Peer, SHORT, authority, client_end, issued, played_client, played_server,
    server_end, tcp_pair,
};

/// What a server of the learner's sees, if a client does this.
fn served<Done: Into<String>>(
    within: Duration,
    client: impl FnOnce(TcpStream) -> Done + Send + 'static,
) -> String {
    let (ours, theirs) = tcp_pair();
    // The only deadline is that of the handshake, or else the client's.
    ours.set_read_timeout(None).expect("a socket has options");
    let client = thread::spawn(move || client(theirs).into());
    let mut tls = server_end(played_server(issued(&LOCAL_NAMES), &[]));
    let outcome = shake_hands(&mut tls, &ours, Instant::now() + within);
    let shown = shown(&outcome);
    drop((tls, ours));
    let done: String = client.join().expect("it has not panicked");
    shown + &done
}

/// The name of what came of a handshake.
pub fn shown(outcome: &Result<(), HandshakeError>) -> String {
    match outcome {
        Ok(()) => "open".to_string(),
        Err(HandshakeError::Tcp(_)) => "Tcp".to_string(),
        Err(HandshakeError::WrongName(_)) => "WrongName".to_string(),
        Err(HandshakeError::Other(_)) => "Other".to_string(),
        Err(error) => format!("{error:?}"),
    }
}

/// What a client begins with.
pub fn hello() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut client = client_end(played_client(authority().certificate(), &[]));
    client.write_tls(&mut bytes).expect("a Vec takes it all");
    bytes
}

fn sends(tcp: &TcpStream, bytes: &[u8]) -> bool {
    use std::io::Write;
    (&mut &*tcp).write_all(bytes).is_ok()
}

/// How long the client may take that sends byte by byte: much longer than from one byte to the next.
const FOR_ALL_BYTES: Duration = Duration::from_millis(250);

/// Sends a handshake byte by byte, in four times as long as is allowed. Says whether it could send all of it.
fn drips(tcp: TcpStream) -> &'static str {
    let hello = hello();
    let pause = FOR_ALL_BYTES * 4 / hello.len() as u32;
    for byte in hello {
        if !sends(&tcp, &[byte]) {
            return ", in the middle of it";
        }
        // This is the time that passes, and no wait for anything.
        thread::sleep(pause);
    }
    ", after all of it"
}

#[test]
fn a_handshake_has_one_deadline() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "All of the handshake has one deadline, however many reads it takes.",
        signs: [
            under("byte by byte", yours(["after all of it"])).but_not(under("says nothing", yours(["Ended"]))).says(
                "Each read has the whole time again. A client that sends one byte at a time holds a thread for as long \
                 as it likes.",
            ),
            under("says nothing", yours(["Ended"])).says(
                "A client that says nothing is waited for without a deadline.",
            ),
            never_finished().says(
                "A client that says nothing is waited for without a deadline, or one that doesn't read.",
            ),
        ],
        shows: || [
            ("a client that shakes hands", served(FOREVER, shakes)),
            ("a client that says nothing", served(SHORT, waits_for_the_end)),
            ("a client that sends byte by byte", served(FOR_ALL_BYTES, drips)),
            ("a client whose time is over before", served(Duration::ZERO, shakes)),
            ("a server that doesn't read", unread()),
        ].map(|(title, outcome)| format!("{title}\n  → {outcome}\n")).concat(),
    }
}

/// What a client of the learner's sees, if TCP has no room for its first message.
fn unread() -> String {
    use std::io::Write;
    let (ours, theirs) = tcp_pair();
    let options = ours.set_nonblocking(true);
    options.expect("a socket has options");
    while (&ours).write(&[0; 1 << 14]).is_ok() {}
    let options = ours.set_nonblocking(false);
    let options = options.and(ours.set_write_timeout(None));
    options.expect("a socket has options");
    let mut tls = client_end(played_client(authority().certificate(), &[]));
    let outcome = shake_hands(&mut tls, &ours, Instant::now() + SHORT);
    drop(theirs);
    shown(&outcome)
}

fn shakes(tcp: TcpStream) -> &'static str {
    let tls = client_end(played_client(authority().certificate(), &[]));
    _ = Peer::shake_hands(tls, tcp);
    ""
}

/// Says nothing until the other side ends, for as long as a check may wait.
fn waits_for_the_end(mut tcp: TcpStream) -> &'static str {
    use std::io::Read;
    _ = tcp.read(&mut [0; 16]);
    ""
}

#[test]
fn a_handshake_says_how_it_ends() {
    check! {
        rfc: "RFC 8446 §6.2",
        rule: "If TCP ends within the handshake, or what comes isn't TLS, there is no connection.",
        signs: [
            never_finished().says(
                "TCP's end, 0 bytes, isn't the end of the loop: it reads them for ever.",
            ),
            under("half of it", missing(["Ended"])).says(
                "TCP's end in the middle of the handshake isn't noticed as that.",
            ),
            under("your client", missing(["open, and so is the server"])).says(
                "The last message stays in rustls: there is something to write even when `is_handshaking` says no.",
            ),
            yours(["open"]).says("The handshake is taken for done before it is: `is_handshaking` says when."),
        ],
        shows: || {
            let says = |bytes: Vec<u8>| {
                move |tcp: TcpStream| {
                    sends(&tcp, &bytes);
                    ""
                }
            };
            let hello = hello();
            let half = says(hello[..hello.len() / 2].to_vec());
            let (http, old) = (says(b"GET / HTTP/1.1\r\n\r\n".to_vec()), says(tls_1_1_hello()));
            [
                ("a client that sends half of it", served(FOREVER, half)),
                ("a client that ends at once", served(FOREVER, says(Vec::new()))),
                ("a client that speaks HTTP", served(FOREVER, http)),
                ("a client that knows TLS 1.1", served(FOREVER, old)),
                ("your client, which has the last word", last_word()),
            ].map(|(title, outcome)| format!("{title}\n  → {outcome}\n")).concat()
        },
    }
}

/// What both sides see, if the learner's side is the client.
fn last_word() -> String {
    let (ours, theirs) = tcp_pair();
    let served = thread::spawn(move || {
        let tls = server_end(played_server(issued(&LOCAL_NAMES), &[]));
        Peer::shake_hands(tls, theirs).is_ok()
    });
    let mut tls = client_end(played_client(authority().certificate(), &[]));
    let outcome = shake_hands(&mut tls, &ours, Instant::now() + FOREVER);
    // What hasn't gone out by now doesn't arrive.
    _ = ours.shutdown(Shutdown::Write);
    let is_open = served.join().expect("it has not panicked");
    let server = if is_open {
        "so is the server"
    } else {
        "the server isn't"
    };
    format!("{}, and {server}", shown(&outcome))
}

/// A ClientHello of TLS 1.1, by hand (RFC 4346 §7.4.1.2).
pub fn tls_1_1_hello() -> Vec<u8> {
    let mut body = vec![0x03, 0x02];
    body.extend([7; 32]);
    // No session; one cipher suite, TLS_RSA_WITH_AES_128_CBC_SHA; no compression.
    body.extend([0, 0, 2, 0x00, 0x2f, 1, 0]);
    record(1, &body)
}

/// A handshake message in a record of TLS 1.1.
pub fn record(message: u8, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u8;
    let mut bytes = vec![0x16, 0x03, 0x02, 0, length + 4, message, 0, 0, length];
    bytes.extend(body);
    bytes
}

#[test]
fn a_failed_handshake_says_why() {
    check! {
        rfc: "RFC 8446 §6.2",
        rule: "If the handshake fails, an alert goes out: 0x15, the version, the length, fatal (2), and why.",
        signs: [
            yours(["nothing"]).says(
                "The alert that says why stays in rustls: it is to be written, although the handshake has failed.",
            ),
        ],
        shows: || {
            let row = |title: &str, bytes: Vec<u8>| format!("{title:<26} → {}\n", alert_to(bytes));
            [
                row("TLS 1.1", tls_1_1_hello()),
                row("a record that is no hello", record(2, &[3, 2])),
            ].concat()
        },
    }
}

/// The alert to a client that sends this.
fn alert_to(bytes: Vec<u8>) -> String {
    use std::io::Read;
    let (ours, mut theirs) = tcp_pair();
    sends(&theirs, &bytes);
    let mut tls = server_end(played_server(issued(&LOCAL_NAMES), &[]));
    _ = shake_hands(&mut tls, &ours, Instant::now() + stretched(LONG_ENOUGH));
    drop(ours);
    let mut alert = Vec::new();
    _ = theirs.read_to_end(&mut alert);
    match &alert[..] {
        [] => "nothing".to_string(),
        alert => support::wire::hex(alert),
    }
}

#[test]
fn every_failure_has_its_sentence() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Why there is no TLS connection is said in a sentence, and an error of TCP keeps its kind.",
        signs: [],
        shows: || {
            let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
            let errors = [
                HandshakeError::TooLate,
                HandshakeError::Ended,
                HandshakeError::Tcp(ErrorKind::PermissionDenied.into()),
                HandshakeError::NotTls,
                HandshakeError::NoCommonVersion,
                HandshakeError::NoCommonProtocol,
                HandshakeError::UnknownAuthority,
                HandshakeError::WrongName(names(&[])),
                HandshakeError::WrongName(names(&["localhost", "127.0.0.1"])),
                HandshakeError::Expired,
                HandshakeError::NotYetValid,
                HandshakeError::NotAName,
                HandshakeError::TooMany,
            ];
            let rows = errors.map(|error| {
                let sentence = error.to_string();
                format!("{:?}: {sentence}\n", io::Error::from(error).kind())
            });
            let kinds = [ErrorKind::TimedOut, ErrorKind::WouldBlock, ErrorKind::UnexpectedEof, ErrorKind::NotConnected];
            let kinds = kinds.map(|kind| {
                let outcome = Err(io::Error::from(kind).into());
                format!("{kind:?} of TCP: {}\n", shown(&outcome))
            });
            rows.concat() + &kinds.concat()
        },
    }
}

#[test]
fn a_signal_interrupts_nothing() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A read or write that a signal has interrupted is tried again. Any other error isn't.",
        signs: [],
        shows: || {
            let outcome = |errors: &[ErrorKind]| {
                let mut errors = errors.iter();
                let outcome = uninterrupted(|| errors.next().map_or(Ok(7), |kind| Err((*kind).into())));
                outcome.map_or_else(|error| format!("{:?}", error.kind()), |count| format!("{count} bytes"))
            };
            let twice = [ErrorKind::Interrupted, ErrorKind::Interrupted];
            format!(
                "interrupted twice: {}\nno answer in time: {}\n",
                outcome(&twice),
                outcome(&[ErrorKind::WouldBlock])
            )
        },
    }
}
