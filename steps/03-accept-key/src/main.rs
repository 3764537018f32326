//! `cargo run -p accept-key -- dGhlIHNhbXBsZSBub25jZQ==` prints each stage from that key to its accept key.

use std::env;
use std::process::ExitCode;

use accept_key::{GUID, accept_key, digest};

/// The key in the RFC's own example (RFC 6455 §1.3).
const RFC_EXAMPLE: &str = "dGhlIHNhbXBsZSBub25jZQ==";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let key = arguments.next().unwrap_or_else(|| RFC_EXAMPLE.to_string());
    if key.starts_with('-') || arguments.next().is_some() {
        eprintln!("`accept-key` takes one key, like {RFC_EXAMPLE}.");
        return ExitCode::from(2);
    }
    let hex: Vec<String> = digest(&key)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    println!("key         {key}");
    println!("key + GUID  {}{GUID}", key.trim());
    println!("SHA-1       {}", hex.join(" "));
    println!("accept key  {}", accept_key(&key));
    ExitCode::SUCCESS
}
