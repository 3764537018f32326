//! What the fuzzer begins with holds, without a fuzzer.

use fuzz::{TARGETS, seeds};

#[test]
fn every_seed_holds() {
    for (target, judge) in TARGETS {
        let seeds = seeds::of(target).expect("the seeds can be read");
        assert!(!seeds.is_empty(), "{target} has no seeds");
        seeds.iter().for_each(|seed| judge(seed));
    }
}

#[test]
fn every_beginning_of_a_seed_holds() {
    for (target, judge) in TARGETS {
        for seed in seeds::of(target).expect("the seeds can be read") {
            (0..seed.len()).for_each(|length| judge(&seed[..length]));
        }
    }
}

#[test]
fn a_seed_is_hexadecimal_and_text() {
    let bytes = seeds::bytes_of(r#"00 fFfF "a\r\n\"\\é" 7f"#);
    assert_eq!(
        bytes.as_deref(),
        Some(b"\x00\xff\xffa\r\n\"\\\xc3\xa9\x7f".as_slice())
    );
    for wrong in ["0", "0 0", "xx", "\"open", "00 # no comment"] {
        assert_eq!(seeds::bytes_of(wrong), None, "{wrong}");
    }
}
