//! The checks of step 05, run against the solution.
extern crate frame_header_solution as frame_header;
#[path = "../../tests/05_frame_header.rs"]
mod check;
