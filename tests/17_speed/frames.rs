//! The decoder that borrows, beside that of step 06.

use frames::{FrameError, FrameHeader, ReservedBits, Role};
use speed::{FrameDecoder, Part};
use support::frame::{BINARY, CONTINUATION, PING, TEXT, TEXT_NO_FIN, masked, unmasked};
use support::sign::{missing, panics, under, yours};
use support::{check, cut};

use super::shared::short;

/// The longest payload that a frame may declare here.
const LIMIT: u64 = 1 << 20;

fn decoder() -> FrameDecoder {
    decoder_with(LIMIT)
}

fn decoder_with(limit: u64) -> FrameDecoder {
    FrameDecoder::new(Role::Server, limit, ReservedBits::NONE)
}

/// Frames of a client: short and long ones, an empty one, a fragment.
fn stream() -> Vec<u8> {
    [
        masked(TEXT, b"Hello"),
        masked(PING, b""),
        masked(TEXT_NO_FIN, "four é".as_bytes()),
        masked(CONTINUATION, &[b'x'; 130]),
        masked(BINARY, b"!"),
    ]
    .concat()
}

/// Each part in a line. The position of a payload is told by its address.
fn parts(decoder: &mut FrameDecoder, read: &mut [u8]) -> String {
    let (start, length) = (read.as_ptr() as usize, read.len());
    let place = |payload: &[u8]| match (payload.as_ptr() as usize).checked_sub(start) {
        Some(place) if place + payload.len() <= length => format!("at {place}"),
        _ => "elsewhere".to_string(),
    };
    let mut rest = read;
    let mut lines = String::new();
    for _ in 0..1000 {
        let line = match decoder.next(&mut rest) {
            Ok(Some(Part::Frame(header, payload))) => {
                format!("frame: {header}: {} {}", short(payload), place(payload))
            }
            Ok(Some(Part::Header(header))) => format!("header: {header}"),
            Ok(Some(Part::Payload(piece))) => format!("payload: {} {}", short(piece), place(piece)),
            Ok(Some(Part::End)) => "end".to_string(),
            Ok(None) => {
                if !rest.is_empty() {
                    lines += &format!("  {} bytes left over\n", rest.len());
                }
                return lines;
            }
            Err(error) => return lines + &format!("  ✗ {error}\n"),
        };
        lines += &format!("  {line}\n");
    }
    panic!("parts without end: is a header taken out of the read once it is decoded?")
}

#[test]
fn a_whole_frame_is_unmasked_where_it_lies() {
    check! {
        rfc: "RFC 6455 §5.2, §5.3",
        rule: "A frame that one read has brought is returned in one part, and its payload is a slice of that read.",
        signs: [
            yours(["header: text, FIN, 5 bytes"]).says(
                "The whole frame is there, but it was returned in pieces. Compare the payload length with the number \
                 of bytes that follow the header.",
            ),
            yours(["header: binary, FIN, 1 byte"]).says(
                "The last frame ends with the read, and is whole. Only a payload that is longer than what follows its \
                 header was cut.",
            ),
            yours(["7f 9f 4d 51 58"]).says("The payload is where it should be, but it is still masked."),
            yours(["frame: text, FIN, no payload"]).or(panics("mid")).says(
                "The header's own bytes were taken for the payload, or it was not taken out of the read.",
            ),
            yours(["left over"]).says("Bytes are left over: after a frame, the rest of the read is the next frame."),
        ],
        shows: || {
            let mut read = stream();
            parts(&mut decoder(), &mut read)
        },
    }
}

#[test]
fn a_cut_frame_comes_in_pieces() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "What a read has cut comes in pieces of the reads. Only a header is kept, until it is whole.",
        signs: [
            under("in the header", missing(["header: text"])).says(
                "The beginning of a header is lost when the read ends: keep it (`keep`), and return `None`.",
            ),
            yours(["✗"]).says(
                "A beginning of a header isn't an error. `decode` says `Incomplete`, and the next read has the rest.",
            ),
            panics("").says("A payload that isn't all here can't be a slice: `begin` the frame instead."),
        ],
        shows: || {
            let hello = masked(TEXT, b"Hello");
            let whole = [hello.clone(), hello].concat();
            let mut shown = String::new();
            for (title, at) in [
                ("cut in the header", 3),
                ("cut after the header", 6),
                ("cut in the payload", 8),
                ("cut in the second header", 12),
            ] {
                let mut decoder = decoder();
                shown += &format!("{title}\n");
                for piece in cut::pieces(&whole, &[at]) {
                    shown += &format!(" {} bytes\n", piece.len());
                    shown += &parts(&mut decoder, &mut piece.to_vec());
                }
            }
            shown
        },
    }
}

/// A frame, or the error that ends the stream.
type Frames = (Vec<(FrameHeader, Vec<u8>)>, Option<FrameError>);

