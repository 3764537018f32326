//! Sessions: what two sides have said to each other, whichever transport carried it.
//!
//! ```text
//!   page                                                server
//!     │                                                    │
//!  Session ── numbered lines, kept until confirmed ──── Session
//!     │                                                    │
//!     └────────── values that go out of date ──────────── Latest
//! ```
//!
//! | module | what it is for |
//! |---|---|
//! | [`packet`] | what goes over a transport, whichever it is |
//! | [`session`] | what survives when a transport dies: the numbers |
//! | [`latest`] | values that go out of date |
//! | [`script`] | two sides with a transport between them that dies, and the transcript of it |
//!
//! Nothing in this step does I/O. Step 11b puts WebSockets and requests under it.

pub mod latest;
pub mod packet;
pub mod script;
pub mod session;

pub use latest::Latest;
pub use packet::Packet;
pub use session::{Gap, Overrun, Session};
