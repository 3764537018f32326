//! A server's choice.

use compression::negotiate::choose;
use compression::{Compression, Context};
use frames::Role;
use support::check;
use support::sign::{missing, panics, swapped, under, yours};

use super::shared::{ALONE, TAKEN_OVER, bits, deflate_with, named, wishes};

/// What a server with these settings answers.
fn answered(field: &str, wanted: &Compression) -> String {
    match choose(&named(field), wanted) {
        Some(answer) => answer
            .write(Role::Server)
            .replace("permessage-deflate", "✓"),
        None => "declined".to_string(),
    }
}

/// A row for each offer.
fn rows(offers: &[&str], wanted: &Compression) -> String {
    let row = |offer: &&str| {
        let answer = answered(&deflate_with(offer), wanted);
        let offer = if offer.is_empty() {
            "(no parameters)"
        } else {
            offer
        };
        format!("  {offer}\n    → {answer}\n")
    };
    offers.iter().map(row).collect()
}

#[test]
fn a_server_answers_what_is_asked_of_it() {
    check! {
        rfc: "RFC 7692 §7.1",
        rule: "What the client asks of the server is in the answer. A limit of the client's window is there only if the \
               client offers that.",
        signs: [
            panics("").says("An offer made your code panic. It comes from the other side."),
            missing(["→ ✓; client_max_window_bits=10"]).says(
                "The client's own window has 10 bits. If the answer says so, the server's memory can be small, too.",
            ),
            missing(["→ ✓; client_no_context_takeover"]).says(
                "The client will forget each message. If the answer says so, the server can forget them as well.",
            ),
            missing(["→ ✓; server_no_context_takeover"]).says(
                "The client asks the server to forget each message, and the answer doesn't say so. A client takes that \
                 for a no, and fails the connection.",
            ),
            missing(["→ ✓; server_max_window_bits=15"]).says(
                "An offer of 15 bits is a question, too: the answer must have the parameter, with 15 or less.",
            ),
            missing(["→ ✓; server_max_window_bits=10"]).says(
                "The client limits the server's window, and the answer doesn't say so, or says something else.",
            ),
            yours(["→ ✓; server_max_window_bits=8"]).says(
                "The server agrees to a window of 8 bits, for which it has no compressor. Decline the offer.",
            ),
            yours(["client_max_window_bits=15"]).says(
                "15 bits are no limit. Without the parameter, the answer says the same.",
            ),
        ],
        shows: || rows(&[
            "",
            "server_no_context_takeover",
            "client_no_context_takeover",
            "server_max_window_bits=10",
            "server_max_window_bits=15",
            "server_max_window_bits=9",
            "server_max_window_bits=8",
            "client_max_window_bits",
            "client_max_window_bits=10",
            "client_max_window_bits=8",
            "server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12; client_max_window_bits=11",
            "server_max_window_bits",
            "client_max_window_bits=08",
            "server_no_context_takeover; server_no_context_takeover",
            "x",
        ], &Compression::default()),
    }
}

#[test]
fn a_server_asks_for_what_it_wants() {
    check! {
        rfc: "RFC 7692 §7.1",
        rule: "A server may forget, limit its own window, and make the client forget, even if the offer says nothing \
               about it. It may limit the client's window only if the client offers that.",
        signs: [
            panics("").says("An offer made your code panic. It comes from the other side."),
            yours(["server_max_window_bits=11; client_max_window_bits=10"]).says(
                "The answer limits a window that the client hasn't offered to limit. A client must then fail the connection.",
            ),
            missing(["→ ✓; server_max_window_bits=12"]).says("The server wants a smaller window, and the answer doesn't say so."),
            under("the server forgets", missing(["server_no_context_takeover"])).says(
                "The server wants to forget each message, and the answer doesn't say so.",
            ),
            under("the client should forget", missing(["client_no_context_takeover"])).says(
                "The server wants the client to forget each message. The answer may say so, whatever the offer says.",
            ),
            missing(["client_max_window_bits=9"]).says("Two limits are there, the client's own and the server's wish. The smaller one holds."),
            yours(["→ ✓"]).says("The server has no compressor for 8 bits, so it can't agree to any offer."),
        ],
        shows: all_wishes,
    }
}

