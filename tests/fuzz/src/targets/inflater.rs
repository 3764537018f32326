//! Step 13's decompressor, for any payloads of one to four messages.
//!
//! Options: bits 0 to 2, the window, 8 and more bits; bit 3, nothing is taken over; bits 4 and 5, the number of
//! messages, less 1.

use compression::inflate::MAX_PIECE;
use compression::{Context, Inflater, NotDeflate, WindowBits};

use crate::input::Input;

/// No byte of DEFLATE becomes more than 1,032 bytes: a bit for a length of 258, a bit for its distance.
const MOST_OF_A_BYTE: usize = 1032;

/// What the bytes of the messages have become, and the error at the end.
type Outcome = (Vec<Vec<u8>>, Option<NotDeflate>);

/// Panics where one of these doesn't hold:
/// - the same messages and the same error, however the payloads are cut, and the same bytes before the error, too;
/// - a piece is never empty and never longer than `MAX_PIECE`;
/// - all pieces together are no more than DEFLATE can make of the bytes that came.
pub fn judge(data: &[u8]) {
    let Some(input) = Input::new(data) else {
        return;
    };
    let context = Context {
        is_taken_over: input.option(3, 1) == 0,
        window: WindowBits::new(8 + input.option(0, 3) as u8).expect("8 to 15 bits"),
    };
    let length = input.stream.len().div_ceil(input.option(4, 2) + 1).max(1);
    let messages = Vec::from_iter(input.stream.chunks(length));
    let whole = inflate(context, &messages, |message| vec![message]);
    let pieces = inflate(context, &messages, |message| input.cut(message));
    assert_eq!(pieces, whole, "cut in pieces");
    let bytewise = inflate(context, &messages, |message| message.chunks(1).collect());
    assert_eq!(bytewise, whole, "cut at every byte");
}

/// Decompresses the messages, each cut like this.
fn inflate<'a>(
    context: Context,
    messages: &[&'a [u8]],
    cut: impl Fn(&'a [u8]) -> Vec<&'a [u8]>,
) -> Outcome {
    let mut inflater = Inflater::new(context);
    let mut all = Vec::new();
    for message in messages {
        let mut bytes = Vec::new();
        let done = decompress(&mut inflater, cut(message), &mut bytes);
        // The tail has four bytes, and a few may be left of the message before.
        let most = (message.len() + 4 + 8) * MOST_OF_A_BYTE;
        assert!(bytes.len() <= most, "{} bytes of {most}", bytes.len());
        all.push(bytes);
        if let Err(error) = done {
            return (all, Some(error));
        }
    }
    (all, None)
}

fn decompress(
    inflater: &mut Inflater,
    payloads: Vec<&[u8]>,
    bytes: &mut Vec<u8>,
) -> Result<(), NotDeflate> {
    for payload in payloads {
        inflater.receive(payload.to_vec());
        take(inflater, bytes)?;
    }
    inflater.finish();
    take(inflater, bytes)
}

fn take(inflater: &mut Inflater, bytes: &mut Vec<u8>) -> Result<(), NotDeflate> {
    while let Some(piece) = inflater.next_piece()? {
        assert!(!piece.is_empty(), "a piece with nothing in it");
        assert!(piece.len() <= MAX_PIECE, "a piece of {}", piece.len());
        bytes.extend(piece);
    }
    Ok(())
}