/// The frames of the decoder of this step.
fn ours(limit: u64, pieces: &[&[u8]]) -> Frames {
    let mut decoder = decoder_with(limit);
    let mut frames: Vec<(FrameHeader, Vec<u8>)> = Vec::new();
    let mut begun = None;
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut read = &mut piece[..];
        loop {
            match decoder.next(&mut read) {
                Ok(Some(Part::Frame(header, payload))) => frames.push((header, payload.to_vec())),
                Ok(Some(Part::Header(header))) => begun = Some((header, Vec::new())),
                Ok(Some(Part::Payload(bytes))) => {
                    let (_, payload) = begun.as_mut().expect("a payload has a header");
                    payload.extend_from_slice(bytes);
                }
                Ok(Some(Part::End)) => frames.extend(begun.take()),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
            assert!(frames.len() < 1000, "frames without end");
        }
    }
    (frames, None)
}

/// The frames of step 06.
fn theirs(limit: u64, pieces: &[&[u8]]) -> Frames {
    let mut decoder = frames::FrameDecoder::new(Role::Server, limit, ReservedBits::NONE);
    let mut all = Vec::new();
    let mut begun = None;
    for piece in pieces {
        decoder.receive(piece);
        loop {
            match decoder.next_part() {
                Ok(Some(frames::Part::Header(header))) => begun = Some((header, Vec::new())),
                Ok(Some(frames::Part::Payload(bytes))) => {
                    let (_, payload) = begun.as_mut().expect("a payload has a header");
                    payload.extend(bytes);
                }
                Ok(Some(frames::Part::End)) => all.extend(begun.take()),
                Ok(None) => break,
                Err(error) => return (all, Some(error)),
            }
        }
    }
    (all, None)
}

#[test]
fn a_stream_may_be_cut_anywhere() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "Wherever a stream is cut, its frames are those of step 06.",
        signs: [
            yours(["differs"]).says(
                "A cut changes the frames. Is the beginning of a header kept, and does the mask go on where the last \
                 piece has ended?",
            ),
        ],
        shows: || {
            let stream = stream();
            let mut ways = Vec::from_iter(cut::every_cut(&stream));
            ways.extend((1..8).map(|size| stream.chunks(size).collect()));
            let differs = ways.iter().find(|pieces| ours(LIMIT, pieces) != theirs(LIMIT, pieces));
            match differs {
                None => format!("{} ways to cut {} bytes: all the same\n", ways.len(), stream.len()),
                Some(pieces) => format!("cut after {} bytes, it differs\n", pieces[0].len()),
            }
        },
    }
}

#[test]
fn what_step_06_refuses_is_refused() {
    check! {
        rfc: "RFC 6455 §5.1, §5.2, §10.4",
        rule: "Each broken rule leads to the same error as in step 06, with the same byte.",
        signs: [
            under("not masked", missing(["refused"])).says(
                "A server refuses a frame that isn't masked, also one that is whole in the read: `check` the header.",
            ),
            under("over a small limit", missing(["refused"])).says(
                "A short frame has a limit, too: `check` every header, however it was decoded.",
            ),
            under("over the limit", missing(["refused"])).says(
                "A length over the limit is refused with the header: `check` it before anything is done for the payload.",
            ),
            under("2³² + 3 bytes", missing(["no error"])).or(panics("mid")).says(
                "A frame of more than four gigabytes has begun, and three bytes of it are here. Compare lengths as `u64`.",
            ),
            yours(["differs"]).says("Step 06 says something else about these bytes."),
        ],
        shows: || {
            let long = [&[BINARY, 0xff], &(LIMIT + 1).to_be_bytes()[..], &[1, 2, 3, 4]].concat();
            let huge = [&[BINARY, 0xff], &((1_u64 << 32) + 3).to_be_bytes()[..], &[1, 2, 3, 4, 5, 6, 7]].concat();
            let rows = [
                ("not masked", LIMIT, unmasked(TEXT, b"Hello")),
                ("over the limit", LIMIT, long),
                ("over a small limit", 4, masked(TEXT, b"Hello")),
                ("as long as the limit", 5, masked(TEXT, b"Hello")),
                ("2³² + 3 bytes, without a limit", u64::MAX, huge),
                ("a reserved bit", LIMIT, masked(0xc1, b"Hello")),
                ("a reserved opcode", LIMIT, masked(0x83, b"Hello")),
                ("a ping without FIN", LIMIT, masked(0x09, b"Hello")),
                ("a ping of 126 bytes", LIMIT, masked(PING, &[0; 126])),
                ("a length that isn't minimal", LIMIT, vec![TEXT, 0xfe, 0, 5, 1, 2, 3, 4]),
                ("not masked, after a good frame", LIMIT, [masked(TEXT, b"Hello"), unmasked(TEXT, b"")].concat()),
            ];
            let row = |(title, limit, bytes): (&str, u64, Vec<u8>)| {
                let differs = cut::every_cut(&bytes).find(|pieces| ours(limit, pieces) != theirs(limit, pieces));
                let verdict = match (ours(limit, &[&bytes]).1, differs) {
                    (_, Some(pieces)) => format!("cut after {} bytes, it differs", pieces[0].len()),
                    (Some(error), None) => format!("refused: {error}"),
                    (None, None) => "no error".to_string(),
                };
                format!("{title}\n  {verdict}\n")
            };
            rows.map(row).concat()
        },
    }
}
