//! What each change is worth, measured without a socket: `cargo run --release -p speed -- measure`.

use std::hint::black_box;
use std::io::{self, IoSlice, Write};
use std::mem;
use std::time::{Duration, Instant};

use frames::{MaskingKey, Opcode, ReservedBits};

use crate::answers::{Answers, Waiting};
use crate::connection::{Config, Connection, Event};
use crate::unfinished::Buffers;

/// The masking key of all frames here. A real client takes a fresh one for each.
const KEY: MaskingKey = [0x37, 0xfa, 0x21, 0x3d];

/// Short payloads are measured in batches of this many bytes.
const BATCH: usize = 256 * 1024;

/// The payloads that are measured, in bytes.
const SIZES: [usize; 4] = [16, 1 << 10, 64 << 10, 1 << 20];

/// A stream that takes everything, and keeps only the number of bytes.
#[derive(Default)]
struct Sink {
    took: usize,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = black_box(bytes).len();
        self.took += count;
        Ok(count)
    }

    fn write_vectored(&mut self, slices: &[IoSlice]) -> io::Result<usize> {
        let count = black_box(slices).iter().map(|slice| slice.len()).sum();
        self.took += count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Prints what each change is worth. Each figure is tried for this long, and once at least. The shortest try counts:
/// whatever else the machine does can only make one longer.
pub fn print(each: Duration) {
    println!(
        "{:<28}{:>12}{:>12}{:>12}{:>12}",
        "", "16 B", "1 KiB", "64 KiB", "1 MiB"
    );
    row("unmask, step 06", "GB/s", |size| {
        rate(each, size, |bytes| frames::mask(bytes, KEY, 0))
    });
    row("unmask, by words", "GB/s", |size| {
        rate(each, size, |bytes| crate::mask::mask(bytes, KEY, 0))
    });
    row("copy (memcpy)", "GB/s", |size| copy_rate(each, size));
    row("ASCII, std", "GB/s", |size| {
        rate(each, size, |bytes| _ = black_box(str::from_utf8(bytes)))
    });
    row("ASCII, simdutf8", "GB/s", |size| {
        rate(each, size, |bytes| _ = black_box(crate::utf8::check(bytes)))
    });
    row("mixed text, std", "GB/s", |size| {
        rate_of(each, mixed(size), |bytes| {
            _ = black_box(str::from_utf8(bytes))
        })
    });
    row("mixed text, simdutf8", "GB/s", |size| {
        rate_of(each, mixed(size), |bytes| {
            _ = black_box(crate::utf8::check(bytes))
        })
    });
    row("an echo, step 08", "ns", |size| echo_of_step_08(each, size));
    row("an echo, in place", "ns", |size| echo_in_place(each, size));
}

fn row(name: &str, unit: &str, figure: impl Fn(usize) -> f64) {
    let figures = SIZES.map(|size| match figure(size) {
        large if large >= 100.0 => format!("{large:.0}"),
        middle if middle >= 1.0 => format!("{middle:.1}"),
        small => format!("{small:.3}"),
    });
    let [a, b, c, d] = figures;
    println!(
        "{:<28}{a:>12}{b:>12}{c:>12}{d:>12}",
        format!("{name}, {unit}")
    );
}

/// Returns how many bytes `work` does in a nanosecond, which is as many gigabytes in a second.
fn rate(each: Duration, size: usize, work: impl Fn(&mut [u8])) -> f64 {
    rate_of(each, vec![b'a'; size], work)
}

/// The same, with these bytes.
fn rate_of(each: Duration, mut bytes: Vec<u8>, work: impl Fn(&mut [u8])) -> f64 {
    let size = bytes.len();
    let times = (BATCH / size).max(1);
    let shortest = shortest(each, || {
        for _ in 0..times {
            work(black_box(&mut bytes));
        }
    });
    (size * times) as f64 / shortest
}

/// Returns text in many scripts, `size` bytes of it.
pub fn mixed(size: usize) -> Vec<u8> {
    let mut text = "Zoë says: ćwiczę, 你好, привет. ".repeat(size / 20 + 1);
    text.truncate(text.floor_char_boundary(size));
    let missing = size - text.len();
    text.push_str(&" ".repeat(missing));
    text.into_bytes()
}

fn copy_rate(each: Duration, size: usize) -> f64 {
    let (from, mut to) = (vec![b'a'; size], vec![0; size]);
    let times = (BATCH / size).max(1);
    let shortest = shortest(each, || {
        for _ in 0..times {
            black_box(&mut to[..]).copy_from_slice(black_box(&from));
        }
    });
    (size * times) as f64 / shortest
}

/// Returns the nanoseconds that one message costs in the connection of step 08, from read to write.
fn echo_of_step_08(each: Duration, size: usize) -> f64 {
    let (read, count) = frames_of(size);
    let mut server = connection::Connection::server(connection::Config::default());
    let shortest = shortest(each, || {
        let mut sent = 0;
        for bytes in read.chunks(echo::driver::READ_BUFFER_SIZE) {
            server.feed(bytes);
            while let Some(event) = server.poll() {
                if let connection::Event::Binary(message) = event {
                    _ = server.send_binary(&message);
                }
            }
            sent += black_box(server.take_outgoing()).len();
        }
        check_length(sent, &read, count);
    });
    shortest / count as f64
}

/// Returns the nanoseconds that one message costs in the connection of this step.
fn echo_in_place(each: Duration, size: usize) -> f64 {
    let (frames, count) = frames_of(size);
    let mut server = Connection::server(Config {
        max_frame: 1 << 20,
        max_message: 1 << 20,
    });
    let (mut joined, mut waiting, mut buffers) =
        (Vec::new(), Waiting::default(), Buffers::default());
    let (mut sink, mut read) = (Sink::default(), frames.clone());
    // Unmasking changes what was read, so each try begins with a copy, which isn't counted.
    let began = Instant::now();
    let mut shortest = f64::MAX;
    while shortest == f64::MAX || began.elapsed() < each {
        read.copy_from_slice(&frames);
        let since = Instant::now();
        let mut answers = Answers::new(&mut sink, &mut joined, &mut waiting);
        let mut rest = &mut read[..];
        while let Some(event) = server.poll(&mut rest, answers.buffer(), &mut buffers) {
            if let Event::Binary(payload) = event {
                _ = answers.message(Opcode::Binary, &payload);
                buffers.give_back(payload);
            }
        }
        _ = answers.finish();
        shortest = shortest.min(since.elapsed().as_nanos() as f64);
        check_length(mem::take(&mut sink.took), &frames, count);
    }
    shortest / count as f64
}

/// Checks that all echoes are there. Code that does less than it should proves nothing by being fast.
fn check_length(sent: usize, frames: &[u8], count: usize) {
    let keys = count * KEY.len();
    assert_eq!(sent + keys, frames.len(), "not all echoes are there");
}

/// Returns as many frames as one read may bring, and how many they are.
fn frames_of(size: usize) -> (Vec<u8>, usize) {
    let payload = vec![b'a'; size];
    let count = (BATCH / size).max(1);
    let mut frames = Vec::new();
    for _ in 0..count {
        let (fin, bits) = (true, ReservedBits::NONE);
        crate::frames::encode_frame(&mut frames, fin, bits, Opcode::Binary, Some(KEY), &payload);
    }
    (frames, count)
}

/// Returns how long `work` takes, in nanoseconds.
fn shortest(each: Duration, mut work: impl FnMut()) -> f64 {
    let began = Instant::now();
    let mut shortest = f64::MAX;
    while shortest == f64::MAX || began.elapsed() < each {
        let since = Instant::now();
        work();
        shortest = shortest.min(since.elapsed().as_nanos() as f64);
    }
    shortest
}
