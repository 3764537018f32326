//! One connection: request after request, and their responses.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::connections::Connection;
use crate::extent::{Chunks, Extent};
use crate::head::{Head, MAX_HEAD, end_of};
use crate::refusal::Refusal;
use crate::server::Shared;

/// How long a connection may be idle: between requests, before the first, or after an upgrade.
const IDLE: Duration = Duration::from_secs(60);
/// How long a head may take, from its first byte to its last.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// How long a body may take.
const BODY_WITHIN: Duration = Duration::from_secs(60);
/// How long a write may wait for a client that reads nothing.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// How long a client may take for a whole response, from its first byte to its last.
const RESPONSE_WITHIN: Duration = Duration::from_secs(60);
/// How long a client that has got its last response may keep the connection open.
const LINGER: Duration = Duration::from_secs(1);

/// How long a body may still take when its response is complete. The rest of a longer one is dropped.
const BODY_AFTER_RESPONSE: Duration = Duration::from_millis(100);
/// How often a thread that passes on a body checks whether the body is still needed.
const CHECK_AGAIN: Duration = Duration::from_millis(50);

/// The most that one read takes, in bytes.
const PIECE: usize = 16 * 1024;
/// The longest head of a response, in bytes.
const MAX_RESPONSE_HEAD: usize = 64 * 1024;

/// A client's connection, with its own connection to tiny_http.
pub struct Conversation<'a> {
    client: &'a TcpStream,
    connection: &'a Connection,
    shared: &'a Shared,
    /// Opened for the first request.
    inner: Option<TcpStream>,
    /// Bytes that have been read and belong to the next request.
    early: Vec<u8>,
}

/// The connection's future after a request: it goes on, or it closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    GoesOn,
    Closes,
}

/// Why there is no head to answer.
enum NoHead {
    /// The client has left or never said a word, or the server has closed the connection.
    Gone,
    Refused(Refusal),
}

impl<'a> Conversation<'a> {
    pub fn new(client: &'a TcpStream, connection: &'a Connection, shared: &'a Shared) -> Self {
        Self {
            client,
            connection,
            shared,
            inner: None,
            early: Vec::new(),
        }
    }

    /// Answers requests until the connection ends.
    pub fn run(mut self) -> io::Result<()> {
        self.client.set_nodelay(true)?;
        let connection = self.connection;
        loop {
            match connection.while_waiting(|| self.read_head()) {
                Ok(head) => {
                    if self.answer(&head)? == Outcome::Closes {
                        break;
                    }
                }
                Err(NoHead::Gone) => return Ok(()),
                Err(NoHead::Refused(refusal)) => {
                    self.refuse(refusal, true)?;
                    break;
                }
            }
        }
        self.linger();
        Ok(())
    }

    fn read_head(&mut self) -> Result<Head, NoHead> {
        let mut deadline = Instant::now() + IDLE;
        let mut has_begun = false;
        let mut searched = 0;
        loop {
            if searched == 0 {
                // Empty lines before a request are skipped (RFC 9112 §2.2).
                let empty = self.early.iter().take_while(|byte| b"\r\n".contains(byte));
                self.early.drain(..empty.count());
            }
            if !has_begun && !self.early.is_empty() {
                has_begun = true;
                deadline = Instant::now() + HEAD_WITHIN;
            }
            let end = end_of(&self.early, searched);
            searched = self.early.len();
            if end.unwrap_or(self.early.len()) > MAX_HEAD {
                return Err(NoHead::Refused(Refusal::HEAD_TOO_LONG));
            }
            if let Some(end) = end {
                let rest = self.early.split_off(end);
                let head = std::mem::replace(&mut self.early, rest);
                return Head::read(&head).map_err(NoHead::Refused);
            }
            match read_until(self.client, &mut self.early, deadline) {
                Ok(1..) => {}
                Err(error) if is_timeout(&error) && has_begun => {
                    return Err(NoHead::Refused(Refusal::TOO_SLOW));
                }
                Ok(0) | Err(_) => return Err(NoHead::Gone),
            }
        }
    }

