//! The checks of step 11b, run against the solution.
extern crate events_solution as events;
#[path = "../../tests/11b_events/main.rs"]
mod check;
