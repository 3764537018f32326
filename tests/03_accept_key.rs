//! Step 03, `accept-key`: a GUID, SHA-1 and base64.

use accept_key::{GUID, accept_key, digest, key};
use support::{check, program, wire};

/// The key of the RFC's example (RFC 6455 §1.3).
const RFC_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

#[test]
fn a_key_is_sixteen_bytes_in_base64() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "The key is a nonce of 16 bytes, encoded with base64, padding and all.",
        mistake: "The alphabet without padding, or the one for URLs (`-` and `_`), was taken.",
        shows: || {
            let nonces = [*b"the sample nonce", [0; 16], [0xff; 16], [0xfb; 16]];
            let rows = nonces.map(|nonce| format!("{}\n  → {}\n", wire::dump(&nonce).trim_end(), key(nonce)));
            rows.concat()
        },
    }
}

#[test]
fn the_digest_is_twenty_raw_bytes() {
    check! {
        rfc: "RFC 6455 §4.2.2",
        rule: "The GUID is appended to the key as it came, and the SHA-1 of that text is taken.",
        mistake: "A slip in the GUID (it is case sensitive), or a key that was decoded from \
                  base64 before it was hashed.",
        shows: || format!("{RFC_KEY}{GUID}\n\n{}", wire::dump(&digest(RFC_KEY))),
    }
}

#[test]
fn the_rfc_example() {
    check! {
        rfc: "RFC 6455 §1.3",
        rule: "The accept key is the 20 bytes of the digest, encoded with base64.",
        mistake: "The digest was written as hexadecimal text first. Then 40 characters are \
                  encoded instead of 20 bytes, and the result is 56 characters long, not 28.",
        shows: || {
            format!("Sec-WebSocket-Key:    {RFC_KEY}\nSec-WebSocket-Accept: {}", accept_key(RFC_KEY))
        },
    }
}

#[test]
fn white_space_around_a_key_is_no_part_of_it() {
    check! {
        rfc: "RFC 6455 §4.2.2",
        rule: "The key is the field's value without leading and trailing white space.",
        mistake: "The value was hashed with the space that follows the colon.",
        shows: || table(&[RFC_KEY, " dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ== \t"]),
    }
}

#[test]
fn other_keys() {
    check! {
        rfc: "RFC 6455 §4.2.2",
        rule: "Two keys that differ in one bit have nothing in common in their accept keys.",
        mistake: "A part of the key is lost, or its case is changed, on the way into the hash.",
        shows: || table(&[
            "AAAAAAAAAAAAAAAAAAAAAA==",
            "AAAAAAAAAAAAAAAAAAAAAQ==",
            "x3JJHMbDL1EzLkh9GBhXDw==",
            "/////////////////////w==",
        ]),
    }
}

#[test]
fn the_program_shows_each_stage() {
    check! {
        rfc: "RFC 6455 §1.3",
        rule: "Key, key and GUID, SHA-1, accept key: what you wrote, from one end to the other.",
        mistake: "The given src/main.rs was changed. Where an earlier check is red too, begin there.",
        shows: || program!().runs(&[
            &[],
            &["x3JJHMbDL1EzLkh9GBhXDw=="],
            &[" x3JJHMbDL1EzLkh9GBhXDw=="],
            &["--help"],
            &["one", "two"],
        ]),
    }
}

fn table(keys: &[&str]) -> String {
    let row = |key: &&str| format!("{:<28} → {}\n", format!("{key:?}"), accept_key(key));
    keys.iter().map(row).collect()
}
