//! One request in, one response out, on a real connection.

use std::io::Cursor;

use tiny_http::{Header, Request, Response};

use crate::body::{parse_message, read_limited};
use crate::history::NewMessage;
use crate::page;
use crate::routes::{Refusal, Reply, Route, route};

/// What a request wants to know or to say, once it has been understood.
#[derive(Debug, PartialEq, Eq)]
pub enum Ask {
    /// What is new after this cursor?
    News {
        /// The last id that the page has seen.
        after: u64,
    },
    /// Here is a new message.
    Post(NewMessage),
}

/// Answers one request: the page with the page, a refusal with its sentence, and what asks about
/// messages with what `reply_to` makes of it.
///
/// The body of a request may have `max_body` bytes.
// ANCHOR: answer
pub fn answer(
    mut request: Request,
    html: &str,
    max_body: u64,
    reply_to: impl FnOnce(Ask) -> Reply,
) {
    let mut body_length = 0;
    let reply = match route(request.method().as_str(), request.url()) {
        Ok(Route::Page) => Reply::file("text/html; charset=utf-8", html),
        Ok(Route::Script) => Reply::file("text/javascript; charset=utf-8", page::SCRIPT),
        Ok(Route::Style) => Reply::file("text/css; charset=utf-8", page::STYLE),
        Ok(Route::News { after }) => reply_to(Ask::News { after }),
        Ok(Route::Post) => {
            let message = read_body(&mut request, max_body).and_then(|body| {
                body_length = body.len();
                parse_message(&body)
            });
            message.map_or_else(Reply::from, |message| reply_to(Ask::Post(message)))
        }
        Err(refusal) => refusal.into(),
    };
    let request_bytes = head_length(&request) + body_length;
    // Where the client has gone away there is nobody left to tell.
    _ = request.respond(response(reply, request_bytes));
}
// ANCHOR_END: answer

fn read_body(request: &mut Request, max_body: u64) -> Result<Vec<u8>, Refusal> {
    // A length that is given twice, or is not a number, has been refused already, and the connection closed:
    // it would be anyone's guess where the next request begins (RFC 9112 §6.3).
    let declared = request.body_length().map(|length| length as u64);
    read_limited(request.as_reader(), declared, max_body)
}

/// How many bytes the head of the request had: the request line, the header lines, an empty line.
// ANCHOR: head_length
fn head_length(request: &Request) -> usize {
    let request_line = format!("{} {} HTTP/1.1\r\n", request.method(), request.url());
    let header_lines = request.headers().iter().map(|header| {
        let line = format!("{}: {}\r\n", header.field, header.value);
        line.len()
    });
    request_line.len() + header_lines.sum::<usize>() + "\r\n".len()
}
// ANCHOR_END: head_length

fn response(reply: Reply, request_bytes: usize) -> Response<Cursor<Vec<u8>>> {
    let always = [
        // The page adds this to what it can count itself.
        ("X-Request-Bytes", request_bytes.to_string()),
        ("Cache-Control", "no-store".to_string()),
        // Text is text, whatever a browser thinks that it looks like.
        ("X-Content-Type-Options", "nosniff".to_string()),
    ];
    // One length instead of chunks: what the page counts is then what was sent.
    let response = Response::from_string(reply.body)
        .with_status_code(reply.status)
        .with_chunked_threshold(usize::MAX);
    let headers = reply.headers.into_iter().chain(always);
    headers.fold(response, |response, (name, value)| {
        let header = Header::from_bytes(name, value).expect("our own header fields are valid");
        response.with_header(header)
    })
}
