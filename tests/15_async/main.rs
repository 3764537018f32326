//! Step 15, `async`: first what may be dropped at any moment, then one client in virtual time, then requests, and at
//! last a server with real sockets.
//!
//! The order of these modules is the order in which a learner fixes the checks.

mod shared;

mod mailbox;

mod unwritten;

mod client;

mod time;

mod closing;

mod http;

mod exchange;

mod server;

mod look;

mod whole_chat;
