//! The parts of the `cargo workshop` command.

pub mod backup;
pub mod book;
pub mod browser;
pub mod cargo;
pub mod changes;
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
pub mod supervisor;
pub mod tool;
pub mod verdict_text;
pub mod waiting;
pub mod watch;

pub use workshop_terminal::{process, screen, signals, text};
