//! `cargo run -p client --example cache`: the attack that masking is against (RFC 6455 §10.3), all in one process.
//!
//! ```text
//!   a page of evil.example ──▶ ┌───────┐ ──▶ evil.example   speaks WebSocket with the page
//!                              │ cache │
//!   the next user ───────────▶ └───────┘ ──▶ cdn.example    has the script that the user wants
//! ```
//!
//! The page never talks to cdn.example. It is tried in three browsers, which differ in nothing but their masking keys.
//! In two of them, its message puts the script of evil.example into the cache, in place of that of cdn.example.

mod page;
mod proxy;
mod servers;

use std::io;

use client::random;
use frames::{MaskingKey, mask};

use proxy::Cache;

/// What the page wants to have on the wire.
const REQUEST: &[u8] = b"GET /jquery.js HTTP/1.1\r\nHost: cdn.example\r\n\r\n";

fn main() -> io::Result<()> {
    println!("1. The key is always 00 00 00 00: no masking.");
    attack(REQUEST.to_vec(), || [0; 4])?;

    println!("\n2. The keys count: 00 00 00 01, 00 00 00 02, ... The page knows the next one, and");
    println!("   masks its message with it first. Masking twice changes nothing.");
    let mut masked = REQUEST.to_vec();
    mask(&mut masked, [0, 0, 0, 1], 0);
    let mut number = 0_u32;
    attack(masked, move || {
        number += 1;
        number.to_be_bytes()
    })?;

    println!("\n3. The keys are random.");
    attack(REQUEST.to_vec(), random::masking_key)
}

/// Lets a page send a message through an empty cache. Then another user wants a script of cdn.example.
fn attack(message: Vec<u8>, keys: impl FnMut() -> MaskingKey + Send + 'static) -> io::Result<()> {
    let cache = Cache::default();
    let evil = cache.listen_before(servers::evil()?)?;
    let cdn = cache.listen_before(servers::cdn()?)?;
    println!("   the page sends   {}", printable(&message));
    let frame = page::send(evil, &message, keys)?;
    // The payload is at the end of the frame; the header before it has the key.
    let payload = &frame[frame.len() - message.len()..];
    match payload == REQUEST {
        true => println!("   on the wire      {}", printable(payload)),
        false => println!(
            "   on the wire      {} bytes that the page couldn't choose",
            payload.len()
        ),
    }
    match cache.kept().as_slice() {
        [] => println!("   the cache keeps  nothing"),
        kept => println!("   the cache keeps  {}", kept.join(", ")),
    }
    println!("   the user gets    {}", page::load(cdn, REQUEST)?);
    Ok(())
}

/// Shows bytes as text: a line's end as \r\n, what can't be printed as a dot.
fn printable(bytes: &[u8]) -> String {
    let shown = bytes.iter().map(|byte| match byte {
        b'\r' => r"\r".to_string(),
        b'\n' => r"\n".to_string(),
        b' '..=b'~' => char::from(*byte).to_string(),
        _ => ".".to_string(),
    });
    shown.collect()
}
