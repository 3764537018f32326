//! The checks of step 05, run against the headers of step 17.
//!
//! Of what they are about, step 17 does two things in its own way: it decodes short masked headers, and encodes the
//! headers of messages that a server sends. The rest is that of step 05.
extern crate frame_header_solution as frame_header;
#[path = "../05_frame_header.rs"]
mod check;
