//! `cargo run --release -p measure -- echo` measures echoes per second: of the echo server of step 09,
//! of one with tungstenite, and of one that does nothing but send bytes back. `-- parts` measures
//! what an echo costs without a socket.
//!
//! All run in this process, one after the other, in rounds: whatever else the machine does meets
//! all of them. README.md says how to read the table.

mod apart;
mod compare;
mod drive;
mod load;
mod parts;
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

Usage: cargo run --release -p measure -- echo [OPTIONS]
       cargo run --release -p measure -- parts

echo: messages per second, of step 09, tungstenite, and raw TCP, side by side

  --rounds N    how often each is measured (default 15)
  --millis N    for how long each time, in milliseconds (default 300)

parts: what an echo costs without a socket, and what of it is unmasking

The table goes to the output, progress to the error output.

Example:
  cargo run --release -p measure -- echo > table.txt";

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
    rounds: usize,
    span: Duration,
    only: Option<String>,
    loads: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Echo,
    Parts,
    Quick,
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
    if options.what == What::Parts {
        parts();
        return ExitCode::SUCCESS;
    }
    if options.what == What::Quick {
        let names: Vec<&'static str> = apart::ALL
            .into_iter()
            .filter(|n| {
                options
                    .only
                    .as_ref()
                    .is_none_or(|o| o.split(',').any(|o| o == *n))
            })
            .collect();
        let loads: Vec<Load> = options.loads.as_deref().unwrap_or("16:1:64,16:32:1,16:32:64,1024:1:64,1024:32:64,65536:1:64,65536:32:1,1048576:1:1,1048576:32:1").split(',').map(|l| { let v: Vec<usize> = l.split(':').map(|n| n.parse().unwrap()).collect(); Load{payload:v[0],connections:v[1],in_flight:v[2]} }).collect();
        compare::quick(&names, &loads, options.rounds, options.span).unwrap();
        return ExitCode::SUCCESS;
    }
    match echo(&options) {
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
        rounds: 15,
        span: Duration::from_millis(300),
        only: None,
        loads: None,
    };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Value(value) if value == "echo" => what = Some(What::Echo),
            Arg::Value(value) if value == "parts" => what = Some(What::Parts),
            Arg::Value(value) if value == "quick" => what = Some(What::Quick),
            Arg::Long("only") => {
                options.only = Some(arguments.value()?.to_string_lossy().into_owned())
            }
            Arg::Long("loads") => {
                options.loads = Some(arguments.value()?.to_string_lossy().into_owned())
            }
            Arg::Long("rounds") => options.rounds = number(&mut arguments)?.max(1),
            Arg::Long("millis") => {
                options.span = Duration::from_millis(number(&mut arguments)?.max(1) as u64);
            }
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(what.map(|what| Options { what, ..options }))
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

fn echo(options: &Options) -> io::Result<()> {
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
        match options.rounds {
            1 => "1 round".to_string(),
            more => format!("{more} rounds"),
        },
        options.span.as_millis(),
        profile(),
    );
    println!("\n{}", table::heading());
    let steps = LOADS.len() * options.rounds * servers.len();
    let mut done = 0;
    for load in LOADS {
        let mut rates = [const { Vec::new() }; 3];
        for round in 0..options.rounds {
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
