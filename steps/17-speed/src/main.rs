//! `cargo run --release -p speed -- chat` is the chat of step 10, on one thread. `--help` lists what else there is.

use std::process::ExitCode;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};
use speed::{Chat, Echo, measure};

const USAGE: &str = "\
Speed: your servers, on one thread.

Usage: cargo run --release -p speed -- [COMMAND]

  cargo run --release -p speed -- echo --listen 127.0.0.1:9017
  cargo run --release -p speed -- chat

Commands:
  echo         serves step 09, with its options
  chat         serves step 10, with its options. This is what runs without a command
  measure [N]  what each change is worth, on your machine. Each figure takes
               N milliseconds (default 200)
  -h, --help   this text";

/// The port of the chat, unless the command line names one.
const DEFAULT_PORT: u16 = 9017;

fn main() -> ExitCode {
    let mut arguments = Parser::from_env();
    match arguments.next() {
        Ok(Some(Arg::Value(command))) if command == "echo" => echo(arguments),
        Ok(Some(Arg::Value(command))) if command == "chat" => chat(arguments),
        Ok(Some(Arg::Value(command))) if command == "measure" => match milliseconds(arguments) {
            Ok(each) => {
                measure::print(each);
                ExitCode::SUCCESS
            }
            Err(error) => fail(&error.to_string()),
        },
        Ok(Some(Arg::Long("help") | Arg::Short('h'))) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        // The options of the chat, or none.
        Ok(Some(Arg::Long(_)) | None) => chat(Parser::from_env()),
        Ok(Some(other)) => fail(&other.unexpected().to_string()),
        Err(error) => fail(&error.to_string()),
    }
}

fn echo(arguments: Parser) -> ExitCode {
    let (listen, settings) = echo::program::options(arguments, echo::Settings::default());
    launch::serve(listen, |listener| Echo::start(listener, &settings))
}

fn chat(arguments: Parser) -> ExitCode {
    let about = "The chat of step 10, with one thread for everyone.";
    let settings = chat::Settings::default();
    let (listen, settings) =
        chat::program::options(arguments, about, DEFAULT_PORT, settings, vec![]);
    launch::serve(listen, |listener| Chat::start(listener, &settings))
}

/// Reads how long each figure may take.
fn milliseconds(mut arguments: Parser) -> Result<Duration, lexopt::Error> {
    let number = match arguments.next()? {
        None => 200,
        Some(Arg::Value(word)) => word.parse()?,
        Some(other) => return Err(other.unexpected()),
    };
    match arguments.next()? {
        None => Ok(Duration::from_millis(number)),
        Some(other) => Err(other.unexpected()),
    }
}

fn fail(sentence: &str) -> ExitCode {
    eprintln!("{sentence}. `--help` shows how to use it.");
    ExitCode::from(2)
}
