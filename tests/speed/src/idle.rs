//! `idle`: how much memory a server takes for a connection on which nothing happens.

use std::io;

use crate::apart::{self, ALL, Apart, LOOP, keep_apart};
use crate::compare;
use crate::drive::Drive;
use crate::load::Load;
use crate::progress;

/// A server, and how many bytes it takes for each connection: one figure for each number of clients.
pub type Row = (&'static str, Vec<Option<u64>>);

/// Measures each server with each number of clients.
///
/// # Errors
/// Returns an error if a server isn't there, or refuses a client.
pub fn measure(counts: &[usize]) -> io::Result<Vec<Row>> {
    let apart = keep_apart();
    let servers = ALL.iter().filter(|name| **name != LOOP);
    let steps = counts.len() * servers.clone().count();
    let (mut all, mut done) = (Vec::new(), 0);
    for name in servers {
        let mut bytes = Vec::new();
        for &connections in counts {
            progress(done, steps, &format!("{name}: {connections} idle clients"));
            done += 1;
            if apart::has_threads(name) && connections > compare::MAX_THREADS * 2 {
                bytes.push(None);
                continue;
            }
            let server = Apart::start(name, apart)?;
            let load = Load {
                payload: 16,
                connections,
                in_flight: 1,
            };
            // What it takes for its first client is its own. Each client has said one message, and got its echo.
            let first = Drive::open(
                server.address,
                server.speaks,
                Load {
                    connections: 1,
                    ..load
                },
            )?;
            let before = server.memory();
            let clients = Drive::open(server.address, server.speaks, load)?;
            let after = server.memory();
            let taken = after
                .zip(before)
                .map(|(after, before)| after.saturating_sub(before));
            bytes.push(taken.map(|taken| taken / connections as u64));
            drop((first, clients));
        }
        all.push((*name, bytes));
    }
    progress(done, steps, "");
    Ok(all)
}

/// The table.
pub fn table(counts: &[usize], all: &[Row]) -> String {
    let mut text = format!("{:<20}", "bytes for each");
    for count in counts {
        text += &format!("{:>16}", format!("{count} clients"));
    }
    text += "\n";
    for (name, bytes) in all {
        text += &format!("{name:<20}");
        for bytes in bytes {
            let shown = bytes.map_or("–".to_string(), |it| crate::table::thousands(it as f64));
            text += &format!("{shown:>16}");
        }
        text += "\n";
    }
    text
}
