//! A running HTTP server: one port, one function that answers.
//!
//! tiny_http reads each request, and your function answers it on a thread of its own, so that a slow client
//! keeps no other waiting. No client meets tiny_http itself, which a bad request can end: `workshop/doorkeeper`
//! stands in front of it, and says why. You build such a door yourself in step 09.

pub use doorkeeper::Server;
