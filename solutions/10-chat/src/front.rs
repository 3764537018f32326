//! What a new connection wants: the page, one of two lists, or a WebSocket.
//!
//! Every connection carries one request. An answer that is no 101 says `Connection: close`: so nobody has
//! to know where a second request would begin.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use handshake::head::{HeadBuffer, HeadError, RequestHead, host_and_resource};
use handshake::opening::OpeningHandshake;
use handshake::policy::Policy;
use handshake::refusal::Refusal as HandshakeRefusal;
use handshake::response;
use polling::routes::{Refusal, Reply, whole_number};

use crate::client::{self, is_nothing};
use crate::hub::{Hub, Visitor};
use crate::outbox::Outbox;
use crate::server::Shared;

/// The longest time for which a client that got an answer may keep the connection open.
const LINGER: Duration = Duration::from_secs(1);

/// Answers the one request of a connection. Where it opens a WebSocket, this lasts as long as that does.
///
/// # Errors
/// TCP has failed, the head didn't come in time, or no thread can be started.
// ANCHOR: answer
pub fn answer(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(shared.settings.tick))?;
    stream.set_write_timeout(Some(shared.settings.patience.close_within))?;
    let mut buffer = HeadBuffer::new(shared.settings.head);
    let head = match read_head(stream, &mut buffer, shared)? {
        Ok(head) => head,
        Err(error) => return send(stream, &HandshakeRefusal::from(error).response()),
    };
    let target = host_and_resource(&head.target).map(|(_, resource)| resource);
    let (path, query) = target.map_or(("", ""), |it| it.split_once('?').unwrap_or((it, "")));
    match (path, head.method.as_str()) {
        // A target that has no path is for the handshake to refuse.
        ("/socket" | "", _) => open_socket(stream, &head, query, buffer.rest(), shared),
        (_, "GET") => send(stream, &bytes_of(&get(path, query, &shared.hub), true)),
        (_, "HEAD") => send(stream, &bytes_of(&get(path, query, &shared.hub), false)),
        _ => {
            let refusal = Refusal::WrongMethod { allow: "GET, HEAD" };
            send(stream, &bytes_of(&refusal.into(), true))
        }
    }
}
// ANCHOR_END: answer

/// Tells a client that there is no room for it.
///
/// # Errors
/// TCP has failed.
pub fn refuse(stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(LINGER))?;
    send(stream, &bytes_of(&Refusal::Busy.into(), true))
}

/// Reads until the head is complete. It has to be within its deadline as a whole: a client that sends
/// one byte now and then gains nothing by it.
// ANCHOR: read_head
fn read_head(
    mut stream: &TcpStream,
    buffer: &mut HeadBuffer,
    shared: &Shared,
) -> io::Result<Result<RequestHead, HeadError>> {
    let deadline = Instant::now() + shared.settings.head_within;
    let mut piece = [0; 1024];
    while Instant::now() < deadline && !shared.stop.load(Ordering::Relaxed) {
        let count = match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if is_nothing(&error) => continue,
            Err(error) => return Err(error),
        };
        match buffer.push(&piece[..count]) {
            Ok(true) => return Ok(RequestHead::parse(buffer)),
            Ok(false) => {}
            Err(error) => return Ok(Err(error)),
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}
// ANCHOR_END: read_head

/// What there is to get.
// ANCHOR: get
fn get(path: &str, query: &str, hub: &Hub) -> Reply {
    match path {
        "/" => Reply::file("text/html; charset=utf-8", include_str!("page/index.html")),
        "/chat.js" => script(include_str!("page/chat.js")),
        "/frames.js" => script(include_str!("page/frames.js")),
        "/chat.css" => Reply::file("text/css; charset=utf-8", include_str!("page/chat.css")),
        "/people" => Reply::json(200, &hub.people()),
        "/messages" => match after(query) {
            Some(after) => Reply::json(200, &hub.messages(after)),
            None => Refusal::BadCursor.into(),
        },
        _ => Refusal::NoSuchPath.into(),
    }
}
// ANCHOR_END: get

fn script(text: &str) -> Reply {
    Reply::file("text/javascript; charset=utf-8", text)
}

// ANCHOR: open_socket
fn open_socket(
    stream: &TcpStream,
    head: &RequestHead,
    query: &str,
    first: &[u8],
    shared: &Shared,
) -> io::Result<()> {
    let opening = match OpeningHandshake::read(head, &Policy::default()) {
        Ok(opening) => opening,
        Err(refusal) => return send(stream, &refusal.response()),
    };
    let Some(after) = after(query) else {
        return send(stream, &bytes_of(&Refusal::BadCursor.into(), true));
    };
    let tab = parameter(query, "tab").map(str::to_string);
    // The 101 is the first thing that waits, and only the writer writes.
    let outbox = Arc::new(Outbox::new(shared.settings.max_waiting));
    _ = outbox.push(response::switching_protocols(&opening).into());
    match shared.hub.join(Visitor { after, tab }, &outbox) {
        Some(id) => client::run(stream, first, (&shared.hub, id), outbox, &shared.settings),
        None => send(stream, &bytes_of(&Refusal::Busy.into(), true)),
    }
}
// ANCHOR_END: open_socket

/// The cursor in a query like `after=3&tab=x7`; 0 where there is none, `None` where it is no number.
fn after(query: &str) -> Option<u64> {
    parameter(query, "after").map_or(Some(0), whole_number)
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut parameters = query.split('&').filter_map(|it| it.split_once('='));
    parameters.find_map(|(it, value)| (it == name).then_some(value))
}

/// A reply as it goes over the wire.
// ANCHOR: bytes_of
pub fn bytes_of(reply: &Reply, with_body: bool) -> Vec<u8> {
    let length = reply.body.len().to_string();
    let mut fields = vec![
        ("Content-Length", length.as_str()),
        ("Connection", "close"),
        ("Cache-Control", "no-store"),
        // Text is text, whatever a browser thinks that it looks like.
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
// ANCHOR_END: bytes_of

/// Sends a whole answer, and then waits a moment for the client to close TCP: what is still unread when
/// a socket is closed makes the system reset the connection, and the answer may be lost by that.
// ANCHOR: send
fn send(mut stream: &TcpStream, answer: &[u8]) -> io::Result<()> {
    stream.write_all(answer)?;
    stream.shutdown(Shutdown::Write)?;
    let deadline = Instant::now() + LINGER;
    let mut ignored = [0; 4096];
    while Instant::now() < deadline {
        match stream.read(&mut ignored) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if is_nothing(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
// ANCHOR_END: send
