//! Frames: a header and its payload, from a stream that may be cut anywhere (RFC 6455 §5).
//!
//! ```text
//! receive     81 85 37 fa 21     3d 7f 9f 4d     51 58 89 80 a1     b2 c3 d4
//! next_part   (none yet)         Header, "Hel"   "lo", End          Header, End
//! ```
//!
//! Nothing here does I/O. The decoder takes bytes, and returns parts of frames or an error; the
//! encoder turns a frame into bytes.
//!
//! | module | purpose | RFC 6455 |
//! |---|---|---|
//! | [`masking`] | masks and unmasks a payload | §5.3 |
//! | [`decoder`] | turns a stream of bytes into frames | §5.2, §6.2 |
//! | [`encoder`] | appends a frame to a buffer | §5.2, §6.1 |
//! | [`role`] | says which endpoint we are, and so which frames must be masked | §5.1 |
//! | [`error`] | lists the rules that a frame can break | §5.1, §7.4.1 |

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