    fn answer(&mut self, head: &Head) -> io::Result<Outcome> {
        let Some(_seat) = Seat::take(&self.shared.busy, self.shared.max_busy) else {
            return self.refuse(Refusal::BUSY, !head.is_head);
        };
        let Ok(inner) = self.way_to_tiny_http() else {
            return self.refuse(Refusal::BUSY, !head.is_head);
        };
        match self.exchange(&inner, head)? {
            Some(Outcome::GoesOn) => {
                // Chunks may have been left unread there.
                let can_be_kept = !matches!(head.body, Extent::Chunked(_));
                self.inner = can_be_kept.then_some(inner);
                Ok(Outcome::GoesOn)
            }
            Some(Outcome::Closes) => Ok(Outcome::Closes),
            None => self.refuse(Refusal::UNANSWERED, !head.is_head),
        }
    }

    /// Returns the connection that the last request used, or opens one if there is none to a tiny_http that is
    /// still alive.
    fn way_to_tiny_http(&mut self) -> io::Result<TcpStream> {
        let address = self.shared.inner.address();
        let kept = self.inner.take();
        let still_good = kept.filter(|inner| inner.peer_addr().is_ok_and(|it| it == address));
        still_good.map_or_else(|| self.shared.inner.open(), Ok)
    }

    /// Passes a request on, and its response back. Returns `None` if there is no response.
    fn exchange(&mut self, mut inner: &TcpStream, head: &Head) -> io::Result<Option<Outcome>> {
        if inner.write_all(&head.bytes).is_err() {
            return Ok(None);
        }
        let mut body = if head.is_upgrade {
            Extent::UntilClose
        } else {
            head.body.clone()
        };
        let passed = pass_piece(&self.early, inner, &mut body).inspect_err(|_| end_body(inner));
        self.early
            .drain(..passed.as_ref().map_or(0, |count| *count));
        if body.is_over() || passed.is_err() {
            let response = pass_back(inner, self.client, head)?;
            return self.conclude(response, head, passed.is_ok());
        }
        self.exchange_both_ways(inner, head, body)
    }

    /// Does the same in both directions at once, because the response may come before the rest of the body.
    fn exchange_both_ways(
        &mut self,
        inner: &TcpStream,
        head: &Head,
        mut body: Extent,
    ) -> io::Result<Option<Outcome>> {
        let client = self.client;
        let deadline = (!head.is_upgrade).then(|| Instant::now() + BODY_WITHIN);
        let (done, is_done) = mpsc::channel();
        let is_needed = AtomicBool::new(true);
        let (response, passed) = thread::scope(|scope| {
            let is_needed = &is_needed;
            thread::Builder::new().spawn_scoped(scope, move || {
                let passed = pass_on(client, inner, &mut body, deadline, is_needed);
                let is_cut_short = passed.is_err();
                _ = done.send(passed);
                if is_cut_short {
                    end_body(inner);
                }
            })?;
            let response = pass_back(inner, client, head);
            let keeps_alive = head.keeps_alive && response.is_ok();
            let patience = keeps_alive.then_some(BODY_AFTER_RESPONSE);
            let passed = is_done.recv_timeout(patience.unwrap_or_default());
            if passed.is_err() {
                // The client may go on sending, so its side of the connection stays open: see `linger`.
                is_needed.store(false, Ordering::Relaxed);
                _ = inner.shutdown(Shutdown::Both);
            }
            io::Result::Ok((response?, passed))
        })?;
        match passed {
            Ok(passed) => {
                let is_whole = passed.is_ok();
                self.early = passed.unwrap_or_default();
                self.conclude(response, head, is_whole)
            }
            Err(_) => Ok(response.map(|_| Outcome::Closes)),
        }
    }

    /// Decides whether the connection goes on after a response, or after the lack of one.
    fn conclude(
        &self,
        response: Option<Outcome>,
        head: &Head,
        is_body_whole: bool,
    ) -> io::Result<Option<Outcome>> {
        match response {
            None if !is_body_whole => self.refuse(Refusal::BODY, !head.is_head).map(Some),
            Some(_) if !(is_body_whole && head.keeps_alive) => Ok(Some(Outcome::Closes)),
            response => Ok(response),
        }
    }

