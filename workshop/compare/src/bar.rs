//! Shows the progress of a measurement: as a bar in a terminal, and as a line for each rate anywhere else.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

const WIDTH: usize = 30;

/// A bar on stderr.
#[derive(Debug)]
pub struct Bar {
    is_terminal: bool,
    begin: Instant,
    all: Duration,
}

impl Bar {
    /// Begins a bar for something that takes this long.
    pub fn begin(all: Duration) -> Self {
        Self {
            is_terminal: io::stderr().is_terminal(),
            begin: Instant::now(),
            all,
        }
    }

    /// Prints a line about the part that begins now, unless there is a bar.
    pub fn say(&self, what: &str) {
        if !self.is_terminal {
            eprintln!("{what} …");
        }
    }

    /// Draws the bar, if there is one, as far as it is now.
    pub fn show(&self, what: &str) {
        if self.is_terminal {
            let line = line(self.begin.elapsed(), self.all, what);
            eprint!("\r{line}\x1b[K");
            _ = io::stderr().flush();
        }
    }

    /// Removes the bar.
    pub fn end(&self) {
        if self.is_terminal {
            eprint!("\r\x1b[K");
        }
    }
}

fn line(over: Duration, all: Duration, what: &str) -> String {
    let share = (over.as_secs_f64() / all.as_secs_f64()).min(1.0);
    let full = (share * WIDTH as f64) as usize;
    let bar = format!("{}{}", "█".repeat(full), "░".repeat(WIDTH - full));
    let seconds = over.min(all).as_secs();
    format!(
        "{bar} {seconds} s of {} s, {what}",
        all.as_secs_f64().ceil()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_grows_and_stays_within_a_line() {
        let at = |seconds| line(Duration::from_secs(seconds), Duration::from_secs(60), "now");
        assert_eq!(at(0), format!("{} 0 s of 60 s, now", "░".repeat(30)));
        assert_eq!(at(30).matches('█').count(), 15);
        assert_eq!(at(90), format!("{} 60 s of 60 s, now", "█".repeat(30)));
        assert!(at(90).chars().count() < 50);
    }
}
