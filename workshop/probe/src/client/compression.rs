//! The rules of permessage-deflate (RFC 7692). A client that doesn't offer it is asked none of them.

use workshop_wire::deflate::{Agreement, Element, NAME, elements};
use workshop_wire::side::Side;

use super::answer::refused;
use super::{Rule, Seen, Trial, Visit};
use crate::compression::{self, Deflated, Deflates, Wish};
use crate::exchange::worst_of;
use crate::head::Request;
use crate::outcome::{Mark, Outcome};
use crate::rule::Tried;

/// Answers that no offer allows.
const BAD_ANSWERS: [(&str, &str); 6] = [
    ("an unknown parameter", "; x_probe"),
    ("a window of 7 bits", "; server_max_window_bits=7"),
    ("of 16 bits", "; server_max_window_bits=16"),
    ("of no bits", "; server_max_window_bits"),
    ("a value", "; server_no_context_takeover=1"),
    (
        "a parameter twice",
        "; server_no_context_takeover; server_no_context_takeover",
    ),
];

/// The rules, in the order in which they are tried.
pub const RULES: &[Rule] = &[
    Rule::new(
        "a wrong answer to its offer fails",
        "7692 §7.1",
        bad_answers,
    ),
    Rule::new(
        "\"Hello\", compressed, is echoed",
        "7692 §7.2",
        compression::hello,
    ),
    Rule::new(
        "… and one that refers back to it",
        "7692 §7.2",
        compression::hello_again,
    ),
    Rule::new(
        "… and one that isn't compressed",
        "7692 §6",
        compression::uncompressed,
    ),
    Rule::new(
        "its own frames, compressed",
        "7692 §7.2",
        compression::own_frames,
    ),
    Rule::new(
        "no_context_takeover is kept to",
        "7692 §7.1",
        compression::no_context_takeover,
    ),
    Rule::new(
        "client_max_window_bits=9, too",
        "7692 §7.1",
        compression::small_window,
    ),
    Rule::new(
        "RSV1 where no message begins",
        "7692 §6",
        compression::misplaced_bits,
    ),
    Rule::new(
        "what isn't DEFLATE fails",
        "7692 §7.2",
        compression::not_deflate,
    ),
    Rule::new(
        "compressed, and not UTF-8: fails",
        "§8.1",
        compression::bad_text,
    ),
    Rule::new("64 MiB of zeros in 64 KiB", "§10.4", compression::bomb).slow(),
];

impl Deflates for Trial {
    const NOT_AGREED: &str = "not offered";

    fn open_deflated(&self, wish: Wish) -> Result<Option<Deflated<Visit>>, String> {
        if !self.may_be_offered() {
            return Ok(None);
        }
        let mut visit = self.visit()?;
        let Some(answer) = offer(&visit.request).and_then(|offer| answer(&offer, wish)) else {
            return Ok(None);
        };
        let head = visit.acceptance();
        visit.send(&head.with_extra("Sec-WebSocket-Extensions", &answer).bytes());
        let agreement = Agreement::of_answer(&elements(&answer)[0])?;
        Ok(Some(Deflated::new(visit, Side::Server, agreement)))
    }

    /// Each connection is another program's.
    fn is_alive(&self) -> Result<(), String> {
        Ok(())
    }
}

impl Trial {
    /// Whether compression may be offered: if the requests so far didn't, the next won't.
    fn may_be_offered(&self) -> bool {
        let seen = self.session.seen.borrow();
        seen.is_empty()
            || seen
                .iter()
                .any(|Seen { request, .. }| offer(request).is_some())
    }
}

/// The first offer of compression in a request.
pub fn offer(request: &Request) -> Option<Element> {
    let offers = request.fields.values("sec-websocket-extensions").join(", ");
    elements(&offers).into_iter().find(Element::is_deflate)
}

/// The answer to an offer that has what the offer asks for, and what the probe would like. `None` if the offer doesn't
/// allow that.
fn answer(offer: &Element, wish: Wish) -> Option<String> {
    let mut answer = NAME.to_string();
    if wish == Wish::ProbeForgets || offer.has("server_no_context_takeover") {
        answer += "; server_no_context_takeover";
    }
    if let Some(bits) = offer.number("server_max_window_bits") {
        answer += &format!("; server_max_window_bits={bits}");
    }
    if wish == Wish::TheyForget {
        answer += "; client_no_context_takeover";
    }
    if wish == Wish::TheirWindowIsSmall {
        if !offer.has("client_max_window_bits") {
            return None;
        }
        let bits = offer.number("client_max_window_bits").unwrap_or(9).min(9);
        answer += &format!("; client_max_window_bits={bits}");
    }
    Some(answer)
}

fn bad_answers(trial: &Trial) -> Tried {
    if !trial.may_be_offered() {
        return Ok(Outcome::not_asked(Trial::NOT_AGREED));
    }
    let Some(offer) = offer(&trial.visit()?.request) else {
        return Ok(Outcome::not_asked(Trial::NOT_AGREED));
    };
    let forbidden = BAD_ANSWERS.map(|(name, parameters)| (name, parameters.to_string()));
    let mut forbidden = Vec::from(forbidden);
    if !offer.has("client_max_window_bits") {
        forbidden.push(("not offered", "; client_max_window_bits=10".to_string()));
    }
    // These aren't what was asked for. But a client may be able to do with them.
    let mut unfit = Vec::new();
    if let Some(bits @ 8..15) = offer.number("server_max_window_bits") {
        let larger = bits + 1;
        unfit.push((
            "a larger window",
            format!("; server_max_window_bits={larger}"),
        ));
    }
    if offer.has("server_no_context_takeover") {
        unfit.push(("no server_no_context_takeover", String::new()));
    }
    let forbidden = forbidden.into_iter().map(|it| (it, true));
    let all = forbidden.chain(unfit.into_iter().map(|it| (it, false)));
    let all = all.map(|((name, parameters), fails)| (name.to_string(), (parameters, fails)));
    worst_of(all.collect(), |(parameters, fails)| {
        let answer = format!("{NAME}{parameters}");
        let outcome = refused(trial, |head| {
            head.with_extra("Sec-WebSocket-Extensions", &answer)
        })?;
        Ok(match outcome.mark {
            Mark::Broken if !fails => Outcome::chosen(outcome.did),
            _ => outcome,
        })
    })
}
