//! Step 13.
