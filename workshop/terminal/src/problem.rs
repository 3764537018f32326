//! What went wrong, in a sentence.

use std::fmt;

/// What went wrong, why, and what to do about it, in a sentence or two for the person at the keyboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(pub String);

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Turns an error into a [`Problem`] that says what failed.
pub trait Explain<T> {
    /// Puts `what` and a colon before the error.
    ///
    /// # Errors
    /// Returns a [`Problem`] if this is an error.
    fn explain(self, what: impl FnOnce() -> String) -> Result<T, Problem>;
}

impl<T, E: fmt::Display> Explain<T> for Result<T, E> {
    fn explain(self, what: impl FnOnce() -> String) -> Result<T, Problem> {
        self.map_err(|error| Problem(format!("{}: {error}", what())))
    }
}
