//! The parts of the `cargo workshop` command.

pub mod author;
pub mod backup;
pub mod book;
pub mod browser;
pub mod chapter;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod compare;
pub mod doctor;
pub mod inspect;
pub mod judge;
pub mod play;
pub mod probe;
pub mod process;
pub mod progress;
pub mod project;
pub mod screen;
pub mod signals;
pub mod solution;
pub mod starter;
pub mod tap;
pub mod text;
pub mod verdict;
pub mod watch;
pub mod watcher;