fn all_wishes() -> String {
    let offers = [
        "",
        "client_max_window_bits",
        "client_max_window_bits=9",
        "client_max_window_bits=11",
        "server_max_window_bits=11",
        "server_max_window_bits=13",
    ];
    let small = |bits_of_window| Context {
        window: bits(bits_of_window),
        ..TAKEN_OVER
    };
    let settings = [
        ("the server forgets", wishes(ALONE, TAKEN_OVER)),
        ("the client should forget", wishes(TAKEN_OVER, ALONE)),
        (
            "the server's window has 12 bits",
            wishes(small(12), TAKEN_OVER),
        ),
        (
            "the client's window should have 10 bits",
            wishes(TAKEN_OVER, small(10)),
        ),
        (
            "the server's window has 8 bits",
            wishes(small(8), TAKEN_OVER),
        ),
    ];
    let mut shown = String::new();
    for (what, wanted) in settings {
        shown += &format!("{what}\n{}", rows(&offers, &wanted));
    }
    shown
}

#[test]
fn the_first_offer_that_suits_wins() {
    check! {
        rfc: "RFC 7692 §5.1",
        rule: "A client lists its offers in the order of its preference. An offer that doesn't suit is declined, and the \
               next one has its turn.",
        signs: [
            swapped().says(
                "A later offer was chosen, although an earlier one suits. The client likes the earlier one better.",
            ),
            yours(["→ declined"]).says(
                "One offer that doesn't suit has ended the negotiation. The client has others for that case.",
            ),
            yours(["→ ✓"]).says("An extension of another name was taken for permessage-deflate."),
        ],
        shows: || {
            let fields = [
                "permessage-deflate; server_max_window_bits=10, permessage-deflate",
                "permessage-deflate, permessage-deflate; server_max_window_bits=10",
                "permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=9",
                "permessage-deflate; x, permessage-deflate; server_max_window_bits=99, permessage-deflate",
                "x-webkit-deflate-frame, permessage-deflate; client_max_window_bits",
                "x-webkit-deflate-frame",
                "permessage-bzip2; server_no_context_takeover",
                "",
            ];
            fields.map(|field| format!("{field}\n  → {}\n", answered(field, &Compression::default()))).concat()
        },
    }
}

#[test]
fn a_server_for_many_compresses_for_all_alike() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A payload for many clients refers to nothing before it, and may look back as far as DEFLATE can. An offer \
               that doesn't allow that is declined.",
        signs: [
            yours(["server_max_window_bits=14"]).says(
                "A client with a smaller window was accepted. It can't follow a payload that looks back farther.",
            ),
            yours(["promises 12 bits: true"]).says(
                "The server's own limit is a promise, too, and a payload for all doesn't keep it.",
            ),
            missing(["→ ✓; server_no_context_takeover"]).says(
                "The server promises nothing about its context. Then what a client's decompressor expects depends on all the \
                 messages before, and no payload is right for everyone.",
            ),
        ],
        shows: || {
            let window = bits(12);
            let limited = Compression { server: Context { window, ..TAKEN_OVER }, ..Compression::for_many() };
            let promises = answered("permessage-deflate", &limited).contains("server_max_window_bits=12");
            rows(&[
                "",
                "client_max_window_bits",
                "server_no_context_takeover; client_no_context_takeover",
                "server_max_window_bits=15",
                "server_max_window_bits=14",
                "server_max_window_bits=9",
            ], &Compression::for_many()) + &format!("with a limit of its own, promises 12 bits: {promises}\n")
        },
    }
}
