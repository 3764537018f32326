//! The checks of step 15, run against the solution.
extern crate async_chat_solution as async_chat;
#[path = "../../tests/15_async/main.rs"]
mod check;
