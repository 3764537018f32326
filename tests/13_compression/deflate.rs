//! A message that goes out.

use compression::{Context, Deflater};
use support::check;
use support::sign::{missing, never_finished, panics, under, yours};
use support::wire::hex;

use super::shared::{ALONE, Peer, TAKEN_OVER, bits, noise, refers_back, said};

/// A text that compresses well, even on its own.
const TEXT: &[u8] = b"the same, the same, the same, the same, the same, and not quite the same";

#[test]
fn hello_is_what_the_rfc_prints() {
    check! {
        rfc: "RFC 7692 §7.2.3",
        rule: "A payload is the flushed data without its last four bytes. With context takeover, it may refer to earlier \
               messages.",
        signs: [
            yours(["00 00 ff ff"]).says("The last four bytes of the flush are still there. The peer adds them a second time."),
            panics("").says("An empty message made your code panic: a flush without data leads to nothing that could be cut off."),
            never_finished().says("The loop doesn't end: a flush without data leads to nothing more."),
            under("each on its own", yours(["f2 00 11 00 00"])).says(
                "Each message should be on its own, and the second Hello refers to the first. The peer has forgotten it.",
            ),
            missing(["\"Hello\" → f2 00 11 00 00"]).says(
                "The second Hello doesn't refer to the first: the compressor wasn't kept.",
            ),
            missing(["\"\" → 00"]).says(
                "An empty message is one block without data: its first byte, 00, and then the four that are cut off.",
            ),
        ],
        shows: || {
            let mut shown = String::new();
            for (what, context) in [("with context takeover", TAKEN_OVER), ("each on its own", ALONE)] {
                shown += &format!("{what}\n");
                let mut deflater = Deflater::new(context, 0);
                for message in ["Hello", "Hello", "", ""] {
                    let payload = deflater.deflate(message.as_bytes());
                    let payload = payload.map_or("nothing".to_string(), |payload| hex(&payload));
                    shown += &format!("  {message:?} → {payload}\n");
                }
            }
            let tiny = Context { window: bits(8), ..TAKEN_OVER };
            let payload = Deflater::new(tiny, 0).deflate(b"Hello");
            shown + &format!("in a window of 8 bits\n  \"Hello\" → {}\n", payload.map_or("no payload".to_string(), |it| hex(&it)))
        },
    }
}

#[test]
fn a_long_message_is_flushed_whole() {
    check! {
        rfc: "RFC 7692 §7.2.1",
        rule: "All of a message is in its payload, however long it is and however well it compresses.",
        signs: [
            never_finished().says("The loop doesn't end: it waits for something that the compressor never does."),
            panics("").says("The payload is shorter than its own tail, or longer than the room for it."),
            yours(["✗"]).or(yours(["different"])).says(
                "A part of the message is missing: `compress_vec` stops when the room is full. Give it more, until room is left over.",
            ),
        ],
        shows: || {
            let mut shown = String::new();
            for length in [1, 100, 4096, 65_536, 300_000] {
                let kinds = [
                    ("zeros", vec![0; length]),
                    ("noise", noise(length)),
                    ("text ", TEXT.iter().copied().cycle().take(length).collect()),
                ];
                let (mut deflater, mut peer) = (Deflater::new(TAKEN_OVER, 0), Peer::new(TAKEN_OVER));
                for (kind, message) in kinds {
                    let payload = deflater.deflate(&message).unwrap_or_default();
                    let verdict = match peer.reads(&payload) {
                        Some(same) if same == message => "the same",
                        Some(_) => "different",
                        None => "✗ not DEFLATE",
                    };
                    shown += &format!("{kind} {length:>7} bytes → {verdict}\n");
                }
            }
            shown
        },
    }
}

#[test]
fn only_what_gets_shorter_is_packed() {
    check! {
        rfc: "RFC 7692 §6.1",
        rule: "A message that is short, or that doesn't get shorter, goes out as it is.",
        signs: [
            yours(["noise", "packed"]).says("A payload that is longer than the message was sent. Compare their lengths."),
            yours(["15 bytes", "packed"]).says("A message below the limit was compressed."),
            missing(["16 bytes", "packed"]).says("The limit is the shortest message that is tried: `<`, not `<=`."),
            yours(["empty", "packed"]).says("An empty message became a byte. As it is, it is shorter."),
            missing(["packed"]).says("A message that gets shorter was sent as it is."),
            yours(["8 bits", "packed"]).says("There is no compressor for 8 bits."),
        ],
        shows: || {
            let tiny = Context { window: bits(8), ..TAKEN_OVER };
            let messages = [
                ("a text", TAKEN_OVER, TEXT.to_vec()),
                ("a text, in a window of 8 bits", tiny, TEXT.to_vec()),
                ("noise", TAKEN_OVER, noise(1000)),
                ("noise, 64 KiB", TAKEN_OVER, noise(1 << 16)),
                ("zeros, 15 bytes", TAKEN_OVER, vec![0; 15]),
                ("zeros, 16 bytes", TAKEN_OVER, vec![0; 16]),
                ("zeros, 17 bytes", TAKEN_OVER, vec![0; 17]),
                ("an empty message", TAKEN_OVER, Vec::new()),
            ];
            let row = |(what, context, message): (&str, Context, Vec<u8>)| {
                let packed = Deflater::new(context, 16).pack(&message);
                let verdict = if packed.is_some() { "packed" } else { "as it is" };
                format!("{what:<30} → {verdict}\n")
            };
            messages.map(row).concat()
        },
    }
}

