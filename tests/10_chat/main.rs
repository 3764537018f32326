//! Step 10, `chat`: first its parts, each by itself; then one client on a real socket, in a room that only takes
//! notes; then the whole chat.
//!
//! The order of these modules is the order in which a learner fixes the checks.

mod shared;

mod protocol;

mod rate;

mod outbox;

mod hub;

mod client;

mod front;

mod room;

mod server;
