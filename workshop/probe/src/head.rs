//! The opening handshake: what is asked, and what is answered (RFC 6455 §4.1, §4.2.2).

use crate::target::Target;

/// Keys and what they are answered with, worked out beforehand. A client's key is to be random;
/// a probe knows the answer instead.
pub const KEYS: [(&str, &str); 3] = [
    ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    ("Yml0IGJ5IGJpdCwgMDAwMQ==", "WzViNEckVnmYqpBRKMP8EZpqbrk="),
    ("AAECAwQFBgcICQoLDA0ODw==", "Bz3qJYTGdOe8gUSpLosEdiLKDrk="),
];

/// A request's head, to be changed into a wrong one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The request line, without its end.
    pub line: String,
    fields: Vec<(String, String)>,
}

impl Head {
    /// A handshake that a server at `target` has no reason to refuse, with the key of that number.
    pub fn handshake(target: &Target, key: usize) -> Self {
        let plain = Self::plain(target);
        plain
            .and("Upgrade", "websocket")
            .and("Connection", "Upgrade")
            .and("Sec-WebSocket-Key", KEYS[key].0)
            .and("Sec-WebSocket-Version", "13")
    }

    /// A request for a page.
    pub fn plain(target: &Target) -> Self {
        let head = Self {
            line: format!("GET {} HTTP/1.1", target.resource),
            fields: Vec::new(),
        };
        head.and("Host", &target.host)
    }

    /// With one field more.
    pub fn and(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_string(), value.to_string()));
        self
    }

    /// Without the fields of that name.
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|field| field.0 != name);
        self
    }

    /// With this value in the field of that name.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        for field in &mut self.fields {
            if field.0 == name {
                field.1 = value.to_string();
            }
        }
        self
    }

    /// With the first `from` of the request line as `to`.
    pub fn with_line(mut self, from: &str, to: &str) -> Self {
        self.line = self.line.replacen(from, to, 1);
        self
    }

    /// With the names of the fields in other letters.
    pub fn shouted(mut self) -> Self {
        for field in &mut self.fields {
            field.0 = field.0.to_uppercase();
        }
        self
    }

    /// The head on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{}\r\n", self.line);
        for (name, value) in &self.fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

/// A response's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    fields: Vec<(String, String)>,
}

impl Answer {
    /// Reads a head that ends with an empty line.
    ///
    /// # Errors
    /// It isn't one of HTTP/1.1.
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

    /// The values of the fields of that name, given in lower case.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let fields = self.fields.iter().filter(|field| field.0 == name);
        fields.map(|field| field.1.as_str()).collect()
    }

    /// Whether one of the elements of that field is this one, in any case.
    pub fn lists(&self, name: &str, element: &str) -> bool {
        let values = self.all(name);
        let mut elements = values.iter().flat_map(|value| value.split(','));
        elements.any(|found| found.trim().eq_ignore_ascii_case(element))
    }
}
