//! The checks of step 09, run against the solution.
extern crate echo_solution as echo;
#[path = "../../tests/09_echo/main.rs"]
mod check;
