//! The load on servers in processes of their own: one thread, and any number of connections.
//!
//! Frames are masked and encoded beforehand, as in [`load`](mod@crate::load), and what comes back is counted in bytes. The
//! first echo of each connection is compared to the byte.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::load::{KEY, Load, frame, open_at};
use crate::servers::Speaks;

/// How much is written at once: whole frames, about so many bytes of them.
const WRITE_AT_ONCE: usize = 256 << 10;
const READ_AT_ONCE: usize = 256 << 10;
/// How long a server may give nothing back before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections to a server, over which messages go and come.
pub struct Drive {
    load: Load,
    poll: Poll,
    events: Events,
    lines: Vec<Line>,
    /// A few frames, one after another, all the same.
    frames: Vec<u8>,
    frame: u64,
    echo: u64,
    buffer: Vec<u8>,
}

/// One connection.
struct Line {
    stream: TcpStream,
    /// Bytes that may be sent in all, that were sent, and that came back.
    allowed: u64,
    sent: u64,
    come: u64,
}

impl Drive {
    /// Connects. One message has come back on each connection.
    ///
    /// # Errors
    /// Returns an error if the server can't be reached, or doesn't echo.
    pub fn open(address: SocketAddr, speaks: Speaks, load: Load) -> io::Result<Self> {
        let payload: Vec<u8> = (0..load.payload).map(|index| index as u8).collect();
        let masked = frame(&payload, Some(KEY));
        let echo = match speaks {
            Speaks::WebSocket => frame(&payload, None),
            Speaks::Tcp => masked.clone(),
        };
        let poll = Poll::new()?;
        let mut lines = Vec::new();
        for place in 0..load.connections {
            let stream = open_at(address, speaks, &masked, &echo)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            let both = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, Token(place), both)?;
            lines.push(Line {
                stream,
                allowed: 0,
                sent: 0,
                come: 0,
            });
        }
        Ok(Self {
            load,
            poll,
            events: Events::with_capacity(1024),
            lines,
            frames: masked.repeat((WRITE_AT_ONCE / masked.len()).clamp(1, load.in_flight)),
            frame: masked.len() as u64,
            echo: echo.len() as u64,
            buffer: vec![0; READ_AT_ONCE],
        })
    }

    /// Keeps the messages on their way for so long. Returns how many came back, and in how many seconds.
    ///
    /// # Errors
    /// Returns an error if the server ends a connection, or says nothing for a long time.
    pub fn run(&mut self, span: Duration) -> io::Result<(u64, f64)> {
        let before = self.come();
        let begun = Instant::now();
        for place in 0..self.lines.len() {
            self.turn(place)?;
        }
        let mut heard = begun;
        loop {
            let now = Instant::now();
            if now - begun >= span {
                let seconds = (now - begun).as_secs_f64();
                return Ok((self.come() - before, seconds));
            }
            if now - heard >= PATIENCE {
                return Err(ErrorKind::TimedOut.into());
            }
            let wait = span.saturating_sub(now - begun) + Duration::from_millis(1);
            self.poll.poll(&mut self.events, Some(wait))?;
            let ready: Vec<usize> = self.events.iter().map(|event| event.token().0).collect();
            if !ready.is_empty() {
                heard = now;
            }
            for place in ready {
                self.turn(place)?;
            }
        }
    }

    fn come(&self) -> u64 {
        self.lines.iter().map(|line| line.come / self.echo).sum()
    }

    /// Reads what there is, allows as many new messages as that makes room for, and writes.
    fn turn(&mut self, place: usize) -> io::Result<()> {
        let (frame, echo) = (self.frame, self.echo);
        let line = &mut self.lines[place];
        loop {
            match line.stream.read(&mut self.buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    line.come += count as u64;
                    if count < self.buffer.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        let in_flight = self.load.in_flight as u64;
        let free = in_flight + line.come / echo - line.allowed / frame;
        if free >= in_flight.div_ceil(2) {
            line.allowed += free * frame;
        }
        while line.sent < line.allowed {
            let start = (line.sent % self.frames.len() as u64) as usize;
            let left = usize::try_from(line.allowed - line.sent).unwrap_or(usize::MAX);
            let end = self.frames.len().min(start.saturating_add(left));
            match line.stream.write(&self.frames[start..end]) {
                Ok(count) => line.sent += count as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
