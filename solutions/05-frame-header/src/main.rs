//! `cargo run -p frame-header -- 81 85 37 fa 21 3d 7f 9f 4d 51 58` draws a frame given in
//! hexadecimal, and says what the decoder makes of its header.

use std::env;
use std::process::ExitCode;

use frame_header_solution::{Decoded, ReservedBits, decode, draw, hex};

/// The RFC's example of a masked text frame (RFC 6455 §5.7).
const RFC_EXAMPLE: &str = "81 85 37 fa 21 3d 7f 9f 4d 51 58";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let text = if arguments.is_empty() {
        RFC_EXAMPLE.to_string()
    } else {
        arguments.join(" ")
    };
    let bytes = match hex::parse(&text) {
        Ok(bytes) => bytes,
        Err(error) => {
            eprintln!("{error} A frame is given like {RFC_EXAMPLE}.");
            return ExitCode::from(2);
        }
    };
    println!("{}", draw(&bytes));
    match decode(&bytes, ReservedBits::NONE) {
        Ok(Decoded::Header { header, length }) => {
            println!("your decoder: {header}; a header of {length} bytes");
        }
        Ok(Decoded::Incomplete { needed }) => {
            println!("your decoder: incomplete; bytes of the header still to come: {needed}");
        }
        Err(error) => println!("your decoder: {}, {error}", error.close_code()),
    }
    ExitCode::SUCCESS
}
