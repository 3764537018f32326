//! Step 15.
