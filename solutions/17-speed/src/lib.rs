//! Step 17, `speed`: say here what the learner builds, and the picture in one's head.

/// How many bits of this byte are 1: from 0 to 8.
// ANCHOR: ones
pub fn ones(byte: u8) -> u32 {
    // Task: count the bits that are 1.
    byte.count_ones()
}
// ANCHOR_END: ones
