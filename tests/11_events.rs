//! The checks of step 11.
