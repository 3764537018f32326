//! A client on a bare socket: it sends the bytes that it is told to send, and every wait has a deadline.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustls::{ClientConnection, Stream};

use crate::secure;

/// The masking key of all frames. A real client takes a fresh one for each (RFC 6455 §5.3).
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// The longest answer that is read.
const MOST: usize = 4 << 20;

/// What a client sends to open a WebSocket at this target.
pub fn handshake(target: &str, more: &[u8]) -> Vec<u8> {
    let head = format!(
        "GET {target} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\n"
    );
    [head.as_bytes(), more, b"\r\n"].concat()
}

/// A request without a body, after which the connection may end.
pub fn get(target: &str, more: &[u8]) -> Vec<u8> {
    let head = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    [head.as_bytes(), more, b"\r\n"].concat()
}

/// A text frame, masked.
pub fn text_frame(text: &str) -> Vec<u8> {
    frame(0x81, text.as_bytes())
}

/// A frame with this first byte, masked.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = match payload.len() {
        length @ 0..=125 => vec![first, 0x80 | length as u8],
        length @ 126..=0xffff => [&[first, 0xfe][..], &(length as u16).to_be_bytes()].concat(),
        length => [&[first, 0xff][..], &(length as u64).to_be_bytes()].concat(),
    };
    frame.extend(KEY);
    let key = KEY.iter().cycle();
    frame.extend(payload.iter().zip(key).map(|(byte, key)| byte ^ key));
    frame
}

/// A frame that a server has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// FIN, RSV1 to RSV3 and the opcode.
    pub first: u8,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// One connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    /// Encrypts and decrypts, if the server speaks TLS.
    tls: Option<Box<ClientConnection>>,
    /// What has come and has not been used yet.
    come: Vec<u8>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// Returns what the system says if no connection can be made in time.
    pub fn connect(address: SocketAddr, within: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, within)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(within))?;
        Ok(Self::from(stream))
    }

    /// Connects to a server that speaks TLS, and trusts its certificate.
    ///
    /// # Errors
    /// Returns what the system or TLS says if no connection can be made in time.
    pub fn connect_secure(address: SocketAddr, within: Duration) -> io::Result<Self> {
        let mut client = Self::connect(address, within)?;
        client.stream.set_read_timeout(Some(within))?;
        let mut tls = secure::client()?;
        while tls.is_handshaking() {
            tls.complete_io(&mut client.stream)?;
        }
        client.tls = Some(Box::new(tls));
        Ok(client)
    }

    /// Its TCP connection and its TLS, to break them. There is no TLS if the server speaks none.
    pub fn into_parts(self) -> (TcpStream, Option<Box<ClientConnection>>) {
        (self.stream, self.tls)
    }

    /// Sends these bytes. A server may have ended the connection by now: what it has said is still to be
    /// read.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        match &mut self.tls {
            Some(tls) => Stream::new(&mut **tls, &mut self.stream)
                .write_all(bytes)
                .is_ok(),
            None => self.stream.write_all(bytes).is_ok(),
        }
    }

    /// Says that nothing more will be sent.
    pub fn finish(&self) {
        _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Reads a response's head, and returns its status.
    ///
    /// # Errors
    /// Returns a sentence if the connection ends first, the deadline passes, or what came isn't HTTP.
    pub fn status(&mut self, within: Duration) -> Result<u16, String> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(end) = find(&self.come, b"\r\n\r\n") {
                let head: Vec<u8> = self.come.drain(..end + 4).collect();
                return status_of(&head).ok_or_else(|| format!("no HTTP: {}", escaped(&head)));
            }
            match self.read(deadline) {
                Ok(true) => {}
                Ok(false) if self.come.is_empty() => {
                    return Err("the connection ended without an answer".to_string());
                }
                Ok(false) => return Err(format!("half an answer: {}", escaped(&self.come))),
                Err(error) => return Err(in_words(&error, within)),
            }
        }
    }

    /// Opens a WebSocket.
    ///
    /// # Errors
    /// Returns a sentence if the answer isn't 101.
    pub fn open(
        address: SocketAddr,
        target: &str,
        more: &[u8],
        within: Duration,
    ) -> Result<Self, String> {
        let client = Self::connect(address, within).map_err(|error| unreached(&error))?;
        client.upgrade(target, more, within)
    }

    /// Opens a WebSocket on this connection.
    ///
    /// # Errors
    /// Returns a sentence if the answer isn't 101.
    pub fn upgrade(mut self, target: &str, more: &[u8], within: Duration) -> Result<Self, String> {
        self.send(&handshake(target, more));
        match self.status(within)? {
            101 => Ok(self),
            other => Err(format!("{other} instead of 101")),
        }
    }

    /// Reads the next frame.
    ///
    /// # Errors
    /// Returns a sentence if the connection ends first, or the deadline passes.
    pub fn frame(&mut self, within: Duration) -> Result<Frame, String> {
        let deadline = Instant::now() + within;
        loop {
            if let Some((frame, length)) = frame_in(&self.come) {
                self.come.drain(..length);
                return Ok(frame);
            }
            match self.read(deadline) {
                Ok(true) => {}
                Ok(false) => return Err("the connection ended without a frame".to_string()),
                Err(error) => return Err(in_words(&error, within)),
            }
        }
    }

    /// Reads until the server ends the connection, and returns all that came.
    ///
    /// # Errors
    /// Returns a sentence if the server keeps the connection open.
    pub fn rest(&mut self, within: Duration) -> Result<Vec<u8>, String> {
        let deadline = Instant::now() + within;
        while self.come.len() < MOST {
            match self.read(deadline) {
                Ok(true) => {}
                Ok(false) => break,
                // A reset is an end, too.
                Err(error) if !is_late(&error) => break,
                Err(error) => {
                    let what = if self.come.is_empty() {
                        in_words(&error, within)
                    } else {
                        format!(
                            "the connection stayed open for {} s after {}",
                            within.as_secs(),
                            escaped(&self.come)
                        )
                    };
                    return Err(what);
                }
            }
        }
        Ok(std::mem::take(&mut self.come))
    }

    /// Whether the server has ended the connection by now. Throws away what has come; never waits.
    pub fn has_ended(&mut self) -> bool {
        if self.stream.set_nonblocking(true).is_err() {
            return true;
        }
        let mut ignored = [0; 16 * 1024];
        let ended = loop {
            match self.stream.read(&mut ignored) {
                Ok(0) => break true,
                Ok(_) => {}
                Err(error) => break !is_late(&error),
            }
        };
        _ = self.stream.set_nonblocking(false);
        ended
    }

    /// Whether anything came.
    fn read(&mut self, deadline: Instant) -> io::Result<bool> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        let mut piece = [0; 16 * 1024];
        let count = match &mut self.tls {
            Some(tls) => Stream::new(&mut **tls, &mut self.stream).read(&mut piece)?,
            None => self.stream.read(&mut piece)?,
        };
        self.come.extend(&piece[..count]);
        Ok(count > 0)
    }
}

