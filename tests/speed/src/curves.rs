//! `sizes` and `clients`: how the cost of a message changes with its length, and with the number of clients.

use std::io;
use std::time::Duration;

use crate::apart::{LOOP, OURS};
use crate::compare::{Figures, measure};
use crate::load::Load;
use crate::plot::{Curve, Plot};
use crate::table::{self, thousands};

/// The servers of the curves.
pub const SERVERS: [&str; 6] = [
    OURS,
    "step 09",
    "tokio-websockets",
    "fastwebsockets",
    "sockudo-ws",
    LOOP,
];

/// From 16 B to 16 MiB, in steps of 16.
pub fn sizes() -> Vec<Load> {
    let sizes = [16, 256, 4 << 10, 64 << 10, 1 << 20, 16 << 20];
    let load = |payload| Load {
        payload,
        connections: 4,
        in_flight: 4,
    };
    sizes.map(load).to_vec()
}

/// From 100 to 10,000 clients, each with a message on its way.
pub fn clients() -> Vec<Load> {
    let load = |connections| Load {
        payload: 16,
        connections,
        in_flight: 1,
    };
    [100, 300, 1000, 3000, 10_000].map(load).to_vec()
}

/// A curve for each server: its table, and its plot.
///
/// # Errors
/// Returns an error if a server isn't there, or doesn't echo.
pub fn sizes_of(rounds: usize, span: Duration, loads: &[Load]) -> io::Result<(String, String)> {
    let all = measure(&SERVERS, loads, rounds, span)?;
    let megabytes = |load: Load, it: &Figures| it.rate() * load.payload as f64 / 1e6;
    let label = |load: &Load| table::size(load.payload);
    let text = lines(loads, &all, label, |load, it| match megabytes(load, it) {
        few if few < 10.0 => format!("{few:.1}"),
        many => thousands(many),
    });
    let plot = plot(
        "Megabytes of payload echoed in a second, by the size of a message",
        loads,
        &all,
        label,
        megabytes,
    );
    Ok((
        format!("megabytes of payload in a second, 4 clients, 4 messages each\n\n{text}"),
        plot,
    ))
}

/// The same for the number of clients.
///
/// # Errors
/// Returns an error if a server isn't there, or doesn't echo.
pub fn clients_of(rounds: usize, span: Duration, loads: &[Load]) -> io::Result<(String, String)> {
    let all = measure(&SERVERS, loads, rounds, span)?;
    let cost = |_: Load, it: &Figures| it.cost().unwrap_or_default();
    let label = |load: &Load| thousands(load.connections as f64);
    let text = lines(loads, &all, label, |load, it| match cost(load, it) {
        0.0 => "–".to_string(),
        cost => format!("{cost:.2}"),
    });
    let plot = plot(
        "Processor time for an echo of 16 bytes, in microseconds, by the number of clients",
        loads,
        &all,
        label,
        cost,
    );
    Ok((
        format!(
            "processor time for an echo of 16 bytes, in µs; each client has one on its way\n\n{text}"
        ),
        plot,
    ))
}

fn lines(
    loads: &[Load],
    all: &[Vec<Figures>],
    label: impl Fn(&Load) -> String,
    cell: impl Fn(Load, &Figures) -> String,
) -> String {
    let mut text = format!("{:<18}", "");
    for load in loads {
        text += &format!("{:>10}", label(load));
    }
    text += "\n";
    for (place, name) in SERVERS.iter().enumerate() {
        text += &format!("{name:<18}");
        for (load, figures) in loads.iter().zip(all) {
            text += &format!("{:>10}", cell(*load, &figures[place]));
        }
        text += "\n";
    }
    text
}

fn plot(
    title: &str,
    loads: &[Load],
    all: &[Vec<Figures>],
    label: impl Fn(&Load) -> String,
    value: impl Fn(Load, &Figures) -> f64,
) -> String {
    let curves = SERVERS.iter().enumerate().map(|(place, name)| Curve {
        name: name.to_string(),
        values: loads
            .iter()
            .zip(all)
            .map(|(load, figures)| value(*load, &figures[place]))
            .collect(),
    });
    Plot {
        title: title.to_string(),
        labels: loads.iter().map(label).collect(),
        curves: curves.collect(),
    }
    .svg()
}
