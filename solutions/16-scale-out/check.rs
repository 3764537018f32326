//! The checks of step 16, run against the solution.
extern crate scale_out_solution as scale_out;
#[path = "../../tests/16_scale_out/main.rs"]
mod check;
