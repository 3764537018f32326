//! One request in, one response out, on a real connection.

use std::io::Cursor;

use tiny_http::{Header, Request, Response};

use crate::body::{parse_message, read_limited};
use crate::history::NewMessage;
use crate::page;
use crate::routes::{Refusal, Reply, Route, route};

/// What a valid request about messages asks the server to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Return the messages after a cursor.
    News {
        /// The last id that the page has seen.
        after: u64,
    },
    /// Keep a new message.
    Post(NewMessage),
}

/// Answers one request: with a file of the page, with a refusal, or, if it is about messages, with
/// the reply that `reply_to` returns.
///
/// The body of a request may have at most `max_body` bytes.
pub fn answer(
    mut request: Request,
    html: &str,
    max_body: u64,
    reply_to: impl FnOnce(Action) -> Reply,
) {
    let mut body_length = 0;
    let reply = match route(request.method().as_str(), request.url()) {
        Ok(Route::Page) => Reply::file("text/html; charset=utf-8", html),
        Ok(Route::Script) => Reply::file("text/javascript; charset=utf-8", page::SCRIPT),
        Ok(Route::Style) => Reply::file("text/css; charset=utf-8", page::STYLE),
        Ok(Route::News { after }) => reply_to(Action::News { after }),
        Ok(Route::Post) => {
            let message = read_body(&mut request, max_body).and_then(|body| {
                body_length = body.len();
                parse_message(&body)
            });
            message.map_or_else(Reply::from, |message| reply_to(Action::Post(message)))
        }
        Err(refusal) => refusal.into(),
    };
    let request_bytes = head_length(&request) + body_length;
    // If the client has gone away, the answer can't be sent.
    _ = request.respond(response(reply, request_bytes));
}

fn read_body(request: &mut Request, max_body: u64) -> Result<Vec<u8>, Refusal> {
    // The doorkeeper has already refused a length that is given twice or isn't a number, and has closed the
    // connection: it can't know where the next request begins (RFC 9112 §6.3).
    let declared = request.body_length().map(|length| length as u64);
    read_limited(request.as_reader(), declared, max_body)
}

/// The length of the request's head in bytes: request line, header lines, empty line.
fn head_length(request: &Request) -> usize {
    let request_line = format!("{} {} HTTP/1.1\r\n", request.method(), request.url());
    let header_lines = request.headers().iter().map(|header| {
        let line = format!("{}: {}\r\n", header.field, header.value);
        line.len()
    });
    request_line.len() + header_lines.sum::<usize>() + "\r\n".len()
}

fn response(reply: Reply, request_bytes: usize) -> Response<Cursor<Vec<u8>>> {
    let always = [
        // The page adds this to the bytes that it can count itself.
        ("X-Request-Bytes", request_bytes.to_string()),
        ("Cache-Control", "no-store".to_string()),
        // A browser must not guess a type from the content.
        ("X-Content-Type-Options", "nosniff".to_string()),
    ];
    // One length instead of chunks, so that the page counts the bytes that were sent.
    let response = Response::from_string(reply.body)
        .with_status_code(reply.status)
        .with_chunked_threshold(usize::MAX);
    let headers = reply.headers.into_iter().chain(always);
    headers.fold(response, |response, (name, value)| {
        let header = Header::from_bytes(name, value).expect("our own header fields are valid");
        response.with_header(header)
    })
}
