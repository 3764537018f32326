//! What both sides allow, without a socket.

use std::slice;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, Connection, Error};
use support::check;
use support::sign::{missing, yours};
use tls::authority::LOCAL_NAMES;
use tls::{Authority, Certificates, certificates, config};

use super::shared::{authority, client_end, issued, played_client, played_server, server_end};

/// Hands everything that one side has to say to the other.
fn pass(from: &mut Connection, to: &mut Connection) -> Result<(), Error> {
    let mut bytes = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut bytes).expect("a Vec takes it all");
    }
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        to.read_tls(&mut rest).expect("a slice has no errors");
        to.process_new_packets()?;
    }
    Ok(())
}

/// What comes of a handshake without a socket, as the client sees it.
pub fn outcome(client: &mut Connection, server: &mut Connection) -> String {
    let mut outcome = Ok(());
    while outcome.is_ok() && (client.wants_write() || server.wants_write()) {
        // The server's error is for the client to see, as an alert.
        _ = pass(client, server);
        outcome = pass(server, client);
    }
    match outcome {
        Ok(()) => match client.alpn_protocol() {
            Some(protocol) => format!("open, {}", String::from_utf8_lossy(protocol)),
            None => "open, no protocol named".to_string(),
        },
        Err(Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => {
            "alert: no_application_protocol".to_string()
        }
        Err(error) => format!("{error:?}"),
    }
}

/// What a server of the learner's chooses from these.
fn chosen(offered: &[&str]) -> String {
    let authority = Authority::new(SystemTime::now()).expect("there are random numbers");
    let mut client = client_end(played_client(authority.certificate(), offered));
    let certificates = Certificates::local(authority, SystemTime::now());
    let certificates = Arc::new(certificates.expect("it can make one"));
    let server = config::server(certificates).expect("it can be configured");
    outcome(&mut client, &mut server_end(server))
}

/// Remembers what a client has offered.
#[derive(Debug)]
struct Listener {
    key: Arc<CertifiedKey>,
    offered: Mutex<Vec<String>>,
}

impl ResolvesServerCert for Listener {
    fn resolve(&self, hello: ClientHello) -> Option<Arc<CertifiedKey>> {
        let names = hello.alpn().into_iter().flatten();
        let names = names.map(|name| String::from_utf8_lossy(name).into_owned());
        *self.offered.lock().expect("nobody panics") = names.collect();
        Some(self.key.clone())
    }
}

/// What a client of the learner's offers.
fn offered() -> String {
    let key = certificates::certified(issued(&LOCAL_NAMES)).expect("they belong together");
    let listener = Arc::new(Listener {
        key,
        offered: Mutex::default(),
    });
    let mut server = played_server(issued(&LOCAL_NAMES), &["h2", "http/1.1"]);
    server.cert_resolver = listener.clone();
    let client = config::client(slice::from_ref(authority().certificate()));
    let mut client = client_end(client.expect("it can be configured"));
    let outcome = outcome(&mut client, &mut server_end(server));
    let offered = listener.offered.lock().expect("nobody panics");
    format!("{offered:?} → {outcome}\n")
}

#[test]
fn only_http_1_1_is_spoken_inside() {
    check! {
        rfc: "RFC 7301 §3.2",
        rule: "If a client offers h2 and http/1.1, the server chooses http/1.1. From h2 alone, it chooses nothing.",
        signs: [
            yours(["open, h2"]).says(
                "The server agrees to h2. The client's next bytes are then HTTP/2, and your handshake reads HTTP/1.1.",
            ),
            yours(["h2            → open, no protocol named"]).says(
                "The server names no protocol at all. A client that offers h2 alone then sends HTTP/2 to it, or gives \
                 up without a reason.",
            ),
            missing(["http/1.1      → open, http/1.1"]).and(yours(["no_application_protocol"])).says(
                "The server's name for HTTP/1.1 isn't the registered one: `http/1.1`, in lowercase.",
            ),
        ],
        shows: || {
            let row = |offered: &[&str]| format!("{:<13} → {}\n", offered.join(", "), chosen(offered));
            let rows: [&[&str]; 5] = [&["h2", "http/1.1"], &["http/1.1", "h2"], &["http/1.1"], &["h2"], &[]];
            format!("a client offers\n{}", rows.map(|offered| format!("  {}", row(offered))).concat())
        },
    }
}

#[test]
fn a_client_offers_http_1_1() {
    check! {
        rfc: "RFC 7301 §3.1",
        rule: "Your client offers http/1.1 and nothing else, so that no server chooses HTTP/2.",
        signs: [
            yours(["open, h2"]).says(
                "The client offers h2, and a server takes it. The opening handshake of RFC 6455 is HTTP/1.1.",
            ),
            yours(["[]"]).says(
                "The client offers no protocol. A server may then take it for one that speaks something else.",
            ),
        ],
        shows: offered,
    }
}
