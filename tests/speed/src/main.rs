//! `cargo run --release -p measure -- echo` measures echoes per second: of the echo server of step 09,
//! of one with tungstenite, and of one that does nothing but send bytes back. `-- parts` measures
//! what an echo costs without a socket.
//!
//! All run in this process, one after the other, in rounds: whatever else the machine does meets
//! all of them. README.md says how to read the table.

mod apart;
mod compare;
mod curves;
mod drive;
mod fan_out;
mod idle;
mod latency;
mod load;
mod parts;
mod plot;
mod servers;
mod table;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use lexopt::Arg;
use support::cores;

use load::{Load, measure};

const HELP: &str = "\
Measures echoes.

Usage: cargo run --release -p measure -- COMMAND [OPTIONS]

Chapter 09, all in this process:
  echo          messages per second: step 09, tungstenite, and raw TCP, side by side
  parts         what an echo costs without a socket, and what of it is unmasking

Chapter 17, each server in a process of its own (README.md says how to build them):
  compare       the echo of step 17 beside six libraries and a bare loop
  sizes         the same, from 16 B to 16 MiB
  clients       the same, from 100 to 10,000 clients
  latency       how long an echo takes at a fixed rate
  idle          memory for each idle connection
  fan-out       deliveries a second: one client speaks, 500 or 2,000 listen

Options:
  --rounds N    how often each is measured (default 15; for chapter 17, 5)
  --millis N    for how long each time, in milliseconds (default 300)
  --only A,B    of the servers of chapter 17, these
  --load S,C,E  compares with one load: size in bytes, clients, messages of each
  --short       a minute of each command, to see whether it works
  --write       for chapter 17: also writes COMMAND.txt and COMMAND.svg beside README.md
  -h, --help    this text

The table goes to the output, progress to the error output.

Examples:
  cargo run --release -p measure -- echo > table.txt
  cargo run --release -p measure -- compare --only 'step 17,fastwebsockets'";

const LOADS: [Load; 6] = [
    one_connection(16),
    one_connection(1 << 10),
    one_connection(64 << 10),
    many_connections(16),
    many_connections(1 << 10),
    many_connections(64 << 10),
];

const fn one_connection(payload: usize) -> Load {
    Load {
        payload,
        connections: 1,
        in_flight: 64,
    }
}

const fn many_connections(payload: usize) -> Load {
    Load {
        payload,
        connections: 32,
        in_flight: 1,
    }
}

struct Options {
    what: What,
    rounds: Option<usize>,
    span: Duration,
    only: Option<String>,
    load: Option<Load>,
    short: bool,
    write: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Echo,
    Parts,
    Compare,
    Sizes,
    Clients,
    Latency,
    Idle,
    FanOut,
}

impl What {
    const ALL: [(&str, Self); 8] = [
        ("echo", Self::Echo),
        ("parts", Self::Parts),
        ("compare", Self::Compare),
        ("sizes", Self::Sizes),
        ("clients", Self::Clients),
        ("latency", Self::Latency),
        ("idle", Self::Idle),
        ("fan-out", Self::FanOut),
    ];

    fn name(self) -> &'static str {
        let is_it = |it: &(&str, Self)| it.1 == self;
        Self::ALL.into_iter().find(is_it).map_or("", |it| it.0)
    }
}

