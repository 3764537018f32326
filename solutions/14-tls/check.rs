//! The checks of step 14, run against the solution.
extern crate tls_solution as tls;
#[path = "../../tests/14_tls/main.rs"]
mod check;
