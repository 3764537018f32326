//! The checks of step 01, run against the solution.
extern crate polling_solution as polling;
#[path = "../../tests/01_polling.rs"]
mod check;
