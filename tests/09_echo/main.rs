//! Step 09, `echo`: first a driver on a stream that follows a script, then a server on a real socket.
//!
//! The order of these modules is the order in which a learner fixes the checks. The blank lines keep rustfmt from
//! sorting them.

mod shared;

mod server;

mod deadlines;

mod driver;

mod visit;

mod sockets;

mod subprotocols;

mod limits;

mod door;

mod ends;

mod page;

mod program;
