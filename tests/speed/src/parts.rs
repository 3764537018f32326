//! What an echo costs without a socket: the whole way through a connection, and two parts of it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use connection::{Config, Connection, Event};

use crate::load::{KEY, frame};

/// A connection is given as much at once as the driver of step 09 reads.
const AT_ONCE: usize = echo::driver::READ_BUFFER_SIZE;
/// How long each is tried. The best counts: what else the machine does can only slow it down.
const SPAN: Duration = Duration::from_millis(400);
/// Small messages are measured so many at a time.
const BATCH_BYTES: usize = 64 << 10;

/// What one message costs, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parts {
    /// Frame in, message out, message in, frame out.
    pub whole: f64,
    /// Unmasking its payload.
    pub unmasking: f64,
    /// Copying its payload once.
    pub copy: f64,
}

/// Measures a message of that many bytes.
pub fn measure(payload: usize) -> Parts {
    let plain: Vec<u8> = (0..payload).map(|index| index as u8).collect();
    let count = (BATCH_BYTES / payload).max(1);
    let frames = frame(&plain, Some(KEY)).repeat(count);
    let mut connection = Connection::server(Config::default());
    let whole = best(|| {
        for bytes in frames.chunks(AT_ONCE) {
            connection.feed(bytes);
            while let Some(event) = connection.poll() {
                if let Event::Binary(message) = event {
                    connection.send_binary(&message).expect("it is open");
                }
            }
            black_box(connection.take_outgoing());
        }
    });
    let mut masked = plain.clone();
    let unmasking = best(|| {
        for _ in 0..count {
            frames::mask(black_box(&mut masked), black_box(KEY), black_box(0));
        }
    });
    let copy = best(|| {
        for _ in 0..count {
            black_box(black_box(&plain).clone());
        }
    });
    let each = |seconds: f64| seconds * 1e6 / count as f64;
    Parts {
        whole: each(whole),
        unmasking: each(unmasking),
        copy: each(copy),
    }
}

/// The shortest that it takes, in seconds.
fn best(mut run: impl FnMut()) -> f64 {
    let begun = Instant::now();
    let mut best = f64::MAX;
    while begun.elapsed() < SPAN {
        let since = Instant::now();
        run();
        best = best.min(since.elapsed().as_secs_f64());
    }
    best
}
