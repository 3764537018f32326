//! Responses to requests that don't reach tiny_http.

/// A status and a sentence. The server then closes the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    status: &'static str,
    sentence: &'static str,
    /// An extra field with its line end, or nothing.
    field: &'static str,
}

impl Refusal {
    pub const NOT_HTTP: Self = Self::new(
        "400 Bad Request",
        "This is not an HTTP/1.1 request (RFC 9112 §3, §5).",
    );
    pub const TARGET_NOT_ASCII: Self = Self::new(
        "400 Bad Request",
        "A request target has ASCII characters only; write others as %C3%AB (RFC 3986 §2).",
    );
    pub const LENGTH: Self = Self::new(
        "400 Bad Request",
        "`Content-Length` must be given once, as a whole number of bytes.",
    );
    pub const TWO_LENGTHS: Self = Self::new(
        "400 Bad Request",
        "A request has a `Content-Length` or a `Transfer-Encoding`, not both (RFC 9112 §6.3).",
    );
    pub const BODY: Self = Self::new(
        "400 Bad Request",
        "The body ended too early, took too long, or has bad chunks (RFC 9112 §7.1, §8).",
    );
    pub const TOO_SLOW: Self = Self::new("408 Request Timeout", "The head took too long.");
    pub const BODY_TOO_LONG: Self = Self::new(
        "413 Content Too Large",
        "The body is longer than any server here takes.",
    );
    pub const EXPECTATION: Self = Self::new(
        "417 Expectation Failed",
        "The only expectation is 100-continue (RFC 9110 §10.1.1).",
    );
    pub const HEAD_TOO_LONG: Self = Self::new(
        "431 Request Header Fields Too Large",
        "The head is longer, or has more fields, than any server here takes (RFC 6585 §5).",
    );
    pub const UNANSWERED: Self = Self::new(
        "500 Internal Server Error",
        "The server has lost this request.",
    );
    pub const CODING: Self = Self::new(
        "501 Not Implemented",
        "The only transfer coding here is chunked (RFC 9112 §6.1).",
    );
    pub const BUSY: Self = Self {
        field: "Retry-After: 1\r\n",
        ..Self::new(
            "503 Service Unavailable",
            "The server is busy. Try again in a second.",
        )
    };
    pub const VERSION: Self = Self::new(
        "505 HTTP Version Not Supported",
        "The version must be HTTP/1.1 (RFC 9110 §15.6.6).",
    );

    const fn new(status: &'static str, sentence: &'static str) -> Self {
        Self {
            status,
            sentence,
            field: "",
        }
    }

    /// Returns the whole response. A response to HEAD has no body (RFC 9110 §9.3.2).
    pub fn response(&self, with_body: bool) -> Vec<u8> {
        let Self {
            status,
            sentence,
            field,
        } = self;
        let length = sentence.len() + 1;
        let mut response = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Length: {length}\r\nConnection: close\r\n{field}\r\n"
        );
        if with_body {
            response += sentence;
            response += "\n";
        }
        response.into_bytes()
    }
}
