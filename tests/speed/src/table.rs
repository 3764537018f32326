//! What was measured, as text: medians with what they spread over, and how servers compare.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::load::Load;
use crate::parts::Parts;

/// The lowest, the middle and the highest of some numbers, of which there must be one.
pub fn spread(numbers: &[f64]) -> (f64, f64, f64) {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    (
        sorted[0],
        sorted[sorted.len() / 2],
        sorted[sorted.len() - 1],
    )
}

/// How many times as fast one server is as another: the median over the rounds, in each of which
/// the two ran right after each other.
pub fn ratio(of: &[f64], to: &[f64]) -> f64 {
    let each: Vec<f64> = of.iter().zip(to).map(|(of, to)| of / to).collect();
    spread(&each).1
}

/// `16 B messages, 1 connection, 64 in flight`
pub fn title(load: Load) -> String {
    let size = size(load.payload);
    match load.connections {
        1 => format!(
            "{size} messages, 1 connection, {} in flight",
            load.in_flight
        ),
        more => format!(
            "{size} messages, {more} connections, {} in flight on each",
            load.in_flight
        ),
    }
}

/// `64 KiB`
pub fn size(bytes: usize) -> String {
    match bytes {
        ..1024 => format!("{bytes} B"),
        1024..0x10_0000 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes >> 20),
    }
}

/// The columns of the table of parts.
pub fn heading_of_parts() -> String {
    format!(
        "{:<12}{:>16}{:>16}{:>16}",
        "one message", "whole echo", "unmasking", "one copy"
    )
}

/// What a message of that size costs.
pub fn line_of_parts(payload: usize, parts: Parts) -> String {
    let micros = |micros: f64| format!("{micros:.3} µs");
    format!(
        "{:<12}{:>16}{:>16}{:>16}",
        size(payload),
        micros(parts.whole),
        micros(parts.unmasking),
        micros(parts.copy)
    )
}

/// The table's columns.
pub fn heading() -> String {
    format!(
        "{:<20}{:>12}{:>26}{:>11}{:>11}",
        "", "messages/s", "lowest to highest", "× tungst.", "× raw TCP"
    )
}

/// A server's line: its rates in each round, beside those of tungstenite and of raw TCP.
pub fn line(name: &str, rates: &[f64], tungstenite: &[f64], raw_tcp: &[f64]) -> String {
    let (lowest, median, highest) = spread(rates);
    let range = format!("{} to {}", thousands(lowest), thousands(highest));
    format!(
        "  {name:<18}{:>12}{range:>26}{:>11.2}{:>11.2}",
        thousands(median),
        ratio(rates, tungstenite),
        ratio(rates, raw_tcp),
    )
}

/// `1,234,567`
pub fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The machine, as far as it says what it is, and the day.
pub fn machine() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_string())
    });
    let processor = processor.unwrap_or_else(|| ARCH.to_string());
    format!("{processor}, {cores} cores, {OS}, {}", today())
}

/// The day in UTC, `2026-11-21`. Howard Hinnant's `civil_from_days`, for days after 1970.
fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    date(since.map_or(0, |since| since.as_secs() / 86_400))
}

fn date(days: u64) -> String {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, year) = match month {
        0..=9 => (month + 3, year),
        _ => (month - 9, year + 1),
    };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_into_a_terminal() {
        let rates = [3_000_000.0, 2_000_000.0, 2_500_000.4];
        let line = line("tungstenite 0.30.0", &rates, &rates, &[5_000_000.0; 3]);
        assert_eq!(
            line,
            "  tungstenite 0.30.0   2,500,000    2,000,000 to 3,000,000       1.00       0.50"
        );
        assert!(line.chars().count() <= 80 && heading().chars().count() <= 80);
    }

    #[test]
    fn days_are_dates() {
        for (days, day) in [
            (0, "1970-01-01"),
            (11_016, "2000-02-29"),
            (20_778, "2026-11-21"),
        ] {
            assert_eq!(date(days), day);
        }
    }
}
