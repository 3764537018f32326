//! `cargo run -p client --example echo -- ws://127.0.0.1:9001/`: a client that echoes whatever comes.
//!
//! `cargo workshop probe --listen` plays a bad server for it.

use std::env;
use std::error::Error;
use std::process::ExitCode;

use client::{Settings, connect_with};
use connection::{CloseCode, Event};
use echo::echo;

fn main() -> ExitCode {
    let arguments = Vec::from_iter(env::args().skip(1));
    let [url] = arguments.as_slice() else {
        eprintln!("Usage: cargo run -p client --example echo -- ws://127.0.0.1:9001/");
        return ExitCode::from(2);
    };
    match echoes(url) {
        Ok(CloseCode::ABNORMAL) => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Echoes every message until TCP has ended. Returns the code of the server's Close.
fn echoes(url: &str) -> Result<CloseCode, Box<dyn Error>> {
    let (_client, events) = connect_with(&url.parse()?, &Settings::default(), echo::answer)?;
    let last = events.iter().last();
    match last {
        Some(Event::Close { code, .. }) => Ok(code),
        _ => Ok(CloseCode::ABNORMAL),
    }
}
