//! `fuzz::targets::round_trip` says what must hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::round_trip::judge(data));
