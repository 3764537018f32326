//! The parts of the `cargo workshop` command.

pub mod backup;
pub mod book;
pub mod browser;
pub mod chapter;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod compare;
pub mod doctor;
pub mod judge;
pub mod play;
pub mod progress;
pub mod project;
pub mod solution;
pub mod starter;
pub mod tool;
pub mod verdict;
pub mod waiting;
pub mod watch;
pub mod watcher;

pub use workshop_terminal::{process, screen, signals, text};
