//! The checks of step 07, run against the solution.
extern crate messages_solution as messages;
#[path = "../../tests/07_messages.rs"]
mod check;
