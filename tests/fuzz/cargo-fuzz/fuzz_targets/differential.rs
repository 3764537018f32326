//! `fuzz::targets::differential` says what must hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::differential::judge(data));