impl From<TcpStream> for Client {
    fn from(stream: TcpStream) -> Self {
        Self {
            stream,
            tls: None,
            come: Vec::new(),
        }
    }
}

/// The status in a response's head.
pub fn status_of(head: &[u8]) -> Option<u16> {
    if !head.starts_with(b"HTTP/1.") {
        return None;
    }
    std::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()
}

/// The first frame in these bytes, and how many of them it takes.
fn frame_in(bytes: &[u8]) -> Option<(Frame, usize)> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    let (start, length) = match second {
        126 => (
            4,
            u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)),
        ),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)),
        short => (2, u64::from(short)),
    };
    let end = start + usize::try_from(length).ok()?;
    let payload = bytes.get(start..end)?.to_vec();
    Some((Frame { first, payload }, end))
}

/// Where `what` begins in `bytes`.
pub fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|it| it == what)
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn in_words(error: &io::Error, within: Duration) -> String {
    if is_late(error) {
        format!("no answer within {} s", within.as_secs())
    } else {
        format!("the connection broke: {error}")
    }
}

/// What to say if no connection could be made.
pub fn unreached(error: &io::Error) -> String {
    format!("no connection: {error}")
}

/// Bytes as they can be typed in a shell's `printf`, shortened in the middle.
pub fn escaped(bytes: &[u8]) -> String {
    const SHOWN: usize = 400;
    if bytes.len() <= SHOWN {
        return format!("\"{}\"", bytes.escape_ascii());
    }
    let (start, end) = (&bytes[..SHOWN - 100], &bytes[bytes.len() - 100..]);
    format!(
        "\"{}\" … \"{}\" ({} bytes)",
        start.escape_ascii(),
        end.escape_ascii(),
        bytes.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_when_all_of_it_is_there() {
        let long = [&[0x81, 126, 0, 200][..], &[b'a'; 200]].concat();
        assert_eq!(frame_in(&long[..203]), None);
        let (frame, length) = frame_in(&[&long[..], b"\x88\x00"].concat()).unwrap();
        assert_eq!((frame.payload.len(), length), (200, 204));
    }

    #[test]
    fn only_http_has_a_status() {
        assert_eq!(status_of(b"HTTP/1.1 503 Busy\r\n\r\n"), Some(503));
        assert_eq!(status_of(b"HTTP/2 200\r\n\r\n"), None);
        assert_eq!(status_of(b"HTTP/1.1 \r\n\r\n"), None);
    }

    #[test]
    fn bytes_are_shown_so_that_they_can_be_typed() {
        assert_eq!(escaped(b"a\r\n\xeb\""), r#""a\r\n\xeb\"""#);
        assert!(escaped(&[b'x'; 5000]).ends_with("(5000 bytes)"));
    }
}
