//! Step 12, `client`: first the parts that need no socket, then a client on a real socket, whose server is played by
//! the check.
//!
//! The order of these modules is the order in which a learner fixes the checks.

mod shared;

mod target;

mod opening;

mod random;

mod dial;

mod sockets;

mod backoff;

mod terminal;

mod editor;

mod chat;

mod program;

mod session;

#[cfg(unix)]
mod person;
