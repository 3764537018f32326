//! `cargo run -p compression -- chat` is the chat of step 10, compressed. `--help` lists what else there is.

use std::env;
use std::error::Error;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use compression_solution::measure::{contexts, cost, memory_of_each};
use compression_solution::{Compression, Context, WindowBits, samples, table};
use launch::put_back;
use lexopt::{Arg, Parser, ValueExt};

const USAGE: &str = "\
Compression: your servers and your client with permessage-deflate, and what it gains and costs.

Usage: cargo run -p compression -- [OPTIONS] [COMMAND]

  cargo run -p compression -- chat --listen 127.0.0.1:9010
  cargo run -p compression -- connect ws://127.0.0.1:9010/socket
  cargo run -p compression -- --server-window 10 echo
  cargo run -p compression -- table 'permessage-deflate; client_max_window_bits'
  cargo run --release -p compression -- measure

Commands:
  echo           serves step 09, with its options
  chat           serves step 10, with its options; each message is compressed once for all.
                 This is what runs without a command
  connect URL    runs the client of step 12, with its options
  table OFFERS   which offer a server chooses, its answer, and what each side will do
  measure [N]    bytes, CPU time and memory, on your machine, with N messages (default 20000)

Options, for what both sides should do:
  --server-window N  the server's window, 8 to 15 bits (default 15)
  --client-window N  the client's window (default 15)
  --server-forgets   the server compresses each message on its own
  --client-forgets   the client does, too
  --for-many         each message is compressed once for many clients
  -h, --help         this text";

/// What the command line asks for.
enum Task {
    Help,
    /// The programs of earlier steps. They read the rest of the command line.
    Echo(Parser, Compression),
    Chat(Parser, Compression),
    Connect(Parser, Compression),
    Table(String, Compression),
    /// With this many messages.
    Measure(usize),
    /// A row of the table of memory, measured in a process of its own, with this many connections.
    Memory(Context, usize),
}

/// How many messages are measured, unless the command line says something else.
const MESSAGES: usize = 20_000;

fn main() -> ExitCode {
    match task(Parser::from_env()) {
        Ok(task) => run(task),
        Err(error) => {
            eprintln!("{error}. `--help` shows how to use it.");
            ExitCode::from(2)
        }
    }
}

