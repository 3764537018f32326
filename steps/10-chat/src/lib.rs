//! A chat for many people at once, on one port, built on your own crates.
//!
//! ```text
//!  browser ── TCP ──▶ Server ─▶ Chat ──▶ the page, /messages, /people
//!                                │
//!                                └─ 101 ─▶ client ─▶ Hub ─▶ every Outbox
//! ```
//!
//! | module | what it is for | RFC 6455 |
//! |---|---|---|
//! | [`protocol`] | the messages between pages and the server | |
//! | [`visible`] | the visible part of a name | |
//! | [`rate`] | limits on how fast a client may send, and how much is delivered | |
//! | [`outbox`] | the pieces that wait to be written to one client | §5.4 |
//! | [`signal`] | wakes the writer of an outbox | |
//! | [`frame`] | the frames that the server sends, the same for all clients | §5.1 |
//! | [`hub`] | who is here, what was said, and who is told | §7.4 |
//! | [`client`] | one client: two threads on one socket | §5.5, §7.1.1 |
//! | [`chat`] | the page, two lists, and the WebSocket, on one port | §4.2 |
//! | [`http`] | requests and answers on a socket of our own | §4.2 |
//! | [`server`] | accepts connections, and stops | §7.1.1 |
//! | [`program`] | the command line | |

pub mod chat;
pub mod client;
pub mod frame;
pub mod http;
pub mod hub;
pub mod outbox;
pub mod program;
pub mod protocol;
pub mod rate;
pub mod server;
pub mod signal;
pub mod visible;

pub use chat::{Chat, Settings};
pub use hub::{Hub, Pace, Visitor};
pub use outbox::Outbox;
pub use server::Server;
