//! The interface of step 09 over the fast echo of step 17. Settings, deadlines and the log are those of step 09.

pub mod program;
pub mod server;

pub use server::Server;
pub use step_09::{Log, Patience, Settings, http};
