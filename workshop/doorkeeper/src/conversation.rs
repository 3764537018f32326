//! One connection: request after request, and their responses.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
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
/// How long a client that has got its last response may keep the connection open.
const LINGER: Duration = Duration::from_secs(1);

/// How long the rest of a body may take once the response is complete. By then, nothing reads it.
const BODY_AFTER_RESPONSE: Duration = Duration::from_millis(100);

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

/// Whether the connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Next,
    Close,
}

/// Why there is no head to answer.
enum NoHead {
    /// The client has closed the connection or has sent nothing, or the server has closed it.
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
        self.client.set_write_timeout(Some(WRITE_WITHIN))?;
        let connection = self.connection;
        loop {
            match connection.while_waiting(|| self.read_head()) {
                Ok(head) => {
                    if self.answer(&head)? == Then::Close {
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

    fn answer(&mut self, head: &Head) -> io::Result<Then> {
        let Some(_seat) = Seat::take(&self.shared.busy, self.shared.max_busy) else {
            return self.refuse(Refusal::BUSY, !head.is_head);
        };
        let Ok(inner) = self.way_to_tiny_http() else {
            return self.refuse(Refusal::BUSY, !head.is_head);
        };
        match self.exchange(&inner, head)? {
            Some(Then::Next) => {
                self.inner = Some(inner);
                Ok(Then::Next)
            }
            Some(Then::Close) => Ok(Then::Close),
            None => self.refuse(Refusal::UNANSWERED, !head.is_head),
        }
    }

    /// The connection that the last request used, or a new one if that tiny_http has died.
    fn way_to_tiny_http(&mut self) -> io::Result<TcpStream> {
        let address = self.shared.inner.address();
        let kept = self.inner.take();
        let still_good = kept.filter(|inner| inner.peer_addr().is_ok_and(|it| it == address));
        still_good.map_or_else(|| self.shared.inner.open(), Ok)
    }

    /// Passes a request on, and its response back. Returns `None` if there is no response.
    fn exchange(&mut self, mut inner: &TcpStream, head: &Head) -> io::Result<Option<Then>> {
        if inner.write_all(&head.bytes).is_err() {
            return Ok(None);
        }
        let mut body = match head.is_upgrade {
            true => Extent::UntilClose,
            false => head.body.clone(),
        };
        let passed = pass_piece(&self.early, inner, &mut body).inspect_err(|_| end(inner));
        self.early
            .drain(..passed.as_ref().map_or(0, |count| *count));
        if body.is_over() || passed.is_err() {
            let response = pass_back(inner, self.client, head)?;
            let goes_on = head.keeps_alive && passed.is_ok();
            return Ok(response.map(|then| if goes_on { then } else { Then::Close }));
        }
        self.exchange_both_ways(inner, head, body)
    }

    /// Gives each direction a thread, because the response may come before the rest of the body.
    fn exchange_both_ways(
        &mut self,
        inner: &TcpStream,
        head: &Head,
        mut body: Extent,
    ) -> io::Result<Option<Then>> {
        let client = self.client;
        let deadline = (!head.is_upgrade).then(|| Instant::now() + BODY_WITHIN);
        let (done, is_done) = mpsc::channel();
        let response = thread::scope(|scope| {
            thread::Builder::new().spawn_scoped(scope, move || {
                match pass_on(client, inner, &mut body, deadline) {
                    Ok(rest) => _ = done.send(rest),
                    Err(_) => end(inner),
                }
            })?;
            let response = pass_back(inner, client, head);
            if head.keeps_alive
                && let Ok(rest) = is_done.recv_timeout(BODY_AFTER_RESPONSE)
            {
                self.early = rest;
                return response;
            }
            // Nothing reads the rest of the body, so there is no point in waiting for it.
            _ = client.shutdown(Shutdown::Read);
            _ = inner.shutdown(Shutdown::Both);
            Ok(response?.map(|_| Then::Close))
        })?;
        Ok(response)
    }

    fn refuse(&mut self, refusal: Refusal, with_body: bool) -> io::Result<Then> {
        let mut client = self.client;
        client.write_all(&refusal.response(with_body))?;
        Ok(Then::Close)
    }

    /// Tells the client that nothing more will come, and waits a moment for the client to do the same. If a
    /// socket is closed while bytes are unread, TCP resets the connection, and the response may be lost.
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
    let count = body.take(bytes).map_err(|_| ErrorKind::InvalidData)?;
    inner.write_all(&bytes[..count])?;
    Ok(count)
}

/// Passes on a body until it is over, or until the deadline. Returns the bytes that came after it. Without a
/// deadline, gives up when nothing has come for as long as a connection may be idle.
fn pass_on(
    client: &TcpStream,
    inner: &TcpStream,
    body: &mut Extent,
    deadline: Option<Instant>,
) -> io::Result<Vec<u8>> {
    let mut piece = Vec::new();
    while !body.is_over() {
        piece.clear();
        let deadline = deadline.unwrap_or_else(|| Instant::now() + IDLE);
        if read_until(client, &mut piece, deadline)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let count = pass_piece(&piece, inner, body)?;
        piece.drain(..count);
    }
    Ok(piece)
}

/// Tells tiny_http that no more of this body will come.
fn end(inner: &TcpStream) {
    _ = inner.shutdown(Shutdown::Write);
}

/// Passes back one response, and the interim ones that come before it (RFC 9110 §15.2). Returns `None` if
/// there is no response.
fn pass_back(inner: &TcpStream, mut client: &TcpStream, head: &Head) -> io::Result<Option<Then>> {
    let mut bytes = Vec::new();
    loop {
        let Some((length, status, mut body)) = read_response_head(inner, &mut bytes, head.is_head)
        else {
            return Ok(None);
        };
        if matches!(status, 100 | 102..200) {
            client.write_all(&bytes[..length])?;
            bytes.drain(..length);
            continue;
        }
        let mut belongs = length + take(&mut body, &bytes[length..])?;
        loop {
            client.write_all(&bytes[..belongs])?;
            if body.is_over() {
                return Ok(Some(Then::Next));
            }
            bytes.clear();
            if read_piece(inner, &mut bytes)? == 0 {
                return Ok(Some(Then::Close));
            }
            belongs = take(&mut body, &bytes)?;
        }
    }
}

fn take(body: &mut Extent, bytes: &[u8]) -> io::Result<usize> {
    let taken = body.take(bytes);
    taken.map_err(|_| ErrorKind::InvalidData.into())
}

/// Reads a response's head. Returns its length, the status, and the extent of the body (RFC 9112 §6.3).
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

/// Appends the bytes of one read, and returns their number.
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

/// Unix and Windows report a timeout by different errors.
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
