//! The chat of step 10 on tokio. The connection and the room stay as they are. What changes is that tasks wait, not
//! threads.
//!
//! ```text
//!  browser ── TCP ──▶ Server ─▶ exchange (hyper) ─▶ Site ──▶ the page, /messages, /people
//!                                   │
//!                                   └─ 101 ─▶ Client: one task, one select! ─▶ step 10's Hub
//! ```
//!
//! | module | what it is for |
//! |---|---|
//! | [`mailbox`] | step 10's outbox, for a task that waits |
//! | [`unwritten`] | what TCP hasn't taken yet |
//! | [`client`] | one client: one task, which waits for several things at once |
//! | [`http`] | hyper's requests and answers, and those of steps 04 and 10 |
//! | [`site`] | what is at which path, and who is welcome |
//! | [`exchange`] | the one request of a connection, and TCP taken back from hyper |
//! | [`server`] | accepts connections, and stops |
//! | [`look`] | what the runtime is doing |
//! | [`program`] | the command line |

pub mod client;
pub mod exchange;
pub mod http;
pub mod look;
pub mod mailbox;
pub mod program;
pub mod server;
pub mod site;
pub mod unwritten;

pub use client::Client;
pub use mailbox::Mailbox;
pub use server::Server;
pub use site::Site;
pub use unwritten::Unwritten;
