//! One module for each target.

pub mod connection;
pub mod differential;
pub mod frame_decoder;
pub mod head;
pub mod messages;
