//! Step 06's decoder, and step 05's header in it.
//!
//! Options: bit 0, we are the client; bits 1 to 3, RSV1 to RSV3 negotiated; bits 4 and 5, the limit.

use frame_header::{Decoded, decode, draw};
use frames::{
    Frame, FrameDecoder, FrameError, FrameHeader, HeaderError, Opcode, Part, ReservedBits, Role,
    encode_frame, mask,
};

use crate::input::Input;

const LIMITS: [u64; 4] = [125, 1000, 1 << 20, u64::MAX];
/// The longest header.
const HEADER: usize = 14;

#[derive(Clone, Copy)]
struct Settings {
    role: Role,
    limit: u64,
    negotiated: ReservedBits,
}

impl Settings {
    fn decoder(self) -> FrameDecoder {
        FrameDecoder::new(self.role, self.limit, self.negotiated)
    }
}

/// Panics where one of these doesn't hold:
/// - the same parts and the same error, however the stream is cut, and as whole frames, too; they are
///   those of a simple model;
/// - what was taken, encoded again, is the bytes that came, and what is left is no whole header;
/// - memory is for what the last piece brought, or for the payload that arrived;
/// - an error is said again and again, and nothing is kept.
pub fn judge(data: &[u8]) {
    let Some(input) = Input::new(data) else {
        return;
    };
    let settings = Settings {
        role: [Role::Server, Role::Client][input.option(0, 1)],
        limit: LIMITS[input.option(4, 2)],
        negotiated: ReservedBits {
            rsv1: input.option(1, 1) == 1,
            rsv2: input.option(2, 1) == 1,
            rsv3: input.option(3, 1) == 1,
        },
    };
    let whole = parts(settings, &[input.stream]);
    assert_eq!(
        whole,
        model(settings, input.stream),
        "decoded, and the model"
    );
    assert_eq!(parts(settings, &input.pieces()), whole, "cut in pieces");
    let bytewise: Vec<&[u8]> = input.stream.chunks(1).collect();
    assert_eq!(parts(settings, &bytewise), whole, "cut at every byte");

    let (parts, error) = whole;
    let (frames, frames_error) = frames(settings, &input.pieces());
    assert_eq!(frames, frames_of(&parts), "whole frames");
    assert_eq!(frames_error, error, "the error behind whole frames");

    let again = encode(&parts);
    assert_eq!(again, input.stream[..again.len()], "encoded again");
    if error.is_none() {
        check_rest(&input.stream[again.len()..], settings.negotiated);
    }
    if input.stream.len() <= 64 {
        let drawing = draw(input.stream);
        let widest = drawing.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "a drawing that is too wide: {drawing}");
    }
}

/// All parts, with the pieces of a payload put together, and the error at the end.
fn parts(settings: Settings, pieces: &[&[u8]]) -> (Vec<Part>, Option<FrameError>) {
    let mut decoder = settings.decoder();
    let longest = pieces.iter().map(|piece| piece.len()).max().unwrap_or(0);
    let mut all: Vec<Part> = Vec::new();
    for piece in pieces {
        decoder.receive(piece);
        loop {
            match decoder.next_part() {
                Ok(None) => break,
                Err(error) => {
                    check_failed(&mut decoder, error);
                    return (all, Some(error));
                }
                Ok(Some(part)) => match (all.last_mut(), part) {
                    (Some(Part::Payload(bytes)), Part::Payload(more)) => {
                        assert!(!more.is_empty(), "a piece of payload with nothing in it");
                        bytes.extend(more);
                    }
                    (_, part) => all.push(part),
                },
            }
        }
        // A Vec doubles when it grows, and begins with 8 bytes.
        let most = 2 * (longest + HEADER);
        let memory = decoder.memory();
        assert!(
            memory <= most,
            "{memory} bytes kept, {longest} came at once"
        );
    }
    (all, None)
}

/// The same by arithmetic, on all of the stream.
fn model(settings: Settings, stream: &[u8]) -> (Vec<Part>, Option<FrameError>) {
    let mut parts = Vec::new();
    let mut rest = stream;
    loop {
        match model_of_header(settings, rest) {
            Err(error) => return (parts, Some(error)),
            Ok(None) => return (parts, None),
            Ok(Some((header, behind))) => {
                let length = behind.len().min(header.payload_length as usize);
                let (payload, behind) = behind.split_at(length);
                let key = header.masking_key.unwrap_or_default();
                let unmasked = payload
                    .iter()
                    .zip(key.iter().cycle())
                    .map(|(byte, key)| byte ^ key);
                parts.push(Part::Header(header));
                if length > 0 {
                    parts.push(Part::Payload(unmasked.collect()));
                }
                if (length as u64) < header.payload_length {
                    return (parts, None);
                }
                parts.push(Part::End);
                rest = behind;
            }
        }
    }
}

