//! The checks of step 04, run against the solution.
extern crate handshake_solution as handshake;
#[path = "../../tests/04_handshake.rs"]
mod check;
