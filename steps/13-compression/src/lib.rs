//! Compression: permessage-deflate, the one extension that browsers know (RFC 7692).
//!
//! ```text
//!   the handshake      offers ──▶ negotiate ──▶ parameters: how each side compresses
//!                                                   │
//!   a message to send  "Hello" ──▶ deflate ──▶ f2 48 cd c9 c9 07 00, with RSV1
//!   frames that came   f2 48 cd c9 c9 07 00 ──▶ inflate ──▶ "Hello", at most 4 KiB at a time
//! ```
//!
//! The algorithm, DEFLATE, is given: the crate `flate2` has it. You write what is around it: which side may do what,
//! which messages are worth it, and what a peer can't be allowed to do.
//!
//! | module | what it is for | RFC 7692 |
//! |---|---|---|
//! | [`window`] | how far back a compressor may look | §7.1.2 |
//! | [`parameters`] | the four parameters, as text and as what they mean | §7.1 |
//! | [`settings`] | what an endpoint would like | §7.1 |
//! | [`negotiate`] | which offer is chosen, and whether the answer suits the offer | §5.1, §7.1 |
//! | [`deflate`] | a message becomes a compressed payload | §7.2.1 |
//! | [`inflate`] | compressed payloads become a message, piece by piece | §7.2.2 |
//! | [`extension`] | the place in the connection: RSV1, and which frames are compressed | §6 |
//! | [`endpoint`] | how a server and a client use all of that | §5 |
//! | [`table`] | a negotiation as a table that one can see | |
//! | [`samples`] | messages to measure with | |
//! | [`measure`] | what compression gains, and what it costs | |

pub mod deflate;
pub mod endpoint;
pub mod extension;
pub mod inflate;
pub mod measure;
pub mod negotiate;
pub mod parameters;
pub mod samples;
pub mod settings;
pub mod table;
pub mod window;

pub use deflate::Deflater;
pub use extension::PermessageDeflate;
pub use inflate::{Inflater, NotDeflate};
pub use negotiate::{AnswerError, Declined};
pub use parameters::{Context, ParameterError, Parameters};
pub use settings::Compression;
pub use window::WindowBits;
