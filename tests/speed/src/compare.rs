//! `compare`: the echo of step 17 and that of every peer, under each load.

use std::io;
use std::time::Duration;

use crate::apart::{self, ALL, Apart, LOOP, OURS, keep_apart};
use crate::drive::Drive;
use crate::load::Load;
use crate::progress;
use crate::table::{self, ratio, spread, thousands};

/// How long each connection runs before it is counted.
const WARM_UP: Duration = Duration::from_millis(120);

/// The most clients of a server that has a thread for each: with more of them, the machine has little else to do.
pub const MAX_THREADS: usize = 1000;

/// The spread of the middle half of the rounds, as a share of their median, from which on a figure is marked.
const NOISY: f64 = 0.3;

/// What a mark means, at the end of a table.
pub const NOISE: &str =
    "~ the middle half of the rounds is spread over more than 30 % of their median: not a result\n";

/// What was measured of one server under one load: a figure for each round.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Messages in a second.
    pub rates: Vec<f64>,
    /// Time on a processor for each message, in microseconds.
    pub costs: Vec<f64>,
}

impl Figures {
    /// The median of the rates, or 0 if there are none.
    pub fn rate(&self) -> f64 {
        match self.rates.len() {
            0 => 0.0,
            _ => spread(&self.rates).1,
        }
    }

    /// The median of the costs, if the system tells them.
    pub fn cost(&self) -> Option<f64> {
        (!self.costs.is_empty()).then(|| spread(&self.costs).1)
    }
}

/// Every load of the table: four sizes, one client and many, one message on its way and many.
pub fn loads() -> Vec<Load> {
    let mut loads = Vec::new();
    for payload in [16, 1 << 10, 64 << 10, 1 << 20] {
        for (connections, in_flight) in [(1, 1), (1, 64), (32, 1), (32, 64)] {
            loads.push(Load {
                payload,
                connections,
                in_flight,
            });
        }
    }
    loads
}

