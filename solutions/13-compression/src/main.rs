//! `cargo run -p compression -- chat` is the chat of step 10, compressed. `--help` lists what else there is.

use std::env;
use std::error::Error;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use compression_solution::measure::{CONNECTIONS, contexts, cost, memory_of_each};
use compression_solution::{Compression, Context, WindowBits, samples, table};
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
  measure        bytes, CPU time and memory, on your machine

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
    Measure,
    /// A row of the table of memory, measured in a process of its own.
    Memory(Context),
}

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
        Task::Measure => measure(),
        Task::Memory(context) => {
            if let Some(bytes) = memory_of_each(context) {
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
        "measure" => Task::Measure,
        "memory" => Task::Memory(wanted.server),
        _ => return Err(format!("`{word}` isn't a command").into()),
    };
    match arguments.next()? {
        Some(argument) => Err(argument.unexpected()),
        None => Ok(task),
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

/// Measures, and prints what was measured.
fn measure() -> Result<(), Box<dyn Error>> {
    let samples = [
        ("chat messages", samples::chat(20_000)),
        ("values of a chart", samples::chart(20_000)),
        ("a photograph", vec![samples::photograph(); 20]),
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
    println!("memory of each connection, {CONNECTIONS} of them");
    for context in contexts() {
        let memory = match measured_apart(context)? {
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
fn measured_apart(context: Context) -> Result<Option<usize>, Box<dyn Error>> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--server-window", &context.window.to_string()]);
    if !context.is_taken_over {
        command.arg("--server-forgets");
    }
    command.arg("memory");
    let output = command.output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse().ok())
}
