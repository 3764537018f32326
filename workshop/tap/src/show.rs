//! Lays entries out in the lines of a terminal.
//!
//! ```text
//!    0.003 #1 client → text, FIN, 5 bytes, masked with 37 fa 21 3d: "Hello"
//!    0.004 #1 ← server text, FIN, 5 bytes: "Hello"
//! ```

use std::time::Duration;

use crossterm::style::Stylize;
use workshop_terminal::text::{columns, fold, sanitize};
use workshop_wire::side::Side;

use crate::entry::{Entry, Note};

/// How wide and colourful the lines are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The number of columns.
    pub width: usize,
    /// Whether there are colours.
    pub has_colours: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            width: 80,
            has_colours: false,
        }
    }
}

impl Layout {
    /// The lines of an entry, from this time and connection.
    pub fn lines(&self, at: Duration, connection: u64, entry: &Entry) -> Vec<String> {
        let who = match entry.from {
            Some(Side::Client) => "client →",
            Some(Side::Server) => "← server",
            None => "tap     ",
        };
        let when = format!("{:8.3} #{connection}", at.as_secs_f64());
        let indent = columns(&when) + 1 + columns(who) + 1;
        let room = self.width.saturating_sub(indent).max(20);
        let mut lines = Vec::new();
        let mut below = Vec::new();
        let title = sanitize(&entry.title).replace('\n', " ");
        let content = entry.content.as_ref();
        let beside = content.map(|content| format!("{title}: {}", content.line(usize::MAX)));
        match beside.filter(|line| columns(line) <= room) {
            Some(line) => lines.push(line),
            None => {
                lines.extend(fold(&title, room));
                let lines = content.map_or(1, |content| content.lines);
                let text = content.map(|content| content.line(room * lines - lines));
                below.extend(text.iter().flat_map(|text| fold(text, room)));
            }
        }
        let first = lines.remove(0);
        let mut all = vec![format!(
            "{when} {} {first}",
            self.in_colour(entry.from, who)
        )];
        let margin = " ".repeat(indent);
        all.extend(
            lines
                .iter()
                .chain(&below)
                .map(|line| format!("{margin}{line}")),
        );
        for note in &entry.notes {
            match note {
                Note::Drawing(drawing) => all.extend(drawing.lines().map(str::to_string)),
                Note::Plain(text) => {
                    let lines = fold(&sanitize(text).replace('\n', " "), room);
                    all.extend(lines.iter().map(|line| format!("{margin}{line}")));
                }
                Note::Fault(text) => {
                    let lines = fold(&format!("✗ {}", sanitize(text).replace('\n', " ")), room);
                    all.extend(
                        lines
                            .iter()
                            .map(|line| format!("{margin}{}", self.red(line))),
                    );
                }
            }
        }
        all.iter().map(|line| line.trim_end().to_string()).collect()
    }

    fn in_colour(&self, from: Option<Side>, who: &str) -> String {
        match (self.has_colours, from) {
            (true, Some(Side::Client)) => who.dark_cyan().to_string(),
            (true, Some(Side::Server)) => who.dark_magenta().to_string(),
            _ => who.to_string(),
        }
    }

    fn red(&self, line: &str) -> String {
        if self.has_colours {
            line.red().to_string()
        } else {
            line.to_string()
        }
    }
}
