//! Frames: a header and its payload, from a stream that may be cut anywhere (RFC 6455 §5).
//!
//! ```text
//! receive     81 85 37 fa 21     3d 7f 9f 4d     51 58 89 80 a1     b2 c3 d4
//! next_part   (none yet)         Header, "Hel"   "lo", End          Header, End
//! ```
//!
//! Nothing here does I/O: bytes come in, parts of frames or a broken rule come out, and back.
//!
//! | module | what it is for | RFC 6455 |
//! |---|---|---|
//! | [`masking`] | XOR with four bytes, again and again | §5.3 |
//! | [`decoder`] | frames out of a stream of bytes | §5.2, §6.2 |
//! | [`encoder`] | a frame into a buffer | §5.2, §6.1 |
//! | [`role`] | which side we are, and so which frames are masked | §5.1 |
//! | [`error`] | the rules that a frame can break | §5.1, §7.4.1 |

pub mod decoder;
pub mod encoder;
pub mod error;
pub mod masking;
pub mod role;

pub use decoder::{Frame, FrameDecoder, Part};
pub use encoder::encode_frame;
pub use error::FrameError;
pub use frame_header::{FrameHeader, HeaderError, MaskingKey, Opcode, ReservedBits};
pub use masking::mask;
pub use role::Role;
