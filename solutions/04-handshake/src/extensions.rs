//! `Sec-WebSocket-Extensions`: what a client would like to use (RFC 6455 §9.1).
//!
//! ```text
//! permessage-deflate; client_max_window_bits; server_max_window_bits="10", x-other
//! ──────── name ────  ─────── parameter ────  ─── parameter and value ───
//! ```
//!
//! They are parsed here so that a malformed list is refused. The step `compression` uses them.

use crate::fields::{WHITESPACE, is_token, is_token_character};

/// One extension that a client offers, or that a server has chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its registered name: `permessage-deflate`.
    pub name: String,
    /// Its parameters in order, each with its value if it has one.
    pub parameters: Vec<(String, Option<String>)>,
}

/// Parses the value of one field. `None` if it breaks the grammar.
pub fn parse(value: &str) -> Option<Vec<Extension>> {
    let mut extensions = Vec::new();
    let mut rest = value;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Some(extensions);
        }
        let (extension, after) = parse_extension(rest)?;
        extensions.push(extension);
        rest = after.trim_start_matches(WHITESPACE);
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
    }
}

/// Parses a name and any number of `; parameter` or `; parameter=value`. Also returns what follows.
fn parse_extension(text: &str) -> Option<(Extension, &str)> {
    let (name, mut rest) = parse_token(text)?;
    let mut parameters = Vec::new();
    while let Some(after) = rest.trim_start_matches(WHITESPACE).strip_prefix(';') {
        let (parameter, after) = parse_token(after.trim_start_matches(WHITESPACE))?;
        let (value, after) = match after.trim_start_matches(WHITESPACE).strip_prefix('=') {
            Some(value) => parse_value(value.trim_start_matches(WHITESPACE))
                .map(|(value, rest)| (Some(value), rest))?,
            None => (None, after),
        };
        parameters.push((parameter.to_string(), value));
        rest = after;
    }
    let name = name.to_string();
    Some((Extension { name, parameters }, rest))
}

/// Parses a token. Also returns what follows.
fn parse_token(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|character| !is_token_character(character));
    let (token, rest) = text.split_at(end.unwrap_or(text.len()));
    (!token.is_empty()).then_some((token, rest))
}

/// Parses a token, or a quoted string that is a token without its quotes and backslashes.
fn parse_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        return parse_token(text).map(|(token, rest)| (token.to_string(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    loop {
        match characters.next()? {
            (end, '"') => return is_token(&value).then_some((value, &quoted[end + 1..])),
            (_, '\\') => value.push(characters.next()?.1),
            (_, character) => value.push(character),
        }
    }
}
