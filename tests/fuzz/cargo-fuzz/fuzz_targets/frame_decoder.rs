//! `fuzz::targets::frame_decoder` says what must hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::frame_decoder::judge(data));
