//! One payload for many clients.

use compression::{Compression, Inflater};
use echo::Negotiation;
use frames::ReservedBits;
use support::check;
use support::sign::{missing, panics, yours};

use super::shared::{ALONE, HELLO, inflated, noise, shown};

#[test]
fn one_payload_is_for_all() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A server for many clients packs a text once. Each client can read it, whatever it has received before.",
        signs: [
            panics("").says("A text made your code panic."),
            yours(["RSV1 false"]).says("The payload is compressed, and nothing says so."),
            yours(["✗"]).says("A client can't read the payload: it refers to something that this client doesn't have."),
            yours(["isn't for many", "packed"]).says(
                "A payload for all was packed by a server whose clients expect references to earlier messages, each its own.",
            ),
            yours(["31 bytes", "packed"]).says("The shortest text to pack is `min_length`, here as anywhere."),
            missing(["as it is"]).says("A text that doesn't get shorter was packed."),
            missing(["packed"]).says("Nothing was packed for all: every client gets the text as it is."),
        ],
        shows: || {
            let text = "the same for all, the same for all, the same for all";
            let noise: String = noise(4000).iter().map(|byte| char::from(b'!' + byte % 94)).collect();
            let rows = [
                ("a server for many", Compression::for_many(), text),
                ("the same, once more", Compression::for_many(), text),
                ("a short text", Compression::for_many(), "ok"),
                ("a text of 31 bytes", Compression::for_many(), &text[..31]),
                ("an empty text", Compression::for_many(), ""),
                ("a server that isn't for many", Compression::default(), text),
            ];
            let mut lines = String::new();
            for (what, settings, text) in rows {
                lines += &format!("{what}: {}\n", packed(settings.pack_for_all(text), text));
            }
            let longer = Compression::for_many().pack_for_all(&noise);
            let longer = longer.is_some_and(|(_, payload)| payload.len() >= noise.len());
            lines + &format!("a payload longer than its text: {longer}\n")
        },
    }
}

fn packed(packed: Option<(ReservedBits, Vec<u8>)>, text: &str) -> String {
    let Some((reserved, payload)) = packed else {
        return "as it is".to_string();
    };
    let mut readers = [Inflater::new(ALONE), Inflater::new(ALONE)];
    _ = inflated(&mut readers[1], &[&HELLO]);
    let read = readers
        .each_mut()
        .map(|reader| inflated(reader, &[&payload]));
    let read = read.map(|read| match read {
        Ok(same) if same == text.as_bytes() => "reads it".to_string(),
        other => format!("reads {}", shown(other)),
    });
    let [new, old] = read;
    format!(
        "packed, RSV1 {}, a new client {new}, an old one {old}",
        reserved.rsv1
    )
}
