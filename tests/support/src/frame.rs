//! Frames for the checks to send, written without the learner's code (RFC 6455 §5.2).

/// The first byte of a text frame: FIN and the opcode.
pub const TEXT: u8 = 0x81;
/// The first byte of a text message's first fragment: the opcode, without FIN.
pub const TEXT_NO_FIN: u8 = 0x01;
/// The first byte of a binary frame.
pub const BINARY: u8 = 0x82;
/// The first byte of a binary message's first fragment.
pub const BINARY_NO_FIN: u8 = 0x02;
/// The first byte of a message's last fragment.
pub const CONTINUATION: u8 = 0x80;
/// The first byte of a Close frame.
pub const CLOSE: u8 = 0x88;
/// The first byte of a Ping frame.
pub const PING: u8 = 0x89;
/// The first byte of a Pong frame.
pub const PONG: u8 = 0x8a;

/// The masking key of every frame that a check sends: that of the examples in RFC 6455 §5.7.
pub const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame as a client sends it: masked with [`KEY`]. `first` is FIN, the reserved bits and the opcode.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len());
    frame[1] |= 0x80;
    frame.extend(KEY);
    let key = KEY.iter().cycle();
    frame.extend(payload.iter().zip(key).map(|(byte, key)| byte ^ key));
    frame
}

/// A frame as a server sends it: not masked.
pub fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len());
    frame.extend(payload);
    frame
}

/// The first bytes of an unmasked frame with a payload of this length.
pub fn header(first: u8, length: usize) -> Vec<u8> {
    match length {
        0..=125 => vec![first, length as u8],
        126..=0xffff => [&[first, 126][..], &(length as u16).to_be_bytes()].concat(),
        _ => [&[first, 127][..], &(length as u64).to_be_bytes()].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_frame_is_the_one_that_the_rfc_prints() {
        let hello = [
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ];
        assert_eq!(masked(0x81, b"Hello"), hello);
    }

    #[test]
    fn a_length_takes_as_few_bytes_as_it_can() {
        let second_bytes = [0, 125, 126, 65_535, 65_536].map(|length| {
            let frame = unmasked(0x82, &vec![0; length]);
            (frame[1], frame.len() - length)
        });
        let expected = [(0, 2), (125, 2), (126, 4), (126, 4), (127, 10)];
        assert_eq!(second_bytes, expected);
    }
}
