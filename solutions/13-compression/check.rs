//! The checks of step 13, run against the solution.
extern crate compression_solution as compression;
#[path = "../../tests/13_compression/main.rs"]
mod check;
