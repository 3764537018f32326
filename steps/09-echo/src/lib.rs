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
//! | [`server`] | pages and WebSockets on one port, by tiny_http | §4.2 |
//! | [`ticks`] | wakes a read that waits, where the stream has no timeout of its own | |
//! | [`tap`] | draws what went over the wire, for the page | §5.2 |

pub mod deadlines;
pub mod driver;
pub mod echo;
pub mod server;
pub mod tap;
pub mod ticks;

pub use deadlines::{Deadlines, Due, Patience};
pub use driver::Driver;
pub use server::{Server, Settings};
