//! The parts of the `cargo workshop` command.

pub mod author;
pub mod judge;
pub mod project;
pub mod starter;
