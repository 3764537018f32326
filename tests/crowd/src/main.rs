//! `cargo run --release -p crowd` puts a thousand clients into the chat of step 10, and measures how long a
//! message takes to those who read: once with all of them reading, once with some who never do.
//!
//! The server is a process of its own, so that its memory can be told from that of the clients. README.md
//! says how to read the table.

mod client;
mod fan_out;
mod idle;
mod plain;
mod round;
mod server;
mod talk;
mod visit;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use lexopt::Arg;

use round::{Measured, Plan, round};

const HELP: &str = "\
Measures how long the chat takes to deliver a message to a crowd, with and without
clients that never read.

Usage: cargo run --release -p crowd -- [OPTIONS]
       cargo run --release -p crowd -- fan-out [ROUNDS]
       cargo run --release -p crowd -- talk [OPTIONS]
       cargo run --release -p crowd -- idle [CLIENTS]...
       cargo run --release -p crowd -- visit ADDRESS:PORT [CLIENTS]

`fan-out` measures how many messages are delivered in a second to 500 clients: by
the chat, and by two plain ones on tungstenite and on tokio-tungstenite.
`talk` measures what 30, 100 and 300 people can say in a second.
`idle` measures what 100, 1,000 and 10,000 clients cost that say nothing: in the
chat of step 10, and in that of step 15.
`visit` puts 1,000 clients into a chat that runs already: they say nothing for six
seconds, and then one of them speaks ten times a second for eight.

  --clients N   clients in all, beside the one who speaks (default 1000)
  --silent N    how many of them never read, every other time (default 50)
  --rounds N    how often each is measured (default 5)
  --messages N  messages in a round (default 100)
  --pause N     milliseconds between two messages (default 50)
  --bytes N     bytes in a message, 16 to 1000 (default 1000)
  --memory N    the most megabytes that the server may take (default 256)

Exit code 1: the crowd was slower with them than noise explains, or memory was not
bounded. The table goes to the output, progress to the error output.

Example:
  ulimit -n 4096; cargo run --release -p crowd > table.txt";

/// How much longer those who read may wait beside those who don't. In both cases the machine is at work for the
/// same number of connections; what is more than that is noise, or a fault.
const AT_MOST: f64 = 1.25;

struct Options {
    plan: Plan,
    silent: usize,
    rounds: usize,
    memory: u64,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some(server::ARGUMENT) => return server::run(arguments.next(), arguments.next()),
        Some("talk") => return talk::main(),
        Some("idle") => return idle::main(arguments),
        Some("visit") => return visit::main(arguments),
        Some("fan-out") => return fan_out::main(arguments.next()),
        _ => {}
    }
    let mut options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}. `--help` shows how this is used.");
            return ExitCode::from(2);
        }
    };
    options.plan.apart = server::keep_apart();
    match measure(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("\nThe measurement was given up: {error}.");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options {
        plan: Plan {
            readers: 1000,
            silent: 0,
            messages: 100,
            pause: Duration::from_millis(50),
            bytes: 1000,
            apart: false,
        },
        silent: 50,
        rounds: 5,
        memory: 256,
    };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        let Arg::Long(name) = argument else {
            return match argument {
                Arg::Short('h') => Ok(None),
                other => Err(other.unexpected()),
            };
        };
        let name = name.to_string();
        if name == "help" {
            return Ok(None);
        }
        let text = arguments.value()?.to_string_lossy().into_owned();
        let number: usize = text
            .parse()
            .map_err(|_| format!("`--{name} {text}` is no whole number"))?;
        match name.as_str() {
            "clients" => options.plan.readers = number.max(1),
            "silent" => options.silent = number,
            "rounds" => options.rounds = number.max(1),
            "messages" => options.plan.messages = number.max(1),
            "pause" => options.plan.pause = Duration::from_millis(number as u64),
            "bytes" => options.plan.bytes = number.clamp(16, 1000),
            "memory" => options.memory = number as u64,
            _ => return Err(format!("there is no option `--{name}`").into()),
        }
    }
    options.silent = options.silent.min(options.plan.readers);
    Ok(Some(options))
}

