//! The parts that `inspect`, `probe` and `tap` share.
//!
//! | module | what it is for |
//! |---|---|
//! | [`reach`] | connects to a server by name |
//! | [`side`] | client or server |
//! | [`close_code`] | what a close code means |

pub mod close_code;
pub mod reach;
pub mod side;
