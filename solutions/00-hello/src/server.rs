//! A running HTTP server: one port, one function that answers.
//!
//! tiny_http accepts connections and reads the head of each request. Each request is then
//! answered on a thread of its own, so that one slow client keeps nobody waiting.

use std::io::{self, Write};
use std::mem;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tiny_http::{Header, Request, Response};

/// The longest body that a request may promise, in bytes. A server that wants less says so itself.
const MOST_PROMISED: usize = 64 * 1024 * 1024;

/// A running server. Dropping it stops it.
// ANCHOR: server
pub struct Server {
    http: Arc<tiny_http::Server>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts to answer the requests that come in on `listener`, up to `most` of them at a time.
    /// A request beyond that is answered with 503, one that promises a body of more than 64 MiB
    /// with 413.
    ///
    /// # Errors
    /// The listener can't be used: its address can't be read, or no thread can be started.
    pub fn start(
        listener: TcpListener,
        most: u64,
        answer: impl Fn(Request) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let http = tiny_http::Server::from_listener(listener, None).map_err(io::Error::other)?;
        let http = Arc::new(http);
        let accepting = thread::Builder::new().spawn({
            let http = Arc::clone(&http);
            move || answer_all(&http, most, Arc::new(answer))
        })?;
        Ok(Self {
            http,
            address,
            accepting: Some(accepting),
        })
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
// ANCHOR_END: server

// ANCHOR: answer_all
fn answer_all<Answer>(http: &tiny_http::Server, most: u64, answer: Arc<Answer>)
where
    Answer: Fn(Request) + Send + Sync + 'static,
{
    // Each thread that answers holds one clone of `answer`. So their number is known without
    // a counter, also when one of them panics.
    for request in http.incoming_requests() {
        if request.body_length() > Some(MOST_PROMISED) {
            refuse_unread(request);
            continue;
        }
        let busy = Arc::strong_count(&answer) as u64 - 1;
        if busy >= most {
            refuse(request);
            continue;
        }
        let answer = Arc::clone(&answer);
        thread::spawn(move || answer(request));
    }
}
// ANCHOR_END: answer_all

fn refuse(request: Request) {
    let sentence = "The server is busy. Try again in a second.\n";
    let retry = Header::from_bytes("Retry-After", "1").expect("a valid header");
    let response = Response::from_string(sentence).with_status_code(503);
    _ = request.respond(response.with_header(retry));
}

/// Answers a request whose body is too long to be thrown away, and keeps it for ever.
///
/// When a request is dropped, tiny_http 0.12 throws away the part of its body that nobody has
/// read. For that it reserves as much memory as the rest is long *by the client's word*: a promise
/// of a terabyte, of which not one byte need follow, ends the process. So such a request is never
/// dropped; it costs what an idle connection costs. The way to its connection is an upgrade, and
/// that needs a response of its own: an interim one, which clients skip (RFC 9110 §15.2).
fn refuse_unread(request: Request) {
    let sentence = "The body is longer than any server here takes.\n";
    let response = Response::from_string(sentence).with_status_code(413);
    let version = request.http_version().clone();
    let mut connection = request.upgrade("none", Response::empty(100));
    _ = response
        .raw_print(&mut connection, version, &[], false, None)
        .and_then(|()| connection.flush());
    mem::forget(connection);
}

impl Drop for Server {
    fn drop(&mut self) {
        self.http.unblock();
        if let Some(accepting) = self.accepting.take() {
            _ = accepting.join();
        }
    }
}
