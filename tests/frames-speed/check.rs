//! The checks of step 06, run against the decoder of step 17.
extern crate frames_solution as frames;
#[path = "../06_frames.rs"]
mod check;
