//! An HTTP server that nothing kills: tiny_http, with a doorkeeper in front of it.
//!
//! ```text
//!             doorkeeper                               tiny_http, on loopback
//!   client ─▶ a whole head, within limits ─ request ─▶ your `answer`, on a thread of its own
//!     ▲                                                    │
//!     └──────────────────── response ──────────────────────┘
//! ```
//!
//! tiny_http 0.12 reads a head without a limit or a deadline, and hangs up on a byte that isn't ASCII.
//! A failed accept, a thread that can't be started, or a `TE` field that it can't sort ends it for good.
//! So no client talks to it directly. It gets requests that have been checked, over connections inside
//! the machine, and its responses are passed on unchanged. Nothing here is part of a task; in step 09
//! you build a door like this one.
//!
//! | module | what it is for |
//! |---|---|
//! | [`server`] | accepts connections, limits their number, and stops |
//! | `connections` | the open connections, and which of them can be closed |
//! | `conversation` | one connection: request after request, and their responses |
//! | [`head`] | the head of a request: checks it, and makes it fit for tiny_http |
//! | `extent` | where a message ends: by its length, by its last chunk, or with the connection |
//! | [`inner`] | runs tiny_http, and starts a successor when it dies |
//! | `refusal` | responses to requests that don't reach tiny_http |

mod connections;
mod conversation;
mod extent;
pub mod head;
pub mod inner;
mod refusal;
pub mod server;

pub use server::Server;
