//! Step 11b, `events`: first the whole without a socket, where a check says what every transport brings and when it
//! dies; then requests that are held; then transports that die anywhere; then real sockets.
//!
//! The order of these modules is the order in which a learner fixes the checks.

mod page;
mod scene;
mod shared;

mod transports;

mod handlers;

mod limits;

mod held;

mod deaths;

mod sockets;
