//! An echo server: what comes goes back, over a real socket (RFC 6455 §4.2, §5.5, §7).
//!
//! ```text
//!            ┌───────── Driver ─────────┐
//!   read ───▶│ receive ─▶ answer        │
//!            │              │           │
//!   write ◀──│ take_outgoing            │
//!            │                          │
//!   clock ──▶│ Deadlines: ping, close,  │
//!            │ end                      │
//!            └──────────────────────────┘
//! ```
//!
//! Everything that decides is your [`connection::Connection`]. What is new is who calls it, and when.
//!
//! | module | what it is for | RFC 6455 |
//! |---|---|---|
//! | [`echo`] | the application: answers a message with itself | |
//! | [`deadlines`] | how long a silent peer is waited for | §5.5.2, §7.1.1 |
//! | [`driver`] | moves bytes between a stream and a connection | §7.1 |
//! | [`server`] | pages and WebSockets on one port; a thread for each client | §4.2, §10.4 |
//! | [`door`] | the way in and the way out: heads, and the end of TCP | §7.1.1, §10.4 |
//! | [`http`] | what is answered to a head, by tiny_http | §4.2.2 |
//! | [`log`] | what went wrong | §7.1.7 |
//! | [`tap`] | draws what went over the wire, for the page | §5.2 |

pub mod deadlines;
pub mod door;
pub mod driver;
pub mod echo;
pub mod http;
pub mod log;
pub mod server;
pub mod tap;

pub use deadlines::{Deadlines, Due, Patience};
pub use driver::Driver;
pub use log::Log;
pub use server::{Server, Settings};
