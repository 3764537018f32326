//! The four parameters.

use compression::{Parameters, WindowBits};
use frames::Role;
use support::check;
use support::sign::{missing, panics, under, yours};

use super::shared::{deflate_with, named};

#[test]
fn each_parameter_has_its_form() {
    check! {
        rfc: "RFC 7692 §7.1",
        rule: "Two parameters have no value, two have one; client_max_window_bits may do without in an offer. None is \
               there twice, and there are no others.",
        signs: [
            panics("").says("A parameter made your code panic. It comes from the other side."),
            under("server_no_context_takeover=1", yours(["✓"])).says("A parameter that has no value was given one, and passed."),
            under("server_no_context_takeover; server_no_context_takeover", yours(["✓"])).says(
                "The same parameter twice passed. RFC 7692 §7.1 makes that a reason to decline, even if both say the same.",
            ),
            under("server_max_window_bits=10; server_max_window_bits=10", yours(["✓"])).says(
                "The same parameter twice passed: an earlier value is overwritten.",
            ),
            under("mux", yours(["✓"])).says("A parameter that nobody knows was skipped. An offer or an answer with one can't be used."),
            under("client_max_window_bits", missing(["offer", "✓"])).says(
                "client_max_window_bits without a value is what browsers offer: the answer may have one.",
            ),
            under("client_max_window_bits", yours(["answer", "✓"])).says(
                "An answer without a value passed. What would the window be?",
            ),
            under("server_max_window_bits", yours(["✓"])).says("server_max_window_bits without a value passed."),
            yours(["is not a parameter"]).says("A parameter that is there with a wrong value was called unknown."),
        ],
        shows: all_forms,
    }
}

fn all_forms() -> String {
    let forms = [
        "",
        "server_no_context_takeover",
        "server_no_context_takeover=1",
        "client_no_context_takeover",
        "client_no_context_takeover=true",
        "server_max_window_bits",
        "server_max_window_bits=10",
        "server_max_window_bits=\"10\"",
        "server_max_window_bits=7",
        "server_max_window_bits=010",
        "client_max_window_bits",
        "client_max_window_bits=15",
        "client_max_window_bits=8",
        "client_max_window_bits=16",
        "server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=11",
        "client_max_window_bits=11; server_no_context_takeover",
        "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover; client_no_context_takeover",
        "server_max_window_bits=10; server_max_window_bits=10",
        "client_max_window_bits; client_max_window_bits=10",
        "mux",
        "Server_No_Context_Takeover",
        "mux=4; server_no_context_takeover",
    ];
    let mut shown = String::new();
    for form in forms {
        let named = named(&deflate_with(form));
        shown += &format!("{}\n", if form.is_empty() { "(none)" } else { form });
        for (what, sender) in [("offer ", Role::Client), ("answer", Role::Server)] {
            let read = match Parameters::read(&named[0], sender) {
                Ok(parameters) => format!("✓ {}", all_four(&parameters)),
                Err(error) => format!("✗ {error}"),
            };
            shown += &format!("  {what} {read}\n");
        }
    }
    shown
}

fn all_four(parameters: &Parameters) -> String {
    let bits = |bits: Option<WindowBits>| bits.map_or("–".to_string(), |bits| bits.to_string());
    let forgets = |forgets| if forgets { "forgets" } else { "remembers" };
    format!(
        "server {}, {}; client {}, {}",
        forgets(parameters.server_no_context_takeover),
        bits(parameters.server_max_window_bits),
        forgets(parameters.client_no_context_takeover),
        bits(parameters.client_max_window_bits),
    )
}

#[test]
fn an_answer_always_has_a_value() {
    check! {
        rfc: "RFC 7692 §7.1.2.2",
        rule: "client_max_window_bits may do without a value in an offer, and not in an answer.",
        signs: [],
        shows: || {
            let parameters = |bits| Parameters {
                client_max_window_bits: WindowBits::new(bits),
                ..Parameters::default()
            };
            let rows = [15, 12].map(|bits| {
                let (offer, answer) = (parameters(bits).write(Role::Client), parameters(bits).write(Role::Server));
                format!("{bits} bits\n  offer: {offer}\n  answer: {answer}\n")
            });
            rows.concat()
        },
    }
}
