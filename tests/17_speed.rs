//! Step 17, `speed`: say here what these checks look at.

use speed::ones;
use support::check;
use support::sign::yours;

#[test]
fn ones_are_counted() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A byte has as many ones as it has bits that are 1.",
        signs: [
            yours(["0000 0000 → 8"]).says("The bits that are 0 were counted."),
            yours(["1010 0000 → 160"]).says("This is the value of the byte, not the number of its ones."),
            yours(["0000 0101 → 0"]).says("Only the ones at the front of the byte were counted."),
            yours(["1010 0000 → 0"]).says("Only the ones at the end of the byte were counted."),
        ],
        shows: || {
            let row = |byte: u8| format!("{} → {}\n", support::wire::bits(byte), ones(byte));
            [0, 0b0000_0101, 0b1010_0000, 0xff].map(row).concat()
        },
    }
}
