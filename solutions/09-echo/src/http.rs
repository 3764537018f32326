//! The answer to a head: the page, the 101, or a refusal. tiny_http writes it.
//!
//! tiny_http reads heads without a limit, and the stream that its [`Request::upgrade`] returns can only
//! read and write. So it never meets a client. It listens on a port of its own, on loopback, gets heads
//! that the [`door`](crate::door) has checked, and the server passes on its answers. Only programs on
//! this machine can reach that port.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use doorkeeper::head::for_tiny_http;
use doorkeeper::inner::Inner;
use handshake::head::{HeadBuffer, Limits, RequestHead, ResponseHead, host_and_resource};
use handshake::opening::OpeningHandshake;
use handshake::policy::Policy;
use handshake::refusal::Refusal;
use tiny_http::{Header, Method, Request, Response};

use crate::negotiation::Negotiation;
use crate::tap;

/// How long tiny_http's answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A running tiny_http. It stops soon after this is dropped.
pub struct Http(Inner);

impl Http {
    /// Starts tiny_http on any free port of loopback.
    ///
    /// # Errors
    /// Returns the system's error if there is no free port or no thread.
    pub fn start(limits: Limits, extension: Option<Arc<dyn Negotiation>>) -> io::Result<Self> {
        let inner = Inner::start(move |request| answer(request, limits, extension.as_deref()))?;
        Ok(Self(inner))
    }

    /// Returns the address on which it listens now.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Returns the answer to a head, to the byte.
    ///
    /// # Errors
    /// Returns the system's error if tiny_http can't be reached, or doesn't answer in time.
    pub fn ask(&self, head: &[u8]) -> io::Result<Vec<u8>> {
        ask(self.0.open()?, head)
    }
}

// ANCHOR: ask
fn ask(mut stream: TcpStream, head: &[u8]) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.write_all(&for_tiny_http(head))?;
    // One head, one answer: after that tiny_http closes the connection.
    stream.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}
// ANCHOR_END: ask

/// Returns the head of an answer if its status is 101.
pub fn head_of_101(answer: &[u8]) -> Option<ResponseHead> {
    let mut head = HeadBuffer::new(Limits::default());
    head.push(answer).ok()?;
    let head = ResponseHead::parse(&head).ok()?;
    (head.status == 101).then_some(head)
}

/// Answers one request: the page, the handshake, or 404.
fn answer(request: Request, limits: Limits, extension: Option<&dyn Negotiation>) {
    let resource = host_and_resource(request.url());
    let path = resource.and_then(|(_, resource)| resource.split('?').next());
    match (path, request.method()) {
        (Some("/"), Method::Get | Method::Head) => send_page(request),
        // A target without a path: the handshake refuses it.
        (Some("/socket") | None, _) => shake_hands(request, limits, extension),
        _ => {
            let sentence = "There is nothing here. The page is at /, the WebSocket at /socket\n";
            let response = Response::from_string(sentence).with_status_code(404);
            _ = request.respond(response);
        }
    }
}

// ANCHOR: shake_hands
fn shake_hands(request: Request, limits: Limits, extension: Option<&dyn Negotiation>) {
    let policy = Policy {
        subprotocols: vec![tap::SUBPROTOCOL.to_string()],
        ..Policy::default()
    };
    let head = RequestHead::from_tiny_http(&request, limits).map_err(Refusal::from);
    match head.and_then(|head| OpeningHandshake::read(&head, &policy)) {
        Ok(mut opening) => {
            let agreed = extension.and_then(|extension| extension.choose(&opening.extensions));
            opening.chosen_extensions = agreed.map(|agreed| agreed.field);
            switch_protocols(request, &opening);
        }
        // Not `respond`: tiny_http would leave out the fields `Upgrade` and `Connection`.
        Err(refusal) => send(request, &refusal.response()),
    }
}

fn switch_protocols(request: Request, opening: &OpeningHandshake) {
    let accept = opening.key.accept();
    let mut response = Response::empty(101);
    for (name, value) in opening.fields(&accept) {
        response.add_header(Header::from_bytes(name, value).expect("our fields are ASCII"));
    }
    // The stream that comes back has no timeout. The socket, which has one, never left our hands.
    drop(request.upgrade("websocket", response));
}
// ANCHOR_END: shake_hands

/// Sends a response to the byte.
fn send(request: Request, response: &[u8]) {
    let mut writer = request.into_writer();
    // If this fails, the client has left, and there is nobody to tell.
    _ = writer.write_all(response).and_then(|()| writer.flush());
}

fn send_page(request: Request) {
    let html = Header::from_bytes("Content-Type", "text/html; charset=utf-8");
    let page = Response::from_string(include_str!("page.html"));
    _ = request.respond(page.with_header(html.expect("a valid field")));
}
