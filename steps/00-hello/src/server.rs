//! A running HTTP server: one port, one function that answers.
//!
//! tiny_http reads each request, and your function answers it on a thread of its own, so that a slow client
//! doesn't keep others waiting. A bad request can end tiny_http, so clients never talk to it directly: they talk to
//! `workshop/doorkeeper`, whose documentation says why. In step 09 you meet such a door in detail.

pub use doorkeeper::Server;
