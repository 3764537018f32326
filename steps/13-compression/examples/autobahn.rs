//! `cargo run -p compression --example autobahn -- NAME ws://127.0.0.1:9001`: your client with compression against
//! Autobahn.
//!
//! It does what the example of step 12 does, and offers permessage-deflate.
//! `python3 tests/conformance/run.py --compression --client` starts the server, runs this, and shows the verdicts.

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use client::{Settings, connect, connect_with};
use compression::Compression;
use connection::Event;
use echo::echo;

/// Group 9 has messages of this size, in bytes.
const MAX_MESSAGE: u64 = 16 << 20;

fn main() -> ExitCode {
    let arguments = Vec::from_iter(env::args().skip(1));
    let [name, server] = arguments.as_slice() else {
        eprintln!("Usage: cargo run -p compression --example autobahn -- NAME ws://127.0.0.1:9001");
        return ExitCode::from(2);
    };
    match run_cases(name, server) {
        Ok(count) => {
            println!("{count} cases have run");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs every case. Returns how many there are.
fn run_cases(name: &str, server: &str) -> Result<u32, Box<dyn Error>> {
    let count = ask(&format!("{server}/getCaseCount"))?.parse()?;
    for case in 1..=count {
        run_case(&format!("{server}/runCase?case={case}&agent={name}"))?;
    }
    // Opening this URL makes the server write its reports.
    run_case(&format!("{server}/updateReports?agent={name}"))?;
    Ok(count)
}

/// Returns the first text that the server sends.
fn ask(url: &str) -> Result<String, Box<dyn Error>> {
    let (_client, events) = connect(&url.parse()?, &Settings::default())?;
    let text = events.iter().find_map(|event| match event {
        Event::Text(text) => Some(text),
        _ => None,
    });
    Ok(text.ok_or("the server has no answer")?)
}

/// Echoes every message until TCP has ended. The answers are those of your step 09.
fn run_case(url: &str) -> Result<(), Box<dyn Error>> {
    let settings = Settings {
        max_message: MAX_MESSAGE,
        extension: Some(Arc::new(Compression::default())),
        ..Settings::default()
    };
    let (_client, events) = connect_with(&url.parse()?, &settings, echo::answer)?;
    events.iter().for_each(drop);
    Ok(())
}
