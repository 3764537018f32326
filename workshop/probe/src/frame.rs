//! Frames, right and wrong (RFC 6455 §5.2).
//!
//! Not the frames of the workshop's steps: a probe must be able to write what an encoder rightly
//! refuses to, and must not share a mistake with what it judges.

use workshop_wire::side::Side;

/// A continuation of a message.
pub const CONTINUATION: u8 = 0x0;
/// Text.
pub const TEXT: u8 = 0x1;
/// Bytes.
pub const BINARY: u8 = 0x2;
/// The end of the WebSocket.
pub const CLOSE: u8 = 0x8;
/// A question whether the other side is still there.
pub const PING: u8 = 0x9;
/// The answer to a ping.
pub const PONG: u8 = 0xa;

/// The first byte's bit for "the message ends here".
pub const FIN: u8 = 0b1000_0000;

/// The first byte's bit for "compressed", where permessage-deflate was agreed on (RFC 7692 §6).
pub const RSV1: u8 = 0b0100_0000;

/// The longest payload that is read, in bytes.
const MAX_PAYLOAD: u64 = 1 << 20;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// How a length is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// In the fewest bytes, as it must be.
    Minimal,
    /// This one, in 16 bits.
    U16(u16),
    /// This one, in 64 bits.
    U64(u64),
}

/// A frame to send.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// FIN, RSV1–3 and the opcode.
    pub first: u8,
    /// Whether the payload is masked, as a client's must be and a server's must not.
    pub masked: bool,
    /// How the length is written.
    pub length: Length,
    /// The payload, not yet masked; it need not be as long as the length says.
    pub payload: &'a [u8],
}

impl Draft<'_> {
    /// The frame on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mask_bit = if self.masked { 0b1000_0000 } else { 0 };
        let mut bytes = vec![self.first];
        let (short, long) = (self.payload.len() as u8, self.payload.len() as u64);
        match (self.length, self.payload.len()) {
            (Length::Minimal, 0..=125) => bytes.push(mask_bit | short),
            (Length::Minimal, 126..=0xffff) => push_16(&mut bytes, mask_bit, long as u16),
            (Length::Minimal, _) => push_64(&mut bytes, mask_bit, long),
            (Length::U16(length), _) => push_16(&mut bytes, mask_bit, length),
            (Length::U64(length), _) => push_64(&mut bytes, mask_bit, length),
        }
        if !self.masked {
            bytes.extend(self.payload);
            return bytes;
        }
        bytes.extend(KEY);
        bytes.extend(
            self.payload
                .iter()
                .zip(KEY.iter().cycle())
                .map(|(byte, key)| byte ^ key),
        );
        bytes
    }
}

fn push_16(bytes: &mut Vec<u8>, mask_bit: u8, length: u16) {
    bytes.push(mask_bit | 126);
    bytes.extend(length.to_be_bytes());
}

fn push_64(bytes: &mut Vec<u8>, mask_bit: u8, length: u64) {
    bytes.push(mask_bit | 127);
    bytes.extend(length.to_be_bytes());
}

/// A frame of this side's with this first byte and this payload: masked if it is a client's.
pub fn of(side: Side, first: u8, payload: &[u8]) -> Vec<u8> {
    let draft = Draft {
        first,
        masked: side == Side::Client,
        length: Length::Minimal,
        payload,
    };
    draft.bytes()
}

/// A frame that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// FIN, RSV1–3 and the opcode.
    pub first: u8,
    /// The masking key, if it was masked, as a client's must be and a server's must not.
    pub key: Option<[u8; 4]>,
    /// Whether its length was written in the fewest bytes.
    pub minimal: bool,
    /// The payload, unmasked.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The four bits that say what the frame is.
    pub fn opcode(&self) -> u8 {
        self.first & 0b0000_1111
    }

    /// Whether it is masked.
    pub fn is_masked(&self) -> bool {
        self.key.is_some()
    }

    /// Whether the message ends here.
    pub fn is_final(&self) -> bool {
        self.first & FIN != 0
    }
}

/// Reads the frame at the beginning of `bytes`, and returns how many bytes it takes. `None` if it isn't complete.
///
/// # Errors
/// Returns what the other side did, in words, if the frame is longer than anything that was asked for.
pub fn read(bytes: &[u8]) -> Result<Option<(Frame, usize)>, String> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    let extended: &[u8] = match second & 0b0111_1111 {
        126 if rest.len() >= 2 => &rest[..2],
        127 if rest.len() >= 8 => &rest[..8],
        126 | 127 => return Ok(None),
        _ => &[],
    };
    let length = match extended {
        [] => u64::from(second & 0b0111_1111),
        _ => extended
            .iter()
            .fold(0, |length, byte| length << 8 | u64::from(*byte)),
    };
    if length > MAX_PAYLOAD {
        return Err(format!("sends a frame of {length} bytes"));
    }
    let masked = second & 0b1000_0000 != 0;
    let rest = &rest[extended.len()..];
    let key_length = if masked { 4 } else { 0 };
    if rest.len() < key_length + length as usize {
        return Ok(None);
    }
    let (key, rest) = rest.split_at(key_length);
    let payload = &rest[..length as usize];
    let key: Option<[u8; 4]> = key.try_into().ok();
    let frame = Frame {
        first: *first,
        key,
        minimal: match extended.len() {
            0 => true,
            2 => length > 125,
            _ => length > 0xffff,
        },
        payload: unmasked(key, payload),
    };
    let used = 2 + extended.len() + key_length + payload.len();
    Ok(Some((frame, used)))
}

fn unmasked(key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let Some(key) = key else {
        return payload.to_vec();
    };
    let masked = payload.iter().zip(key.iter().cycle());
    masked.map(|(byte, key)| byte ^ key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_written_as_the_rfc_shows_it() {
        // RFC 6455 §5.7, "a single-frame masked text message".
        assert_eq!(
            of(Side::Client, FIN | TEXT, b"Hello"),
            [
                0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58
            ]
        );
    }

    #[test]
    fn what_is_written_is_read_again_once_it_is_whole() {
        for length in [0, 125, 126, 0xffff, 0x1_0000] {
            let payload = vec![b'x'; length];
            let bytes = of(Side::Client, FIN | BINARY, &payload);
            assert_eq!(read(&bytes[..bytes.len() - 1]), Ok(None));
            let (frame, used) = read(&bytes).expect("not too long").expect("whole");
            assert_eq!((used, frame.payload.len()), (bytes.len(), length));
            assert_eq!(frame.payload, payload);
            assert!(frame.minimal && frame.is_masked() && frame.is_final());
        }
    }

    #[test]
    fn a_length_in_too_many_bytes_is_noticed() {
        let (frame, _) = read(&[0x81, 126, 0, 1, b'x'])
            .expect("short")
            .expect("whole");
        assert!(!frame.minimal);
        let (frame, _) = read(&[0x81, 127, 0, 0, 0, 0, 0, 0, 0, 0])
            .expect("short")
            .expect("whole");
        assert!(!frame.minimal);
    }

    #[test]
    fn a_frame_too_long_to_keep_is_refused() {
        assert!(read(&[0x82, 127, 0, 0, 0, 0, 0x40, 0, 0, 0]).is_err());
    }
}
