//! How many messages are delivered in a second to 500 clients.

use std::io;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use crate::client::Client;
use crate::round::STACK;
use crate::server::{self, Kind, Running};
use crate::{in_words, median, progress};

/// How many clients listen, beside the one who speaks.
const LISTENERS: usize = 500;

/// How many messages are sent in a round.
const MESSAGES: usize = 400;

/// How many of them are on their way at a time: the speaker hears itself, too.
const WINDOW: usize = 16;

/// How long a message is, in bytes.
const BYTES: usize = 100;

/// Measures, and prints a table.
pub fn main(rounds: Option<String>) -> ExitCode {
    let rounds = rounds.unwrap_or_else(|| "5".to_string());
    let Ok(rounds @ 1..) = rounds.parse() else {
        eprintln!("`fan-out {rounds}` is no number of rounds: write it like `fan-out 5`.");
        return ExitCode::from(2);
    };
    match measure(rounds) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nThe measurement was given up: {error}.");
            ExitCode::FAILURE
        }
    }
}

fn measure(rounds: usize) -> io::Result<()> {
    let apart = server::keep_apart();
    let mut speeds = [const { Vec::new() }; Kind::ALL.len()];
    for number in 0..rounds {
        progress(&format!("round {} of {rounds}", number + 1));
        for place in 0..Kind::ALL.len() {
            // Another one begins each time.
            let which = (place + number) % Kind::ALL.len();
            speeds[which].push(round(Kind::ALL[which], apart)?);
        }
    }
    progress("");
    println!(
        "deliveries in a second to {LISTENERS} clients, {} of {MESSAGES} messages of {BYTES} bytes",
        in_words(rounds)
    );
    println!("{}\n", server::where_they_run(apart));
    println!(
        "{:<24}{:>12}{:>24}{:>12}",
        "", "median", "lowest–highest", "× step 10"
    );
    for (kind, speeds_of_kind) in Kind::ALL.iter().zip(&speeds) {
        let lowest = speeds_of_kind.iter().copied().fold(f64::MAX, f64::min);
        let highest = speeds_of_kind.iter().copied().fold(0.0, f64::max);
        let ratios = speeds_of_kind.iter().zip(&speeds[0]);
        println!(
            "{:<24}{:>12.0}{:>24}{:>12.2}",
            kind.name(),
            median(speeds_of_kind.iter().copied()),
            format!("{lowest:.0}–{highest:.0}"),
            median(ratios.map(|(it, ours)| it / ours)),
        );
    }
    Ok(())
}

/// Deliveries in a second.
fn round(kind: Kind, apart: bool) -> io::Result<f64> {
    let server = Running::start(kind, apart)?;
    let mut speaker = Client::join(server.address)?;
    let join = |_| Client::join(server.address);
    let listeners: Vec<Client> = (0..LISTENERS).map(join).collect::<io::Result<_>>()?;
    let start = Instant::now();
    let message = format!(
        r#"{{"username":"speaker","message":"0 {}"}}"#,
        "m".repeat(BYTES)
    );
    thread::scope(|scope| -> io::Result<()> {
        let mut listening = Vec::new();
        for mut listener in listeners {
            let thread = thread::Builder::new().stack_size(STACK);
            listening.push(thread.spawn_scoped(scope, move || listener.listen(start, MESSAGES))?);
        }
        for number in 0..MESSAGES {
            if number >= WINDOW {
                speaker.listen(start, 1)?;
            }
            speaker.say(&message)?;
        }
        for listener in listening {
            listener.join().expect("a listener doesn't panic")?;
        }
        Ok(())
    })?;
    Ok((LISTENERS * MESSAGES) as f64 / start.elapsed().as_secs_f64())
}
