//! Step 07's reader and its text, on what step 06 decodes.
//!
//! Options: bit 0, we are the client; bits 1 and 2, the limit.

use std::mem;

use frames::{FrameDecoder, Opcode, Part, ReservedBits, Role};
use messages::{Item, Message, MessageError, MessageReader, NotUtf8, TextBuffer};

use crate::input::Input;

const LIMITS: [u64; 4] = [1 << 20, 0, 5, 130];

/// Panics where one of these doesn't hold:
/// - the same items and the same error, however the stream is cut;
/// - they are those of a simple model, which keeps everything and looks at all of it each time;
/// - text is what `str::from_utf8` says of the whole of its bytes, and where it says that it is wrong;
/// - memory is at most twice the limit, and room for a control frame.
pub fn judge(data: &[u8]) {
    let Some(input) = Input::new(data) else {
        return;
    };
    let role = [Role::Server, Role::Client][input.option(0, 1)];
    let limit = LIMITS[input.option(1, 2)];
    let whole = parts(role, &[input.stream]);
    let outcome = read(limit, whole.clone());
    assert_eq!(
        outcome,
        read(limit, parts(role, &input.pieces())),
        "cut in pieces"
    );
    let bytewise: Vec<&[u8]> = input.stream.chunks(1).collect();
    assert_eq!(
        outcome,
        read(limit, parts(role, &bytewise)),
        "cut at every byte"
    );
    assert_eq!(outcome, model(limit, &whole), "read, and the model");
    check_text(&input);
}

/// What the decoder makes of it, up to its error.
fn parts(role: Role, pieces: &[&[u8]]) -> Vec<Part> {
    let mut decoder = FrameDecoder::new(role, 1 << 20, ReservedBits::NONE);
    let mut parts = Vec::new();
    for piece in pieces {
        decoder.receive(piece);
        while let Ok(Some(part)) = decoder.next_part() {
            parts.push(part);
        }
    }
    parts
}

type Outcome = (Vec<Item>, Option<MessageError>);

fn read(limit: u64, parts: Vec<Part>) -> Outcome {
    let mut reader = MessageReader::new(limit);
    let mut items = Vec::new();
    for part in parts {
        match reader.read(part) {
            Ok(item) => items.extend(item),
            Err(error) => return (items, Some(error)),
        }
        // Vecs double when they grow. The message, a control frame, and the beginning of a character.
        let most = 2 * (limit as usize).max(8) + 2 * 125 + 16;
        let memory = reader.memory();
        assert!(
            memory <= most,
            "{memory} bytes kept with a limit of {limit}"
        );
    }
    (items, None)
}

/// The same by other means.
fn model(limit: u64, parts: &[Part]) -> Outcome {
    let mut items = Vec::new();
    let mut message: Option<(Opcode, bool, Vec<u8>)> = None;
    let mut control: Option<(Opcode, Vec<u8>)> = None;
    for part in parts {
        match part {
            Part::Header(header) if header.opcode.is_control() => {
                control = Some((header.opcode, Vec::new()));
            }
            Part::Header(header) => match (header.opcode, &mut message) {
                (Opcode::Continuation, None) => {
                    return (items, Some(MessageError::NothingToContinue));
                }
                (Opcode::Continuation, Some((_, fin, _))) => *fin = header.fin,
                (_, Some(_)) => return (items, Some(MessageError::MessageNotFinished)),
                (opcode, None) => message = Some((opcode, header.fin, Vec::new())),
            },
            Part::Payload(bytes) => {
                if let Some((_, payload)) = &mut control {
                    payload.extend_from_slice(bytes);
                    continue;
                }
                let (opcode, _, payload) = message.as_mut().expect("a payload has a header");
                payload.extend_from_slice(bytes);
                let too_large = payload.len() as u64 > limit;
                payload.truncate(payload.len().min(limit as usize));
                if *opcode == Opcode::Text
                    && let Err(error) = str::from_utf8(payload)
                    && error.error_len().is_some()
                {
                    return (items, Some(not_utf8(error.valid_up_to())));
                }
                if too_large {
                    return (items, Some(MessageError::TooLarge { limit }));
                }
            }
            Part::End => match (control.take(), &mut message) {
                (Some((Opcode::Ping, payload)), _) => items.push(Item::Ping(payload)),
                (Some((Opcode::Pong, payload)), _) => items.push(Item::Pong(payload)),
                (Some((_, payload)), _) => items.push(Item::Close(payload)),
                (None, Some((opcode, true, payload))) => {
                    let payload = mem::take(payload);
                    let whole = match opcode {
                        Opcode::Text => match String::from_utf8(payload) {
                            Ok(text) => Message::Text(text),
                            Err(error) => {
                                let at = error.utf8_error().valid_up_to();
                                return (items, Some(not_utf8(at)));
                            }
                        },
                        _ => Message::Binary(payload),
                    };
                    items.push(Item::Message(whole));
                    message = None;
                }
                _ => {}
            },
        }
    }
    (items, None)
}

fn not_utf8(valid_up_to: usize) -> MessageError {
    MessageError::NotUtf8(NotUtf8 { valid_up_to })
}

/// The stream itself, taken for text.
fn check_text(input: &Input) {
    let mut buffer = TextBuffer::default();
    let mut came = 0;
    for piece in input.pieces() {
        came += piece.len();
        let so_far = str::from_utf8(&input.stream[..came]);
        let wrong = so_far.err().filter(|error| error.error_len().is_some());
        let said = buffer.push(piece).err().map(|error| error.valid_up_to);
        assert_eq!(
            said,
            wrong.map(|error| error.valid_up_to()),
            "after {came} bytes of text"
        );
        if said.is_some() {
            return;
        }
        assert_eq!(buffer.length(), came);
        assert!(buffer.memory() <= 2 * came.max(8) + 8);
    }
    let whole = str::from_utf8(input.stream);
    let said = buffer.finish();
    assert_eq!(
        said.as_deref().map_err(|error| error.valid_up_to),
        whole.map_err(|error| error.valid_up_to())
    );
}
