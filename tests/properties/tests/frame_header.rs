//! Step 05: decode and encode are each other's inverse, and a header may come in any pieces.

use frame_header::{Decoded, ReservedBits, decode, draw};
use properties::{config, header, hostile, reserved};
use proptest::prelude::*;

const ALL: ReservedBits = ReservedBits {
    rsv1: true,
    rsv2: true,
    rsv3: true,
};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_encoded_is_decoded(header in header(), behind: Vec<u8>) {
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        let length = bytes.len();
        bytes.extend(behind);
        prop_assert_eq!(decode(&bytes, ALL), Ok(Decoded::Header { header, length }));
    }

    /// There is one way to write a header, and no other is accepted.
    #[test]
    fn what_is_decoded_is_encoded_again(bytes in hostile(), negotiated in reserved()) {
        if let Ok(Decoded::Header { header, length }) = decode(&bytes, negotiated) {
            let mut again = Vec::new();
            header.encode(&mut again);
            prop_assert_eq!(&again[..], &bytes[..length]);
            prop_assert!(length <= 14);
            prop_assert!(header.payload_length < 1 << 63);
            prop_assert!(!header.opcode.is_control() || header.payload_length <= 125);
            prop_assert!(!header.opcode.is_control() || header.fin);
            prop_assert_eq!(header.reserved.without(negotiated), ReservedBits::NONE);
        }
    }

    #[test]
    fn a_prefix_asks_for_what_is_missing(header in header()) {
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        for here in 0..bytes.len() {
            let needed = if here < 2 { 2 - here } else { bytes.len() - here };
            prop_assert_eq!(decode(&bytes[..here], ALL), Ok(Decoded::Incomplete { needed }));
        }
    }

    /// What is wrong stays wrong, whatever comes behind it; and what is incomplete is no error.
    #[test]
    fn an_answer_stays(bytes in hostile(), negotiated in reserved()) {
        let mut before = None;
        for here in 0..=bytes.len().min(20) {
            let answer = decode(&bytes[..here], negotiated);
            match before {
                Some(Ok(Decoded::Incomplete { needed })) => {
                    prop_assert!(needed > 0);
                    let still = matches!(answer, Ok(Decoded::Incomplete { .. }) | Err(_));
                    prop_assert!(needed == 1 || still);
                }
                Some(before) => prop_assert_eq!(before, answer),
                None => {}
            }
            before = Some(answer);
        }
    }

    #[test]
    fn anything_can_be_drawn_in_eighty_columns(bytes in hostile(), text: String) {
        let length = text.len().min(125);
        let of_text = [&[0x81, length as u8], text.as_bytes()].concat();
        for bytes in [bytes, of_text] {
            let drawing = draw(&bytes);
            let widest = drawing.lines().map(|line| line.chars().count()).max();
            prop_assert!(widest <= Some(80), "{}", drawing);
        }
    }
}
