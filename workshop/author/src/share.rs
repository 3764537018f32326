//! A share of the work, by turns: one in so many mistakes or steps. After as many commits, all of them have been tried.

use std::process::Command;

use workshop::project::Project;
use workshop::supervisor::{Stop, run_to_exit};

/// One in `of`: those whose place, counted from 0, leaves the remainder `turn`.
#[derive(Clone, Copy)]
pub struct Share {
    /// Less than `of`.
    turn: usize,
    of: usize,
}

impl Share {
    /// One in this many of these things. The number of commits decides whose turn it is.
    pub fn one_in(of: usize, things: &str, project: &Project) -> Self {
        let mut git = Command::new("git");
        git.current_dir(&project.root)
            .args(["rev-list", "--count", "HEAD"]);
        let output = run_to_exit(git, None, &Stop::default()).ok().flatten();
        let commits = output.and_then(|output| output.stdout.trim().parse::<usize>().ok());
        let turn = commits.unwrap_or_default() % of;
        println!("One in {of} {things} is tried: turn {} of {of}", turn + 1);
        Self { turn, of }
    }

    /// Returns whether it is the turn of what has this place, counted from 0.
    pub fn has_turn(self, place: usize) -> bool {
        place % self.of == self.turn
    }
}
