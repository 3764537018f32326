//! The checks of step 10 on real sockets, run against the chat of step 17.
//!
//! The hub, the outboxes, the rates and the protocol of step 17 are those of step 10, so their checks needn't run
//! again. Those of `client` drive the two threads of one client, which step 17 doesn't have.
extern crate chat_solution as chat;

#[allow(dead_code, reason = "other parts of step 10 use more of it")]
#[path = "../10_chat/shared.rs"]
mod shared;

#[path = "../10_chat/http.rs"]
mod http;

#[path = "../10_chat/whole_chat.rs"]
mod whole_chat;

#[path = "../10_chat/server.rs"]
mod server;
