//! What compression gains in bytes, and what it costs in memory and time.
//!
//! | what | how |
//! |---|---|
//! | bytes | all payloads of a sample together, compressed, and as they are |
//! | time | CPU time of this process for one message, compressed and decompressed again |
//! | memory | how much a process of its own grows with its connections (Linux only) |

use std::fs;
use std::hint::black_box;

use cpu_time::ProcessTime;
use frames::Role;

use crate::deflate::Deflater;
use crate::inflate::{Inflater, NotDeflate};
use crate::parameters::Context;
use crate::samples;
use crate::settings::Compression;
use crate::window::WindowBits;

/// One direction of a connection.
#[derive(Debug)]
pub struct Direction {
    deflater: Deflater,
    inflater: Inflater,
}

impl Direction {
    /// Creates the two ends of a direction in which this was agreed on.
    pub fn new(context: Context) -> Self {
        Self {
            deflater: Deflater::new(context, Compression::default().min_length),
            inflater: Inflater::new(context),
        }
    }

    /// Sends a message. Returns how many bytes of payload it took.
    ///
    /// # Errors
    /// Returns [`NotDeflate`] if the two ends don't understand each other.
    pub fn carry(&mut self, message: &[u8]) -> Result<usize, NotDeflate> {
        let Some(packed) = self.deflater.pack(message) else {
            return Ok(message.len());
        };
        let length = packed.len();
        self.inflater.receive(packed);
        while let Some(piece) = self.inflater.next_piece()? {
            black_box(piece);
        }
        self.inflater.finish();
        while let Some(piece) = self.inflater.next_piece()? {
            black_box(piece);
        }
        Ok(length)
    }
}

/// What a sample costs in one direction.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// How many bytes the messages have.
    pub plain: usize,
    /// How many bytes their payloads have.
    pub sent: usize,
    /// The CPU time of each message, in microseconds.
    pub microseconds: f64,
}

/// Measures what these messages cost.
///
/// # Errors
/// Returns [`NotDeflate`] if the two ends don't understand each other.
pub fn cost(messages: &[Vec<u8>], context: Context) -> Result<Cost, NotDeflate> {
    let mut direction = Direction::new(context);
    let start = ProcessTime::now();
    let mut sent = 0;
    for message in messages {
        sent += direction.carry(message)?;
    }
    let time = start.elapsed().as_secs_f64();
    Ok(Cost {
        plain: messages.iter().map(Vec::len).sum(),
        sent,
        microseconds: time * 1e6 / messages.len() as f64,
    })
}

/// The contexts that the tables have a row for.
pub fn contexts() -> Vec<Context> {
    let bits = [15, 12, 10, 9].into_iter().filter_map(WindowBits::new);
    let taken_over = bits.map(|window| Context {
        is_taken_over: true,
        window,
    });
    let alone = Context {
        is_taken_over: false,
        window: WindowBits::MAX,
    };
    taken_over.chain([alone]).collect()
}

/// Measures how much memory a server needs for each of so many connections on which both sides compress like this, in
/// bytes. Each connection has seen so much chat that its windows are full. Only a process that does nothing else measures right.
/// `None` if the system doesn't tell.
pub fn memory_of_each(context: Context, connections: usize) -> Option<usize> {
    let messages = samples::chat(500);
    let agreed = crate::Parameters {
        server_no_context_takeover: !context.is_taken_over,
        client_no_context_takeover: !context.is_taken_over,
        server_max_window_bits: Some(context.window),
        client_max_window_bits: Some(context.window),
    };
    let [ours, theirs] = [Role::Server, Role::Client].map(|side| agreed.context_of(side));
    let mut payloads = Vec::new();
    let mut deflater = Deflater::new(theirs, 0);
    payloads.extend(messages.iter().filter_map(|message| deflater.pack(message)));
    let before = resident()?;
    let mut open = Vec::new();
    for _ in 0..connections {
        let (mut deflater, mut inflater) = (Deflater::new(ours, 0), Inflater::new(theirs));
        for message in &messages {
            black_box(deflater.pack(message));
        }
        for payload in &payloads {
            inflater.receive(payload.clone());
            while let Some(piece) = inflater.next_piece().ok()? {
                black_box(piece);
            }
            inflater.finish();
            while let Some(piece) = inflater.next_piece().ok()? {
                black_box(piece);
            }
        }
        open.push((deflater, inflater));
    }
    let after = resident()?;
    black_box(open);
    Some(after.saturating_sub(before) / connections)
}

/// Returns how much memory of this process is resident, in bytes. `None` if the system doesn't tell in Linux's way.
fn resident() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: usize = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}
