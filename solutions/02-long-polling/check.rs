//! The checks of step 02, run against the solution.
extern crate long_polling_solution as long_polling;
#[path = "../../tests/02_long_polling.rs"]
mod check;
