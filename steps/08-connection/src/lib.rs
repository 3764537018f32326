//! A connection: one endpoint of a WebSocket, from its opening to its end, with no socket at all
//! (RFC 6455 §5.5, §6, §7).
//!
//! ```text
//!            receive(bytes)  ┌────────────┐  events
//!   network ────────────────▶│            │────────────▶ application
//!                            │ Connection │
//!   network ◀────────────────│            │◀──────────── application
//!           take_outgoing()  └────────────┘  send_text, close, …
//! ```
//!
//! The code that owns the socket, a *driver*, does five things. They are the same for one thread that
//! blocks, for two threads, and for an async runtime:
//!
//! 1. Once the handshake is done: `receive` the bytes that came after its head, even if there are none.
//! 2. `receive` the bytes of a read, and act on the events. If an answer must go out before the next
//!    frame is looked at, `feed` the bytes instead, and `poll` one event at a time.
//! 3. Write the bytes that `take_outgoing` gives: one write for everything that a read has led to.
//! 4. Close TCP when `should_close_tcp` says so and everything is written. While `state` is
//!    [`State::Closing`], wait for that with a deadline.
//! 5. Call `eof` when TCP has ended, whichever side ended it.
//!
//! The events, beside those of a browser's `WebSocket`:
//!
//! | browser | here |
//! |---|---|
//! | `open` | [`Event::Open`] |
//! | `message` | [`Event::Text`], [`Event::Binary`] |
//! | `error` | [`Event::Error`], which says what was wrong; a page never learns that |
//! | `close` | [`Event::Close`]: code and reason. `wasClean` is false if the code is 1006 |
//! | (a page doesn't see these) | [`Event::Ping`], [`Event::Pong`] |
//!
//! | module | what it is for | RFC 6455 |
//! |---|---|---|
//! | [`close_code`] | why a connection ends, as a number | §7.4 |
//! | [`phase`] | how far a connection is: whether it reads, and which side closes TCP | §7.1 |
//! | [`send_error`] | the rules that we could break | §5.5 |
//! | [`close_frame`] | the payload of a Close frame | §5.5.1 |
//! | [`side`] | which side masks, and with which keys | §5.1, §5.3 |
//! | [`extension`] | the place of an extension | §5.8, §9 |
//! | [`failure`] | the rules that the other side can break | §7.1.7 |
//! | [`event`] | the events of a connection | §6.2, §7.1 |
//! | [`connection`] | the state machine | §5.5, §6, §7 |
//! | [`script`] | two connections that follow a script, without a network | |

pub mod close_code;
pub mod close_frame;
pub mod connection;
pub mod event;
pub mod extension;
pub mod failure;
pub mod phase;
pub mod script;
pub mod send_error;
pub mod side;

pub use close_code::CloseCode;
pub use close_frame::CloseFrameError;
pub use connection::{Config, Connection};
pub use event::Event;
pub use extension::{Extension, ExtensionError, NoExtension};
pub use failure::Failure;
pub use phase::State;
pub use send_error::SendError;
