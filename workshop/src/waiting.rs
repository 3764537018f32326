//! Says what is being done, and for how long, while a person waits: in a terminal one line that is rewritten each
//! second, elsewhere a plain line now and then.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossterm::cursor::MoveToColumn;
use crossterm::execute;
use crossterm::style::Print;
use crossterm::terminal::{self, Clear, ClearType};

use crate::cargo::{Activity, OnActivity};
use crate::text::cut;

/// How often a terminal's line is written.
const TICK: Duration = Duration::from_secs(1);
/// How often there is a plain line.
pub const PLAIN_TICK: Duration = Duration::from_secs(10);

/// An activity, in a few words.
pub fn in_words(activity: &Activity, time: Duration) -> String {
    let seconds = time.as_secs();
    let what = match activity {
        Activity::Waiting => "waiting for another cargo that is building here".to_string(),
        Activity::Building(None) => "building".to_string(),
        Activity::Building(Some(package)) => format!("building {package}"),
        Activity::Checking => "checking".to_string(),
    };
    format!("{what} ({seconds} s)")
}

/// Goes on saying it, on standard error, until it is dropped.
#[derive(Debug)]
pub struct Waiting {
    news: Sender<Option<Activity>>,
    thread: Option<JoinHandle<()>>,
}

impl Waiting {
    /// Says at once what is waited for (`00 hello`) and what is being done.
    pub fn start(what: &str, activity: Activity) -> Self {
        let (news, inbox) = mpsc::channel();
        let what = what.to_string();
        Self {
            news,
            thread: Some(thread::spawn(move || go_on(&what, activity, &inbox))),
        }
    }

    /// Hears what is being done.
    pub fn on_activity(&self) -> OnActivity {
        let news = self.news.clone();
        Arc::new(move |activity| _ = news.send(Some(activity)))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        _ = self.news.send(None);
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

fn go_on(what: &str, mut activity: Activity, inbox: &Receiver<Option<Activity>>) {
    let since = Instant::now();
    let is_terminal = io::stderr().is_terminal();
    let tick = if is_terminal { TICK } else { PLAIN_TICK };
    let mut next_line = since;
    loop {
        let left = next_line.saturating_duration_since(Instant::now());
        if left.is_zero() {
            show(&format!(
                "… {what}: {}",
                in_words(&activity, since.elapsed())
            ));
            next_line = Instant::now() + tick;
            continue;
        }
        match inbox.recv_timeout(left) {
            Ok(Some(next)) => {
                // That it waits for another cargo is worth a line of its own.
                if is_terminal || next == Activity::Waiting {
                    next_line = Instant::now();
                }
                activity = next;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Ok(None) | Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    if is_terminal {
        _ = execute!(
            io::stderr(),
            MoveToColumn(0),
            Clear(ClearType::UntilNewLine)
        );
    }
}

/// Writes the line: over the one before in a terminal, else below it.
fn show(line: &str) {
    let mut err = io::stderr().lock();
    // If nothing reads it, the work goes on all the same.
    _ = if err.is_terminal() {
        let width = terminal::size().map_or(80, |(width, _)| usize::from(width));
        let line = cut(line, width.saturating_sub(1));
        let line = Print(line);
        execute!(err, MoveToColumn(0), line, Clear(ClearType::UntilNewLine))
    } else {
        writeln!(err, "{line}")
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_what_is_waited_for_and_how_long() {
        let words = |activity| in_words(&activity, Duration::from_millis(12_900));
        assert_eq!(
            words(Activity::Waiting),
            "waiting for another cargo that is building here (12 s)"
        );
        assert_eq!(words(Activity::Building(None)), "building (12 s)");
        assert_eq!(
            words(Activity::Building(Some("sha1".to_string()))),
            "building sha1 (12 s)"
        );
        assert_eq!(words(Activity::Checking), "checking (12 s)");
    }
}