fn run(task: Task) -> ExitCode {
    let done = match task {
        Task::Echo(arguments, wanted) => return echo(arguments, wanted),
        Task::Chat(arguments, wanted) => return chat(arguments, wanted),
        Task::Connect(arguments, wanted) => return connect(arguments, wanted),
        Task::Help => {
            println!("{USAGE}");
            Ok(())
        }
        Task::Table(field, wanted) => show_table(&field, &wanted),
        Task::Measure(messages) => measure(messages),
        Task::Memory(context, connections) => {
            if let Some(bytes) = memory_of_each(context, connections) {
                println!("{bytes}");
            }
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

// ANCHOR: programs
fn echo(arguments: Parser, wanted: Compression) -> ExitCode {
    let settings = echo::Settings {
        extension: Some(Arc::new(wanted)),
        ..echo::Settings::default()
    };
    echo::program::run(arguments, settings)
}

fn chat(arguments: Parser, wanted: Compression) -> ExitCode {
    let wanted = Compression {
        for_many: true,
        ..wanted
    };
    let settings = chat::Settings {
        extension: Some(Arc::new(wanted)),
        ..chat::Settings::default()
    };
    chat::program::run(arguments, settings, None)
}

fn connect(arguments: Parser, wanted: Compression) -> ExitCode {
    let settings = client::Settings {
        extension: Some(Arc::new(wanted)),
        ..client::Settings::default()
    };
    client::program::run_as("cargo run -p compression -- connect", arguments, settings)
}
// ANCHOR_END: programs

/// Reads the command line, up to and with the command. Without one, it is the chat.
fn task(mut arguments: Parser) -> Result<Task, lexopt::Error> {
    let mut wanted = Compression::default();
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Task::Help),
            Arg::Long("server-window") => wanted.server.window = window(&mut arguments)?,
            Arg::Long("client-window") => wanted.client.window = window(&mut arguments)?,
            Arg::Long("server-forgets") => wanted.server.is_taken_over = false,
            Arg::Long("client-forgets") => wanted.client.is_taken_over = false,
            Arg::Long("for-many") => wanted.for_many = true,
            Arg::Value(word) => return command(&word.string()?, arguments, wanted),
            // The chat knows it, or says that there is no such option.
            Arg::Long(name) => {
                let option = format!("--{name}");
                return Ok(Task::Chat(put_back(&option, &mut arguments)?, wanted));
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(Task::Chat(arguments, wanted))
}

/// Reads what is left for a command.
fn command(word: &str, mut arguments: Parser, wanted: Compression) -> Result<Task, lexopt::Error> {
    match word {
        "echo" => return Ok(Task::Echo(arguments, wanted)),
        "chat" => return Ok(Task::Chat(arguments, wanted)),
        "connect" => return Ok(Task::Connect(arguments, wanted)),
        _ => {}
    }
    let task = match word {
        "table" => Task::Table(arguments.value()?.string()?, wanted),
        "measure" => Task::Measure(count(&mut arguments)?),
        "memory" => Task::Memory(wanted.server, count(&mut arguments)?),
        _ => return Err(format!("`{word}` isn't a command").into()),
    };
    match arguments.next()? {
        Some(argument) => Err(argument.unexpected()),
        None => Ok(task),
    }
}

/// Reads how many there should be of something, if the command line says it.
fn count(arguments: &mut Parser) -> Result<usize, lexopt::Error> {
    match arguments.next()? {
        Some(Arg::Value(word)) => word.parse_with(|word| match word.parse() {
            Ok(count @ 1..) => Ok(count),
            _ => Err("it isn't a number above 0"),
        }),
        Some(argument) => Err(argument.unexpected()),
        None => Ok(MESSAGES),
    }
}

fn window(arguments: &mut Parser) -> Result<WindowBits, lexopt::Error> {
    let value = arguments.value()?.string()?;
    WindowBits::parse(&value).ok_or_else(|| "a window has 8 to 15 bits".into())
}

fn show_table(field: &str, wanted: &Compression) -> Result<(), Box<dyn Error>> {
    let drawn = table::draw(field, wanted).ok_or("This isn't a list of offers: RFC 6455 §9.1.")?;
    print!("{drawn}");
    Ok(())
}

/// Measures, and prints what was measured. A photograph is as large as a thousand messages.
fn measure(messages: usize) -> Result<(), Box<dyn Error>> {
    let (photographs, connections) = (messages.div_ceil(1000), messages.div_ceil(20));
    let samples = [
        ("chat messages", samples::chat(messages)),
        ("values of a chart", samples::chart(messages)),
        ("a photograph", vec![samples::photograph(); photographs]),
    ];
    for (name, messages) in &samples {
        let plain: usize = messages.iter().map(Vec::len).sum();
        println!("{name}, {} bytes each", plain / messages.len());
        println!(
            "  {:<26}{:>12}{:>8}{:>16}",
            "", "bytes each", "", "CPU for each"
        );
        for context in contexts() {
            let cost = cost(messages, context)?;
            println!(
                "  {:<26}{:>12}{:>6} %{:>13.1} µs",
                described(context),
                cost.sent / messages.len(),
                cost.sent * 100 / cost.plain,
                cost.microseconds,
            );
        }
        println!();
    }
    println!("memory of each connection, {connections} of them");
    for context in contexts() {
        let memory = match measured_apart(context, connections)? {
            Some(bytes) => format!("{:>5} kB", bytes / 1024),
            None => "this system doesn't tell".to_string(),
        };
        println!("  {:<26}{memory:>12}", described(context));
    }
    Ok(())
}

fn described(context: Context) -> String {
    match context.is_taken_over {
        true => format!("taken over, {} bits", context.window),
        false => "each on its own".to_string(),
    }
}

/// Measures the memory in a process of its own, which hasn't used any before.
fn measured_apart(context: Context, connections: usize) -> Result<Option<usize>, Box<dyn Error>> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--server-window", &context.window.to_string()]);
    if !context.is_taken_over {
        command.arg("--server-forgets");
    }
    command.args(["memory", &connections.to_string()]);
    let output = command.output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse().ok())
}
