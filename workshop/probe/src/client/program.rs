//! The client that is judged: a program that is started again for each connection, or one that a person starts.

use std::cell::Cell;
use std::fmt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use workshop_terminal::process::Running;
use workshop_terminal::text::say;

use super::POLL;

/// What a command may have in the place of the address.
const URL: &str = "{url}";

/// The longest that a program may take to connect. It may be compiled first.
const START: Duration = Duration::from_secs(60);

/// The longest that a person may take.
const A_WORKING_DAY: Duration = Duration::from_secs(8 * 60 * 60);

/// A client that can be told to connect, again and again.
pub trait Client {
    /// Has it connect to this URL. `words` are those of the rule that this is for.
    ///
    /// # Errors
    /// Returns a sentence's end if it can't be started.
    fn call(&self, words: &str, url: &str) -> Result<Box<dyn Call>, String>;

    /// The client in a few words.
    fn name(&self) -> String;

    /// The longest that it may take to connect.
    fn time_to_connect(&self) -> Duration;

    /// Whether its fate can be known.
    fn is_watched(&self) -> bool {
        true
    }
}

/// A client that was told to connect. Dropping it ends it.
pub trait Call {
    /// What has become of it.
    fn fate(&mut self) -> Fate;
}

/// What has become of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It still runs.
    Runs,
    /// It ended with this exit code.
    Ended(i32),
    /// It ended without an exit code: a signal did it.
    Crashed,
    /// It was started by hand, and only the one who started it knows.
    Unknown,
}

impl fmt::Display for Fate {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Runs => formatter.write_str("the program doesn't end"),
            Self::Ended(code) => write!(formatter, "exit code {code}"),
            Self::Crashed => formatter.write_str("a signal ends the program"),
            Self::Unknown => formatter.write_str("started by hand"),
        }
    }
}

impl dyn Call {
    /// Waits until it ends, but not longer than this.
    pub fn fate_within(&mut self, patience: Duration) -> Fate {
        let deadline = Instant::now() + patience;
        loop {
            let fate = self.fate();
            if fate != Fate::Runs || Instant::now() >= deadline {
                return fate;
            }
            thread::sleep(POLL);
        }
    }
}

/// A program, started again for each connection.
#[derive(Debug)]
pub struct Program {
    words: Vec<String>,
    is_new: Cell<bool>,
}

impl Program {
    /// The program and its arguments. The URL takes the place of `{url}`, or is the last argument.
    pub fn new(words: Vec<String>) -> Self {
        Self {
            words,
            is_new: Cell::new(true),
        }
    }

    fn command(&self, url: &str) -> Command {
        let (program, arguments) = self.words.split_first().expect("a command has words");
        let mut command = Command::new(program);
        command.args(arguments.iter().map(|word| word.replace(URL, url)));
        if !arguments.iter().any(|word| word.contains(URL)) {
            command.arg(url);
        }
        // The first time, they may say why there is no client.
        let complaints = if self.is_new.replace(false) {
            Stdio::inherit()
        } else {
            Stdio::null()
        };
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(complaints);
        command
    }
}

impl Client for Program {
    fn call(&self, _words: &str, url: &str) -> Result<Box<dyn Call>, String> {
        let started = Running::start(&mut self.command(url));
        let running = started.map_err(|error| format!("it can't be started: {error}"))?;
        Ok(Box::new(Process(running)))
    }

    fn name(&self) -> String {
        self.words.join(" ")
    }

    fn time_to_connect(&self) -> Duration {
        START
    }
}

/// A program that runs, or has ended.
struct Process(Running);

impl Call for Process {
    fn fate(&mut self) -> Fate {
        match self.0.try_wait() {
            Ok(None) => Fate::Runs,
            Ok(Some(status)) => status.code().map_or(Fate::Crashed, Fate::Ended),
            Err(_) => Fate::Crashed,
        }
    }
}

/// A client that a person starts. It is waited for as long as it takes.
#[derive(Debug, Clone, Copy)]
pub struct ByHand;

impl Client for ByHand {
    fn call(&self, words: &str, url: &str) -> Result<Box<dyn Call>, String> {
        say(&format!("… {words}: connect to {url}"));
        Ok(Box::new(Self))
    }

    fn name(&self) -> String {
        "A client that is started by hand".to_string()
    }

    fn time_to_connect(&self) -> Duration {
        A_WORKING_DAY
    }

    fn is_watched(&self) -> bool {
        false
    }
}

impl Call for ByHand {
    fn fate(&mut self) -> Fate {
        Fate::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(words: &[&str]) -> Vec<String> {
        let program = Program::new(words.iter().map(ToString::to_string).collect());
        let command = program.command("ws://127.0.0.1:1/");
        let all = command.get_args().map(|word| word.to_string_lossy());
        all.map(|word| word.into_owned()).collect()
    }

    #[test]
    fn the_url_is_the_last_argument_or_where_it_is_asked_for() {
        assert_eq!(arguments(&["client"]), ["ws://127.0.0.1:1/"]);
        assert_eq!(arguments(&["client", "-v"]), ["-v", "ws://127.0.0.1:1/"]);
        assert_eq!(
            arguments(&["client", "--to={url}", "-v"]),
            ["--to=ws://127.0.0.1:1/", "-v"]
        );
    }
}
