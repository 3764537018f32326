//! The checks of step 06, run against the solution.
extern crate frames_solution as frames;
#[path = "../../tests/06_frames.rs"]
mod check;
