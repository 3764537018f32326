//! Keys: whether they look random. That they can't be guessed is more than a check can see.

use client::random;
use support::check;
use support::sign::{under, yours};

/// How many keys are looked at.
const KEYS: usize = 1000;

/// Of 1000 random bits, so many are 1. More or fewer come with a probability of at most 2·exp(−2·151²/1000), which is
/// less than 10⁻¹⁹ (Hoeffding). The checks count fewer than 10⁴ bits and pairs, so right code fails one of them with a
/// probability of less than 10⁻¹⁵.
const ABOUT_HALF: std::ops::RangeInclusive<usize> = 350..=650;

/// How many of 1000 random masking keys, of 32 bits, are different from all before them. Fewer come with a probability
/// of less than 10⁻¹⁷: four pairs would have to be the same.
const ALMOST_ALL: usize = 997;

/// What is wrong with these keys of so many bits.
fn judge(keys: &[u128], bits: usize, at_least: usize) -> String {
    let mut different = keys.to_vec();
    different.sort_unstable();
    different.dedup();
    let different = match different.len() {
        all if all == keys.len() && at_least == all => "all are different".to_string(),
        enough if enough >= at_least => "almost all are different".to_string(),
        1 => "all are the same".to_string(),
        _ => "some are the same".to_string(),
    };
    let changes: Vec<u128> = keys.windows(2).map(|pair| pair[0] ^ pair[1]).collect();
    let whole = halves(keys, 0..bits, |key, bit| key >> bit & 1 == 1);
    let changes = halves(&changes, 0..bits, |key, bit| key >> bit & 1 == 1);
    // In a key of 32 bits, bit 0 is compared with bit 1, 2, 3, …, and so is each of the others.
    let pairs =
        (1..32).flat_map(|distance| (0..32 - distance).map(move |bit| (bit, bit + distance)));
    let pairs = halves(keys, pairs, |key, (one, other)| {
        key >> one & 1 == key >> other & 1
    });
    format!(
        "  {different}\n  each bit is 1 in about half of them: {whole}\n  \
         each bit changes from one to the next about half of the time: {changes}\n  \
         any two bits are the same in about half of them: {pairs}\n"
    )
}

/// Whether something is true of about half of the keys, for each of the places.
fn halves<Place: Copy>(
    keys: &[u128],
    places: impl Iterator<Item = Place>,
    is_true: impl Fn(u128, Place) -> bool,
) -> &'static str {
    let count = |place| keys.iter().filter(|key| is_true(**key, place)).count();
    let mut counts = places.map(count);
    if counts.all(|count| ABOUT_HALF.contains(&count)) {
        "yes"
    } else {
        "no"
    }
}

/// The nonce that a key is the base64 of.
fn nonce(key: &str) -> u128 {
    let value = |character: u8| match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u128> = key.bytes().map(|byte| value(byte).into()).collect();
    // 21 digits of six bits, and two bits of the last.
    let high = digits[..21].iter().fold(0, |bits, digit| bits << 6 | digit);
    high << 2 | digits[21] >> 4
}

#[test]
fn keys_are_random() {
    check! {
        rfc: "RFC 6455 §10.3",
        rule: "Each handshake and each frame has a new key, out of the system's source of randomness.",
        signs: [
            under("masking", yours(["all are the same"])).says(
                "Every frame has the same masking key. A page that has seen one frame knows how to choose the bytes \
                 of the next on the wire.",
            ),
            under("handshake", yours(["all are the same"])).says(
                "Every handshake has the same key. An answer to an old handshake, out of a cache, would fit the new \
                 one.",
            ),
            under("handshake", yours(["each bit is 1", "no"])).says(
                "The nonce isn't 16 random bytes. If it is made of letters and digits, the first bit of each byte is \
                 always 0; any byte may be in it, because base64 makes them all printable.",
            ),
            under("masking", yours(["any two bits", "no"]).but_not(yours(["from one to the next", "no"]))).says(
                "Some bits of a masking key follow from others: a part of it is a copy. All 32 must be random.",
            ),
            under("masking", yours(["from one to the next", "no"])).says(
                "One masking key follows from the one before, as with a counter or a clock. Whoever has seen one can \
                 guess the next.",
            ),
        ],
        shows: || {
            let handshake = (0..KEYS).map(|_| nonce(random::handshake_key().as_str()));
            let handshake = judge(&Vec::from_iter(handshake), 128, KEYS);
            let masking = (0..KEYS).map(|_| u32::from_be_bytes(random::masking_key()).into());
            let masking = judge(&Vec::from_iter(masking), 32, ALMOST_ALL);
            format!("{KEYS} handshake keys\n{handshake}\n{KEYS} masking keys\n{masking}")
        },
    }
}
