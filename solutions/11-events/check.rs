//! The checks of step 11, run against the solution.
extern crate events_solution as events;
#[path = "../../tests/11_events.rs"]
mod check;
