//! The load: frames that were encoded beforehand go out many at a time, and what comes back is
//! counted in bytes. The echo of a frame has a known length, so nothing has to be decoded.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use frame_header::{FrameHeader, MaskingKey, Opcode, ReservedBits};

use crate::servers::{Contestant, Speaks};

/// A client must take another key for each frame that nobody can guess. These frames are all the
/// same, so that they can be encoded once: a server doesn't notice.
pub const KEY: MaskingKey = [0x37, 0xfa, 0x21, 0x3d];
/// With more than this on its way, who writes and doesn't read might wait for ever.
const SURELY_BUFFERED: usize = 128 << 10;
const READ_AT_ONCE: usize = 256 << 10;
/// How long each connection runs before it is counted.
const WARM_UP: Duration = Duration::from_millis(150);
/// How long an echo may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// How long each message is, in bytes.
    pub payload: usize,
    /// How many connections there are.
    pub connections: usize,
    /// How many messages of each connection are on their way at most. New ones go out when half of
    /// these have come back.
    pub in_flight: usize,
}

/// The bytes of a load.
struct Frames {
    /// As many frames as can be on their way, all the same, one after another.
    all: Vec<u8>,
    /// How long one of them is.
    length: usize,
    /// What comes back for one.
    echo: Vec<u8>,
}

impl Frames {
    fn of(load: Load, speaks: Speaks) -> Self {
        let payload: Vec<u8> = (0..load.payload).map(|index| index as u8).collect();
        let masked = frame(&payload, Some(KEY));
        Self {
            all: masked.repeat(load.in_flight),
            length: masked.len(),
            echo: match speaks {
                Speaks::WebSocket => frame(&payload, None),
                Speaks::Tcp => masked,
            },
        }
    }

    fn first(&self, count: u64) -> &[u8] {
        &self.all[..count as usize * self.length]
    }
}

/// Binary, so that no server has to look whether it is text.
pub fn frame(payload: &[u8], masking_key: Option<MaskingKey>) -> Vec<u8> {
    frame_of(Opcode::Binary, payload, masking_key)
}

/// A frame that is a message by itself.
pub fn frame_of(opcode: Opcode, payload: &[u8], masking_key: Option<MaskingKey>) -> Vec<u8> {
    let header = FrameHeader {
        fin: true,
        reserved: ReservedBits::NONE,
        opcode,
        masking_key,
        payload_length: payload.len() as u64,
    };
    let mut bytes = Vec::new();
    header.encode(&mut bytes);
    let key = masking_key.unwrap_or_default();
    let masked = payload.iter().zip(key.iter().cycle());
    bytes.extend(masked.map(|(byte, key)| byte ^ key));
    bytes
}

/// Echoes per second that the server gives under this load, measured for `span`.
///
/// # Errors
/// It does not echo.
pub fn measure(server: &Contestant, load: Load, span: Duration) -> io::Result<f64> {
    let frames = Arc::new(Frames::of(load, server.speaks));
    let start = Arc::new(Barrier::new(load.connections));
    let streams: io::Result<Vec<_>> = (0..load.connections)
        .map(|_| open(server, &frames))
        .collect();
    let threads: Vec<_> = streams?
        .into_iter()
        .map(|stream| {
            let (frames, start) = (Arc::clone(&frames), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                run(stream, &frames, load.in_flight as u64, span)
            })
        })
        .collect();
    let mut rate = 0.0;
    for thread in threads {
        rate += thread.join().expect("the load does not panic")?;
    }
    Ok(rate)
}

/// A connection on which one message has been echoed, to the byte.
fn open(server: &Contestant, frames: &Frames) -> io::Result<TcpStream> {
    open_at(server.address, server.speaks, frames.first(1), &frames.echo)
}

/// A connection to an address, on which this frame has led to this echo.
pub fn open_at(
    address: SocketAddr,
    speaks: Speaks,
    frame: &[u8],
    expected: &[u8],
) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    if speaks == Speaks::WebSocket {
        shake_hands(&mut stream)?;
    }
    let mut writer = stream.try_clone()?;
    let mut echo = vec![0; expected.len()];
    // A server may send the beginning back before it has the end.
    thread::scope(|scope| {
        let writing = scope.spawn(move || writer.write_all(frame));
        stream.read_exact(&mut echo)?;
        writing.join().expect("the writer does not panic")
    })?;
    if echo == expected {
        Ok(stream)
    } else {
        Err(wrong("the echo is another message"))
    }
}

/// The opening handshake.
pub fn shake_hands(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(
        b"GET /socket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n\
          Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
          Sec-WebSocket-Version: 13\r\n\r\n",
    )?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    if head.starts_with(b"HTTP/1.1 101 ") {
        Ok(())
    } else {
        Err(wrong("the handshake is refused"))
    }
}

fn run(stream: TcpStream, frames: &Arc<Frames>, in_flight: u64, span: Duration) -> io::Result<f64> {
    if frames.all.len() <= SURELY_BUFFERED {
        let mut writer = stream.try_clone()?;
        return count(&stream, frames, in_flight, span, |messages| {
            writer.write_all(frames.first(messages))
        });
    }
    let (sender, receiver) = mpsc::channel();
    let mut writer = stream.try_clone()?;
    let theirs = Arc::clone(frames);
    let writing = thread::spawn(move || {
        receiver
            .iter()
            .try_for_each(|messages| writer.write_all(theirs.first(messages)))
    });
    let rate = count(&stream, frames, in_flight, span, |messages| {
        sender.send(messages).map_err(io::Error::other)
    });
    drop(sender);
    writing.join().expect("the writer does not panic")?;
    rate
}

/// Keeps `in_flight` messages on their way until the time is over, and returns how many came back in
/// a second. Then waits for the rest.
fn count(
    mut stream: &TcpStream,
    frames: &Frames,
    in_flight: u64,
    span: Duration,
    mut send: impl FnMut(u64) -> io::Result<()>,
) -> io::Result<f64> {
    let mut buffer = vec![0; READ_AT_ONCE];
    let begun = Instant::now();
    // When counting began, and what had come by then.
    let mut first: Option<(Instant, u64)> = None;
    let mut rate = None;
    let (mut sent, mut bytes) = (in_flight, 0);
    send(in_flight)?;
    loop {
        bytes += match stream.read(&mut buffer)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => count as u64,
        };
        let now = Instant::now();
        let come = bytes / frames.echo.len() as u64;
        match (first, rate) {
            (None, _) if now - begun >= WARM_UP => first = Some((now, come)),
            (Some((since, before)), None) if now - since >= span => {
                rate = Some((come - before) as f64 / (now - since).as_secs_f64());
            }
            _ => {}
        }
        let free = in_flight - (sent - come);
        match rate {
            Some(rate) if come == sent => return Ok(rate),
            Some(_) => {}
            None if free >= in_flight.div_ceil(2) => {
                send(free)?;
                sent += free;
            }
            None => {}
        }
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}
