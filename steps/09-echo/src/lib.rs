//! An echo server: each message goes back to its sender, over a real socket (RFC 6455 §4.2, §5.5, §7).
//!
//! ```text
//!            ┌───────── Driver ─────────┐
//!   read ───▶│ feed, poll ─▶ answer     │
//!            │                 │        │
//!   write ◀──│ take_outgoing            │
//!            │                          │
//!   clock ──▶│ Deadlines: ping, close,  │
//!            │ end                      │
//!            └──────────────────────────┘
//! ```
//!
//! Your [`connection::Connection`] makes every decision. New is the driver, which calls it at the right times.
//!
//! | module | what it is for | RFC 6455 |
//! |---|---|---|
//! | [`deadlines`] | how long the server waits for a silent peer | §5.5.2, §7.1.1 |
//! | [`echo`] | the application: answers a message with itself | |
//! | [`stream`] | the bytes under a WebSocket: TCP, or TLS in a later step | |
//! | [`negotiation`] | how two endpoints agree on an extension | §9.1 |
//! | [`log`] | a line for each failed connection | §7.1.7 |
//! | [`tap`] | draws the frames of both directions, for the page | §5.2 |
//! | [`driver`] | moves bytes between a stream and a connection | §7.1 |
//! | [`door`] | the way in and the way out: heads, and the end of TCP | §7.1.1, §10.4 |
//! | [`http`] | the answer to a head, by tiny_http | §4.2.2 |
//! | [`server`] | pages and WebSockets on one port; a thread for each client | §4.2, §10.4 |
//! | [`program`] | the command line | |

pub mod deadlines;
pub mod door;
pub mod driver;
pub mod echo;
pub mod http;
pub mod log;
pub mod negotiation;
pub mod program;
pub mod server;
pub mod stream;
pub mod tap;

pub use deadlines::{Deadlines, Due, Patience};
pub use driver::Driver;
pub use log::Log;
pub use negotiation::{Agreed, Negotiation};
pub use server::{Server, Settings};
pub use stream::{Acceptor, Connector, Stream};
