//! The heads of the opening handshake: the request and the response (RFC 6455 §4.1, §4.2.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// Keys, each with its accept key. A client's key is meant to be random; the probe's own are these, so that a server
/// is judged by answers that were written down.
pub const KEYS: [(&str, &str); 3] = [
    ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    ("Yml0IGJ5IGJpdCwgMDAwMQ==", "WzViNEckVnmYqpBRKMP8EZpqbrk="),
    ("AAECAwQFBgcICQoLDA0ODw==", "Bz3qJYTGdOe8gUSpLosEdiLKDrk="),
];

/// The accept key that answers a client's key (RFC 6455 §4.2.2).
pub fn accept_key(key: &str) -> String {
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(Sha1::digest(text.as_bytes()))
}

/// How many bytes a client's key has, if it is base64.
pub fn bytes_of_key(key: &str) -> Option<usize> {
    STANDARD.decode(key).ok().map(|bytes| bytes.len())
}

/// The head of a request or a response. A right one can be changed into a wrong one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The first line, without CRLF.
    pub line: String,
    fields: Vec<(String, String)>,
}

impl Head {
    /// A handshake that the server at `host` has no reason to refuse, with one of [`KEYS`].
    pub fn handshake(host: &str, resource: &str, key: usize) -> Self {
        Self::plain(host, resource)
            .with_extra("Upgrade", "websocket")
            .with_extra("Connection", "Upgrade")
            .with_extra("Sec-WebSocket-Key", KEYS[key].0)
            .with_extra("Sec-WebSocket-Version", "13")
    }

    /// A request for a page.
    pub fn plain(host: &str, resource: &str) -> Self {
        Self::new(format!("GET {resource} HTTP/1.1")).with_extra("Host", host)
    }

    /// The response that accepts a handshake with this key.
    pub fn acceptance(key: &str) -> Self {
        Self::new("HTTP/1.1 101 Switching Protocols")
            .with_extra("Upgrade", "websocket")
            .with_extra("Connection", "Upgrade")
            .with_extra("Sec-WebSocket-Accept", &accept_key(key))
    }

    /// A head with this first line, and no field.
    pub fn new(line: impl Into<String>) -> Self {
        Self {
            line: line.into(),
            fields: Vec::new(),
        }
    }

    /// Adds a field.
    pub fn with_extra(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_string(), value.to_string()));
        self
    }

    /// Removes the fields with this name.
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|field| field.0 != name);
        self
    }

    /// Sets the value of the field with this name.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        for field in &mut self.fields {
            if field.0 == name {
                field.1 = value.to_string();
            }
        }
        self
    }

    /// The value of the first field with this name, or nothing.
    pub fn value(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|field| field.0 == name);
        field.map_or("", |field| &field.1)
    }

    /// Replaces the first `from` in the first line by `to`.
    pub fn with_line(mut self, from: &str, to: &str) -> Self {
        self.line = self.line.replacen(from, to, 1);
        self
    }

    /// Writes the names of the fields in capitals.
    pub fn with_uppercase_names(mut self) -> Self {
        for field in &mut self.fields {
            field.0 = field.0.to_uppercase();
        }
        self
    }

    /// The bytes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{}\r\n", self.line);
        for (name, value) in &self.fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

/// The head of a response that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The fields.
    pub fields: Fields,
}

impl Response {
    /// Reads a head.
    ///
    /// # Errors
    /// Returns a sentence if it isn't one of HTTP/1.1.
    pub fn read(head: &[u8]) -> Result<Self, String> {
        let (line, fields) = split(head);
        let status = line
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.get(2..5))
            .and_then(|status| status.parse().ok())
            .ok_or("answers, but not as HTTP/1.1 says")?;
        Ok(Self { status, fields })
    }
}

/// The head of a request that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The request line.
    pub line: String,
    /// The fields.
    pub fields: Fields,
}

impl Request {
    /// Reads a head.
    pub fn read(head: &[u8]) -> Self {
        let (line, fields) = split(head);
        Self { line, fields }
    }

    /// The key, or an empty one if there is none.
    pub fn key(&self) -> &str {
        let keys = self.fields.values("sec-websocket-key");
        keys.first().copied().unwrap_or_default()
    }
}

/// The fields of a head that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// The values of the fields with this name, which is in lower case.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let fields = self.0.iter().filter(|field| field.0 == name);
        fields.map(|field| field.1.as_str()).collect()
    }

    /// Whether this field lists this element, in upper or lower case.
    pub fn lists(&self, name: &str, element: &str) -> bool {
        let values = self.values(name);
        let mut elements = values.iter().flat_map(|value| value.split(','));
        elements.any(|found| found.trim().eq_ignore_ascii_case(element))
    }
}

/// The first line and the fields of a head.
fn split(head: &[u8]) -> (String, Fields) {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let line = lines.next().unwrap_or_default().to_string();
    let fields = lines.filter_map(|line| line.split_once(':'));
    let fields = fields.map(|(name, value)| (name.to_lowercase(), value.trim().to_string()));
    (line, Fields(fields.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accept_key_is_the_one_that_was_written_down() {
        for (key, accept) in KEYS {
            assert_eq!(accept_key(key), accept);
            assert_eq!(bytes_of_key(key), Some(16));
        }
        assert_eq!(bytes_of_key("AAECAwQFBgcICQoLDA0O"), Some(15));
        assert_eq!(bytes_of_key("not base64"), None);
    }
}
