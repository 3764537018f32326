//! The interface of step 05 over the fast decoder of step 17, and its fast encoder of what a server sends. Bytes,
//! opcodes, errors and drawings are those of step 05.

pub mod header;

pub use header::{FrameHeader, decode};
pub use step_05::{
    HeaderError, MaskingKey, Opcode, ReservedBits, draw, first_byte, hex, second_byte,
};

/// The result of decoding bytes that break no rule, as [`step_05::Decoded`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded {
    /// The bytes begin with a header.
    Header {
        /// The header.
        header: FrameHeader,
        /// How many bytes the header has.
        length: usize,
    },
    /// The bytes are the beginning of a header.
    Incomplete {
        /// How many more bytes are needed, at least.
        needed: usize,
    },
}
