//! `cargo run -p frames -- --pieces 4 81 85 37 fa 21 3d 7f 9f 4d 51 58` decodes a stream as a server
//! does, four bytes at a time, and prints the parts of frames after each piece.

use std::env;
use std::process::ExitCode;

use frame_header::hex;
use frames_solution::{FrameDecoder, FrameError, Part, ReservedBits, Role};

/// A masked "Hello", and then an empty ping, masked as well.
const EXAMPLE: &str = "81 85 37 fa 21 3d 7f 9f 4d 51 58 89 80 a1 b2 c3 d4";
/// The longest payload that a frame may have, in bytes.
const MAX_PAYLOAD: u64 = 1 << 20;

fn main() -> ExitCode {
    let (pieces, bytes) = match options() {
        Ok(options) => options,
        Err(sentence) => {
            eprintln!("{sentence} Frames are given like --pieces 4 {EXAMPLE}.");
            return ExitCode::from(2);
        }
    };
    let mut decoder = FrameDecoder::new(Role::Server, MAX_PAYLOAD, ReservedBits::NONE);
    for piece in bytes.chunks(pieces) {
        println!("received {piece:02x?}");
        decoder.receive(piece);
        if let Err(error) = print_parts(&mut decoder) {
            println!("  {}, {error}", error.close_code());
            break;
        }
    }
    ExitCode::SUCCESS
}

fn print_parts(decoder: &mut FrameDecoder) -> Result<(), FrameError> {
    while let Some(part) = decoder.next_part()? {
        match part {
            Part::Header(header) => println!("  header: {header}"),
            Part::Payload(bytes) => println!("  payload: {}", bytes.escape_ascii()),
            Part::End => println!("  end of the frame"),
        }
    }
    Ok(())
}

/// Reads the length of a piece and the bytes of the stream from the command line.
fn options() -> Result<(usize, Vec<u8>), String> {
    let mut arguments = env::args().skip(1).peekable();
    let mut pieces = 4;
    if arguments
        .next_if(|argument| argument == "--pieces")
        .is_some()
    {
        let number = arguments.next().unwrap_or_default();
        pieces = number.parse().unwrap_or(0);
        if pieces == 0 {
            return Err(format!("{number:?} is no number of bytes."));
        }
    }
    let mut text = arguments.collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        text = EXAMPLE.to_string();
    }
    let bytes = hex::parse(&text).map_err(|error| error.to_string())?;
    Ok((pieces, bytes))
}
