//! The heads of the opening handshake: the request and the response (RFC 6455 §4.1, §4.2.2).

use crate::target::Target;

/// Keys, each with its accept key. A client's key is meant to be random; a probe uses keys whose accept keys it
/// knows.
pub const KEYS: [(&str, &str); 3] = [
    ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    ("Yml0IGJ5IGJpdCwgMDAwMQ==", "WzViNEckVnmYqpBRKMP8EZpqbrk="),
    ("AAECAwQFBgcICQoLDA0ODw==", "Bz3qJYTGdOe8gUSpLosEdiLKDrk="),
];

/// The head of a request. A right one can be changed into a wrong one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The request line, without CRLF.
    pub line: String,
    fields: Vec<(String, String)>,
}

impl Head {
    /// A handshake that a server at `target` has no reason to refuse, with one of [`KEYS`].
    pub fn handshake(target: &Target, key: usize) -> Self {
        let plain = Self::plain(target);
        plain
            .with_extra("Upgrade", "websocket")
            .with_extra("Connection", "Upgrade")
            .with_extra("Sec-WebSocket-Key", KEYS[key].0)
            .with_extra("Sec-WebSocket-Version", "13")
    }

    /// A request for a page.
    pub fn plain(target: &Target) -> Self {
        let head = Self {
            line: format!("GET {} HTTP/1.1", target.resource),
            fields: Vec::new(),
        };
        head.with_extra("Host", &target.host)
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

    /// Replaces the first `from` in the request line by `to`.
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

/// The head of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    fields: Vec<(String, String)>,
}

impl Response {
    /// Reads a head.
    ///
    /// # Errors
    /// Returns a sentence if it isn't one of HTTP/1.1.
    pub fn read(head: &[u8]) -> Result<Self, String> {
        let text = String::from_utf8_lossy(head);
        let mut lines = text.split("\r\n");
        let line = lines.next().unwrap_or_default();
        let status = line
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.get(2..5))
            .and_then(|status| status.parse().ok())
            .ok_or("answers, but not as HTTP/1.1 says")?;
        let fields = lines.filter_map(|line| line.split_once(':'));
        let fields = fields.map(|(name, value)| (name.to_lowercase(), value.trim().to_string()));
        Ok(Self {
            status,
            fields: fields.collect(),
        })
    }

    /// The values of the fields with this name, which is in lower case.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let fields = self.fields.iter().filter(|field| field.0 == name);
        fields.map(|field| field.1.as_str()).collect()
    }

    /// Whether this field lists this element, in upper or lower case.
    pub fn lists(&self, name: &str, element: &str) -> bool {
        let values = self.values(name);
        let mut elements = values.iter().flat_map(|value| value.split(','));
        elements.any(|found| found.trim().eq_ignore_ascii_case(element))
    }
}