/// Rounds of both kinds in turn, so that whatever else the machine does meets both. Says whether all is as
/// it should be.
fn measure(options: &Options) -> io::Result<bool> {
    let all_read = options.plan;
    let some_silent = Plan {
        readers: all_read.readers - options.silent,
        silent: options.silent,
        ..all_read
    };
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for number in 0..options.rounds {
        progress(&format!("round {} of {}", number + 1, options.rounds));
        if number % 2 == 0 {
            without.push(round(&all_read)?);
            with.push(round(&some_silent)?);
        } else {
            with.push(round(&some_silent)?);
            without.push(round(&all_read)?);
        }
    }
    progress("");
    print!("{}", table(options, &without, &with));
    Ok(judge(options, &without, &with))
}

/// `1 round`, `5 rounds`
pub fn in_words(rounds: usize) -> String {
    match rounds {
        1 => "1 round".to_string(),
        more => format!("{more} rounds"),
    }
}

/// Shows how far it is, where somebody can see it.
pub fn progress(line: &str) {
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[2K{line}");
        _ = io::stderr().flush();
    }
}

fn table(options: &Options, without: &[Measured], with: &[Measured]) -> String {
    let plan = &options.plan;
    let mut text = format!(
        "{} clients, {} of {} messages of {} bytes, one each {} ms; delivery in ms\n\
         {}\n\n\
         {:<24}{:>8}{:>8}{:>22}{:>14}\n",
        plan.readers,
        in_words(options.rounds),
        plan.messages,
        plan.bytes,
        plan.pause.as_millis(),
        server::where_they_run(plan.apart),
        "",
        "p50",
        "p99",
        "p99, lowest–highest",
        "server's MB",
    );
    let silent = format!("{} of them never read", options.silent);
    for (title, rounds) in [("all of them read", without), (&silent, with)] {
        let p99s = sorted(rounds.iter().map(|it| it.p99));
        let range = format!("{:.1}–{:.1}", p99s[0], p99s[p99s.len() - 1]);
        let memory = rounds.iter().filter_map(|it| it.memory).max();
        let memory = memory.map_or("not known".to_string(), |bytes| {
            format!("{:.0}", megabytes(bytes))
        });
        text += &format!(
            "{title:<24}{:>8.1}{:>8.1}{range:>22}{memory:>14}\n",
            median(rounds.iter().map(|it| it.p50)),
            median(p99s),
        );
    }
    let cut_off: Vec<String> = with.iter().map(|it| it.cut_off.to_string()).collect();
    text + &format!(
        "\ncut off in each round: {} of {}; p99 with them / without: {:.2} (median of the rounds)\n",
        cut_off.join(", "),
        options.silent,
        ratio(without, with),
    )
}

/// Whether the silent ones cost the others nothing, and memory is bounded.
fn judge(options: &Options, without: &[Measured], with: &[Measured]) -> bool {
    let times_count = !cfg!(debug_assertions);
    let fast = !times_count || ratio(without, with) <= AT_MOST;
    let memory = without.iter().chain(with).filter_map(|it| it.memory).max();
    let bounded = memory.is_none_or(|bytes| megabytes(bytes) <= options.memory as f64);
    if !fast {
        println!("✗ those who read wait longer because of those who don't");
    }
    if !bounded {
        println!("✗ the server took more than {} MB", options.memory);
    }
    match (fast && bounded, times_count) {
        (true, true) => {
            println!("✓ those who never read cost the others nothing, and memory is bounded");
        }
        (true, false) => println!("✓ memory is bounded; of times, a debug build says little"),
        (false, _) => {}
    }
    fast && bounded
}

fn ratio(without: &[Measured], with: &[Measured]) -> f64 {
    let pairs = without.iter().zip(with);
    median(pairs.map(|(without, with)| with.p99 / without.p99))
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The values in order.
pub fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values = Vec::from_iter(values);
    values.sort_by(f64::total_cmp);
    values
}

/// The value in the middle.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let values = sorted(values);
    values[values.len() / 2]
}