/// The header, where it is whole, and what is behind it.
fn model_of_header(
    settings: Settings,
    bytes: &[u8],
) -> Result<Option<(FrameHeader, &[u8])>, FrameError> {
    let Some(first) = bytes.first() else {
        return Ok(None);
    };
    let reserved = ReservedBits {
        rsv1: first / 64 % 2 == 1,
        rsv2: first / 32 % 2 == 1,
        rsv3: first / 16 % 2 == 1,
    };
    let wrong = reserved.without(settings.negotiated);
    if wrong != ReservedBits::NONE {
        return Err(HeaderError::ReservedBitSet(wrong).into());
    }
    let opcode = match first % 16 {
        0 => Opcode::Continuation,
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        other => return Err(HeaderError::ReservedOpcode(other).into()),
    };
    let is_control = first % 16 > 7;
    if is_control && *first < 128 {
        return Err(HeaderError::FragmentedControlFrame(opcode).into());
    }
    let Some(second) = bytes.get(1) else {
        return Ok(None);
    };
    let (size, least) = match second % 128 {
        126 => (2, 126),
        127 => (8, 65_536),
        _ => (0, 0),
    };
    if is_control && size > 0 {
        return Err(HeaderError::ControlFrameTooLong(opcode).into());
    }
    let Some((extended, behind)) = bytes[2..].split_at_checked(size) else {
        return Ok(None);
    };
    let length = match size {
        0 => u64::from(second % 128),
        _ => extended
            .iter()
            .fold(0, |sum, byte| sum * 256 + u64::from(*byte)),
    };
    if length > i64::MAX as u64 {
        return Err(HeaderError::LengthTopBitSet.into());
    }
    if length < least {
        let bytes = size;
        return Err(HeaderError::LengthNotMinimal { length, bytes }.into());
    }
    let (masking_key, behind) = match (second / 128, behind.split_first_chunk()) {
        (0, _) => (None, behind),
        (_, None) => return Ok(None),
        (_, Some((key, behind))) => (Some(*key), behind),
    };
    match (settings.role, masking_key) {
        (Role::Server, None) => return Err(FrameError::NotMasked),
        (Role::Client, Some(_)) => return Err(FrameError::Masked),
        _ => {}
    }
    if length > settings.limit {
        let (declared, limit) = (length, settings.limit);
        return Err(FrameError::TooLarge { declared, limit });
    }
    let header = FrameHeader {
        fin: *first >= 128,
        reserved,
        opcode,
        masking_key,
        payload_length: length,
    };
    Ok(Some((header, behind)))
}

/// All whole frames, and the error at the end.
fn frames(settings: Settings, pieces: &[&[u8]]) -> (Vec<Frame>, Option<FrameError>) {
    let mut decoder = settings.decoder();
    let mut all = Vec::new();
    let mut came = 0;
    for piece in pieces {
        decoder.receive(piece);
        came += piece.len();
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => all.push(frame),
                Ok(None) => break,
                Err(error) => return (all, Some(error)),
            }
        }
        let memory = decoder.memory();
        let most = 4 * (came + HEADER);
        assert!(memory <= most, "{memory} bytes kept, {came} came at all");
    }
    (all, None)
}

/// What is said once is said for ever.
fn check_failed(decoder: &mut FrameDecoder, error: FrameError) {
    assert!(matches!(error.close_code(), 1002 | 1009), "{error}");
    for _ in 0..2 {
        assert_eq!(
            decoder.next_part(),
            Err(error),
            "an error that is forgotten"
        );
        decoder.receive(b"\x81\x00\x81\x80\x00\x00\x00\x00");
        assert_eq!(decoder.memory(), 0, "memory after an error");
    }
}

fn frames_of(parts: &[Part]) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut frame = None;
    for part in parts {
        match part {
            Part::Header(header) => {
                frame = Some(Frame {
                    fin: header.fin,
                    reserved: header.reserved,
                    opcode: header.opcode,
                    payload: Vec::new(),
                });
            }
            Part::Payload(bytes) => {
                let frame = frame.as_mut().expect("a payload belongs to a frame");
                frame.payload.extend_from_slice(bytes);
            }
            Part::End => frames.extend(frame.take()),
        }
    }
    frames
}

/// The bytes that these parts came from.
fn encode(parts: &[Part]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut key = None;
    for (index, part) in parts.iter().enumerate() {
        match part {
            Part::Header(header) => {
                key = header.masking_key;
                header.encode(&mut out);
                if let [Part::Payload(bytes), Part::End, ..] = &parts[index + 1..] {
                    check_encoder(header, bytes);
                }
            }
            Part::Payload(bytes) => {
                let start = out.len();
                out.extend_from_slice(bytes);
                if let Some(key) = key {
                    mask(&mut out[start..], key, 0);
                }
            }
            Part::End => {}
        }
    }
    out
}

/// `encode_frame` gives header and payload.
fn check_encoder(header: &FrameHeader, payload: &[u8]) {
    let (reserved, key) = (header.reserved, header.masking_key);
    let mut frame = Vec::new();
    encode_frame(
        &mut frame,
        header.fin,
        reserved,
        header.opcode,
        key,
        payload,
    );
    let mut separately = Vec::new();
    header.encode(&mut separately);
    let start = separately.len();
    separately.extend_from_slice(payload);
    if let Some(key) = key {
        mask(&mut separately[start..], key, 0);
    }
    assert_eq!(frame, separately, "encode_frame");
}

/// What is left at the end is the beginning of a header, and `needed` is no more than it needs.
fn check_rest(rest: &[u8], negotiated: ReservedBits) {
    match decode(rest, negotiated) {
        Ok(Decoded::Incomplete { needed }) => {
            assert!(
                needed > 0 && rest.len() + needed <= HEADER,
                "{needed} needed"
            );
            for more in [0x00, 0x7d, 0xff] {
                let mut longer = rest.to_vec();
                longer.resize(rest.len() + needed - 1, more);
                let said = decode(&longer, negotiated);
                let is_whole = matches!(said, Ok(Decoded::Header { .. }));
                assert!(!is_whole, "{needed} needed, and fewer were enough");
            }
        }
        other => panic!("{other:?} was left over"),
    }
}
