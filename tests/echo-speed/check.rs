//! The checks of step 09 on a real socket, run against the echo of step 17.
//!
//! These belong to step 09 alone, so they don't run here:
//!
//! - `deadlines` and `driver` have no socket. The deadlines of step 17 are those of step 09; instead of the driver, it
//!   has a readiness loop.
//! - `visit` shows the 101 as tiny_http writes it. Step 17 writes its own; it is in the transcript of step 17's
//!   `an_echo_on_a_real_socket`.
//! - `subprotocols` and `page`: the page of step 17 measures, and asks for no drawings.
//! - `door` is about requests that tiny_http can't handle. Without tiny_http, step 17 answers a request with a body as if
//!   it had none, and 404 to a target that isn't ASCII, as the chat of step 10 does.
extern crate echo_solution as echo;

#[path = "../09_echo/shared.rs"]
mod shared;

mod server;

#[path = "../09_echo/sockets.rs"]
mod sockets;

#[path = "../09_echo/limits.rs"]
mod limits;

#[path = "../09_echo/ends.rs"]
mod ends;

#[path = "../09_echo/program.rs"]
mod program;
