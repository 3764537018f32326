//! Masking by words, beside masking by bytes.

use speed::mask::mask;
use support::check;
use support::sign::{missing, panics, under};

/// How many lengths of payloads are tried.
const LENGTHS: usize = 200;

/// Compares both for payloads of these lengths, from each of these offsets on.
fn row(title: &str, lengths: impl Iterator<Item = usize> + Clone, offsets: &[usize]) -> String {
    let key = support::frame::KEY;
    let mut tried = 0;
    let mut wrong = None;
    for &offset in offsets {
        for length in lengths.clone() {
            let payload = Vec::from_iter((0..length).map(|index| (index * 7) as u8));
            let (mut yours, mut bytewise) = (payload.clone(), payload);
            mask(&mut yours, key, offset);
            frames::mask(&mut bytewise, key, offset);
            tried += 1;
            if yours != bytewise {
                let first = yours.iter().zip(&bytewise).position(|(a, b)| a != b);
                let first = first.unwrap_or_default();
                wrong.get_or_insert(format!(
                    "length {length}, offset {offset}: byte {first} differs"
                ));
            }
        }
    }
    let verdict = wrong.unwrap_or_else(|| "all as in step 06".to_string());
    format!("{title}\n  {tried} tried: {verdict}\n")
}

#[test]
fn words_mask_as_bytes_do() {
    check! {
        rfc: "RFC 6455 §5.3",
        rule: "Byte i of the payload is XORed with byte i mod 4 of the key, however many bytes are done at a time.",
        signs: [
            panics("out of bounds").or(panics("out of range")).says(
                "An index is beyond a slice's end. `as_chunks_mut::<8>()` gives the whole words, and the tail that is \
                 left.",
            ),
            under("whole words", missing(["all as in step 06"])).says(
                "A word has the key twice: `[a, b, c, d, a, b, c, d]`, in the order in which the bytes lie in memory. \
                 `from_ne_bytes` and `to_ne_bytes` keep that order on every processor.",
            ),
            under("a tail", missing(["all as in step 06"])).says(
                "The last bytes, which don't fill a word, aren't masked right. The key goes on where the last word \
                 has ended: that is at its first byte again.",
            ),
            under("every offset", missing(["all as in step 06"])).says(
                "`offset` says which byte of the key is the first one: `key[offset % 4]`.",
            ),
        ],
        shows: || {
            let words = (0..LENGTHS).step_by(8);
            [
                row("whole words, from the start of a payload", words, &[0]),
                row("a tail of 1 to 7 bytes", (0..LENGTHS).filter(|it| it % 8 != 0), &[0]),
                row("every offset", 0..LENGTHS, &[1, 2, 3, 4, 5, 6, 7, usize::MAX]),
            ]
            .concat()
        },
    }
}
