//! The command line. `cargo workshop compare` reads it with this file, too, before it builds this program.

use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use lexopt::Arg;

/// `--help`.
pub const HELP: &str = "\
Runs the same chat over polling (step 01), long polling (step 02) and
WebSocket (step 10), all three at the same time, and counts what each costs:
bytes at a TCP proxy, requests, and the delay of each message.

Options:
  --rate LIST         messages a minute, in the whole chat; several rates are
                      separated by commas (default 6,18,60,180,600,1800)
  --clients NUMBER    pages, each of which hears all (default 5)
  --interval SECONDS  the pause of a page that polls (default 1)
  --cookie BYTES      a cookie, as long as this (default 0: none)
  --seconds SECONDS   how long each rate is measured (default 10)
  --svg FILE          draw bytes against rate (it takes two rates at least)
  --quick             two rates, two pages, 0.8 s each, a pause of 0.05 s
  --from FILE         measure nothing; read a table that was kept
  -h, --help          this text

Examples:
  cargo workshop compare
  cargo workshop compare --rate 60 --clients 20 --interval 5 --cookie 500
  cargo workshop compare --svg plot.svg > table.txt
  cargo workshop compare --from table.txt --svg plot.svg
";

/// The slowest and the fastest that can be asked for, in messages a minute.
const RATES: (u64, u64) = (1, 6_000);
const CLIENTS: (u64, u64) = (1, 100);
/// Servers read heads of 16 KiB.
const COOKIE: (u64, u64) = (0, 8_192);
/// In seconds.
const INTERVAL: (f64, f64) = (0.01, 60.0);
const SECONDS: (f64, f64) = (0.1, 3_600.0);

/// The options of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The source of the figures.
    pub task: Task,
    /// The file for the plot, if one is wanted.
    pub svg: Option<PathBuf>,
}

/// The source of the figures.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// They are measured.
    Measure(Setup),
    /// They are in this file.
    Read(PathBuf),
}

/// The setup of a measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    /// The number of messages at each rate: as many as come in `window`, but at least one.
    pub messages: Vec<usize>,
    /// The number of pages.
    pub pages: usize,
    /// The pause of a page that polls.
    pub interval: Duration,
    /// The length of the Cookie field's value, in bytes.
    pub cookie: usize,
    /// The time for which each rate is measured.
    pub window: Duration,
}

impl Options {
    /// Checks that the file to read can be read, and the file to write can be written, before a minute is spent.
    ///
    /// # Errors
    /// Returns a sentence that names the file and the reason.
    pub fn check_files(&self) -> Result<(), String> {
        if let Some(file) = &self.svg {
            let open = File::options().create(true).append(true).open(file);
            open.map_err(|error| format!("{} can't be written: {error}.", file.display()))?;
        }
        if let Task::Read(file) = &self.task {
            let open = File::open(file);
            open.map_err(|error| format!("{} can't be read: {error}.", file.display()))?;
        }
        Ok(())
    }
}

impl Setup {
    /// Converts a number of messages in the window into messages a minute.
    pub fn rate(&self, messages: usize) -> u64 {
        (messages as f64 * 60.0 / self.window.as_secs_f64()).round() as u64
    }
}

/// The options that were given, before the defaults.
#[derive(Default)]
struct Given {
    rates: Option<Vec<u64>>,
    clients: Option<u64>,
    interval: Option<f64>,
    cookie: Option<u64>,
    seconds: Option<f64>,
    svg: Option<PathBuf>,
    from: Option<PathBuf>,
    quick: bool,
}

/// Reads the command line, without the program's name. Returns `None` if help is asked for.
///
/// # Errors
/// Returns a sentence about what is wrong with the command line.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Options>, String> {
    let sentence = |error: lexopt::Error| error.to_string();
    let mut arguments = lexopt::Parser::from_args(arguments);
    let mut given = Given::default();
    while let Some(argument) = arguments.next().map_err(sentence)? {
        let name = match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Long("quick") => {
                given.quick = true;
                continue;
            }
            Arg::Long(
                name @ ("rate" | "clients" | "interval" | "cookie" | "seconds" | "svg" | "from"),
            ) => name.to_string(),
            other => return Err(sentence(other.unexpected())),
        };
        let value = arguments.value().map_err(sentence)?;
        let text = value.to_string_lossy();
        match name.as_str() {
            "svg" => given.svg = Some(value.into()),
            "from" => given.from = Some(value.into()),
            "rate" => {
                let rates = text.split(',').map(|rate| number("rate", rate, RATES));
                given.rates = Some(rates.collect::<Result<_, _>>()?);
            }
            "clients" => given.clients = Some(number("clients", &text, CLIENTS)?),
            "cookie" => given.cookie = Some(number("cookie", &text, COOKIE)?),
            "interval" => given.interval = Some(number("interval", &text, INTERVAL)?),
            _ => given.seconds = Some(number("seconds", &text, SECONDS)?),
        }
    }
    given.options().map(Some)
}

