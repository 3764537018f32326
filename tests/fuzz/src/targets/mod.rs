//! One module for each target.

pub mod connection;
pub mod differential;
pub mod extension;
pub mod frame_decoder;
pub mod head;
pub mod inflater;
pub mod messages;
pub mod round_trip;
