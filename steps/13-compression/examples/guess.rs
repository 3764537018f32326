//! `cargo run -q -p compression --example guess -- 3f9a71c04be2d865`: finds a secret by the lengths of compressed
//! messages.
//!
//! `answer` is a server: each of its messages has a secret, and text that an attacker chooses. `length` is all that
//! the attacker sees. A guess that continues the secret makes the message a byte shorter, because DEFLATE then refers
//! to the secret for one byte more.

use std::cell::Cell;
use std::env;

use compression::{Context, Deflater, WindowBits};

/// What the characters of the secret may be.
const ALPHABET: &str = "0123456789abcdefghijklmnopqrstuvwxyz";

/// What the attacker knows of the message: what is before the secret.
const KNOWN: &str = "/pictures?key=";

/// The longest secret that is looked for.
const MAX_LENGTH: usize = 64;

fn main() {
    let secret = env::args().nth(1).unwrap_or("3f9a71c04be2d865".to_string());
    let asked = Cell::new(0);
    let length = |text: &str| {
        asked.set(asked.get() + 1);
        answer(&secret, text).len()
    };
    let mut found = String::new();
    while let Some(next) = next_character(&found, length) {
        found.push(next);
        println!("{found}");
        if found.len() == MAX_LENGTH {
            break;
        }
    }
    let asked = asked.get();
    match found == secret {
        true => println!("That is all of it, after {asked} messages."),
        false => println!("Lost the way after {asked} messages."),
    }
}

/// The server. Each message is compressed on its own.
fn answer(secret: &str, text: &str) -> Vec<u8> {
    let alone = Context {
        is_taken_over: false,
        window: WindowBits::MAX,
    };
    let message = format!(r#"{{"picture":"/pictures?key={secret}","search":"{text}","found":0}}"#);
    let packed = Deflater::new(alone, 0).deflate(message.as_bytes());
    packed.expect("a window of 15 bits")
}

/// Finds the character that makes the messages shortest. `None` if there isn't exactly one.
fn next_character(found: &str, length: impl Fn(&str) -> usize) -> Option<char> {
    let mut best = (usize::MAX, None);
    for candidate in ALPHABET.chars() {
        // Lengths are whole bytes, and the gain may be less. So each guess is made with padding of 0, 2, 4 and 6 bits
        // more.
        let guess = |pads: usize| format!("{}{KNOWN}{found}{candidate}~", &PADDING[..2 * pads]);
        let sum = (0..4).map(|pads| length(&guess(pads))).sum();
        if sum < best.0 {
            best = (sum, Some(candidate));
        } else if sum == best.0 {
            best = (sum, None);
        }
    }
    best.1
}

/// Characters whose two bytes take 9 bits each: two more than whole bytes.
const PADDING: &str = "ÁÉÍÓ";
