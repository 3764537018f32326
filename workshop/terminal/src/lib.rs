//! The parts of a command that deal with a person at a terminal.
//!
//! | module | what it is for |
//! |---|---|
//! | [`command_line`] | reads a command line, runs what it asks for, ends with an exit code |
//! | [`text`] | text, wrapped, cut and printed |
//! | [`screen`] | the whole terminal, taken and given back |
//! | [`signals`] | Ctrl-C and the like |
//! | [`process`] | child processes that don't outlive this one |

pub mod command_line;
pub mod process;
pub mod screen;
pub mod signals;
pub mod text;
