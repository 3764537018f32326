//! The interface of step 10 over the fast chat of step 17. Settings, outboxes and numbers of clients are those of step 10.
//!
//! The checks look into the room from outside, and send to it as clients without a socket. In step 10, any thread may
//! do that. The room of step 17 belongs to its one thread, so what they do is a job that waits for that thread.
//!
//! ```text
//! a check ── join, say, leave ──▶ jobs ──▶ Room: an App, and in it the Chat of step 17
//!         ◀─ an outbox, people ───────────┘
//! ```

pub mod hub;
pub mod program;
pub mod room;
pub mod server;

pub use hub::Hub;
pub use server::{Chat, Server};
pub use step_10::{Outbox, Pace, Settings, Visitor, client, outbox};
