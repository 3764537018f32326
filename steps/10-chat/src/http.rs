//! Requests and answers on a socket of our own.
//!
//! Every connection carries one request. Every answer but the 101 says `Connection: close`, so the server
//! needn't work out where a second request would begin.

use std::io::{self, ErrorKind, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use echo::Stream;
use handshake::head::{HeadBuffer, HeadError, RequestHead};
use handshake::refusal::Refusal as HandshakeRefusal;
use handshake::response;
use polling::routes::{Refusal, Reply};

use crate::client::is_transient;

/// The longest time that a client may keep the connection open after its answer. A stopping server waits for that.
const LINGER: Duration = Duration::from_millis(500);

/// The time between two checks of a thread that waits for a client: is the server stopping?
const CHECK_EVERY: Duration = Duration::from_millis(100);

/// Tells a client that there is no room for it.
///
/// # Errors
/// Returns an error if TCP has failed.
pub fn refuse(stream: &dyn Stream) -> io::Result<()> {
    send_and_linger(stream, &encode_reply(&Refusal::Busy.into(), true))
}

/// Reads until the head is complete. The deadline is for the whole head, so a client gains nothing by sending a byte
/// now and then. A stopping server doesn't wait for the rest. If the head is complete, the stream has its old read
/// timeout again.
///
/// # Errors
/// Returns [`ErrorKind::TimedOut`] if the time is over, TCP ends or the server stops before the head is complete, and
/// TCP's own error if a read fails. The inner error is a [`HeadError`]: it says why the bytes that came aren't a head.
pub fn read_head(
    stream: &dyn Stream,
    buffer: &mut HeadBuffer,
    within: Duration,
    stop: &AtomicBool,
) -> io::Result<Result<RequestHead, HeadError>> {
    let deadline = Instant::now() + within;
    let tick = stream.read_timeout()?;
    stream.set_read_timeout(Some(tick.map_or(CHECK_EVERY, |tick| tick.min(CHECK_EVERY))))?;
    let mut piece = [0; 1024];
    while Instant::now() < deadline && !stop.load(Ordering::Relaxed) {
        let count = match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if is_transient(&error) => continue,
            Err(error) => return Err(error),
        };
        match buffer.push(&piece[..count]) {
            Ok(true) => {
                stream.set_read_timeout(tick)?;
                return Ok(RequestHead::parse(buffer));
            }
            Ok(false) => {}
            Err(error) => return Ok(Err(error)),
        }
    }
    Err(ErrorKind::TimedOut.into())
}

/// Finds the value of a parameter in a query like `after=3&tab=x7`.
pub fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut parameters = query.split('&').filter_map(|it| it.split_once('='));
    parameters.find_map(|(it, value)| (it == name).then_some(value))
}

/// Encodes a reply for the wire.
pub fn encode_reply(reply: &Reply, with_body: bool) -> Vec<u8> {
    let length = reply.body.len().to_string();
    let mut fields = vec![
        ("Content-Length", length.as_str()),
        ("Connection", "close"),
        ("Cache-Control", "no-store"),
        // A browser must take text for text, whatever it looks like.
        ("X-Content-Type-Options", "nosniff"),
    ];
    fields.extend(
        reply
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str())),
    );
    // A reason phrase may be missing (RFC 9112 §4), and nothing reads it.
    let mut bytes = response::head(&format!("HTTP/1.1 {} ", reply.status), &fields);
    if with_body {
        bytes.extend_from_slice(reply.body.as_bytes());
    }
    bytes
}

/// Returns the answer to a request that breaks a rule of the handshake.
pub fn refusal_reply(broken: &HandshakeRefusal) -> Reply {
    let mut reply = Reply::file(
        "text/plain; charset=utf-8",
        &format!("{}\n", broken.sentence()),
    );
    reply.status = broken.status().0;
    let fields = broken.fields().into_iter();
    reply
        .headers
        .extend(fields.map(|(name, value)| (name, value.to_string())));
    reply
}

/// Sends a whole answer, and then waits a moment for the client to close TCP: if data is unread when a socket is
/// closed, the system resets the connection, and the answer may be lost.
///
/// # Errors
/// Returns an error if TCP has failed.
pub fn send_and_linger(mut stream: &dyn Stream, answer: &[u8]) -> io::Result<()> {
    stream.set_write_timeout(Some(LINGER))?;
    stream.set_read_timeout(Some(CHECK_EVERY))?;
    stream.write_all(answer)?;
    stream.shutdown(Shutdown::Write)?;
    let deadline = Instant::now() + LINGER;
    let mut ignored = [0; 4096];
    while Instant::now() < deadline {
        match stream.read(&mut ignored) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if is_transient(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
