//! The way in and the way out of a connection, on a socket that is ours.
//!
//! In: a head, which may be too long, or whose next byte may never come (RFC 6455 §10.4). Out: our
//! last bytes are sure to arrive only if nothing is left unread when TCP is closed (RFC 6455 §7.1.1).

use std::io::{self, Cursor, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use handshake::head::{HeadBuffer, HeadError, Limits, RequestHead};
use handshake::refusal::Refusal;
use handshake::response::{self, Field};

use crate::stream::Stream;

/// A client's socket, and the bytes that were read from it too early.
#[derive(Debug)]
pub struct Socket {
    stream: Box<dyn Stream>,
    early: Cursor<Vec<u8>>,
}

impl Socket {
    /// Sets the options of a stream: a read waits for `tick` at most, a write for `write_within`, and
    /// small writes go out at once. Neither time may be zero.
    ///
    /// # Errors
    /// Returns the system's error if it refuses an option.
    pub fn new(
        stream: Box<dyn Stream>,
        tick: Duration,
        write_within: Duration,
    ) -> io::Result<Self> {
        stream.set_read_timeout(Some(tick))?;
        stream.set_write_timeout(Some(write_within))?;
        stream.tcp().set_nodelay(true)?;
        let early = Cursor::default();
        Ok(Self { stream, early })
    }

    /// Puts back bytes that were read too early. The next read returns them.
    pub fn put_back(&mut self, bytes: Vec<u8>) {
        self.early = Cursor::new(bytes);
    }

    /// Ends our direction of TCP. Then it reads and drops everything that still comes, until the client
    /// has ended its own direction, or this time is over.
    ///
    /// If TCP is closed while bytes are unread, a reset goes out, and it can overtake our last bytes.
    pub fn close(self, within: Duration) {
        _ = self.stream.shutdown(Shutdown::Write);
        let deadline = Instant::now() + within;
        let mut ignored = [0; 4096];
        while Instant::now() < deadline {
            match self.stream.read(&mut ignored) {
                Ok(0) => return,
                Err(error) if !is_tick(&error) => return,
                _ => {}
            }
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.early.read(buffer)? {
            0 => self.stream.read(buffer),
            count => Ok(count),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a read has only waited long enough. Unix and Windows have different kinds of error for that.
fn is_tick(error: &io::Error) -> bool {
    let kind = error.kind();
    matches!(
        kind,
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

/// Why a client gets no further than the door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoHead {
    /// The client has left, or never said a word. There is nothing to answer.
    Gone,
    /// The head breaks a rule. This is the response to it.
    Refused(Vec<u8>),
}

impl From<HeadError> for NoHead {
    fn from(error: HeadError) -> Self {
        Self::Refused(Refusal::from(error).response())
    }
}

/// Reads a head, and no more of it than the limits allow. `stop` is set when the server stops.
///
/// # Errors
/// Returns [`NoHead::Refused`] if the head is too long, isn't HTTP, promises a body, or isn't whole in time, and
/// [`NoHead::Gone`] if the client has left or never said a word, or the server stops.
pub fn read_head(
    client: &mut Socket,
    limits: Limits,
    within: Duration,
    stop: &AtomicBool,
) -> Result<HeadBuffer, NoHead> {
    let deadline = Instant::now() + within;
    let mut head = HeadBuffer::new(limits);
    let mut piece = [0; 1024];
    while !stop.load(Ordering::Relaxed) {
        let count = match client.read(&mut piece) {
            Ok(0) => return Err(NoHead::Gone),
            Ok(count) => count,
            Err(error) if is_tick(&error) => 0,
            Err(_) => return Err(NoHead::Gone),
        };
        if head.push(&piece[..count])? {
            check_request(&head)?;
            return Ok(head);
        }
        if Instant::now() >= deadline {
            return Err(too_late(&head));
        }
    }
    Err(NoHead::Gone)
}

/// A client that never sent a byte is most often a browser that has connected in advance.
fn too_late(head: &HeadBuffer) -> NoHead {
    if head.head().is_empty() {
        return NoHead::Gone;
    }
    let sentence = "The head took too long.\n";
    NoHead::Refused(plain_response("408 Request Timeout", &[], sentence))
}

/// Refuses requests that tiny_http can't handle. It would wait for a body that never comes, or allocate the
/// length that a client declares. On a target that isn't ASCII it would hang up without an answer.
fn check_request(head: &HeadBuffer) -> Result<(), NoHead> {
    let request = RequestHead::parse(head)?;
    if !request.target.is_ascii() {
        return Err(HeadError::NotHttp("the target must be ASCII".to_string()).into());
    }
    let lengths = request.fields.values("Content-Length");
    let coded = request.fields.values("Transfer-Encoding");
    if lengths.iter().all(|length| *length == "0") && coded.is_empty() {
        return Ok(());
    }
    let sentence = "No request here has a body.\n";
    let response = plain_response("413 Content Too Large", &[], sentence);
    Err(NoHead::Refused(response))
}

/// The response to a client for which there is no room.
pub fn busy_response() -> Vec<u8> {
    let sentence = "The server is busy. Try again in a second.\n";
    plain_response("503 Service Unavailable", &[("Retry-After", "1")], sentence)
}

/// A response of one sentence, after which TCP ends.
fn plain_response(status: &str, more: &[Field], sentence: &str) -> Vec<u8> {
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