    fn refuse(&self, refusal: Refusal, with_body: bool) -> io::Result<Outcome> {
        write_until(self.client, &refusal.response(with_body), None)?;
        Ok(Outcome::Closes)
    }

    /// Closes our direction, and waits a moment for the client to close the other one. If a socket is closed
    /// while bytes are unread, TCP resets the connection, and the response may be lost.
    fn linger(&mut self) {
        _ = self.client.shutdown(Shutdown::Write);
        let deadline = Instant::now() + LINGER;
        self.early.clear();
        while let Ok(1..) = read_until(self.client, &mut self.early, deadline) {
            self.early.clear();
        }
    }
}

/// Passes on as many of these bytes as belong to the body, and returns their number.
fn pass_piece(bytes: &[u8], mut inner: &TcpStream, body: &mut Extent) -> io::Result<usize> {
    let is_chunked = matches!(body, Extent::Chunked(_));
    let mut passed = Vec::new();
    let count = body.take_content(bytes, |content| {
        if is_chunked {
            write_chunks(content, &mut passed)
        } else {
            passed.extend_from_slice(content)
        }
    });
    if is_chunked && body.is_over() {
        passed.extend_from_slice(b"0\r\n\r\n");
    }
    inner.write_all(&passed)?;
    count.map_err(|_| ErrorKind::InvalidData.into())
}

/// tiny_http doesn't skip the chunks that an answer leaves unread: it takes them for the next request. So
/// none holds as much as the shortest request line that it accepts (`a  HTTP/1.1`), nor anything else of the
/// client's than content: the next request is then a bad one.
const MAX_CHUNK: usize = 10;

fn write_chunks(content: &[u8], passed: &mut Vec<u8>) {
    for chunk in content.chunks(MAX_CHUNK) {
        passed.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        passed.extend_from_slice(chunk);
        passed.extend_from_slice(b"\r\n");
    }
}

/// Passes on a body until it is over or no longer needed. Returns what came after it. Without a deadline, it
/// fails when nothing has come for as long as a connection may be idle.
fn pass_on(
    client: &TcpStream,
    inner: &TcpStream,
    body: &mut Extent,
    deadline: Option<Instant>,
    is_needed: &AtomicBool,
) -> io::Result<Vec<u8>> {
    let mut last_heard = Instant::now();
    let mut piece = Vec::new();
    while !body.is_over() && is_needed.load(Ordering::Relaxed) {
        if Instant::now() >= deadline.unwrap_or(last_heard + IDLE) {
            return Err(ErrorKind::TimedOut.into());
        }
        piece.clear();
        // Not every system ends a read when another thread shuts the socket down.
        match read_until(client, &mut piece, Instant::now() + CHECK_AGAIN) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => last_heard = Instant::now(),
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(error),
        }
        let count = pass_piece(&piece, inner, body)?;
        piece.drain(..count);
    }
    Ok(piece)
}

/// Tells tiny_http that no more of this body will come.
fn end_body(inner: &TcpStream) {
    _ = inner.shutdown(Shutdown::Write);
}

/// Passes back one response, and the interim ones that precede it (RFC 9110 §15.2). Returns `None` if
/// there is no response.
fn pass_back(inner: &TcpStream, client: &TcpStream, head: &Head) -> io::Result<Option<Outcome>> {
    let mut bytes = Vec::new();
    loop {
        let Some((length, status, mut body)) = read_response_head(inner, &mut bytes, head.is_head)
        else {
            return Ok(None);
        };
        if matches!(status, 100 | 102..200) {
            write_until(client, &bytes[..length], None)?;
            bytes.drain(..length);
            continue;
        }
        let mut belongs = length + take(&mut body, &bytes[length..])?;
        let deadline = (status != 101).then(|| Instant::now() + RESPONSE_WITHIN);
        loop {
            write_until(client, &bytes[..belongs], deadline)?;
            if body.is_over() {
                return Ok(Some(Outcome::GoesOn));
            }
            bytes.clear();
            if read_piece(inner, &mut bytes)? == 0 {
                return Ok(Some(Outcome::Closes));
            }
            belongs = take(&mut body, &bytes)?;
        }
    }
}

