//! `cargo run --release -p speed -- chat` is the chat of step 10, on one thread. `--help` lists what else there is.

use std::process::ExitCode;

use lexopt::{Arg, Parser};
use speed::{Chat, Echo, measure};

const USAGE: &str = "\
Speed: your servers, on one thread.

Usage: cargo run --release -p speed -- [COMMAND]

  cargo run --release -p speed -- echo --listen 127.0.0.1:9017
  cargo run --release -p speed -- chat

Commands:
  echo         serves step 09, with its options
  chat         serves step 10, with its options. This is what runs without a command
  measure      what each change is worth, on your machine
  -h, --help   this text";

/// The port of the chat, unless the command line names one.
const DEFAULT_PORT: u16 = 9017;

fn main() -> ExitCode {
    let mut arguments = Parser::from_env();
    match arguments.next() {
        Ok(Some(Arg::Value(command))) if command == "echo" => echo(arguments),
        Ok(Some(Arg::Value(command))) if command == "chat" => chat(arguments),
        Ok(Some(Arg::Value(command))) if command == "measure" => {
            measure::print();
            ExitCode::SUCCESS
        }
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

fn fail(sentence: &str) -> ExitCode {
    eprintln!("{sentence}. `--help` shows how to use it.");
    ExitCode::from(2)
}
