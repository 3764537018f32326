//! `fan-out`: how many messages a chat delivers in a second, if one client speaks and many listen.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::apart::{Apart, CHATS, keep_apart};
use crate::compare::{NOISE, is_noisy};
use crate::load::{KEY, frame_of, shake_hands};
use crate::progress;
use crate::table::{ratio, spread, thousands};

use frame_header::Opcode;

/// How many messages of the speaker are on their way at a time. It hears itself, too.
const WINDOW: u64 = 16;

/// How long what the speaker says is, in bytes.
const BYTES: usize = 100;

/// How long a server may deliver nothing before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// The first part of a run isn't counted.
const WARM_UP: Duration = Duration::from_millis(300);

/// A client, and where it is in the stream of frames.
struct Listener {
    stream: TcpStream,
    /// How many bytes of the frame that is arriving are still to come.
    skip: usize,
    /// The beginning of a header that a read has cut.
    cut: Vec<u8>,
    heard: u64,
}

impl Listener {
    /// Counts the frames that these bytes end.
    fn count(&mut self, bytes: &[u8]) {
        let joined;
        let mut bytes = if self.cut.is_empty() {
            bytes
        } else {
            joined = [&self.cut[..], bytes].concat();
            self.cut.clear();
            &joined
        };
        loop {
            let here = self.skip.min(bytes.len());
            bytes = &bytes[here..];
            self.skip -= here;
            let length = match *bytes {
                [_, length @ 0..=125, ..] => 2 + usize::from(length),
                [_, 126, high, low, ..] => 4 + usize::from(u16::from_be_bytes([high, low])),
                _ => break,
            };
            self.skip = length;
            // A frame that has begun will be there soon: only whole rounds are measured.
            self.heard += 1;
        }
        self.cut.extend_from_slice(bytes);
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    self.count(&buffer[..count]);
                    if count < buffer.len() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Returns how many messages a server delivers in a second to so many listeners.
fn run(address: SocketAddr, listeners: usize, span: Duration) -> io::Result<f64> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut all = Vec::new();
    // The first one speaks.
    for place in 0..=listeners {
        let mut stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        shake_hands(&mut stream)?;
        // It is in the room once it is welcomed.
        stream.read_exact(&mut [0; 15])?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry()
            .register(&mut stream, Token(place), Interest::READABLE)?;
        all.push(Listener {
            stream,
            skip: 0,
            cut: Vec::new(),
            heard: 0,
        });
    }
    let text = format!(
        r#"{{"username":"speaker","message":"{}"}}"#,
        "m".repeat(BYTES)
    );
    let message = frame_of(Opcode::Text, text.as_bytes(), Some(KEY));
    let mut buffer = vec![0; 64 << 10];
    // The chat first says that the speaker has joined.
    all[0].stream.write_all(&message)?;
    let mut said = 1;
    let (begun, mut heard) = (Instant::now(), Instant::now());
    let mut since: Option<(Instant, u64)> = None;
    loop {
        poll.poll(&mut events, Some(Duration::from_millis(10)))?;
        for event in &events {
            all[event.token().0].read(&mut buffer)?;
        }
        let now = Instant::now();
        if !events.is_empty() {
            heard = now;
        } else if now - heard > PATIENCE {
            return Err(ErrorKind::TimedOut.into());
        }
        // One message more than it has heard of itself is the one about its joining.
        let own = all[0].heard.min(said);
        let free = WINDOW - (said - own);
        if free >= WINDOW / 2 {
            let messages = message.repeat(free as usize);
            all[0].stream.write_all(&messages)?;
            said += free;
        }
        let deliveries = || all.iter().map(|it| it.heard).sum::<u64>();
        match since {
            None if now - begun >= WARM_UP => since = Some((now, deliveries())),
            Some((first, before)) if now - first >= span => {
                return Ok((deliveries() - before) as f64 / (now - first).as_secs_f64());
            }
            _ => {}
        }
    }
}

/// Measures each chat with each number of listeners, and returns the table.
///
/// # Errors
/// Returns an error if a server isn't there, or doesn't deliver.
pub fn table(counts: &[usize], rounds: usize, span: Duration) -> io::Result<String> {
    let apart = keep_apart();
    let steps = counts.len() * rounds * CHATS.len();
    let (mut done, mut noisy) = (0, false);
    let mut text = format!(
        "{:<22}{:>14}{:>28}{:>14}\n",
        "deliveries a second", "median", "lowest to highest", "step 17 is ×"
    );
    for &listeners in counts {
        let mut rates = [const { Vec::new() }; CHATS.len()];
        for round in 0..rounds {
            for turn in 0..CHATS.len() {
                let which = (round + turn) % CHATS.len();
                progress(
                    done,
                    steps,
                    &format!("{listeners} listeners: {}", CHATS[which]),
                );
                done += 1;
                let server = Apart::start(CHATS[which], apart)?;
                let rate = run(server.address, listeners, span);
                let rate =
                    rate.map_err(|error| io::Error::other(format!("{}: {error}", CHATS[which])))?;
                rates[which].push(rate);
            }
        }
        text += &format!("\n{} listeners\n", thousands(listeners as f64));
        for (name, it) in CHATS.iter().zip(&rates) {
            let (lowest, median, highest) = spread(it);
            let range = format!("{} to {}", thousands(lowest), thousands(highest));
            let mark = if is_noisy(it) { "~" } else { "" };
            noisy |= !mark.is_empty();
            text += &format!(
                "  {name:<20}{:>14}{range:>28}{:>14.2}{mark}\n",
                thousands(median),
                ratio(&rates[0], it)
            );
        }
    }
    if noisy {
        text += &format!("\n{NOISE}");
    }
    progress(done, steps, "");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_wherever_reads_cut_them() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let frames = [
            frame_of(Opcode::Text, b"one", None),
            frame_of(Opcode::Text, &[b'x'; 300], None),
        ]
        .concat()
        .repeat(3);
        for size in 1..20 {
            let stream = TcpStream::from_std(stream.try_clone().unwrap());
            let mut it = Listener {
                stream,
                skip: 0,
                cut: Vec::new(),
                heard: 0,
            };
            frames.chunks(size).for_each(|piece| it.count(piece));
            assert_eq!((it.heard, it.skip), (6, 0));
        }
    }
}
