//! Step 03, `accept-key`: a GUID, SHA-1 and base64.

use accept_key::{GUID, accept_key, digest, key};
use support::sign::{missing, yours};
use support::{check, program, wire};

/// The key of the RFC's example (RFC 6455 §1.3).
const RFC_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

#[test]
fn a_key_is_sixteen_bytes_in_base64() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "The key is a nonce of 16 bytes, encoded with base64 and its padding.",
        signs: [
            yours(["→ NzQ2ODY1"]).says(
                "The nonce was written as hexadecimal text first: 32 characters are encoded instead of 16 bytes.",
            ),
            yours(["→ 74686520"]).says(
                "The nonce was written as hexadecimal text. The header field has the nonce in base64.",
            ),
            yours(["→ WzExNiwg"]).says(
                "The nonce was written as a list of decimal numbers first. Encode its 16 bytes.",
            ),
            yours(["→ 77+977+9"]).says(
                "The nonce was made into text first, and all bytes that aren't UTF-8 became the same character, \
                 U+FFFD.",
            ),
            yours(["→ w7/Dv8O/"]).says(
                "Each byte was made into a `char` first. In a String, a `char` above 127 takes two bytes or more.",
            ),
            yours(["→ s3pPLMBi"]).says(
                "That is the accept key, which the server sends. A client's key is its nonce alone, in base64.",
            ),
            yours(["-_v7"]).says("The alphabet for URLs was used, with `-` and `_` instead of `+` and `/`."),
            yours(["→ dGhlIHNhbXBsZSBub25jZQ"]).says(
                "The padding is missing: with `==` at its end, the key has 24 characters.",
            ),
        ],
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
        rule: "The GUID is appended to the key as it came, and this text is hashed with SHA-1.",
        // Each wrong text has a digest of its own, known by its first bytes.
        signs: [
            yours(["0000  84 72 ed 7f"]).says("The key was hashed without the GUID."),
            yours(["258eafa5-e914"]).says(
                "The GUID was written in lowercase. It would be the same GUID, but it isn't the same text, and the text \
                 is hashed.",
            ),
            missing(["258EAFA5-E914-47DA-95CA-C5AB0DC85B11"]).says(
                "There is a slip in the GUID. Copy it from RFC 6455, section 1.3.",
            ),
            yours(["0000  05 78 70 c4"]).says(
                "The key was decoded from base64 before it was hashed. Hash its 24 characters as they came.",
            ),
            yours(["0000  d8 e6 5f d9"]).says("The GUID was put in front of the key. Append it to the key."),
            yours(["0000  08 05 76 ad"]).or(yours(["0000  4c 86 77 ae"])).says(
                "The key was changed to lowercase. In base64, `a` and `A` are different digits.",
            ),
            yours(["0000  05 08 28 98"]).or(yours(["0000  33 5c cf 65"])).says(
                "A line's end was hashed with the text.",
            ),
            yours(["0000  29 f8 7d 40"]).says("The GUID was hashed without the key."),
            yours(["0000  c7 2b 54 96"]).says("There is a space between the key and the GUID."),
            yours(["0000  8c 81 cb 96"]).says(
                "The key was hashed with quotation marks around it: `{:?}` adds them, `{}` doesn't.",
            ),
            yours(["0000  70 84 54 67"]).says("The key was encoded with base64 once more. Hash it as it came."),
            yours(["0000  45 95 ae 87"]).says("The key was hashed without its `==`, which is part of the text."),
            yours(["0000  bd 69 6b ba"]).says("SHA-1 was applied twice: the digest was hashed again."),
        ],
        shows: || format!("{RFC_KEY}{GUID}\n\n{}", wire::dump(&digest(RFC_KEY))),
    }
}

#[test]
fn the_rfc_example() {
    check! {
        rfc: "RFC 6455 §1.3",
        rule: "The accept key is the 20 bytes of the digest, encoded with base64.",
        signs: [
            yours(["YjM3YTRmMmNj"]).or(yours(["QjM3QTRGMkND"])).says(
                "The digest was written as hexadecimal text first. Then 40 characters are encoded \
                 instead of 20 bytes, and the result is 56 characters long, not 28.",
            ),
            yours(["Accept: WzE3OSwg"]).says(
                "The digest was written as a list of decimal numbers first. Encode its 20 bytes.",
            ),
            yours(["Accept: 77+9ek8s"]).says(
                "The digest was made into text first, and all bytes that aren't UTF-8 became the same character, \
                 U+FFFD.",
            ),
            yours(["Accept: czNwUExN"]).says("The digest was encoded with base64 twice."),
            yours(["Accept: cIRUZ/AS"]).says(
                "The key was encoded in base64 once more before it was passed to `digest`. Pass it as it came.",
            ),
            yours(["Accept: yiPSK9b7"]).says("The GUID was appended twice: `digest` appends it already."),
            yours(["Accept: b37a4f2c"]).or(yours(["Accept: B37A4F2C"])).says(
                "The digest was written as hexadecimal text. The header field has the digest in base64.",
            ),
            yours(["s3pPLMBiTxaQ9kYGzzhZRbK-xOo"]).says(
                "The alphabet for URLs was used, with `-` and `_` instead of `+` and `/`.",
            ),
            yours(["s3pPLMBiTxaQ9kYGzzhZRbK+xOo"]).says("The padding, `=` at the end, is missing."),
        ],
        shows: || {
            format!("Sec-WebSocket-Key:    {RFC_KEY}\nSec-WebSocket-Accept: {}", accept_key(RFC_KEY))
        },
    }
}

#[test]
fn white_space_around_a_key_is_ignored() {
    check! {
        rfc: "RFC 6455 §4.2.2",
        rule: "The key is the field's value without leading and trailing white space.",
        signs: [
            yours(["\" dGhl"]).and(yours(["\\t\""])).says(
                "The white space around the key was hashed with it.",
            ),
            yours(["\\t\""]).but_not(yours(["== \" "])).says("Only spaces were removed. A tab is white space, too."),
            yours(["\\t\""]).says(
                "Only the space before the key was removed: by `trim_start`, or by a `trim` after the GUID was \
                 appended. Remove white space after the key, too.",
            ),
            yours(["\" dGhl"]).says("Only the space after the key was removed. Remove white space before it, too."),
        ],
        shows: || table(&[
            RFC_KEY,
            " dGhlIHNhbXBsZSBub25jZQ==",
            "dGhlIHNhbXBsZSBub25jZQ== ",
            "dGhlIHNhbXBsZSBub25jZQ== \t",
        ]),
    }
}

#[test]
fn other_keys() {
    check! {
        rfc: "RFC 6455 §4.2.2",
        rule: "If two keys differ in one bit, their accept keys have nothing in common.",
        signs: [],
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
        rule: "Your code, as a program: it prints the key, the key and the GUID, the SHA-1, and the accept key.",
        signs: [],
        shows: || program!().runs(&[
            &[],
            &["x3JJHMbDL1EzLkh9GBhXDw=="],
            &[" x3JJHMbDL1EzLkh9GBhXDw=="],
            &["--help"],
            &["one", "two"],
        ]),
    }
}

/// Keys, each with its accept key.
fn table(keys: &[&str]) -> String {
    let row = |key: &&str| format!("{:<28} → {}\n", format!("{key:?}"), accept_key(key));
    keys.iter().map(row).collect()
}