impl Given {
    fn options(mut self) -> Result<Options, String> {
        let svg = self.svg.take();
        let task = match self.from.take() {
            Some(file) => Task::Read(file),
            None => Task::Measure(self.setup()?),
        };
        let too_few = matches!(&task, Task::Measure(setup) if setup.messages.len() < 2);
        if svg.is_some() && too_few {
            return Err("`--svg` draws a line, which takes two different rates at least".into());
        }
        Ok(Options { task, svg })
    }

    fn setup(self) -> Result<Setup, String> {
        let (rates, clients, interval, seconds) = if self.quick {
            (vec![75, 600], 2, 0.05, 0.8)
        } else {
            (vec![6, 18, 60, 180, 600, 1800], 5, 1.0, 10.0)
        };
        let interval = self.interval.unwrap_or(interval);
        let seconds = self.seconds.unwrap_or(seconds);
        if seconds < 2.0 * interval {
            return Err(format!(
                "`--seconds {seconds}` is too short for a pause of {interval} s: \
                 take {} s at least",
                2.0 * interval
            ));
        }
        let mut messages = Vec::new();
        for rate in self.rates.unwrap_or(rates) {
            let count = (rate as f64 * seconds / 60.0).round() as usize;
            if count == 0 {
                return Err(format!(
                    "`--rate {rate}` is less than one message in {seconds} s: take more `--seconds`"
                ));
            }
            messages.push(count);
        }
        messages.sort_unstable();
        messages.dedup();
        Ok(Setup {
            messages,
            pages: self.clients.unwrap_or(clients) as usize,
            interval: Duration::from_secs_f64(interval),
            cookie: self.cookie.unwrap_or(0) as usize,
            window: Duration::from_secs_f64(seconds),
        })
    }
}

fn number<N>(name: &str, text: &str, (least, most): (N, N)) -> Result<N, String>
where
    N: FromStr + PartialOrd + std::fmt::Display,
{
    let number = text.trim().parse().ok();
    number
        .filter(|number| (&least..=&most).contains(&number))
        .ok_or_else(|| format!("`--{name} {text}` isn't a number from {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Options>, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    fn setup(line: &str) -> Setup {
        match parsed(line).unwrap().unwrap().task {
            Task::Measure(setup) => setup,
            Task::Read(file) => panic!("nothing is measured, {file:?} is read"),
        }
    }

    #[test]
    fn the_defaults_take_a_minute() {
        let setup = setup("");
        assert_eq!(setup.messages, [1, 3, 10, 30, 100, 300]);
        assert_eq!(
            setup.window * setup.messages.len() as u32,
            Duration::from_secs(60)
        );
    }

    #[test]
    fn rates_become_messages_in_order() {
        let setup = setup("--rate 60,6,60 --seconds 20 --interval 0.5");
        assert_eq!(setup.messages, [2, 20]);
        assert_eq!(setup.rate(20), 60);
    }

    #[test]
    fn nonsense_gets_one_sentence() {
        for (line, sentence) in [
            ("--rat 6", "--rat"),
            ("--rate", "--rate"),
            ("--rate fast", "`--rate fast` isn't a number from 1 to 6000"),
            ("--rate 6,", "`--rate ` isn't a number"),
            ("--clients 0", "`--clients 0` isn't a number from 1 to 100"),
            ("--cookie -1", "`--cookie -1` isn't a number from 0 to 8192"),
            (
                "--interval NaN",
                "`--interval NaN` isn't a number from 0.01 to 60",
            ),
            ("--seconds 1", "too short for a pause of 1 s"),
            ("--rate 2", "less than one message in 10 s"),
            ("--rate 60 --svg plot.svg", "two different rates"),
            ("plot.svg", "plot.svg"),
        ] {
            let error = parsed(line).unwrap_err();
            assert!(error.contains(sentence), "{line}: {error}");
            assert_eq!(error.lines().count(), 1, "{line}: {error}");
        }
    }
}
