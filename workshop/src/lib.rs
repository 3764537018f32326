//! The runner: what `cargo workshop` does by itself.
//!
//! ```text
//!  an editor saves steps/05-frame-header/src/lib.rs
//!      │
//!      ▼
//!   changes     a file was saved
//!      │
//!      ▼
//!    watch      whose checks run, which step is shown       ◀── keys, the book, a game
//!      │
//!      ▼
//!    judge ───▶ cargo        builds the step and its checks
//!      │ ╰────▶ supervisor   runs them, until they end or take too much
//!      │            │
//!      │            ▼
//!      │        a check's report, on its stdout
//!      ▼
//!   verdict     each check: right, wrong, not written yet
//!      │
//!      ├──────▶ progress     passed steps, kept in .workshop/
//!      ▼
//!  watch::view  lines of text
//!      │
//!      ▼
//!    screen     writes the lines that have changed
//! ```
//!
//! `cargo workshop check` takes the same way from [`judge`] on, and prints [`verdict_text`].
//!
//! | module | what it is for |
//! |---|---|
//! | [`cli`] | the command line |
//! | [`watch`] | `cargo workshop` alone: the loop between keys, saves, checks and the screen |
//! | [`commands`] | `list`, `check`, `hint`, `solution`, `skip`, `reset`, `restore` |
//! | [`play`] | `play`: builds a step's program and runs it |
//! | [`doctor`] | `doctor`: what this machine lacks |
//! | [`compare`] | `compare`: reads its options, then starts the tool |
//! | [`tool`] | builds the packages beside this one, and starts them: `inspect`, `probe`, `tap`, `author` |
//! | *judging* | |
//! | [`changes`] | tells when a file is saved |
//! | [`judge`] | a step's verdict |
//! | [`check_file`] | which checks a step has, and in which order |
//! | [`cargo`] | calls cargo, and reads what it says |
//! | [`supervisor`] | runs a program within limits of time and memory |
//! | [`verdict_text`] | a verdict, in words |
//! | *what is on the disk* | |
//! | [`project`] | the workshop's folder and its steps |
//! | [`starter`] | makes a step out of its solution |
//! | [`solution`] | shows the solution of a step |
//! | [`progress`] | which steps are passed or skipped, and which hints were seen |
//! | [`backup`] | keeps a learner's files before they are replaced |
//! | [`clock`] | the time, in the names of backups |
//! | *the book* | |
//! | [`book`] | builds it in the background, serves it, reloads its pages |
//! | [`chapter`] | the hints in a chapter, and a chapter as plain text |
//! | [`browser`] | opens an address |
//! | *the terminal* | |
//! | [`waiting`] | says what takes so long |
//! | [`text`], [`screen`], [`signals`], [`process`] | the package `workshop-terminal`, which the tools use too |

pub mod backup;
pub mod book;
pub mod browser;
pub mod cargo;
pub mod changes;
pub mod chapter;
pub mod check_file;
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

#[cfg(test)]
mod tests {
    #[test]
    fn every_module_is_in_the_table() {
        let text = include_str!("lib.rs");
        let modules = text
            .lines()
            .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
        for module in modules {
            assert!(text.contains(&format!("[`{module}`]")), "{module}");
        }
    }
}
