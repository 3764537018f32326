//! The side that connects: from a URL to a WebSocket that a program can use.
//!
//! ```text
//!   ws://example.org/socket
//!      │
//!   target       host, port and resource name
//!      │
//!   dial         each address of the host in turn ──▶ TCP
//!      │
//!   opening      the request goes out, its answer is checked; no socket in here
//!      │
//!   client       a thread reads, a thread writes; between them your step 08
//!      │
//!   your program: `send_text`, `close`, and a channel of events
//!      │
//!   backoff      if the connection is lost: when to try again
//! ```
//!
//! | module | what it is for | RFC 6455 |
//! |---|---|---|
//! | [`target`] | a URL: where to connect, and what to ask for | §3 |
//! | [`random`] | keys that can't be guessed | §4.1, §5.3, §10.3 |
//! | [`opening`] | the client's opening handshake, byte by byte | §4.1 |
//! | [`dial`] | a TCP connection to one of a name's addresses | §4.1 |
//! | [`turn`] | one connection to an address at a time is being opened | §4.1 |
//! | [`client`] | a connection on its socket | §6, §7 |
//! | [`backoff`] | how long to wait before the next try | §7.2.3 |
//! | [`terminal`], [`editor`] | what a person types and sees | |
//! | [`screen`] | the terminal, or the pipe | |
//! | [`chat`] | the JSON of step 10 | |
//! | [`program`] | the command line, and the program behind it | |

pub mod backoff;
pub mod chat;
pub mod client;
pub mod dial;
pub mod editor;
pub mod opening;
pub mod program;
pub mod random;
pub mod screen;
mod session;
pub mod target;
pub mod terminal;
pub mod turn;

pub use backoff::Backoff;
pub use client::{Client, ConnectError, Settings, connect, connect_with};
pub use opening::{Opened, Opening, OpeningError};
pub use target::{Target, TargetError};
