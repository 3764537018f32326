//! The handshake on a real socket: a page at `/`, and a WebSocket at `/socket`.
//!
//! tiny_http reads the head and hands over the connection ([`Request::upgrade`]). It writes a 101 of
//! its own, with our fields in it. There are no frames yet: the server holds an open connection, and
//! ignores what arrives, until the client leaves.

use std::io::{Read, Write};

use tiny_http::{Header, Method, ReadWrite, Request, Response};

use crate::head::{Limits, RequestHead, host_and_resource};
use crate::opening::OpeningHandshake;
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::response;

/// Answers one request: the page, the handshake, or 404.
pub fn answer(request: Request, policy: &Policy, limits: Limits) {
    let resource = host_and_resource(request.url());
    let path = resource.and_then(|(_, resource)| resource.split('?').next());
    match (path, request.method()) {
        (Some("/"), Method::Get | Method::Head) => send_page(request),
        // The handshake refuses a target that has no path.
        (Some("/socket") | None, _) => open_socket(request, policy, limits),
        _ => {
            let sentence = "There is nothing here. The page is at /, the WebSocket at /socket\n";
            let response = Response::from_string(sentence).with_status_code(404);
            _ = request.respond(response);
        }
    }
}

fn open_socket(request: Request, policy: &Policy, limits: Limits) {
    let head = RequestHead::from_tiny_http(&request, limits).map_err(Refusal::from);
    let opening = head.and_then(|head| OpeningHandshake::read(&head, policy));
    match opening {
        Ok(_) if !can_upgrade(&request) => send_not_implemented(request),
        Ok(opening) => hold(switch_protocols(request, &opening)),
        // Not `respond`: tiny_http would leave out the fields `Upgrade` and `Connection`.
        Err(refusal) => send(request, &refusal.response()),
    }
}

fn switch_protocols(request: Request, opening: &OpeningHandshake) -> Box<dyn ReadWrite + Send> {
    let accept = opening.key.accept();
    let fields = response::fields(&accept, opening.subprotocol.as_deref());
    let mut response = Response::empty(101);
    for (name, value) in fields {
        response.add_header(Header::from_bytes(name, value).expect("our fields are ASCII"));
    }
    request.upgrade("websocket", response)
}

/// Reads and ignores everything until the client leaves. After a minute of silence the doorkeeper ends the
/// connection: without pings, which step 09 has, the server can't tell whether the client is still there.
fn hold(mut stream: Box<dyn ReadWrite + Send>) {
    let mut ignored = [0; 4096];
    while let Ok(1..) = stream.read(&mut ignored) {}
}

/// Whether tiny_http hands over the connection: it looks for `upgrade` only in the first `Connection`
/// field. If `upgrade` is in a later field, the handshake is right, but tiny_http can't serve it.
fn can_upgrade(request: &Request) -> bool {
    let mut fields = request.headers().iter();
    fields
        .find(|field| field.field.equiv("Connection"))
        .is_some_and(|field| {
            let value = field.value.as_str().to_ascii_lowercase();
            value.contains("upgrade")
        })
}

fn send_not_implemented(request: Request) {
    let sentence = "This server needs `Upgrade` in the first of several Connection fields.\n";
    _ = request.respond(Response::from_string(sentence).with_status_code(501));
}

/// Sends a response to the byte.
fn send(request: Request, response: &[u8]) {
    let mut writer = request.into_writer();
    // An error means that the client is gone, so nothing is left to do.
    _ = writer.write_all(response).and_then(|()| writer.flush());
}

fn send_page(request: Request) {
    let html = Header::from_bytes("Content-Type", "text/html; charset=utf-8");
    let page = Response::from_string(include_str!("page.html"));
    _ = request.respond(page.with_header(html.expect("a valid field")));
}
