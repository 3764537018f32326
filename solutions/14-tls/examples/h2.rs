//! `cargo run -p tls --example h2`: a client that offers HTTP/2, and a server that takes it.
//!
//! ```text
//!   ALPN:   h2, http/1.1 ──▶ h2               what the next bytes have to be
//!   bytes:  GET /socket HTTP/1.1 ──▶          and what they are
//! ```
//!
//! The server knows both. It plays only the beginning of HTTP/2 (RFC 9113 §3.4), which is all that it comes to.

use std::error::Error;
use std::fmt::Debug;
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::SystemTime;

use client::opening::{Opening, OpeningError};
use client::random;
use handshake::client::ClientHandshake;
use handshake::head::{HeadBuffer, Limits, RequestHead};
use handshake::opening::OpeningHandshake;
use handshake::policy::Policy;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, Connection, ServerConnection};
use tls_solution::{Authority, Certificates, config};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A frame of HTTP/2: 3 bytes of length, its type, its flags, and 4 bytes that name a stream. This one is SETTINGS.
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

/// GOAWAY, with the last stream (none) and the reason (1, PROTOCOL_ERROR).
const GOAWAY: [u8; 17] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// What every client of HTTP/2 begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn main() -> Outcome<()> {
    for offer in [&["h2", "http/1.1"][..], &["http/1.1"]] {
        println!("the client offers {}", offer.join(", "));
        visit(offer)?;
    }
    Ok(())
}

/// Opens a WebSocket over TLS, in memory, and prints what comes of it.
fn visit(offer: &[&str]) -> Outcome<()> {
    let (mut client, mut server) = connections(offer)?;
    while client.is_handshaking() || server.is_handshaking() {
        pass(&mut client, &mut server)?;
        pass(&mut server, &mut client)?;
    }
    let chosen = client.alpn_protocol().unwrap_or_default();
    println!("  the server chooses {}", String::from_utf8_lossy(chosen));

    let handshake = ClientHandshake {
        host: "localhost".to_string(),
        resource: "/socket".to_string(),
        origin: None,
        key: random::handshake_key(),
        subprotocols: Vec::new(),
        extensions: Vec::new(),
    };
    let request = handshake.request().map_err(said)?;
    println!("  the client writes {}", first_line(&request));
    client.writer().write_all(&request)?;
    pass(&mut client, &mut server)?;

    let answer = answer(
        server.alpn_protocol() == Some(b"h2"),
        &plaintext(&mut server)?,
    )?;
    server.writer().write_all(&answer)?;
    pass(&mut server, &mut client)?;

    let answer = plaintext(&mut client)?;
    println!("  the server writes {}", first_line(&answer));
    match Opening::new(handshake, Limits::default()).receive(&answer) {
        Ok(Some(_)) => println!("  open"),
        Ok(None) => println!("  and ends. The client says: {}", OpeningError::Ended),
        Err(error) => println!("  failed: {error}"),
    }
    Ok(())
}

/// Both ends. The server takes HTTP/2 if it is offered.
fn connections(offer: &[&str]) -> Outcome<(Connection, Connection)> {
    let now = SystemTime::now();
    let authority = Authority::new(now)?;
    let mut client = config::client(&[authority.certificate().clone()])?;
    let mut server = config::server(Arc::new(Certificates::local(authority, now)?))?;
    client.alpn_protocols = names(offer);
    server.alpn_protocols = names(&["h2", "http/1.1"]);
    let name = ServerName::try_from("localhost")?;
    let client = ClientConnection::new(Arc::new(client), name)?;
    let server = ServerConnection::new(Arc::new(server))?;
    Ok((client.into(), server.into()))
}

fn names(protocols: &[&str]) -> Vec<Vec<u8>> {
    let names = protocols.iter().map(|name| name.as_bytes().to_vec());
    names.collect()
}

/// What the server says to these bytes.
fn answer(is_http_2: bool, bytes: &[u8]) -> Outcome<Vec<u8>> {
    if is_http_2 {
        let mut answer = SETTINGS.to_vec();
        if !bytes.starts_with(PREFACE) {
            answer.extend(GOAWAY);
        }
        return Ok(answer);
    }
    let mut head = HeadBuffer::new(Limits::default());
    head.push(bytes).map_err(said)?;
    let head = RequestHead::parse(&head).map_err(said)?;
    let opening = OpeningHandshake::read(&head, &Policy::default()).map_err(said)?;
    Ok(opening.response())
}

/// An error of step 04, which has no sentence for clients.
fn said(error: impl Debug) -> String {
    format!("{error:?}")
}

/// Hands everything that one side has to say to the other.
fn pass(from: &mut Connection, to: &mut Connection) -> Outcome<()> {
    let mut ciphertext = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut ciphertext)?;
    }
    let mut rest = &ciphertext[..];
    while !rest.is_empty() {
        to.read_tls(&mut rest)?;
        to.process_new_packets()?;
    }
    Ok(())
}

/// What has arrived, decrypted.
fn plaintext(tls: &mut Connection) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    match tls.reader().read_to_end(&mut bytes) {
        Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error.into()),
        _ => Ok(bytes),
    }
}

/// The first line of a head, or bytes that aren't one.
fn first_line(bytes: &[u8]) -> String {
    if bytes.is_ascii() && bytes.contains(&b'\n') {
        return String::from_utf8_lossy(bytes)
            .lines()
            .next()
            .unwrap_or_default()
            .to_string();
    }
    let hex: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    hex.join(" ")
}
