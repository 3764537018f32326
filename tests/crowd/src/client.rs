//! Clients that do as little as they can: what they cost is not to be measured.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long anything may take before the measurement is given up.
const DEADLINE: Duration = Duration::from_secs(60);

/// The masking key of all frames. A real client takes another one for each (RFC 6455 §5.3).
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A client that has been let in.
pub struct Client {
    stream: BufReader<TcpStream>,
    payload: Vec<u8>,
}

impl Client {
    /// Connects, and waits until it is told who is here.
    pub fn join(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        let handshake = format!(
            "GET /socket HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Version: 13\r\n\r\n"
        );
        (&stream).write_all(handshake.as_bytes())?;
        let mut client = Self {
            stream: BufReader::with_capacity(4096, stream),
            payload: Vec::new(),
        };
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            if client.stream.read_line(&mut line)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        while !client.frame()?.starts_with(br#"{"people""#) {}
        Ok(client)
    }

    /// The same, and takes a name.
    pub fn named(address: SocketAddr, name: &str) -> io::Result<Self> {
        let mut client = Self::join(address)?;
        client.say(&format!(r#"{{"username":"{name}"}}"#))?;
        while !client.frame()?.starts_with(br#"{"you""#) {}
        Ok(client)
    }

    /// The socket once more, to speak while another thread listens.
    pub fn socket(&self) -> io::Result<TcpStream> {
        self.stream.get_ref().try_clone()
    }

    /// Says something, which has to be JSON already.
    pub fn say(&mut self, json: &str) -> io::Result<()> {
        say(self.stream.get_ref(), json)
    }

    /// The next thing that the server says.
    pub fn hears(&mut self) -> io::Result<Heard> {
        let sent = sent_at(self.frame()?);
        Ok(sent.map_or(Heard::AnythingElse, |sent| Heard::Message { sent }))
    }

    /// Reads messages up to the one with the last number, and says how long each was on its way, in
    /// milliseconds. A message begins with the microseconds since `start` at which it was sent.
    pub fn listen(&mut self, start: Instant, messages: usize) -> io::Result<Vec<f64>> {
        let mut delays = Vec::with_capacity(messages);
        while delays.len() < messages {
            if let Some(sent) = sent_at(self.frame()?) {
                let now = start.elapsed().as_micros() as u64;
                delays.push(now.saturating_sub(sent) as f64 / 1000.0);
            }
        }
        Ok(delays)
    }

    /// Reads what there still is. Whether it was cut off: whether TCP has ended.
    pub fn was_cut_off(mut self) -> bool {
        let short = Some(Duration::from_millis(200));
        if self.stream.get_ref().set_read_timeout(short).is_err() {
            return true;
        }
        let read = io::copy(&mut self.stream, &mut io::sink());
        !read
            .is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    }

    /// The payload of the next frame.
    fn frame(&mut self) -> io::Result<&[u8]> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head)?;
        let length = match head[1] {
            126 => {
                let mut extended = [0; 2];
                self.stream.read_exact(&mut extended)?;
                usize::from(u16::from_be_bytes(extended))
            }
            127 => return Err(io::Error::other("a frame that this server never sends")),
            length => usize::from(length),
        };
        self.payload.resize(length, 0);
        self.stream.read_exact(&mut self.payload)?;
        match head[0] {
            0x81 => Ok(&self.payload),
            opcode => Err(io::Error::other(format!(
                "a frame that begins with {opcode:#04x}"
            ))),
        }
    }
}

/// Something that the server says.
pub enum Heard {
    /// A message.
    Message {
        /// The microseconds since the start at which it was sent.
        sent: u64,
    },
    /// Who comes and goes, for example.
    AnythingElse,
}

/// Sends a text message in a masked frame.
pub fn say(mut stream: &TcpStream, json: &str) -> io::Result<()> {
    let length = json.len() as u16;
    let mut frame = match length {
        0..=125 => vec![0x81, 0x80 | length as u8],
        _ => [&[0x81, 0xfe][..], &length.to_be_bytes()].concat(),
    };
    frame.extend(KEY);
    let key = KEY.iter().cycle();
    frame.extend(json.bytes().zip(key).map(|(byte, key)| byte ^ key));
    stream.write_all(&frame)
}

/// `{"id":7,"username":"speaker","message":"1234567 …"}`
fn sent_at(payload: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(payload).ok()?;
    let (_, message) = text.split_once(r#""message":""#)?;
    let (micros, _) = message.split_once(' ')?;
    micros.parse().ok()
}
