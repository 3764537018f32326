//! What a frame is for (RFC 6455 §5.2, §11.8).

use std::fmt;

/// What a frame is for. Four bits on the wire; ten of the sixteen values are reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// 0x0: continues the message that an earlier frame began.
    Continuation,
    /// 0x1: begins a message that is text in UTF-8.
    Text,
    /// 0x2: begins a message of any bytes.
    Binary,
    /// 0x8: begins or answers the closing handshake.
    Close,
    /// 0x9: asks for a pong.
    Ping,
    /// 0xa: answers a ping.
    Pong,
}

impl Opcode {
    /// The opcode with this value. `None` for 0x3 to 0x7 and 0xb to 0xf, which are reserved, and for
    /// values of more than four bits.
    pub fn from_bits(bits: u8) -> Option<Self> {
        // Task: name the six opcodes; the others are reserved.
        todo!("name the six opcodes; the others are reserved")
    }

    /// The value on the wire.
    pub fn bits(self) -> u8 {
        // Task: give each opcode its value.
        todo!("give each opcode its value")
    }

    /// Whether frames with this opcode are control frames. They are about the connection itself, and
    /// may come between the fragments of a message (RFC 6455 §5.5).
    pub fn is_control(self) -> bool {
        // Task: one of the four bits tells control frames from the others (RFC 6455 §5.5).
        todo!("one of the four bits tells control frames from the others (RFC 6455 §5.5)")
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::Continuation => "continuation",
            Self::Text => "text",
            Self::Binary => "binary",
            Self::Close => "close",
            Self::Ping => "ping",
            Self::Pong => "pong",
        })
    }
}
