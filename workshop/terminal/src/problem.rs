//! What went wrong, in a sentence.

use std::fmt;

/// What went wrong, why, and what to do: one sentence or two for the person at the keyboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(pub String);

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Makes a [`Problem`] of an error, with what was being done when it came up.
pub trait Explain<T> {
    /// `what` completes the sentence "… : the error".
    ///
    /// # Errors
    /// The error, explained.
    fn explain(self, what: impl FnOnce() -> String) -> Result<T, Problem>;
}

impl<T, E: fmt::Display> Explain<T> for Result<T, E> {
    fn explain(self, what: impl FnOnce() -> String) -> Result<T, Problem> {
        self.map_err(|error| Problem(format!("{}: {error}", what())))
    }
}
