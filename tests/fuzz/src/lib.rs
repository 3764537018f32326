//! What must hold for any bytes, of steps 04 to 08 and 13: one function for each target of the fuzzer.
//!
//! They are plain functions, so that a seed or a finding can be tried without a fuzzer:
//! `cargo run -p fuzz -- try frame_decoder FILE`. With `--features steps` they judge your own steps.

#[cfg(not(feature = "steps"))]
extern crate solution_compression as compression;
#[cfg(not(feature = "steps"))]
extern crate solution_connection as connection;
#[cfg(not(feature = "steps"))]
extern crate solution_frame_header as frame_header;
#[cfg(not(feature = "steps"))]
extern crate solution_frames as frames;
#[cfg(not(feature = "steps"))]
extern crate solution_handshake as handshake;
#[cfg(not(feature = "steps"))]
extern crate solution_messages as messages;
#[cfg(feature = "steps")]
extern crate step_compression as compression;
#[cfg(feature = "steps")]
extern crate step_connection as connection;
#[cfg(feature = "steps")]
extern crate step_frame_header as frame_header;
#[cfg(feature = "steps")]
extern crate step_frames as frames;
#[cfg(feature = "steps")]
extern crate step_handshake as handshake;
#[cfg(feature = "steps")]
extern crate step_messages as messages;

pub mod input;
pub mod seeds;
pub mod targets;

/// A target's name and its function, which panics where something doesn't hold.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 8] = [
    ("head", targets::head::judge),
    ("frame_decoder", targets::frame_decoder::judge),
    ("messages", targets::messages::judge),
    ("connection", targets::connection::judge),
    ("differential", targets::differential::judge),
    ("inflater", targets::inflater::judge),
    ("extension", targets::extension::judge),
    ("round_trip", targets::round_trip::judge),
];
