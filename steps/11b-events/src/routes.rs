//! Requests and their answers: files, a WebSocket at `/socket`, and the two halves of long polling at `/events`.
//!
#![doc = include_str!("wire.md")]

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use chat::client::{self, Room};
use chat::http::{encode_reply, parameter, read_head, refusal_reply, send_and_linger};
use chat::outbox::Outbox;
use connection::NoExtension;
use echo::Stream;
use handshake::head::{HeadBuffer, Limits, RequestHead, host_and_resource};
use handshake::opening::{self, OpeningHandshake};
use handshake::policy::Policy;
use polling::body::read_limited;
use polling::routes::{Refusal, Reply, whole_number};

use crate::events::Events;
use crate::guest::{Cursor, GuestId};

/// The longest token that a session may have, in bytes.
const MAX_TOKEN: usize = 64;

/// Answers the one request of a connection.
pub(crate) fn answer(events: &Events, stream: &dyn Stream, stop: &AtomicBool) -> io::Result<()> {
    let settings = &events.settings;
    stream.tcp().set_nodelay(true)?;
    stream.set_read_timeout(Some(settings.tick))?;
    let mut buffer = HeadBuffer::new(Limits::default());
    let head = match read_head(stream, &mut buffer, settings.request_within, stop)? {
        Ok(head) => head,
        Err(error) => {
            return send_and_linger(stream, &encode_reply(&refusal_reply(&error.into()), true));
        }
    };
    let target = host_and_resource(&head.target).map(|(_, resource)| resource);
    let (path, query) = target.map_or(("", ""), |it| it.split_once('?').unwrap_or((it, "")));
    let reply = match (path, head.method.as_str()) {
        ("/socket" | "", _) => return open_socket(events, stream, &head, query, buffer.rest()),
        ("/events", "GET") => poll(events, &head, query),
        ("/events", "POST") => {
            let (first, deadline) = (buffer.rest(), Instant::now() + settings.request_within);
            let body = Body {
                first,
                stream,
                deadline,
                stop,
            };
            post(events, &head, query, body)
        }
        ("/events", _) => Refusal::WrongMethod { allow: "GET, POST" }.into(),
        (_, "GET" | "HEAD") => file(events, path),
        _ => Refusal::WrongMethod { allow: "GET, HEAD" }.into(),
    };
    send_and_linger(stream, &encode_reply(&reply, head.method != "HEAD"))
}

fn file(events: &Events, path: &str) -> Reply {
    match events.files.get(path) {
        Some((kind, text)) => Reply::file(&format!("{kind}; charset=utf-8"), text),
        None => text(404, "There is nothing here.\n"),
    }
}

fn open_socket(
    events: &Events,
    mut stream: &dyn Stream,
    head: &RequestHead,
    query: &str,
    first: &[u8],
) -> io::Result<()> {
    let opening = match OpeningHandshake::read(head, &Policy::default()) {
        Ok(opening) => opening,
        Err(refusal) => {
            let with_body = head.method != "HEAD";
            return send_and_linger(stream, &encode_reply(&refusal_reply(&refusal), with_body));
        }
    };
    let Some((token, cursor)) = session(query) else {
        return send_and_linger(stream, &encode_reply(&bad_session(), true));
    };
    let outbox = Arc::new(Outbox::new(events.settings.max_outbox_bytes()));
    let Ok(socket) = events.join(token, cursor, &outbox) else {
        return send_and_linger(stream, &encode_reply(&Refusal::Busy.into(), true));
    };
    // No thread empties the outbox yet, so the 101 is the first thing that the client gets.
    if let Err(error) = stream.write_all(&opening.response()) {
        events.leave(socket);
        return Err(error);
    }
    let limits = events.settings.client;
    let extension = Box::new(NoExtension::default());
    client::run(stream, first, (events, socket), outbox, limits, extension)
}

/// Answers a GET, by which a page without a WebSocket hears.
fn poll(events: &Events, head: &RequestHead, query: &str) -> Reply {
    if let Err(reply) = check_origin(head) {
        return reply;
    }
    let Some((token, cursor)) = session(query) else {
        return bad_session();
    };
    match events.poll(token, cursor) {
        Ok(lines) => text(200, &lines),
        Err(_) => Refusal::Busy.into(),
    }
}

/// Answers a POST, by which a page without a WebSocket says something.
fn post(events: &Events, head: &RequestHead, query: &str, body: Body) -> Reply {
    if let Err(reply) = check_origin(head) {
        return reply;
    }
    let Some((token, cursor)) = session(query) else {
        return bad_session();
    };
    let known = cursor.map(|cursor| cursor.session);
    match read_body(events, head, body) {
        Ok(lines) => text(200, &events.post(token, known, &lines)),
        Err(refusal) => refusal.into(),
    }
}

fn read_body(events: &Events, head: &RequestHead, body: Body) -> Result<String, Refusal> {
    // A body in chunks has no length. Browsers send none.
    let is_plain = head.fields.values("Transfer-Encoding").is_empty();
    let length = head.fields.only("Content-Length").and_then(whole_number);
    let length = length.filter(|_| is_plain).ok_or(Refusal::BadLength)?;
    let max = events.settings.client.max_message;
    let bytes = read_limited(body.take(length), Some(length), max)?;
    // Bytes that aren't text aren't a packet either, and the answer says so.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The body that follows a head. It has a deadline as a whole.
struct Body<'a> {
    first: &'a [u8],
    stream: &'a dyn Stream,
    deadline: Instant,
    stop: &'a AtomicBool,
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.first.is_empty() {
            return self.first.read(buffer);
        }
        while Instant::now() < self.deadline && !self.stop.load(Ordering::Relaxed) {
            match self.stream.read(buffer) {
                Err(error) if client::is_transient(&error) => {}
                other => return other,
            }
        }
        Err(ErrorKind::TimedOut.into())
    }
}

/// Reads the session's token and the cursor in a query like `session=x7&of=41&after=3`. A client that knows no session
/// leaves `of` out, or says 0.
fn session(query: &str) -> Option<(&str, Option<Cursor>)> {
    let token = parameter(query, "session")?;
    let harmless = |it: u8| it.is_ascii_alphanumeric() || it == b'-' || it == b'_';
    let is_token = (1..=MAX_TOKEN).contains(&token.len()) && token.bytes().all(harmless);
    let number = |name| parameter(query, name).map_or(Some(0), whole_number);
    let (of, after) = (number("of")?, number("after")?);
    let cursor = (of > 0).then_some(Cursor {
        session: GuestId(of),
        after,
    });
    is_token.then_some((token, cursor))
}

/// Refuses requests from pages of other hosts. Such a page may send requests here, and even read what a WebSocket
/// brings. See step 04.
fn check_origin(head: &RequestHead) -> Result<(), Reply> {
    // What a page asks for as a picture has no `Origin`. On https, and on your own machine, browsers say this.
    if head.fields.only("Sec-Fetch-Site") == Some("cross-site") {
        return Err(text(403, "This is not for pages of other sites.\n"));
    }
    let host = opening::read_host(head).map_err(|broken| refusal_reply(&broken))?;
    let policy = Policy::default();
    opening::read_origin(head, host, &policy).map_err(|broken| refusal_reply(&broken))?;
    Ok(())
}

fn bad_session() -> Reply {
    let sentence =
        "A session is named by a word of letters and digits, like ?session=x7&of=41&after=3.";
    text(400, &format!("{sentence}\n"))
}

fn text(status: u16, text: &str) -> Reply {
    Reply {
        status,
        ..Reply::file("text/plain; charset=utf-8", text)
    }
}
