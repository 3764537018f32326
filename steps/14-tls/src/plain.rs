//! HTTP without TLS on the port that speaks TLS: it gets an answer that a person can read.
//!
//! Nobody types `https://`, so the request for a page is redirected. For a WebSocket, browsers follow no redirect: its
//! request gets a sentence.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use handshake::head::{HeadBuffer, Limits, RequestHead};
use handshake::opening::{read_host, read_resource};
use handshake::response;

use crate::negotiation::{HandshakeError, left, uninterrupted};

/// The first byte of every TLS connection: a record of the handshake (RFC 8446 §5.1).
pub const HANDSHAKE_RECORD: u8 = 0x16;

/// What a client's first byte says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// A TLS handshake, or something that TLS has an alert for.
    Tls,
    /// The method of an HTTP request.
    Http,
}

impl First {
    /// Reads it.
    pub fn new(byte: u8) -> Self {
        // Task: TLS begins with 0x16, a method of HTTP with an uppercase letter.
        todo!("TLS begins with 0x16, a method of HTTP with an uppercase letter")
    }
}

/// Waits for a client's first byte, and leaves it where it is.
///
/// # Errors
/// Returns [`HandshakeError::TooLate`] if none comes in time, and [`HandshakeError::Ended`] if the client has gone.
pub fn sniff(tcp: &TcpStream, deadline: Instant) -> Result<First, HandshakeError> {
    // Task: look at the byte without taking it. The client may also end without one, or say nothing.
    todo!("look at the byte without taking it. The client may also end without one, or say nothing")
}

/// Reads a request without TLS, and answers it.
///
/// # Errors
/// Returns an error if the head isn't whole in time, or TCP fails.
pub fn respond(mut tcp: &TcpStream, deadline: Instant) -> Result<(), HandshakeError> {
    let mut head = HeadBuffer::new(Limits::default());
    let mut piece = [0; 1024];
    let answer = loop {
        tcp.set_read_timeout(Some(left(deadline)?))?;
        let count = match uninterrupted(|| tcp.read(&mut piece))? {
            0 => return Err(HandshakeError::Ended),
            count => count,
        };
        match head.push(&piece[..count]) {
            Ok(true) => break answer(RequestHead::parse(&head).ok().as_ref()),
            Ok(false) => {}
            Err(_) => break answer(None),
        }
    };
    tcp.set_write_timeout(Some(left(deadline)?))?;
    Ok(tcp.write_all(&answer)?)
}

/// Returns the answer to a request without TLS. `None` is for a request that can't be read.
pub fn answer(request: Option<&RequestHead>) -> Vec<u8> {
    // Task: redirect the request for a page. Anything else gets a sentence.
    todo!("redirect the request for a page. Anything else gets a sentence")
}

/// The same address, with https. `None` if the request isn't for a page, or its address isn't one.
fn https(request: &RequestHead) -> Option<String> {
    let is_page = request.method == "GET" && !request.fields.has_token("Upgrade", "websocket");
    let (host, resource) = (read_host(request).ok()?, read_resource(request).ok()?);
    let is_safe = [host, resource]
        .iter()
        .all(|part| part.bytes().all(|byte| byte.is_ascii_graphic()));
    (is_page && is_safe).then(|| format!("https://{host}{resource}"))
}

/// A response of one sentence, after which TCP ends.
fn plain_response(status: &str, more: &[response::Field], sentence: &str) -> Vec<u8> {
    let length = sentence.len().to_string();
    let mut fields = vec![
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", &length),
        ("Connection", "close"),
    ];
    fields.extend(more);
    let mut bytes = response::head(&format!("HTTP/1.1 {status}"), &fields);
    bytes.extend(sentence.as_bytes());
    bytes
}
