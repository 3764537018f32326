//! `cargo run -p compression --example echo_client -- ws://127.0.0.1:9001 12 15 server-forgets`: an echo that connects.
//!
//! It offers a window of 12 bits for the server and one of 15 for itself, connects, and echoes whatever comes until the
//! server closes. `python3 tests/compression/peers.py` lets other libraries talk to it.

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use client::{Settings, connect_with};
use compression::{Compression, Context, WindowBits};
use connection::{CloseCode, Event};
use echo::echo;

const USAGE: &str = "Usage: cargo run -p compression --example echo_client -- \
     URL SERVER_WINDOW CLIENT_WINDOW [server-forgets] [client-forgets]";

fn main() -> ExitCode {
    let arguments = Vec::from_iter(env::args().skip(1));
    let [url, server_window, client_window, forgetting @ ..] = arguments.as_slice() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let context = |window: &str, forgets: &str| {
        Some(Context {
            window: WindowBits::parse(window)?,
            is_taken_over: !forgetting.iter().any(|word| word == forgets),
        })
    };
    let (Some(server), Some(client)) = (
        context(server_window, "server-forgets"),
        context(client_window, "client-forgets"),
    ) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let wanted = Compression {
        server,
        client,
        ..Compression::default()
    };
    match talk(url, wanted) {
        Ok(CloseCode::NORMAL) => ExitCode::SUCCESS,
        Ok(code) => {
            eprintln!("closed with {code}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Echoes every message, and returns the code that the connection ends with.
fn talk(url: &str, wanted: Compression) -> Result<CloseCode, Box<dyn Error>> {
    let settings = Settings {
        extension: Some(Arc::new(wanted)),
        ..Settings::default()
    };
    let (_client, events) = connect_with(&url.parse()?, &settings, echo::answer)?;
    let mut ended = CloseCode::ABNORMAL;
    for event in events {
        match event {
            Event::Error(failure) => eprintln!("{failure}"),
            Event::Close { code, .. } => ended = code,
            _ => {}
        }
    }
    Ok(ended)
}