fn main() -> ExitCode {
    let options = match options() {
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
    let done = match options.what {
        What::Parts => {
            parts();
            return ExitCode::SUCCESS;
        }
        What::Echo => echo(&options),
        _ => chapter_17(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nThe measurement was given up: {error}.");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Option<Options>, lexopt::Error> {
    let mut what = None;
    let mut options = Options {
        what: What::Echo,
        rounds: None,
        span: Duration::from_millis(300),
        only: None,
        load: None,
        short: false,
        write: false,
    };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Value(value) => {
                let named = |it: &(&str, What)| value == it.0;
                let found = What::ALL.into_iter().find(named);
                what = Some(
                    found
                        .ok_or_else(|| Arg::Value(value.clone()).unexpected())?
                        .1,
                );
            }
            Arg::Long("rounds") => options.rounds = Some(number(&mut arguments)?.max(1)),
            Arg::Long("millis") => {
                options.span = Duration::from_millis(number(&mut arguments)?.max(1) as u64);
            }
            Arg::Long("only") => {
                options.only = Some(arguments.value()?.to_string_lossy().into_owned());
            }
            Arg::Long("load") => options.load = Some(load(&mut arguments)?),
            Arg::Long("short") => options.short = true,
            Arg::Long("write") => options.write = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(what.map(|what| Options { what, ..options }))
}

/// `16,32,64`
fn load(arguments: &mut lexopt::Parser) -> Result<Load, lexopt::Error> {
    let text = arguments.value()?.to_string_lossy().into_owned();
    let numbers = text.split(',').map(|it| it.parse::<usize>().ok());
    match numbers.collect::<Option<Vec<_>>>().as_deref() {
        Some(&[payload, connections, in_flight]) if connections * in_flight > 0 => Ok(Load {
            payload,
            connections,
            in_flight,
        }),
        _ => Err(format!("`--load {text}` isn't a load: write it like 16,32,64").into()),
    }
}

fn number(arguments: &mut lexopt::Parser) -> Result<usize, lexopt::Error> {
    let text = arguments.value()?.to_string_lossy().into_owned();
    text.parse()
        .map_err(|_| format!("`{text}` is no whole number").into())
}

fn parts() {
    println!("{}{}", table::machine(), profile());
    println!("\n{}", table::heading_of_parts());
    for payload in [16, 1 << 10, 64 << 10] {
        println!("{}", table::line_of_parts(payload, parts::measure(payload)));
    }
}

/// Said where the figures say little.
fn profile() -> &'static str {
    if cfg!(debug_assertions) {
        "; a debug build, which says little"
    } else {
        ""
    }
}

/// The measurements of chapter 17.
fn chapter_17(options: &Options) -> io::Result<()> {
    // Each client is a file, on both sides.
    _ = rlimit::increase_nofile_limit(u64::MAX);
    let machine = table::machine();
    let (rounds, span) = match options.short {
        true => (1, Duration::from_millis(50)),
        false => (options.rounds.unwrap_or(5), options.span),
    };
    let only = |name: &&'static str| {
        let only = options.only.as_ref();
        only.is_none_or(|only| only.split(',').any(|it| it == *name))
    };
    let names = Vec::from_iter(compare::servers().into_iter().filter(only));
    let few = |loads: Vec<Load>| match options.short {
        true => loads.into_iter().take(2).collect(),
        false => loads,
    };
    let mut plot = None;
    let text = match options.what {
        What::Sizes => {
            let (text, svg) = curves::sizes_of(rounds, span, &few(curves::sizes()))?;
            plot = Some(svg);
            text
        }
        What::Clients => {
            let (text, svg) = curves::clients_of(rounds, span, &few(curves::clients()))?;
            plot = Some(svg);
            text
        }
        What::Latency => {
            let rates: &[u64] = if options.short {
                &[1000]
            } else {
                &[5_000, 20_000]
            };
            latency::table(&names, rates, rounds, 3 * span)?
        }
        What::FanOut => {
            let counts: &[usize] = if options.short { &[20] } else { &[500, 2_000] };
            fan_out::table(counts, rounds, 3 * span)?
        }
        What::Idle => {
            let counts: &[usize] = if options.short {
                &[100]
            } else {
                &[2_000, 10_000]
            };
            idle::table(counts, &idle::measure(counts)?)
        }
        _ => {
            let loads = match options.load {
                Some(load) => vec![load],
                None => few(compare::loads()),
            };
            let all = compare::measure(&names, &loads, rounds, span)?;
            write(
                options,
                "details.txt",
                &compare::details(&names, &loads, &all),
            )?;
            compare::table(&names, &loads, &all)
        }
    };
    let of_rounds = match options.what {
        What::Idle => String::new(),
        What::FanOut | What::Latency => {
            format!("; {} of {} ms", in_words(rounds), 3 * span.as_millis())
        }
        _ => format!("; {} of {} ms", in_words(rounds), span.as_millis()),
    };
    let text = format!(
        "{machine}{}\nServer and load on a core each{of_rounds}\n\n{text}",
        profile()
    );
    print!("{text}");
    let name = options.what.name();
    write(options, &format!("{name}.txt"), &text)?;
    plot.map_or(Ok(()), |svg| write(options, &format!("{name}.svg"), &svg))
}

fn in_words(rounds: usize) -> String {
    match rounds {
        1 => "1 round".to_string(),
        more => format!("{more} rounds"),
    }
}

/// Writes a file beside README.md, if that is asked for.
fn write(options: &Options, name: &str, text: &str) -> io::Result<()> {
    if !options.write {
        return Ok(());
    }
    std::fs::write(
        concat!(env!("CARGO_MANIFEST_DIR"), "/").to_string() + name,
        text,
    )
}

fn echo(options: &Options) -> io::Result<()> {
    let rounds = options.rounds.unwrap_or(15);
    // Before there is only one core to be seen.
    let machine = table::machine();
    let where_it_runs = if cores::keep_to(0) {
        "Server and load on one core"
    } else {
        "Server and load on all cores, as the system likes"
    };
    let servers = [
        servers::ours()?,
        servers::tungstenite()?,
        servers::raw_tcp()?,
    ];
    println!("{machine}");
    println!(
        "{where_it_runs}; {} of {} ms each{}",
        in_words(rounds),
        options.span.as_millis(),
        profile(),
    );
    println!("\n{}", table::heading());
    let steps = LOADS.len() * rounds * servers.len();
    let mut done = 0;
    for load in LOADS {
        let mut rates = [const { Vec::new() }; 3];
        for round in 0..rounds {
            for turn in 0..servers.len() {
                // Each round begins with another one.
                let which = (round + turn) % servers.len();
                progress(
                    done,
                    steps,
                    &format!("{}: {}", table::title(load), servers[which].name),
                );
                rates[which].push(measure(&servers[which], load, options.span)?);
                done += 1;
            }
        }
        progress(done, steps, "");
        println!("\n{}", table::title(load));
        for (server, of) in servers.iter().zip(&rates) {
            println!("{}", table::line(&server.name, of, &rates[1], &rates[2]));
        }
    }
    Ok(())
}

/// A line that is written over again and again, where somebody watches.
fn progress(done: usize, steps: usize, what: &str) {
    let mut err = io::stderr().lock();
    if !err.is_terminal() {
        return;
    }
    let line = match what {
        "" => format!("{:79}", ""),
        _ => format!("{:3} of {steps}  {what:<66}", done + 1),
    };
    // What can't be shown is not worth stopping for.
    _ = write!(err, "\r{line}\r").and_then(|()| err.flush());
}
