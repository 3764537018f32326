//! `fuzz::targets::inflater` says what must hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::inflater::judge(data));
