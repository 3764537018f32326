//! What a stream of frames means: messages, and what the other side says about the connection.

/// What an application sends as one piece (RFC 6455 §5.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text. It came as UTF-8.
    Text(String),
    /// Bytes that mean what the application says they mean.
    Binary(Vec<u8>),
}

/// A message or a control frame, whole.
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
