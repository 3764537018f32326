//! A request's body.
//!
//! Whoever sends a body says how long it is (`Content-Length`), or sends it in chunks and says
//! nothing. Neither is to be trusted: a declared length is looked at before the first byte is
//! read, and the bytes are counted all the same (RFC 9110 §15.5.14, RFC 9112 §6).

use std::io::Read;

use serde_json::{Map, Value};

use crate::history::NewMessage;
use crate::routes::Refusal;

/// Reads a body of at most `limit` bytes.
///
/// `declared` is the length that the head of the request promised, if it did. A body that is
/// too long by this promise is refused without reading any of it; of one that gives no length, at
/// most one byte more than the limit is read.
///
/// # Errors
/// [`Refusal::BodyTooLarge`]; [`Refusal::BodyCutShort`] if the body ends before its time, or
/// reading it fails.
pub fn read_limited(
    body: impl Read,
    declared: Option<u64>,
    limit: u64,
) -> Result<Vec<u8>, Refusal> {
    // Task: a declared length is only a claim. Take no more of the body than you need to judge it.
    // A body that can't be read to its end did not arrive: `BodyCutShort`.
    todo!("a declared length is only a claim. Take no more of the body than you need to judge it")
}

/// Reads `{"username":"ada","message":"hi"}`.
///
/// Fields that are not known are ignored, so that a newer page can talk to an older server.
///
/// # Errors
/// [`Refusal::BadMessage`] for anything else: no UTF-8, no JSON, no object (an array would do for
/// serde), a field that is missing, is no text, or is blank.
pub fn parse_message(body: &[u8]) -> Result<NewMessage, Refusal> {
    let bad = |error: serde_json::Error| Refusal::BadMessage(error.to_string());
    let object: Map<String, Value> = serde_json::from_slice(body).map_err(bad)?;
    let message: NewMessage = serde_json::from_value(Value::Object(object)).map_err(bad)?;
    for (field, text) in [
        ("username", &message.username),
        ("message", &message.message),
    ] {
        if text.trim().is_empty() {
            return Err(Refusal::BadMessage(format!("`{field}` is blank")));
        }
    }
    Ok(message)
}
