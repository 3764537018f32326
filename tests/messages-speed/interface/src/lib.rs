//! The interface of step 07 over the fast connection of step 17, which puts messages together itself.

pub mod reader;
pub mod text;

pub use reader::MessageReader;
pub use step_07::{Item, Message, MessageError, NotUtf8};
pub use text::TextBuffer;
