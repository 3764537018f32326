//! Writes the figures as a table, and reads such a table.
//!
//! A row holds only the digits that the table shows, and the plot is drawn from rows. So a plot that is drawn from a
//! table in a file is the same to the byte.

use std::fmt::Write as _;

use crate::journal::Delays;
use crate::options::Setup;

/// A way to carry messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Step 01.
    Polling,
    /// Step 02.
    LongPolling,
    /// Step 10.
    WebSocket,
}

impl Transport {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Polling, Self::LongPolling, Self::WebSocket];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::LongPolling => "long polling",
            Self::WebSocket => "WebSocket",
        }
    }
}

/// The cost of one transport at one rate.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Messages a minute, in the whole chat.
    pub rate: u64,
    /// The transport.
    pub transport: Transport,
    /// HTTP requests, opening handshakes among them.
    pub requests: u64,
    /// The bytes that it took to open all pages.
    pub opening: u64,
    /// The bytes that were sent in the time that was measured.
    pub then: u64,
    /// Those bytes, for each page and second.
    pub per_page: f64,
    /// From sending a message to seeing it.
    pub delays: Delays,
}

impl Row {
    /// Computes the figures of a measurement from the counts at its beginning, `opening`, and at its end, `end`.
    pub fn new(
        setup: &Setup,
        messages: usize,
        transport: Transport,
        requests: u64,
        (opening, end): (u64, u64),
        delays: Delays,
    ) -> Self {
        let then = end - opening;
        let per_page = then as f64 / setup.pages as f64 / setup.window.as_secs_f64();
        let row = Self {
            rate: setup.rate(messages),
            transport,
            requests,
            opening,
            then,
            per_page,
            delays,
        };
        // Rounded to what the table shows.
        Self::read(&row.write()).expect("a row that was written can be read")
    }

    fn write(&self) -> String {
        let Delays {
            mean,
            p50,
            p99,
            max,
        } = self.delays;
        let delays = [mean, p50, p99, max].map(delay);
        format!(
            "{:>5}  {:<12}{:>9}{:>8}{:>9}{:>8.1}{:>6}{:>7}{:>7}{:>7}",
            self.rate,
            self.transport.name(),
            self.requests,
            self.opening,
            self.then,
            self.per_page,
            delays[0],
            delays[1],
            delays[2],
            delays[3],
        )
    }

    fn read(line: &str) -> Option<Self> {
        let (rate, rest) = line.trim_start().split_once(' ')?;
        let rest = rest.trim_start();
        let named = |transport: &Transport| rest.starts_with(transport.name());
        let transport = Transport::ALL.into_iter().find(named)?;
        let figures = rest[transport.name().len()..].split_whitespace();
        let figures: Vec<f64> = figures.map(|it| it.parse().ok()).collect::<Option<_>>()?;
        let [requests, opening, then, per_page, mean, p50, p99, max] = figures[..] else {
            return None;
        };
        Some(Self {
            rate: rate.parse().ok()?,
            transport,
            requests: requests as u64,
            opening: opening as u64,
            then: then as u64,
            per_page,
            delays: Delays {
                mean,
                p50,
                p99,
                max,
            },
        })
    }
}

fn delay(milliseconds: f64) -> String {
    match milliseconds {
        99.95.. => format!("{milliseconds:.0}"),
        _ => format!("{milliseconds:.1}"),
    }
}

/// All figures, and what they were measured with.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The setup in a few words: pages, pauses, cookie, time.
    pub conditions: String,
    /// The rows by rate, and for each rate in the order of [`Transport::ALL`].
    pub rows: Vec<Row>,
}

const CONDITIONS: &str = "Measured: ";
/// The columns of [`Row::write`].
const HEADINGS: &str = concat!(
    " msgs                          bytes    bytes  a page              delay, in ms\n",
    " /min               requests to open     then   and s  mean    p50    p99    max\n",
);

impl Table {
    /// An empty table for a measurement.
    pub fn new(setup: &Setup) -> Self {
        let cookie = match setup.cookie {
            0 => "no cookie".to_string(),
            bytes => format!("a cookie of {bytes} bytes"),
        };
        let pages = match setup.pages {
            1 => "1 page".to_string(),
            pages => format!("{pages} pages"),
        };
        let (seconds, pause) = (setup.window.as_secs_f64(), setup.interval.as_secs_f64());
        Self {
            conditions: format!("{pages}, {seconds} s a rate, a pause of {pause} s, {cookie}"),
            rows: Vec::new(),
        }
    }

    /// The table as people read it, at most 80 columns wide.
    pub fn write(&self) -> String {
        let mut text = format!("{CONDITIONS}{}\n\n{HEADINGS}", self.conditions);
        for row in &self.rows {
            if row.transport == Transport::Polling {
                text.push('\n');
            }
            writeln!(text, "{}", row.write()).expect("a String takes all text");
        }
        text
    }

    /// Reads a table from a text, which may have other lines before and after it.
    ///
    /// # Errors
    /// Returns an error if it has no table, or not a complete one.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut conditions = text.lines().filter_map(|it| it.strip_prefix(CONDITIONS));
        let conditions = conditions.next().ok_or("there is no table in it")?;
        let rows: Vec<Row> = text.lines().filter_map(Row::read).collect();
        let is_whole = |rates: &[Row]| rates.iter().map(|row| row.transport).eq(Transport::ALL);
        if rows.is_empty() || !rows.chunks(3).all(is_whole) {
            return Err("its table has not all three ways at each rate".to_string());
        }
        Ok(Self {
            conditions: conditions.to_string(),
            rows,
        })
    }

    /// The rates at which all three were measured.
    pub fn rates(&self) -> Vec<u64> {
        self.rows.iter().step_by(3).map(|row| row.rate).collect()
    }

    /// The bytes of one transport for each page and second, in the order of the rates.
    pub fn bytes(&self, transport: Transport) -> Vec<f64> {
        let rows = self.rows.iter().filter(|row| row.transport == transport);
        rows.map(|row| row.per_page).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A table with these bytes for each page and second.
    pub(crate) fn table(points: &[(u64, [f64; 3])]) -> Table {
        let row = |rate, (transport, per_page)| Row {
            rate,
            transport,
            requests: 55,
            opening: 4_155,
            then: 123_456,
            per_page,
            delays: Delays {
                mean: 0.4,
                p50: 99.9,
                p99: 100.0,
                max: 12_345.0,
            },
        };
        let rows = points.iter().flat_map(|(rate, bytes)| {
            let ways = Transport::ALL.into_iter().zip(*bytes);
            ways.map(|it| row(*rate, it))
        });
        Table {
            conditions: "5 pages".to_string(),
            rows: rows.collect(),
        }
    }

    #[test]
    fn a_table_can_be_read_again() {
        let table = table(&[
            (6, [800.1, 120.0, 9.5]),
            (1800, [9_000.5, 40_000.0, 2_000.0]),
        ]);
        let text = format!("On a machine.\n\n{}\nThat was it.\n", table.write());
        assert_eq!(Table::read(&text).unwrap(), table);
        let wide: Vec<&str> = text.lines().filter(|it| it.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{wide:#?}");
        let lines: Vec<&str> = text.lines().collect();
        let short = lines[..lines.len() - 3].join("\n");
        assert!(Table::read(&short).unwrap_err().contains("all three ways"));
        assert!(Table::read("").is_err());
    }
}
