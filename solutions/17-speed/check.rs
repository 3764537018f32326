//! The checks of step 17, run against the solution.
extern crate speed_solution as speed;
#[path = "../../tests/17_speed/main.rs"]
mod check;
