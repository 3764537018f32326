//! `cargo run -p connection -- "client text Hello" "server close 1000 bye"` plays a script.

use std::env;
use std::process::ExitCode;

use connection::script;

/// The script that is played if none is given.
const EXAMPLE: [&str; 4] = [
    "client text Hello",
    "server ping still there?",
    "server text Goodbye & server close 1000 bye",
    "client text too late",
];

fn main() -> ExitCode {
    let given: Vec<String> = env::args().skip(1).collect();
    let script: Vec<&str> = if given.is_empty() {
        EXAMPLE.to_vec()
    } else {
        given.iter().map(String::as_str).collect()
    };
    match script::play(&script) {
        Ok(transcript) => {
            print!("{transcript}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}. A line is given like {:?}.", EXAMPLE[0]);
            ExitCode::from(2)
        }
    }
}
