//! Looks at the bytes of both directions, and draws each frame as RFC 6455 §5.2 does.
//!
//! A page can't see frames: it knows neither the masking key that its browser chose nor the fragments
//! of a message. The server sees them, and shows them to a page that asks for the subprotocol
//! [`SUBPROTOCOL`]: then text messages are echoes, and binary messages are drawings.

use std::mem;

use frame_header::{Decoded, ReservedBits, decode, draw};

/// The subprotocol under which each frame is followed by a drawing of it.
pub const SUBPROTOCOL: &str = "bits";

/// The longest frame that is drawn, in bytes.
const MAX_DRAWN: u64 = 4096;

/// The frames of one connection, in both directions.
#[derive(Debug)]
pub struct Tap {
    from_client: Splitter,
    from_server: Splitter,
    drawings: Vec<String>,
}

impl Tap {
    /// Creates a tap. These reserved bits were negotiated; any other makes a frame wrong.
    pub fn new(negotiated: ReservedBits) -> Self {
        Self {
            from_client: Splitter::new(negotiated),
            from_server: Splitter::new(negotiated),
            drawings: Vec::new(),
        }
    }

    /// Takes bytes that have come.
    pub fn received(&mut self, bytes: &[u8]) {
        let frames = self.from_client.split(bytes);
        self.note("client → server", frames);
    }

    /// Takes bytes that are about to go out.
    pub fn sent(&mut self, bytes: &[u8]) {
        let frames = self.from_server.split(bytes);
        self.note("server → client", frames);
    }

    /// Takes the drawings of all frames since the last call.
    pub fn drawings(&mut self) -> Vec<String> {
        mem::take(&mut self.drawings)
    }

    fn note(&mut self, direction: &str, frames: Vec<String>) {
        let drawings = frames.iter().map(|frame| format!("{direction}\n{frame}"));
        self.drawings.extend(drawings);
    }
}

/// Splits a stream into frames.
#[derive(Debug)]
struct Splitter {
    negotiated: ReservedBits,
    /// The beginning of a frame.
    bytes: Vec<u8>,
    /// How many bytes still belong to a frame that is too long to draw.
    skip: u64,
    /// Whether bytes came that aren't a frame. Nothing after them makes sense.
    lost: bool,
}

impl Splitter {
    fn new(negotiated: ReservedBits) -> Self {
        Self {
            negotiated,
            bytes: Vec::new(),
            skip: 0,
            lost: false,
        }
    }

    fn split(&mut self, bytes: &[u8]) -> Vec<String> {
        let skipped = self.skip.min(bytes.len() as u64);
        self.skip -= skipped;
        if !self.lost {
            self.bytes.extend(&bytes[skipped as usize..]);
        }
        let mut frames = Vec::new();
        while let Some(frame) = self.next_frame() {
            frames.push(frame);
        }
        frames
    }

    fn next_frame(&mut self) -> Option<String> {
        let Ok(decoded) = decode(&self.bytes, self.negotiated) else {
            self.lost = true;
            let wrong = mem::take(&mut self.bytes);
            return Some(draw(&wrong[..wrong.len().min(64)]));
        };
        let Decoded::Header { header, length } = decoded else {
            return None;
        };
        let whole = header.payload_length.saturating_add(length as u64);
        let here = self.bytes.len() as u64;
        if whole > MAX_DRAWN {
            self.skip = whole.saturating_sub(here);
            self.bytes.drain(..whole.min(here) as usize);
            return Some(format!("a frame of {whole} bytes, too long to draw\n"));
        }
        if whole > here {
            return None;
        }
        let frame: Vec<u8> = self.bytes.drain(..whole as usize).collect();
        Some(draw(&frame))
    }
}
