//! `cargo run -p messages -- 01 03 48 65 6c 89 00 80 02 6c 6f` prints the messages in these frames, as
//! a client reads them from a server.

use std::env;
use std::error::Error;
use std::process::ExitCode;

use frame_header::hex;
use frames::{FrameDecoder, Part, ReservedBits, Role};
use messages::MessageReader;

/// "Hello" in two frames, with a ping between them (RFC 6455 §5.7).
const EXAMPLE: &str = "01 03 48 65 6c 89 05 48 65 6c 6c 6f 80 02 6c 6f";
/// The longest payload of a frame and of a message, in bytes.
const LIMIT: u64 = 1 << 20;

fn main() -> ExitCode {
    let mut text = env::args().skip(1).collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        text = EXAMPLE.to_string();
    }
    let bytes = match hex::parse(&text) {
        Ok(bytes) => bytes,
        Err(error) => {
            eprintln!("{error} Frames are given like {EXAMPLE}.");
            return ExitCode::from(2);
        }
    };
    match explain(&bytes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            println!("✗ {failure}");
            ExitCode::FAILURE
        }
    }
}

fn explain(bytes: &[u8]) -> Result<(), String> {
    let mut decoder = FrameDecoder::new(Role::Client, LIMIT, ReservedBits::NONE);
    let mut reader = MessageReader::new(LIMIT);
    decoder.receive(bytes);
    loop {
        let part = decoder.next_part();
        let Some(part) = part.map_err(|error| failed(&error, error.close_code()))? else {
            return Ok(());
        };
        if let Part::Header(header) = &part {
            let end = if header.fin { "FIN" } else { "no FIN" };
            println!("{} frame, {end}", header.opcode);
        }
        let item = reader.read(part);
        if let Some(item) = item.map_err(|error| failed(&error, error.close_code()))? {
            println!("  → {item:?}");
        }
    }
}

fn failed(error: &dyn Error, close_code: u16) -> String {
    format!("{error} (close code {close_code})")
}
