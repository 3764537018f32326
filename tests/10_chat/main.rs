//! Step 10, `chat`: first its parts, each by itself; then one client on a real socket, in a room that only takes
//! notes; then the whole chat.
//!
//! The order of these modules is the order in which a learner fixes the checks. The blank lines keep rustfmt from
//! sorting them.

mod shared;

mod rate;

mod protocol;

mod outbox;

mod hub;

mod writer;

mod runner;

mod rig;

mod hears;

mod mixing;

mod client;

mod stuck;

mod http;

mod whole_chat;

mod server;
