//! The same echo and the same chat, as fast as one thread can be.
//!
//! ```text
//!   step 09, 10                                     this step
//!
//!   thread ─ read ─▶ buffer ─▶ Vec ─▶ Vec ─ write    ┌────────── one thread ──────────┐
//!   thread ─ read ─▶ buffer ─▶ Vec ─▶ Vec ─ write    │ poll ─▶ one read ─▶ in place   │
//!   thread ─ read ─▶ buffer ─▶ Vec ─▶ Vec ─ write    │  ▲                    │        │
//!     …                                              │  └─── one write ◀─────┘        │
//!                                                    └────────────────────────────────┘
//! ```
//!
//! | module | what changes |
//! |---|---|
//! | [`mask`] | eight bytes are unmasked at a time, not one |
//! | [`utf8`] | text is checked many bytes at a time, and where it lies |
//! | [`frames`] | a frame that is whole in a read is unmasked there, and borrowed |
//! | [`unfinished`] | what a read has cut is read straight to its place |
//! | [`connection`] | the state machine of step 08, without buffers |
//! | [`answers`] | one write for all that a read leads to; a large payload isn't copied |
//! | [`client`] | what one client does in its turn |
//! | [`server`] | one thread for all clients: a readiness loop |
//! | [`app`], [`echo_app`], [`chat_app`] | the applications of steps 09 and 10, called by that loop |
//! | [`settings`] | the limits, out of those of steps 09 and 10 |
//! | [`http`] | answers a request's head |
//! | [`mod@measure`] | what each change is worth, on your machine |
//!
//! Nothing changes on the wire.

pub mod answers;
pub mod app;
pub mod chat_app;
pub mod client;
pub mod connection;
pub mod echo_app;
pub mod frames;
pub mod http;
pub mod mask;
pub mod measure;
pub mod server;
pub mod settings;
pub mod unfinished;
pub mod utf8;

pub use answers::{Answers, Waiting};
pub use app::App;
pub use chat_app::Chat;
pub use connection::{Config, Connection, Event};
pub use echo_app::Echo;
pub use frames::{FrameDecoder, Part};
pub use server::Server;
pub use settings::Settings;
pub use unfinished::{Buffers, Payload};
