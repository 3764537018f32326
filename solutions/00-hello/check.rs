//! The checks of step 00, run against the solution.
extern crate hello_solution as hello;
#[path = "../../tests/00_hello.rs"]
mod check;
