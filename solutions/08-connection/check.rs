//! The checks of step 08, run against the solution.
extern crate connection_solution as connection;
#[path = "../../tests/08_connection.rs"]
mod check;
