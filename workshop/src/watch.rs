//! `cargo workshop` alone.

use crate::commands::{End, Session};
use crate::project::Problem;

/// What the command line says.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether a browser is opened.
    pub opens: bool,
    /// Whether the book is built and served.
    pub book: bool,
    /// The book's port.
    pub port: Option<u16>,
    /// Whether files are looked at, instead of waiting to be told.
    pub polls: bool,
    /// Whether there are plain lines on a terminal too.
    pub plain: bool,
}

/// Watches.
///
/// # Errors
/// It can't.
pub fn watch(_session: Session, _options: &Options) -> Result<End, Problem> {
    Ok(End::Fine)
}
