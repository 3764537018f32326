//! The header of a frame, bit by bit (RFC 6455 §5.2).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-------+-+-------------+-------------------------------+
//! |F|R|R|R| opcode|M| Payload len |    Extended payload length    |
//! |I|S|S|S|  (4)  |A|     (7)     |             (16/64)           |
//! |N|V|V|V|       |S|             |   (if payload len==126/127)   |
//! | |1|2|3|       |K|             |                               |
//! +-+-+-+-+-------+-+-------------+ - - - - - - - - - - - - - - - +
//! |     Extended payload length continued, if payload len == 127  |
//! + - - - - - - - - - - - - - - - +-------------------------------+
//! |                               |Masking-key, if MASK set to 1  |
//! +-------------------------------+-------------------------------+
//! | Masking-key (continued)       |          Payload Data         |
//! +-------------------------------- - - - - - - - - - - - - - - - +
//! ```
//!
//! Nothing here does I/O: bytes become a header or a broken rule, and a header becomes bytes.
//!
//! | module | what it is for |
//! |---|---|
//! | [`opcode`] | what a frame is for: the last four bits of the first byte |
//! | [`reserved_bits`] | RSV1 to RSV3, which are for extensions |
//! | [`error`] | the rules that a header can break |
//! | [`first_byte`] | FIN, RSV1 to RSV3, opcode |
//! | [`second_byte`] | MASK, and a payload length in 7, 16 or 64 bits |
//! | [`header`] | the whole header: [`decode`], and [`FrameHeader::encode`] |
//! | [`mod@draw`] | any frame as the RFC draws it |
//! | [`hex`] | hexadecimal text as bytes |

pub mod draw;
pub mod error;
pub mod first_byte;
pub mod header;
pub mod hex;
pub mod opcode;
pub mod reserved_bits;
pub mod second_byte;

pub use draw::draw;
pub use error::HeaderError;
pub use header::{Decoded, FrameHeader, MaskingKey, decode};
pub use opcode::Opcode;
pub use reserved_bits::ReservedBits;
