//! A client's offer, and the answer to it.

use compression::negotiate::check_answer;
use compression::{Compression, Context, Parameters};
use echo::Negotiation;
use frames::Role;
use support::check;
use support::sign::{missing, yours};

use super::shared::{ALONE, TAKEN_OVER, bits, deflate_with, named, wishes};

/// What a client that has offered this makes of an answer.
fn verdict(offer: &str, answer: &str) -> String {
    let offer = Parameters::read(&named(&deflate_with(offer))[0], Role::Client);
    let offer = offer.expect("the check's own offer is right");
    match check_answer(&offer, &named(answer)) {
        Ok(None) => "nothing is compressed".to_string(),
        Ok(Some(agreed)) => {
            let [server, client] = [Role::Server, Role::Client].map(|side| agreed.context_of(side));
            format!("server {}, client {}", side(server), side(client))
        }
        Err(error) => format!("✗ {error}"),
    }
}

fn side(context: Context) -> String {
    let remembers = if context.is_taken_over {
        "remembers"
    } else {
        "forgets"
    };
    format!("{remembers}, {}", context.window)
}

/// A row for each answer to the offer above it.
fn rows(table: &[(&str, &[&str])]) -> String {
    let mut shown = String::new();
    for (offer, answers) in table {
        shown += &format!("{}\n", deflate_with(offer));
        for answer in *answers {
            shown += &format!(
                "  ← {}\n",
                if answer.is_empty() {
                    "(no such field)"
                } else {
                    answer
                }
            );
            shown += &format!("    {}\n", verdict(offer, answer));
        }
    }
    shown
}

#[test]
fn an_answer_must_suit_the_offer() {
    check! {
        rfc: "RFC 7692 §7.1",
        rule: "The server must do what the offer asks of it. It may ask more of the client, but limit the client's window \
               only if the client has offered that.",
        signs: [
            missing(["✗ a limit of our window"]).says(
                "The answer limits a window that we haven't offered to limit. Some clients can't, and so the RFC has the \
                 connection fail.",
            ),
            missing(["✗ the server doesn't do"]).says(
                "The offer asks something of the server, and the answer doesn't have it. Then we'd remember less than the \
                 server refers to.",
            ),
            yours(["✗ the server doesn't do"]).says(
                "A server may use a smaller window than it may, and forget without having been asked.",
            ),
            missing(["✗ not what we offered"]).says("The server has chosen something else, or the same twice, and that passed."),
            yours(["✗"]).says("An answer was refused that the offer allows."),
        ],
        shows: || rows(&[
            ("", &[
                "",
                "permessage-deflate",
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=10",
                "permessage-deflate; client_no_context_takeover",
                "permessage-deflate; client_max_window_bits=10",
                "permessage-deflate; client_max_window_bits=15",
            ]),
            ("client_max_window_bits", &[
                "permessage-deflate",
                "permessage-deflate; client_max_window_bits=10",
                "permessage-deflate; client_max_window_bits=8",
                "permessage-deflate; client_max_window_bits",
            ]),
            ("client_no_context_takeover; client_max_window_bits=11", &[
                "permessage-deflate",
                "permessage-deflate; client_max_window_bits=9",
                "permessage-deflate; client_max_window_bits=14",
            ]),
            ("server_no_context_takeover; server_max_window_bits=11", &[
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=11",
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=8",
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=12",
                "permessage-deflate; server_no_context_takeover",
                "permessage-deflate; server_max_window_bits=11",
                "permessage-deflate",
            ]),
            ("client_max_window_bits", &[
                "permessage-deflate, permessage-deflate",
                "x-webkit-deflate-frame",
                "permessage-deflate, x-webkit-deflate-frame",
                "permessage-deflate; x",
                "permessage-deflate; server_max_window_bits=7",
                "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            ]),
        ]),
    }
}

#[test]
fn a_client_offers_what_it_wants() {
    check! {
        rfc: "RFC 7692 §7.1",
        rule: "The offer of a client says what its settings say, and its own server agrees to it.",
        signs: [],
        shows: || {
            let small = |bits_of_window| Context { window: bits(bits_of_window), ..TAKEN_OVER };
            let settings = [
                ("nothing special", Compression::default()),
                ("the server should forget", wishes(ALONE, TAKEN_OVER)),
                ("the client forgets", wishes(TAKEN_OVER, ALONE)),
                ("both windows have 10 bits", wishes(small(10), small(10))),
            ];
            settings.map(|(what, wanted)| {
                let offer = wanted.offer();
                let chosen = Compression::default().choose(&named(&offer));
                let answer = chosen.map_or("(no such field)".to_string(), |agreed| agreed.field);
                let taken = wanted.accept(&named(&answer.replace("(no such field)", ""))).is_some();
                let taken = if taken { "taken" } else { "refused" };
                format!("{what}\n  offers    {offer}\n  answer    {answer}\n  which is  {taken}\n")
            })
            .concat()
        },
    }
}
