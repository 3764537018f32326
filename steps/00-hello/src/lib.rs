//! A server that says hello.
//!
//! This step is about reading a red check; the code is small on purpose. What it says is decided
//! here, how it gets to a browser in [`server`], which every later server of the workshop uses.

pub mod server;

use tiny_http::{Request, Response};

/// What the server says.
pub fn greeting() -> &'static str {
    // Task: fix the one bit that is wrong.
    "hello, WebSocket\n"
}

/// Answers one request: the greeting at `/`, 404 anywhere else.
pub fn answer(request: Request) {
    let response = match request.url() {
        "/" => Response::from_string(greeting()),
        _ => Response::from_string("There is nothing here. Try /\n").with_status_code(404),
    };
    // Where the client has gone away there is nobody left to tell.
    _ = request.respond(response);
}
