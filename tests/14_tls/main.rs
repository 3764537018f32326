//! Step 14, `tls`: first what both sides agree on, then a stream on a real socket, then a server's port. The other side
//! is always played by the check.
//!
//! The order of these modules is the order in which a learner fixes the checks.

mod shared;

mod config;

mod negotiation;

mod connector;

mod stream;

mod threads;

mod plain;

mod acceptor;

mod certificates;

mod authority;

mod program;
