//! The checks of step 10 on real sockets, run against the chat of step 17.
//!
//! These belong to step 10 alone, so they don't run here:
//!
//! - `rate`, `protocol`, `outbox` and `hub` have no socket. The chat of step 17 uses those parts of step 10 as they are.
//! - `writer`, `mixing` and `stuck` are about the two threads of a client. Step 17 has no writer, and doesn't read a
//!   client while answers wait for it: TCP tells the client to slow down. A room that takes its time holds up everyone.
extern crate chat_solution as chat;

#[allow(dead_code, reason = "other parts of step 10 use more of it")]
#[path = "../10_chat/shared.rs"]
mod shared;

mod runner;

#[path = "../10_chat/rig.rs"]
mod rig;

#[path = "../10_chat/hears.rs"]
mod hears;

#[path = "../10_chat/client.rs"]
mod client;

#[path = "../10_chat/http.rs"]
mod http;

#[path = "../10_chat/whole_chat.rs"]
mod whole_chat;

#[path = "../10_chat/server.rs"]
mod server;
