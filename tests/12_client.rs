//! Step 12, `client`.
