//! The checks of step 12, run against the solution.
extern crate client_solution as client;
#[path = "../../tests/12_client/main.rs"]
mod check;
