//! The checks of step 03, run against the solution.
extern crate accept_key_solution as accept_key;
#[path = "../../tests/03_accept_key.rs"]
mod check;
