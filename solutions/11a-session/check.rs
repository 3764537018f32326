//! The checks of step 11a, run against the solution.
extern crate session_solution as session;
#[path = "../../tests/11a_session.rs"]
mod check;
