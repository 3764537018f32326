//! A request's body.
//!
//! A client that sends a body declares its length (`Content-Length`), or sends it in chunks
//! without a length. Neither can be trusted: a declared length is checked before the first byte is
//! read, and the bytes are counted all the same (RFC 9110 §15.5.14, RFC 9112 §6).

use std::io::Read;

use serde_json::{Map, Value};

use crate::history::NewMessage;
use crate::routes::Refusal;

/// Reads a body of at most `limit` bytes.
///
/// `declared` is the length in the head of the request, if there is one. If it is over the limit,
/// the body is refused without reading any of it. Of a body without a declared length, at most one
/// byte more than the limit is read.
///
/// # Errors
/// Returns [`Refusal::BodyTooLarge`] if the body is longer than `limit`, or
/// [`Refusal::BodyCutShort`] if it ends before its declared length or can't be read.
// ANCHOR: read_limited
pub fn read_limited(
    body: impl Read,
    declared: Option<u64>,
    limit: u64,
) -> Result<Vec<u8>, Refusal> {
    // Task: a declared length is only a claim. Take no more of the body than you need to judge it.
    // A body that can't be read to its end did not arrive: `BodyCutShort`.
    if declared.is_some_and(|length| length > limit) {
        return Err(Refusal::BodyTooLarge { limit });
    }
    let mut bytes = Vec::new();
    body.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|_| Refusal::BodyCutShort)?;
    let length = bytes.len() as u64;
    if length > limit {
        return Err(Refusal::BodyTooLarge { limit });
    }
    if declared.is_some_and(|declared| length < declared) {
        return Err(Refusal::BodyCutShort);
    }
    Ok(bytes)
}
// ANCHOR_END: read_limited

/// Parses a message like `{"username":"ada","message":"hi"}`.
///
/// Unknown fields are ignored, so that a newer page can talk to an older server.
///
/// # Errors
/// Returns [`Refusal::BadMessage`] if the body isn't UTF-8, isn't JSON, isn't an object (serde
/// would accept an array), or if a field is missing, isn't a string, or is blank.
// ANCHOR: parse_message
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
// ANCHOR_END: parse_message
