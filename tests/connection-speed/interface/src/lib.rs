//! The interface of step 08 over the fast connection of step 17. Codes, events, errors and phases are those of step 08.

pub mod connection;
#[path = "../../../../solutions/08-connection/src/script.rs"]
pub mod script;

pub use connection::Connection;
pub use step_08::{
    CloseCode, CloseFrameError, Config, Event, Extension, ExtensionError, Failure, NoExtension,
    SendError, State,
};
pub use step_08::{close_code, close_frame, event, extension, failure, phase, send_error, side};