/// Sends the messages in this order, and says for each how it went out and what has arrived.
fn conversation(context: Context, messages: &[(&str, Vec<u8>)]) -> String {
    let (mut deflater, mut peer) = (Deflater::new(context, 16), Peer::new(context));
    let mut shown = String::new();
    for (what, message) in messages {
        let Some(payload) = deflater.pack(message) else {
            shown += &format!("  {what:<12} as it is\n");
            continue;
        };
        let how = if refers_back(&payload, message) {
            "refers back"
        } else {
            "on its own"
        };
        let arrived = match peer.reads(&payload) {
            Some(same) if same == *message => "the same arrives".to_string(),
            Some(other) => format!("something else arrives: {}", said(&other)),
            None => "the peer can't read it".to_string(),
        };
        shown += &format!("  {what:<12} {how}, {arrived}\n");
    }
    shown
}

/// Half noise and half its repetition: it gets shorter, but not much.
fn once_repeated() -> Vec<u8> {
    noise(200).repeat(2)
}

#[test]
fn both_sides_remember_the_same() {
    check! {
        rfc: "RFC 7692 §7.2.1",
        rule: "After a message that went out as it is, the next one refers to nothing that the peer doesn't have.",
        signs: [
            yours(["something else arrives"]).or(yours(["can't read it"])).says(
                "The compressor has seen a message that the peer's decompressor never gets, and the next message refers to \
                 it. A fresh compressor refers to nothing before it.",
            ),
            missing(["after a short one", "refers back"]).says(
                "A short message cost the context, although the compressor has never seen it.",
            ),
            missing(["again", "refers back"]).says("The context is lost, although every message was compressed."),
            yours(["refers back"]).says("Each message is on its own, and yet one refers to another."),
        ],
        shows: || {
            let text = once_repeated();
            let mut other = noise(1200);
            let other = other.split_off(800);
            let messages = [
                ("a text", text.clone()),
                ("again", text.clone()),
                ("a short one", b"ok".to_vec()),
                ("after a short one", text.clone()),
                ("noise", other.clone()),
                ("text, noise", [text.clone(), other.clone()].concat()),
                ("the text", text.clone()),
                ("the noise", other),
                ("again", text),
            ];
            let mut shown = String::new();
            for (what, context) in [("with context takeover", TAKEN_OVER), ("each on its own", ALONE)] {
                shown += &format!("{what}\n{}", conversation(context, &messages));
            }
            shown
        },
    }
}

#[test]
fn a_compressor_keeps_to_its_window() {
    check! {
        rfc: "RFC 7692 §7.1.2",
        rule: "A payload refers to nothing that is farther back than the window that was agreed on.",
        signs: [
            yours(["refers back"]).or(yours(["can't follow"])).says(
                "The compressor's window is larger than agreed: a peer that keeps no more can't follow.",
            ),
            missing(["refers back"]).says("The compressor's window is smaller than it may be."),
        ],
        shows: windows,
    }
}

fn windows() -> String {
    let mut shown = String::new();
    for number in 9..=15 {
        let context = Context {
            window: bits(number),
            ..TAKEN_OVER
        };
        let bytes = context.window.bytes();
        // Bytes come again: well within the window, and beyond it.
        for distance in [bytes * 3 / 8, bytes + 300] {
            let far = noise(distance);
            let message = [&far[..], &far[..distance.min(200)]].concat();
            let payload = Deflater::new(context, 0).deflate(&message);
            let payload = payload.unwrap_or_default();
            let saved = payload.len() + 100 < message.len();
            let how = if saved { "refers back" } else { "on its own" };
            let followed = match Peer::new(context).reads(&payload) {
                Some(same) if same == message => "",
                _ => ", and the peer can't follow",
            };
            shown += &format!("{number:>2} bits, {distance:>5} bytes back: {how}{followed}\n");
        }
    }
    shown
}
