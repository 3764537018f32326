//! What went over a wire, read by read, and the file that keeps it.
//!
//! ```text
//! # cargo workshop tap, transcript 1
//! 0.000000 #1 open 127.0.0.1:53422
//! 0.000812 #1 client 47 45 54 20 2f 73 6f 63 6b 65 74 20 48 54 54 50
//!   2f 31 2e 31 0d 0a
//! 0.002411 #1 server fin
//! ```
//!
//! A line for each read: seconds since the tap began, the connection's number, who sent, and every
//! byte in hexadecimal. A line that begins with a space goes on with the bytes of the one before;
//! one that begins with `#` is a comment.

use std::fmt;
use std::io::{BufRead, Write};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use frame_header::hex;
use workshop_terminal::text::sanitize;
use workshop_wire::side::Side;

/// The first line of every transcript.
const TITLE: &str = "# cargo workshop tap, transcript 1";
/// How many bytes are in a line.
const BYTES_PER_LINE: usize = 24;
/// The longest record that is read, in bytes.
const MAX_RECORD: usize = 16 << 20;

/// How a direction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The sender said that nothing more follows.
    Fin,
    /// The sender reset the connection.
    Reset,
    /// The tap stopped reading, because the receiver is gone.
    Cut,
}

impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::Fin => "fin",
            Self::Reset => "reset",
            Self::Cut => "cut",
        })
    }
}

/// Something that happened on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A client connected, from this address.
    Open(String),
    /// The server couldn't be reached, for this reason, so the client's connection was closed.
    Unreachable(String),
    /// One read brought these bytes.
    Bytes(Side, Vec<u8>),
    /// This side sends nothing more.
    End(Side, Ending),
}

/// An event, when it happened, and on which connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Since the tap began.
    pub at: Duration,
    /// Counted from 1.
    pub connection: u64,
    /// What happened.
    pub event: Event,
}

/// As it is in a transcript, without the last line's end.
impl fmt::Display for Record {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let (seconds, micros) = (self.at.as_secs(), self.at.subsec_micros());
        write!(formatter, "{seconds}.{micros:06} #{} ", self.connection)?;
        match &self.event {
            Event::Open(from) => write!(formatter, "open {}", one_line(from)),
            Event::Unreachable(why) => write!(formatter, "unreachable {}", one_line(why)),
            Event::End(side, ending) => write!(formatter, "{side} {ending}"),
            Event::Bytes(side, bytes) => {
                write!(formatter, "{side}")?;
                formatter.write_str(&in_lines(bytes))
            }
        }
    }
}

/// Bytes in hexadecimal, each after a space. Written digit by digit, because there may be megabytes of them.
fn in_lines(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(4 * bytes.len());
    for (index, line) in bytes.chunks(BYTES_PER_LINE).enumerate() {
        if index > 0 {
            text.push_str("\n ");
        }
        for byte in line {
            text.push(' ');
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 0x0f)]));
        }
    }
    text
}

fn one_line(text: &str) -> String {
    sanitize(text).replace('\n', " ").trim().to_string()
}

/// Begins a transcript.
///
/// # Errors
/// Returns the system's error if it can't be written.
pub fn begin(file: &mut impl Write, title: &str) -> std::io::Result<()> {
    writeln!(file, "{TITLE}\n# {}", one_line(title))
}

/// Reads a transcript, and gives each record to `take`.
///
/// # Errors
/// Returns an error if it can't be read or isn't a transcript, with the line if there is one.
pub fn read(name: &str, file: impl BufRead, mut take: impl FnMut(Record)) -> Result<()> {
    let mut pending: Option<(usize, String)> = None;
    let mut lines = file.lines();
    let first = lines.next().transpose();
    let first = first.with_context(|| format!("{name} can't be read as text"))?;
    if first.as_deref().map(str::trim_end) != Some(TITLE) {
        bail!("{name} is no transcript: its first line would be `{TITLE}`.");
    }
    let mut finish = |pending: Option<(usize, String)>| {
        let Some((number, line)) = pending else {
            return Ok(());
        };
        let Some(record) = record_of(&line) else {
            bail!(
                "{name}, line {number}: `{}` is no record of a tap.",
                workshop_terminal::text::cut(&one_line(&line), 40)
            );
        };
        take(record);
        Ok(())
    };
    for (index, line) in lines.enumerate() {
        let line = line.with_context(|| format!("{name} can't be read as text"))?;
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        match (&mut pending, line.starts_with(' ')) {
            (Some((_, text)), true) if text.len() < MAX_RECORD => text.push_str(&line),
            (_, true) => {
                finish(Some((index + 2, line)))?;
            }
            (_, false) => finish(pending.replace((index + 2, line)))?,
        }
    }
    finish(pending)
}

fn record_of(line: &str) -> Option<Record> {
    let (time, rest) = line.split_once(" #")?;
    let (connection, rest) = rest.split_once(' ')?;
    let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let (seconds, fraction) = time.split_once('.')?;
    let micros = (fraction.len() == 6).then(|| fraction.parse::<u32>().ok())??;
    let at = Duration::new(seconds.parse().ok()?, micros.checked_mul(1000)?);
    let side = match word {
        "client" => Some(Side::Client),
        "server" => Some(Side::Server),
        _ => None,
    };
    let event = match (word, side, rest.trim()) {
        ("open", _, from) => Event::Open(from.to_string()),
        ("unreachable", _, why) => Event::Unreachable(why.to_string()),
        (_, Some(side), "fin") => Event::End(side, Ending::Fin),
        (_, Some(side), "reset") => Event::End(side, Ending::Reset),
        (_, Some(side), "cut") => Event::End(side, Ending::Cut),
        (_, Some(side), hex) => Event::Bytes(side, hex::parse(hex).ok()?),
        (_, None, _) => return None,
    };
    Some(Record {
        at,
        connection: connection.parse().ok()?,
        event,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_back(text: &str) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        read("a file", text.as_bytes(), |record| records.push(record))?;
        Ok(records)
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let events = [
            Event::Open("127.0.0.1:53422".to_string()),
            Event::Bytes(Side::Client, (0..=255).collect()),
            Event::Bytes(Side::Server, b"x".to_vec()),
            Event::End(Side::Server, Ending::Fin),
            Event::End(Side::Client, Ending::Reset),
            Event::End(Side::Client, Ending::Cut),
            Event::Unreachable("connection refused".to_string()),
        ];
        let records: Vec<Record> = (1..)
            .zip(events)
            .map(|(number, event)| Record {
                at: Duration::from_micros(1_234_567 * number),
                connection: number,
                event,
            })
            .collect();
        let mut file = Vec::new();
        begin(&mut file, "a title\nof two lines").unwrap();
        for record in &records {
            writeln!(file, "{record}\n# a comment").unwrap();
        }
        let text = String::from_utf8(file).unwrap();
        assert!(text.lines().all(|line| line.len() <= 100), "{text}");
        assert_eq!(read_back(&text).unwrap(), records);
    }

    #[test]
    fn what_is_no_transcript_is_refused_with_its_line() {
        assert!(read_back("GET / HTTP/1.1\n").is_err());
        assert!(read_back("").is_err());
        for line in [
            "0.000001 #1 client 8",
            "0.000001 #1 somebody 81",
            "0.1 #1 client 81",
            "0.000001 #x client 81",
            "  81 05",
            "hello",
        ] {
            let sentence = read_back(&format!("{TITLE}\n\n{line}\n"))
                .expect_err(line)
                .to_string();
            assert!(sentence.starts_with("a file, line 3: "), "{sentence}");
        }
    }
}
