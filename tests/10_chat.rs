//! The checks of step 10.