fn take(body: &mut Extent, bytes: &[u8]) -> io::Result<usize> {
    let taken = body.take(bytes);
    taken.map_err(|_| ErrorKind::InvalidData.into())
}

/// Returns the length of a response's head, its status, and how its body ends (RFC 9112 §6.3).
fn read_response_head(
    inner: &TcpStream,
    bytes: &mut Vec<u8>,
    is_to_head: bool,
) -> Option<(usize, u16, Extent)> {
    loop {
        let mut room = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut room);
        if let httparse::Status::Complete(length) = response.parse(bytes).ok()? {
            let status = response.code?;
            let field = |name: &str| {
                let mut fields = response.headers.iter();
                let field = fields.find(|field| field.name.eq_ignore_ascii_case(name))?;
                std::str::from_utf8(field.value).ok()
            };
            let length_field = field("Content-Length").and_then(|it| it.parse().ok());
            let body = match (status, length_field) {
                (101, _) => Extent::UntilClose,
                (100..200 | 204 | 304, _) => Extent::NONE,
                _ if is_to_head => Extent::NONE,
                _ if field("Transfer-Encoding").is_some() => Extent::Chunked(Chunks::default()),
                (_, Some(length)) => Extent::Length(length),
                _ => Extent::UntilClose,
            };
            return Some((length, status, body));
        }
        if bytes.len() > MAX_RESPONSE_HEAD || read_piece(inner, bytes).ok()? == 0 {
            return None;
        }
    }
}

/// Appends what one read brings, and returns how many bytes that is: 0 at the end of the stream.
fn read_piece(mut stream: &TcpStream, bytes: &mut Vec<u8>) -> io::Result<usize> {
    let mut piece = [0; PIECE];
    loop {
        match stream.read(&mut piece) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => {
                bytes.extend_from_slice(&piece[..*read.as_ref().unwrap_or(&0)]);
                return read;
            }
        }
    }
}

/// The same, until a deadline.
fn read_until(stream: &TcpStream, bytes: &mut Vec<u8>, deadline: Instant) -> io::Result<usize> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    stream.set_read_timeout(Some(left))?;
    read_piece(stream, bytes)
}

/// Writes all bytes. Fails if the client takes none of them for [`WRITE_WITHIN`], or not all of them by the
/// deadline.
fn write_until(
    mut client: &TcpStream,
    mut bytes: &[u8],
    deadline: Option<Instant>,
) -> io::Result<()> {
    while !bytes.is_empty() {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let left = left.unwrap_or(WRITE_WITHIN).min(WRITE_WITHIN);
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        client.set_write_timeout(Some(left))?;
        match client.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A timeout is `WouldBlock` on Unix and `TimedOut` on Windows.
fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// A place among the requests that are being answered. Dropping it frees the place.
struct Seat<'a>(&'a AtomicU64);

impl<'a> Seat<'a> {
    fn take(busy: &'a AtomicU64, most: u64) -> Option<Self> {
        let seat = Self(busy);
        let others = busy.fetch_add(1, Ordering::Relaxed);
        (others < most).then_some(seat)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_client_that_reads_slowly_does_not_hold_up_a_response_for_ever() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut slow = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (client, _) = listener.accept().unwrap();
        thread::spawn(move || {
            let mut piece = vec![0; PIECE];
            while let Ok(1..) = slow.read(&mut piece) {
                thread::sleep(Duration::from_millis(20));
            }
        });
        let deadline = Instant::now() + Duration::from_millis(300);
        let response = vec![0; 64 * 1024 * 1024];
        let (written, result) = mpsc::channel();
        thread::spawn(move || written.send(write_until(&client, &response, Some(deadline))));
        let result = result.recv_timeout(Duration::from_secs(5)).expect("an end");
        assert!(is_timeout(&result.unwrap_err()));
    }
}