/// Measures each server under each load, round by round, so that whatever else the machine does affects all of them.
///
/// # Errors
/// Returns an error if a server isn't there, or doesn't echo.
pub fn measure(
    names: &[&'static str],
    loads: &[Load],
    rounds: usize,
    span: Duration,
) -> io::Result<Vec<Vec<Figures>>> {
    let apart = keep_apart();
    let steps = loads.len() * rounds * names.len();
    let (mut all, mut done) = (Vec::new(), 0);
    for &load in loads {
        let mut figures = vec![Figures::default(); names.len()];
        for round in 0..rounds {
            for turn in 0..names.len() {
                // Each round begins with a different one.
                let which = (round + turn) % names.len();
                if apart::has_threads(names[which]) && load.connections > MAX_THREADS {
                    continue;
                }
                let what = format!("{}: {}", table::title(load), names[which]);
                progress(done, steps, &what);
                done += 1;
                // A fresh process each time: what an earlier load left in its memory counts for nothing.
                let server = Apart::start(names[which], apart)?;
                let (rate, cost) = one(&server, load, span)
                    .map_err(|error| io::Error::other(format!("{what}: {error}")))?;
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
fn one(server: &Apart, load: Load, span: Duration) -> io::Result<(f64, Option<f64>)> {
    let mut drive = Drive::open(server.address, server.speaks, load)?;
    drive.run(WARM_UP)?;
    let before = server.processor_time();
    let (messages, seconds) = drive.run(span)?;
    let after = server.processor_time();
    let taken = after.zip(before).map(|(after, before)| after - before);
    let cost = taken.map(|taken| taken * 1e6 / messages.max(1) as f64);
    Ok((messages as f64 / seconds, cost))
}

/// The table: a line for each load.
pub fn table(names: &[&'static str], loads: &[Load], all: &[Vec<Figures>]) -> String {
    let mut text = format!(
        "{:<22}{:>12}{:>9}  {:<19}{:>8}{:>11}{:>11}\n",
        "size, clients, each",
        "messages/s",
        "× best",
        "best peer",
        "× loop",
        "CPU, ours",
        "best peer"
    );
    let mut noisy = false;
    for (load, figures) in loads.iter().zip(all) {
        let mark = if is_noisy(&figures[0].rates) { "~" } else { "" };
        noisy |= !mark.is_empty();
        text += &format!("{}{mark}\n", line(names, *load, figures));
    }
    if noisy {
        text += NOISE;
    }
    text
}

fn line(names: &[&'static str], load: Load, figures: &[Figures]) -> String {
    let ours = &figures[0];
    let peers = || {
        let both = names.iter().zip(figures);
        both.filter(|(name, _)| !name.starts_with("step") && **name != LOOP)
    };
    let best = peers()
        .map(|(name, it)| (ratio(&ours.rates, &it.rates), *name))
        .min_by(|one, other| one.0.total_cmp(&other.0));
    let cheapest = peers()
        .filter_map(|(_, it)| it.cost())
        .min_by(f64::total_cmp);
    let of_loop = names.iter().position(|name| *name == LOOP);
    let micros = |cost: Option<f64>| cost.map_or("–".to_string(), |cost| format!("{cost:.2} µs"));
    format!(
        "{:<22}{:>12}{:>9}  {:<19}{:>8}{:>11}{:>11}",
        short_title(load),
        thousands(ours.rate()),
        best.map_or("–".to_string(), |(ratio, _)| format!("{ratio:.2}")),
        best.map_or("", |(_, name)| name),
        of_loop.map_or("–".to_string(), |at| format!(
            "{:.2}",
            ratio(&ours.rates, &figures[at].rates)
        )),
        micros(ours.cost()),
        micros(cheapest),
    )
}

/// Every server under every load, for those who want to know more.
pub fn details(names: &[&'static str], loads: &[Load], all: &[Vec<Figures>]) -> String {
    let mut text = String::new();
    for (load, figures) in loads.iter().zip(all) {
        text += &format!("{}\n", table::title(*load));
        for (name, it) in names.iter().zip(figures) {
            let (lowest, median, highest) = spread(&it.rates);
            let range = format!("{} to {}", thousands(lowest), thousands(highest));
            let cost = it
                .cost()
                .map_or(String::new(), |cost| format!("{cost:.2} µs"));
            text += &format!(
                "  {name:<20}{:>12}{range:>26}{cost:>13}{:>8.2}\n",
                thousands(median),
                ratio(&figures[0].rates, &it.rates),
            );
        }
        text += "\n";
    }
    text
}

/// `16 B, 32, 64`
pub fn short_title(load: Load) -> String {
    format!(
        "{}, {}, {}",
        table::size(load.payload),
        load.connections,
        load.in_flight
    )
}

/// Whether the middle half of these rounds is too far apart to mean something.
pub fn is_noisy(rates: &[f64]) -> bool {
    let mut sorted = rates.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: usize| sorted[(sorted.len() - 1) * share / 4];
    at(3) - at(1) > NOISY * at(2)
}

/// The servers of the table, ours first.
pub fn servers() -> Vec<&'static str> {
    debug_assert_eq!(ALL[0], OURS);
    ALL.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(rate: f64) -> Figures {
        Figures {
            rates: vec![rate; 3],
            costs: vec![1e6 / rate; 3],
        }
    }

    #[test]
    fn the_best_peer_is_the_one_that_we_beat_least() {
        let load = loads()[0];
        let names = [OURS, "yawc", "sockudo-ws", LOOP];
        let all = [[300.0, 100.0, 200.0, 400.0].map(figures).to_vec()];
        let text = table(&names, &[load], &all);
        let line = text.lines().nth(1).unwrap();
        assert!(line.contains("1.50  sockudo-ws"), "{line}");
        assert!(line.contains("0.75"), "{line}");
        assert!(!text.contains('~'), "{text}");
    }

    #[test]
    fn a_figure_that_moves_too_much_is_marked() {
        assert!(is_noisy(&[100.0, 50.0, 150.0, 60.0, 140.0]));
        assert!(!is_noisy(&[100.0, 101.0, 99.0, 20.0, 100.0]));
    }
}
