//! `cargo run -p session -- "page emits vote & transport dies" "transport opens"` plays a script.

use std::env;
use std::process::ExitCode;

use session_solution::script;

/// The script that is played if none is given.
const EXAMPLE: [&str; 8] = [
    "page emits one",
    "server confirms & server emits hello",
    "page confirms",
    "page emits two & server emits news & transport dies",
    "page emits three",
    "transport opens",
    "page emits four & transport lags",
    "transport opens",
];

fn main() -> ExitCode {
    let given = Vec::from_iter(env::args().skip(1));
    let mut script = Vec::from_iter(given.iter().map(String::as_str));
    if script.is_empty() {
        script.extend(EXAMPLE);
    }
    match script::play(&script) {
        Ok(transcript) => {
            print!("{transcript}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}. A line is given like {:?}.", EXAMPLE[3]);
            ExitCode::from(2)
        }
    }
}
