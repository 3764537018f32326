//! What several parts of the checks use.

use compression::{Compression, Context, Inflater, NotDeflate, Parameters, WindowBits};
use connection::{Config, Connection, Event};
use flate2::{Compress, Decompress, FlushCompress, FlushDecompress};
use frames::Role;
use handshake::extensions::{self, Extension as Named};
use support::frame::KEY;
use support::wire::hex;

/// The first byte of a compressed text frame: FIN, RSV1 and the opcode.
pub const COMPRESSED_TEXT: u8 = 0xc1;
/// The first byte of a compressed text message's first fragment.
pub const COMPRESSED_TEXT_NO_FIN: u8 = 0x41;
/// The first byte of a fragment in the middle.
pub const CONTINUATION_NO_FIN: u8 = 0x00;

/// "Hello", compressed (RFC 7692 §7.2.3.1).
pub const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
/// "Hello" after "Hello", compressed (RFC 7692 §7.2.3.2).
pub const HELLO_AGAIN: [u8; 5] = [0xf2, 0x00, 0x11, 0x00, 0x00];

/// A side that takes everything over.
pub const TAKEN_OVER: Context = Context {
    is_taken_over: true,
    window: WindowBits::MAX,
};

/// A side that compresses each message on its own.
pub const ALONE: Context = Context {
    is_taken_over: false,
    window: WindowBits::MAX,
};

pub fn bits(bits: u8) -> WindowBits {
    WindowBits::new(bits).expect("the check has written 8 to 15")
}

/// The extensions of a field that the check has written.
pub fn named(field: &str) -> Vec<Named> {
    extensions::parse(field).expect("the check's own field is right")
}

/// `permessage-deflate` with these parameters, which may be none.
pub fn deflate_with(parameters: &str) -> String {
    match parameters {
        "" => "permessage-deflate".to_string(),
        parameters => format!("permessage-deflate; {parameters}"),
    }
}

/// Bytes that can't be compressed.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Whether a payload is much shorter than the message, as it is if it refers to the same message before.
pub fn refers_back(payload: &[u8], message: &[u8]) -> bool {
    payload.len() * 4 < message.len()
}

/// Decompresses the fragments of a message.
pub fn inflated(inflater: &mut Inflater, fragments: &[&[u8]]) -> Result<Vec<u8>, NotDeflate> {
    let mut message = Vec::new();
    for fragment in fragments {
        inflater.receive(fragment.to_vec());
        while let Some(piece) = inflater.next_piece()? {
            message.extend(piece);
        }
    }
    inflater.finish();
    while let Some(piece) = inflater.next_piece()? {
        message.extend(piece);
    }
    Ok(message)
}

/// The payload of a message that nothing came before, from a compressor with a window of so many bits.
pub fn compressed(bits: u8, message: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(message.len() + 1000);
    Compress::new_with_window_bits(flate2::Compression::default(), false, bits)
        .compress_vec(message, &mut payload, FlushCompress::Sync)
        .expect("there is room");
    payload.truncate(payload.len() - 4);
    payload
}

/// A peer that remembers what was agreed on, and no more.
pub struct Peer {
    context: Context,
    bits: u8,
    decompress: Decompress,
}

impl Peer {
    /// A peer of a side that compresses like this, in a window of 9 bits or more.
    pub fn new(context: Context) -> Self {
        let bits = (9..=15).find(|bits| 1 << bits == context.window.bytes());
        let bits = bits.expect("9 bits or more");
        Self {
            context,
            bits,
            decompress: Decompress::new_with_window_bits(false, bits),
        }
    }

    /// What a payload says. `None` if it isn't DEFLATE, or refers to what the peer doesn't remember.
    pub fn reads(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let payload = [payload, &[0x00, 0x00, 0xff, 0xff]].concat();
        let start = self.decompress.total_in();
        let mut message = Vec::new();
        while message.len() == message.capacity() {
            message.reserve(1 << 16);
            let taken = (self.decompress.total_in() - start) as usize;
            let rest = &payload[taken..];
            let done = self
                .decompress
                .decompress_vec(rest, &mut message, FlushDecompress::None);
            done.ok()?;
        }
        if !self.context.is_taken_over {
            self.decompress = Decompress::new_with_window_bits(false, self.bits);
        }
        Some(message)
    }
}

/// A message, or that there is none.
pub fn shown(message: Result<Vec<u8>, NotDeflate>) -> String {
    match message {
        Ok(bytes) => said(&bytes),
        Err(error) => format!("✗ {error}"),
    }
}

/// Text in quotation marks if it is short, or bytes in hexadecimal, or their number.
pub fn said(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        _ if bytes.len() > 100 => format!("{} bytes", bytes.len()),
        Ok(text) => format!("{text:?}"),
        Err(_) => hex(bytes),
    }
}

/// An open server with these parameters.
pub fn server(agreed: &Parameters) -> Connection {
    server_with_limit(agreed, 1 << 20)
}

/// An open server that takes messages of so many bytes.
pub fn server_with_limit(agreed: &Parameters, max_message: u64) -> Connection {
    let extension = compression::PermessageDeflate::new(Role::Server, agreed, MIN_LENGTH);
    opened(Connection::server(Config {
        max_message,
        extension: Box::new(extension),
        ..Config::default()
    }))
}

/// An open client with these parameters.
pub fn client(agreed: &Parameters) -> Connection {
    let extension = compression::PermessageDeflate::new(Role::Client, agreed, MIN_LENGTH);
    let config = Config {
        extension: Box::new(extension),
        ..Config::default()
    };
    opened(Connection::client(config, || KEY))
}

/// The shortest message that these connections compress.
pub const MIN_LENGTH: usize = 16;

fn opened(mut connection: Connection) -> Connection {
    let events = connection.receive(&[]);
    assert_eq!(events, [Event::Open], "the first event is Open");
    connection
}

/// What an event says.
pub fn told(event: &Event) -> String {
    match event {
        Event::Open => "open".to_string(),
        Event::Text(text) => format!("text {}", said(text.as_bytes())),
        Event::Binary(bytes) => format!("binary {}", said(bytes)),
        Event::Ping(payload) => format!("ping {}", said(payload)),
        Event::Pong(payload) => format!("pong {}", said(payload)),
        Event::Error(failure) => format!("✗ {} {failure}", failure.close_code()),
        Event::Close { code, .. } => format!("close {code}"),
    }
}

/// What these bytes lead to, without the close event that follows each failure.
pub fn heard(connection: &mut Connection, bytes: &[u8]) -> String {
    let events = connection.receive(bytes);
    let told: Vec<String> = events.iter().map(told).collect();
    match told.join(", ") {
        told if told.is_empty() => "nothing".to_string(),
        told => told.replace(", close 1006", ""),
    }
}

/// The settings with these wishes.
pub fn wishes(server: Context, client: Context) -> Compression {
    Compression {
        server,
        client,
        ..Compression::default()
    }
}
