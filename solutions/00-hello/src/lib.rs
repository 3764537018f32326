//! A server that says hello.
//!
//! This step is about reading a red check, so the code is small on purpose. This file decides what
//! the server says; [`server`], which every later server of the workshop uses, sends it.

pub mod server;

use tiny_http::{Request, Response};

/// Returns the server's greeting.
pub fn greeting() -> &'static str {
    // Task: fix the one bit that is wrong.
    // Starter: "hello, WebSocket\n"
    // ANCHOR: greeting
    "Hello, WebSocket\n"
    // ANCHOR_END: greeting
}

/// Answers one request: the greeting at `/`, 404 anywhere else.
// ANCHOR: answer
pub fn answer(request: Request) {
    let response = match request.url() {
        "/" => Response::from_string(greeting()),
        _ => Response::from_string("There is nothing here. Try /\n").with_status_code(404),
    };
    // If the client has gone away, the answer can't be sent.
    _ = request.respond(response);
}
// ANCHOR_END: answer
