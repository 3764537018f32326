//! The checks of step 08, run against the connection of step 17.
extern crate connection_solution as connection;
#[path = "../08_connection.rs"]
mod check;
