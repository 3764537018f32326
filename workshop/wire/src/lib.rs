//! The parts that `inspect`, `probe` and `tap` share.
//!
//! | module | what it is for |
//! |---|---|
//! | [`reach`] | connects to a server by name |
//! | [`side`] | client or server |
//! | [`close_code`] | what a close code means |
//! | [`deflate`] | what permessage-deflate says, and inflates |

pub mod close_code;
pub mod deflate;
pub mod reach;
pub mod side;
