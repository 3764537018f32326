//! Which request means what: files, a WebSocket at `/socket`, and the two halves of long polling at
//! `/events`.

use std::io::{self, Read};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use chat::client;
use chat::front::{bytes_of, parameter, read_head, send};
use chat::outbox::Outbox;
use handshake::head::{HeadBuffer, Limits, RequestHead, host_and_resource};
use handshake::opening::{self, OpeningHandshake};
use handshake::policy::Policy;
use handshake::refusal::Refusal as HandshakeRefusal;
use handshake::response;
use polling::body::read_limited;
use polling::routes::{Refusal, Reply, whole_number};

use crate::events::Events;
use crate::guests::Cursor;

/// The longest word that a session may have, in bytes.
const MAX_SESSION: usize = 64;

/// Answers the one request of a connection.
// ANCHOR: answer
pub(crate) fn answer(events: &Events, stream: &TcpStream, stop: &AtomicBool) -> io::Result<()> {
    let settings = &events.settings;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(settings.tick))?;
    let mut buffer = HeadBuffer::new(Limits::default());
    let head = match read_head(stream, &mut buffer, settings.request_within, stop)? {
        Ok(head) => head,
        Err(error) => return send(stream, &HandshakeRefusal::from(error).response()),
    };
    let target = host_and_resource(&head.target).map(|(_, resource)| resource);
    let (path, query) = target.map_or(("", ""), |it| it.split_once('?').unwrap_or((it, "")));
    let reply = match (path, head.method.as_str()) {
        ("/socket" | "", _) => return open_socket(events, stream, &head, query, buffer.rest()),
        ("/events", "GET") => poll(events, &head, query),
        ("/events", "POST") => post(events, stream, &head, query, buffer.rest()),
        ("/events", _) => Refusal::WrongMethod { allow: "GET, POST" }.into(),
        (_, "GET" | "HEAD") => file(events, path),
        _ => Refusal::WrongMethod { allow: "GET, HEAD" }.into(),
    };
    send(stream, &bytes_of(&reply, head.method != "HEAD"))
}
// ANCHOR_END: answer

fn file(events: &Events, path: &str) -> Reply {
    match events.files.get(path) {
        Some((kind, text)) => Reply::file(&format!("{kind}; charset=utf-8"), text),
        None => Refusal::NoSuchPath.into(),
    }
}

// ANCHOR: open_socket
fn open_socket(
    events: &Events,
    stream: &TcpStream,
    head: &RequestHead,
    query: &str,
    first: &[u8],
) -> io::Result<()> {
    let opening = match OpeningHandshake::read(head, &Policy::default()) {
        Ok(opening) => opening,
        Err(refusal) => return send(stream, &refusal.response()),
    };
    let Some((who, cursor)) = session(query) else {
        return send(stream, &bytes_of(&bad_session(), true));
    };
    // There must be room for all that is kept, in frames.
    let outbox = Arc::new(Outbox::new(2 * events.settings.max_kept + 4096));
    _ = outbox.push(response::switching_protocols(&opening).into());
    match events.join(who, cursor, &outbox) {
        Ok(socket) => client::run(
            stream,
            first,
            (events, socket),
            outbox,
            events.settings.client,
        ),
        Err(_) => send(stream, &bytes_of(&Refusal::Busy.into(), true)),
    }
}
// ANCHOR_END: open_socket

/// The half of long polling that hears.
fn poll(events: &Events, head: &RequestHead, query: &str) -> Reply {
    if let Err(reply) = check_origin(head) {
        return reply;
    }
    let Some((who, cursor)) = session(query) else {
        return bad_session();
    };
    match events.poll(who, cursor) {
        Ok(lines) => lines_of(&lines.join("\n")),
        Err(_) => Refusal::Busy.into(),
    }
}

/// The half of long polling that says.
fn post(
    events: &Events,
    stream: &TcpStream,
    head: &RequestHead,
    query: &str,
    first: &[u8],
) -> Reply {
    if let Err(reply) = check_origin(head) {
        return reply;
    }
    let Some((who, _)) = session(query) else {
        return bad_session();
    };
    match read_body(events, stream, head, first) {
        Ok(lines) => lines_of(&events.take(who, &lines)),
        Err(refusal) => refusal.into(),
    }
}

fn read_body(
    events: &Events,
    stream: &TcpStream,
    head: &RequestHead,
    first: &[u8],
) -> Result<String, Refusal> {
    let length = head.fields.only("Content-Length").and_then(whole_number);
    let length = length.ok_or(Refusal::BadLength)?;
    let deadline = Instant::now() + events.settings.request_within;
    let body = first.chain(Until { stream, deadline }).take(length);
    let bytes = read_limited(body, Some(length), events.settings.client.max_message)?;
    String::from_utf8(bytes).map_err(|error| Refusal::BadMessage(error.to_string()))
}

/// A stream that is read until a deadline.
struct Until<'a> {
    stream: &'a TcpStream,
    deadline: Instant,
}

impl Read for Until<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(buffer) {
                Err(error) if client::is_nothing(&error) && Instant::now() < self.deadline => {}
                other => return other,
            }
        }
    }
}

/// The session and the cursor in a query like `session=x7&of=41&after=3`.
fn session(query: &str) -> Option<(&str, Cursor)> {
    let who = parameter(query, "session")?;
    let harmless = |it: u8| it.is_ascii_alphanumeric() || it == b'-' || it == b'_';
    let is_word = (1..=MAX_SESSION).contains(&who.len()) && who.bytes().all(harmless);
    let number = |name| parameter(query, name).map_or(Some(0), whole_number);
    let cursor = Cursor {
        of: number("of")?,
        after: number("after")?,
    };
    is_word.then_some((who, cursor))
}

/// A page of another host may send requests here, too, and even read the answers to WebSockets. See step 04.
fn check_origin(head: &RequestHead) -> Result<(), Reply> {
    let host = opening::read_host(head).map_err(reply_of)?;
    let policy = Policy::default();
    opening::read_origin(head, host, &policy).map_err(reply_of)?;
    Ok(())
}

fn reply_of(refusal: HandshakeRefusal) -> Reply {
    Reply {
        status: refusal.status().0,
        headers: vec![("Content-Type", "text/plain; charset=utf-8".to_string())],
        body: format!("{}\n", refusal.sentence()),
    }
}

fn bad_session() -> Reply {
    Reply {
        status: 400,
        headers: vec![("Content-Type", "text/plain; charset=utf-8".to_string())],
        body:
            "A session is named by a word of letters and digits, like ?session=x7&of=41&after=3.\n"
                .into(),
    }
}

fn lines_of(lines: &str) -> Reply {
    Reply::file("text/plain; charset=utf-8", lines)
}
