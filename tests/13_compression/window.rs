//! The window, and the numbers that stand for it.

use compression::WindowBits;
use support::check;
use support::sign::{missing, panics, yours};

use super::shared::bits;

#[test]
fn a_window_has_8_to_15_bits() {
    check! {
        rfc: "RFC 7692 §7.1.2.1",
        rule: "The value is a decimal number from 8 to 15, without leading zeros.",
        signs: [
            yours(["\"7\" ", "✓"]).or(yours(["\"16\" ", "✓"])).says("The number is read, but its range isn't checked."),
            yours(["\"09\" ", "✓"]).or(yours(["\"+9\" ", "✓"])).says(
                "Rust's `parse` takes a plus and leading zeros. Compare the text with the eight that are right.",
            ),
            yours(["\" 9\" ", "✓"]).says("Spaces are cut off. They aren't part of a number."),
            missing(["\"8\" ", "✓ 8"]).says("8 is a right value, even if our compressor can't use it."),
            missing(["\"15\" ", "✓ 15"]).says("The last right value is 15: a range with `..` ends before it."),
            panics("").says("A value that isn't a number made your code panic. It comes from the other side."),
        ],
        shows: || {
            let values = [
                "8", "9", "10", "15", "7", "16", "0", "1", "25", "09", "015", "+9", "-9", " 9", "9 ", "", "9.0", "0x9",
                "1e1", "٩", "4294967305",
            ];
            values.map(|value| {
                let read = WindowBits::parse(value);
                let read = read.map_or("✗".to_string(), |bits| format!("✓ {bits}, {} bytes", bits.bytes()));
                format!("{:<14}{read}\n", format!("{value:?}"))
            })
            .concat()
        },
    }
}

#[test]
fn eight_bits_are_for_receiving_only() {
    check! {
        rfc: "RFC 7692 §7.1.2",
        rule: "A compressor has the window that was agreed on, or none at all. A decompressor's may be larger.",
        signs: [
            yours([" 8 bits: compresses with 8"]).says(
                "flate2 panics at 8 bits. If the other side can make a server use it, the other side can end a thread.",
            ),
            yours([" 8 bits: compresses with 9"]).says(
                "9 bits look back over 512 bytes. A peer that agreed on 8 keeps 256 of them, and can't follow.",
            ),
            yours(["decompresses with 8"]).says("flate2 panics at 8 bits here, too. A larger window does no harm."),
            yours(["15 bits", "nothing"]).says("There is no compressor for 15 bits. All but 8 have one."),
        ],
        shows: || {
            (8..=15).map(|number| {
                let bits = bits(number);
                let compressor = bits.for_compressor();
                let compressor = compressor.map_or("nothing".to_string(), |bits| format!("compresses with {bits}"));
                format!("{number:>2} bits: {compressor}, decompresses with {}\n", bits.for_decompressor())
            })
            .collect()
        },
    }
}
