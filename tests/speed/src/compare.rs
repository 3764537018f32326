//! The table of step 17: its echo, and every peer's, under each load.

use std::io;
use std::time::Duration;

use crate::apart::{ALL, Apart, keep_apart};
use crate::drive::Drive;
use crate::load::Load;
use crate::progress;
use crate::table::{self, spread};

/// How long each connection runs before it is counted.
const WARM_UP: Duration = Duration::from_millis(120);

/// What was measured of one server under one load.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Messages in a second, for each round.
    pub rates: Vec<f64>,
    /// Time on a processor for each message, in microseconds, for each round.
    pub costs: Vec<f64>,
}

/// Measures each server under each load.
///
/// # Errors
/// Returns an error if a server isn't there, or doesn't echo.
pub fn compare(
    names: &[&'static str],
    loads: &[Load],
    rounds: usize,
    span: Duration,
) -> io::Result<Vec<Vec<Figures>>> {
    let apart = keep_apart();
    let mut all = Vec::new();
    let steps = loads.len() * rounds * names.len();
    let mut done = 0;
    for &load in loads {
        let mut figures = vec![Figures::default(); names.len()];
        for round in 0..rounds {
            for turn in 0..names.len() {
                let which = (round + turn) % names.len();
                progress(
                    done,
                    steps,
                    &format!("{}: {}", table::title(load), names[which]),
                );
                done += 1;
                // A fresh process each time: what an earlier load left in its memory counts for nothing.
                let server = Apart::start(names[which], apart)?;
                let (rate, cost) = measure(&server, load, span)?;
                figures[which].rates.push(rate);
                figures[which].costs.extend(cost);
            }
        }
        all.push(figures);
    }
    progress(done, steps, "");
    Ok(all)
}

/// Returns messages in a second, and microseconds of processor time for each.
fn measure(server: &Apart, load: Load, span: Duration) -> io::Result<(f64, Option<f64>)> {
    let mut drive = Drive::open(server.address, server.speaks, load)?;
    drive.run(WARM_UP)?;
    let before = server.processor_time();
    let (messages, seconds) = drive.run(span)?;
    let after = server.processor_time();
    let taken = after.zip(before).map(|(after, before)| after - before);
    let cost = taken.map(|taken| taken * 1e6 / messages.max(1) as f64);
    Ok((messages as f64 / seconds, cost))
}

pub fn quick(
    names: &[&'static str],
    loads: &[Load],
    rounds: usize,
    span: Duration,
) -> io::Result<()> {
    let names = if names.is_empty() { &ALL[..] } else { names };
    for (load, figures) in loads.iter().zip(compare(names, loads, rounds, span)?) {
        println!("{}", table::title(*load));
        for (name, it) in names.iter().zip(&figures) {
            let (low, mid, high) = spread(&it.rates);
            let cost = if it.costs.is_empty() {
                0.0
            } else {
                spread(&it.costs).1
            };
            println!(
                "  {name:<20}{mid:>12.0} {low:>12.0}–{high:<12.0} {cost:>8.3} µs  ratio of ours {:.2}",
                table::ratio(&figures[0].rates, &it.rates)
            );
        }
    }
    Ok(())
}
