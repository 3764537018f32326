//! The checks of step 07, run against the messages of step 17.
extern crate messages_solution as messages;
#[path = "../07_messages.rs"]
mod check;
