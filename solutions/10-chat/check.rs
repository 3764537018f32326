//! The checks of step 10, run against the solution.
extern crate chat_solution as chat;
#[path = "../../tests/10_chat/main.rs"]
mod check;
