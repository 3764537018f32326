//! A message that arrives.

use compression::{Context, Inflater};
use flate2::{Compress, Compression, FlushCompress};
use support::check;
use support::sign::{missing, never_finished, panics, under, yours};
use support::wire::hex;

use super::shared::{
    ALONE, HELLO, HELLO_AGAIN, TAKEN_OVER, bits, compressed, inflated, noise, said, shown,
};

/// The most bytes of a piece.
const MOST: usize = 4096;

/// Messages, each in its fragments.
type Messages<'a> = &'a [&'a [&'a [u8]]];

/// Messages that arrive one after the other.
fn arrivals(context: Context, messages: Messages) -> String {
    let mut inflater = Inflater::new(context);
    let row = |fragments: &&[&[u8]]| {
        let texts: Vec<String> = fragments.iter().map(|bytes| hex(bytes)).collect();
        let arrived = shown(inflated(&mut inflater, fragments));
        format!("  {} → {arrived}\n", texts.join(" | "))
    };
    messages.iter().map(row).collect()
}

#[test]
fn the_rfcs_examples_become_hello() {
    check! {
        rfc: "RFC 7692 §7.2.3",
        rule: "The four bytes that the sender has cut off are put back at the end of a message, and only there.",
        signs: [
            panics("").says("Bytes of the other side made your code panic."),
            never_finished().says("The loop doesn't end: without more input, the decompressor has nothing more to give."),
            missing(["f2 00 11 00 00", "Hello"]).but_not(missing(["f2 48 cd | c9"])).says(
                "The second Hello refers to the first, which your decompressor has forgotten.",
            ),
            under("each on its own", missing(["Hello"])).says(
                "The decompressor was dropped between two frames of a message. Only after `finish` does a message end.",
            ),
            yours(["→"]).says(
                "The four bytes that the sender has cut off aren't put back. The block that they end takes its lengths from the \
                 next message.",
            ),
        ],
        shows: || {
            let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
            let two_blocks = [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
            let examples: [(&str, Messages); 5] = [
                ("in one frame, and in two (§7.2.3.1)", &[&[&HELLO], &[&HELLO[..3], &HELLO[3..]]]),
                ("with a reference to the one before (§7.2.3.2)", &[&[&HELLO], &[&HELLO_AGAIN]]),
                ("a block without compression (§7.2.3.3)", &[&[&stored]]),
                ("two blocks in one message (§7.2.3.5)", &[&[&two_blocks]]),
                ("an empty message (§7.2.3.6)", &[&[&[0x00]], &[&[0x00]], &[&HELLO]]),
            ];
            let in_two: &[&[u8]] = &[&HELLO[..3], &HELLO[3..]];
            let examples = examples.map(|(what, messages)| format!("{what}\n{}", arrivals(TAKEN_OVER, messages)));
            examples.concat() + "each on its own, in two frames\n" + &arrivals(ALONE, &[in_two, in_two])
        },
    }
}

#[test]
fn a_final_block_ends_a_stream_but_not_a_message() {
    check! {
        rfc: "RFC 7692 §7.2.3.4",
        rule: "After a block with BFINAL, a new DEFLATE stream may follow: in this message, or in the next.",
        signs: [
            panics("").says("Bytes of the other side made your code panic."),
            never_finished().says(
                "A decompressor takes no more after a final block, and your loop waits for it to take the rest. The rest is for \
                 a new one.",
            ),
            missing(["HelloHello"]).says("What follows a final block in the same message is lost. It is for a new decompressor."),
            under("without the last 00", missing(["Hello"])).says(
                "A stream that has ended has no tail that was cut off. What is put back there begins a block, and the next \
                 message is read as the rest of it.",
            ),
            under("an empty one", missing(["03 00", "Hello"])).says(
                "The decompressor was asked only once. Some input leads to no output yet, with more input after it.",
            ),
            under("as the RFC prints it", missing(["Hello"])).but_not(under("without the last 00", yours(["✗"]))).says(
                "A byte follows the final block, and begins a block of its own. That one lacks its tail, like any other.",
            ),
            yours(["→"]).says("The decompressor that is done was kept for the next message."),
        ],
        shows: final_blocks,
    }
}

fn final_blocks() -> String {
    let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let with_00 = [&last[..], &[0x00]].concat();
    let twice = [&last[..], &HELLO[..]].concat();
    let empty_first = [&[0x03, 0x00], &HELLO[..]].concat();
    let three = [&last[..], &last[..], &with_00[..]].concat();
    let messages: [(&str, Messages); 7] = [
        (
            "as the RFC prints it, and messages after it",
            &[&[&with_00], &[&with_00], &[&HELLO], &[&HELLO_AGAIN]],
        ),
        (
            "the last byte in a fragment of its own",
            &[&[&last, &[0x00]]],
        ),
        ("more data after it", &[&[&twice], &[&HELLO_AGAIN]]),
        (
            "more data in the next fragment",
            &[&[&last, &HELLO], &[&HELLO_AGAIN]],
        ),
        (
            "an empty one before everything else",
            &[&[&empty_first], &[&HELLO_AGAIN]],
        ),
        ("three of them", &[&[&three], &[&HELLO]]),
        (
            "without the last 00, as some senders do it",
            &[&[&last], &[&last], &[&HELLO], &[&HELLO_AGAIN]],
        ),
    ];
    let mut shown = String::new();
    for (what, messages) in messages {
        shown += &format!("{what}\n{}", arrivals(TAKEN_OVER, messages));
    }
    shown + "each on its own\n" + &arrivals(ALONE, &[&[&last], &[&HELLO], &[&with_00]])
}

#[test]
fn what_is_not_deflate_is_refused() {
    check! {
        rfc: "RFC 7692 §7.2.2",
        rule: "A payload that isn't DEFLATE is refused, as is one that refers to what isn't there.",
        signs: [
            panics("").says("Bytes of the other side made your code panic. It should be an error."),
            never_finished().says("The loop doesn't end when the decompressor can't go on."),
            yours(["f2 00 11 00 00", "Hello"]).says(
                "The other side promised not to refer to earlier messages, and your decompressor still remembers them. That \
                 costs 32 KiB for each client.",
            ),
            missing(["✗"]).says("An error of the decompressor was taken for the end of the data."),
        ],
        shows: || {
            let messages: [(&str, Context, Messages); 6] = [
                ("a block of the reserved type", TAKEN_OVER, &[&[&[0x06]]]),
                ("a stored block whose two lengths disagree", TAKEN_OVER, &[&[&[0x00, 0x05, 0x00, 0x00, 0x00, 0x48]]]),
                ("noise", TAKEN_OVER, &[&[&[0xff, 0xff, 0xff, 0xff]]]),
                ("a text", TAKEN_OVER, &[&[b"Hello"]]),
                ("a reference to nothing", TAKEN_OVER, &[&[&HELLO_AGAIN]]),
                ("a reference to a message that is forgotten", ALONE, &[&[&HELLO], &[&HELLO_AGAIN]]),
            ];
            messages.map(|(what, context, messages)| format!("{what}\n{}", arrivals(context, messages))).concat()
        },
    }
}

#[test]
fn a_small_window_is_enough_for_its_sender() {
    check! {
        rfc: "RFC 7692 §7.1.2",
        rule: "Whatever window was agreed on, the decompressor can follow a sender that keeps to it.",
        signs: [
            panics("").says("flate2 has no decompressor with a window of 8 bits. A larger one does."),
            yours(["✗"]).or(yours(["different"])).says("The decompressor's window is smaller than the sender's."),
        ],
        shows: || {
            (8..=15).map(|number| {
                let context = Context { window: bits(number), ..TAKEN_OVER };
                let mut inflater = Inflater::new(context);
                // Without a compressor for 8 bits, the message is in stored blocks.
                let message = noise(300).repeat(300);
                let payload = match number {
                    8 => stored(&message),
                    _ => compressed(number, &message),
                };
                let verdict = match inflated(&mut inflater, &[&payload]) {
                    Ok(same) if same == message => "the same",
                    Ok(_) => "different",
                    Err(_) => "✗",
                };
                format!("{number:>2} bits: {verdict}\n")
            })
            .collect()
        },
    }
}

/// A message in blocks without compression, as the payload of a message.
fn stored(message: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(message.len() + 1000);
    Compress::new(Compression::none(), false)
        .compress_vec(message, &mut payload, FlushCompress::Sync)
        .expect("there is room");
    payload.truncate(payload.len() - 4);
    payload
}

#[test]
fn a_piece_is_never_large() {
    check! {
        rfc: "the workshop's own rule",
        rule: "One byte can become a thousand. Each piece has at most 4 KiB, and there is no next one before it is asked \
               for.",
        signs: [
            never_finished().says("The loop doesn't end."),
            yours(["more than 4 KiB"]).says(
                "A piece has more than 4 KiB. The limit of a message is noticed between two pieces, so they must be small.",
            ),
            yours(["different"]).says("Something is lost between the pieces: full pieces may be followed by more, without new input."),
            yours(["some of them empty"]).says("An empty piece was given out. It isn't a payload."),
        ],
        shows: pieces,
    }
}

fn pieces() -> String {
    let mut shown = String::new();
    for length in [0, 1, 4095, 4096, 4097, 8192, 100_000, 1_000_000] {
        let message = vec![b'a'; length];
        let payload = compressed(15, &message);
        for (how, size) in [("at once", payload.len()), ("byte by byte", 1)] {
            let mut inflater = Inflater::new(TAKEN_OVER);
            let (mut total, mut largest, mut empty) = (0, 0, 0);
            let mut takes = |inflater: &mut Inflater| {
                while let Ok(Some(piece)) = inflater.next_piece() {
                    total += piece.len();
                    largest = largest.max(piece.len());
                    empty += usize::from(piece.is_empty());
                    assert!(total <= length + MOST, "pieces without end");
                }
            };
            for fragment in payload.chunks(size) {
                inflater.receive(fragment.to_vec());
                takes(&mut inflater);
            }
            inflater.finish();
            takes(&mut inflater);
            let verdict = if total == length {
                "all of it"
            } else {
                "different"
            };
            let size = if largest <= MOST {
                "at most"
            } else {
                "more than"
            };
            let empty = if empty == 0 {
                ""
            } else {
                ", some of them empty"
            };
            shown += &format!(
                "{length:>8} bytes, {how:<12} → {verdict}, in pieces of {size} 4 KiB{empty}\n"
            );
        }
    }
    shown
}

#[test]
fn what_came_before_a_fault_is_not_lost() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The bytes before a fault come first, and the fault comes after them, however the payload was cut.",
        signs: [
            missing(["\"Hello\""]).says("The fault throws away what the decompressor made before it."),
        ],
        shows: || {
            let payload = [&HELLO[..], &[0x00, 0x00, 0xff, 0xff, 0x06]].concat();
            let mut shown = String::new();
            for cut in [payload.len(), 8] {
                let mut inflater = Inflater::new(TAKEN_OVER);
                shown += &format!("in pieces of {cut} bytes\n");
                for piece in payload.chunks(cut) {
                    inflater.receive(piece.to_vec());
                    loop {
                        match inflater.next_piece() {
                            Ok(Some(piece)) => shown += &format!("  {}\n", said(&piece)),
                            Ok(None) => break,
                            Err(error) => {
                                shown += &format!("  ✗ {error}\n");
                                break;
                            }
                        }
                    }
                }
            }
            shown
        },
    }
}
