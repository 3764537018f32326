//! The items in a stream of frames: messages, and control frames about the connection.

/// A message: the data that an application sends as one piece (RFC 6455 §5.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text, which came as UTF-8.
    Text(String),
    /// Bytes, whose meaning the application defines.
    Binary(Vec<u8>),
}

/// A whole message or control frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A message, put together from all of its frames.
    Message(Message),
    /// A Ping frame and its payload (RFC 6455 §5.5.2).
    Ping(Vec<u8>),
    /// A Pong frame and its payload (RFC 6455 §5.5.3).
    Pong(Vec<u8>),
    /// A Close frame and its payload (RFC 6455 §5.5.1).
    Close(Vec<u8>),
}
