//! The terminal.

/// Gives the terminal back as it was.
pub fn restore() {}
