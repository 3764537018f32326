//! The rules of a client's request (RFC 6455 §4.1).

use workshop_terminal::text::sanitize;

use super::program::Fate;
use super::{Rule, Seen, Trial};
use crate::head::bytes_of_key;
use crate::outcome::{Mark, Outcome};
use crate::rule::Tried;

/// The rules, in the order in which they are tried. Most need no connection: they look at the requests that came.
pub const RULES: &[Rule] = &[
    Rule::new("GET, the URL's path, HTTP/1.1", "§4.1", |trial| {
        each(trial, |seen| {
            let is_right = seen.request.line == format!("GET {} HTTP/1.1", seen.resource);
            verdict(is_right, "with the query", &seen.request.line)
        })
    }),
    Rule::new("one Host, with the port", "§4.1", |trial| {
        let host = trial.session.address.to_string();
        each(trial, |seen| only(seen, "host", &host))
    }),
    Rule::new("Upgrade: websocket", "§4.1", |trial| {
        each(trial, |seen| listed(seen, "upgrade", "websocket"))
    }),
    Rule::new("Connection: Upgrade", "§4.1", |trial| {
        each(trial, |seen| listed(seen, "connection", "upgrade"))
    }),
    Rule::new("version 13", "§4.1", |trial| {
        each(trial, |seen| only(seen, "sec-websocket-version", "13"))
    }),
    Rule::new("one key, 16 bytes in base64", "§4.1", |trial| {
        each(trial, |seen| {
            let keys = seen.request.fields.values("sec-websocket-key");
            let lengths: Vec<_> = keys.iter().map(|key| bytes_of_key(key)).collect();
            verdict(lengths == [Some(16)], "16 bytes", &keys.join(", "))
        })
    }),
    Rule::new("no fragment in the request", "§3", fragment),
    Rule::new("what it offers", "§4.1", offers),
];

/// Judges each request that has come, until one breaks the rule.
fn each(trial: &Trial, judge: impl Fn(&Seen) -> Outcome) -> Tried {
    let seen = trial.session.seen.borrow();
    let mut outcomes: Vec<Outcome> = seen.iter().map(judge).collect();
    let broken = outcomes.iter().position(|one| one.mark == Mark::Broken);
    match outcomes.is_empty() {
        true => Err("no request came".to_string()),
        false => Ok(outcomes.swap_remove(broken.unwrap_or(0))),
    }
}

fn verdict(is_right: bool, right: &str, came: &str) -> Outcome {
    if is_right {
        Outcome::kept(right)
    } else {
        Outcome::broken(format!("`{}`", sanitize(came)))
    }
}

/// Judges a field that must be there once, with this value.
fn only(seen: &Seen, name: &str, value: &str) -> Outcome {
    let values = seen.request.fields.values(name);
    verdict(values == [value], "once", &values.join(", "))
}

/// Judges a field that must list this element.
fn listed(seen: &Seen, name: &str, element: &str) -> Outcome {
    let values = seen.request.fields.values(name).join(", ");
    let is_right = seen.request.fields.lists(name, element);
    verdict(is_right, &sanitize(&values), &values)
}

/// A URL of this scheme has no fragment. A client refuses the URL, or at least doesn't send the fragment.
fn fragment(trial: &Trial) -> Tried {
    let session = &trial.session;
    if !session.client.is_watched() {
        return Ok(Outcome::chosen("by hand, a refusal is not seen"));
    }
    let resource = session.next_resource();
    let mut call = session.call(trial.words, &format!("{resource}#here"))?;
    let stream = match session.arrival(&mut *call) {
        Ok(stream) => stream,
        Err(Fate::Runs) => return Err("neither connects nor ends".to_string()),
        Err(fate) => return Ok(Outcome::kept(format!("refuses the URL, {fate}"))),
    };
    let request = trial.peer(stream)?.request()?;
    Ok(if request.line == format!("GET {resource} HTTP/1.1") {
        Outcome::kept("leaves it out")
    } else {
        Outcome::broken(format!("`{}`", sanitize(&request.line)))
    })
}

/// Shows what a client would like to have. A server chooses from it, or leaves it.
fn offers(trial: &Trial) -> Tried {
    let seen = trial.session.seen.borrow();
    let fields = &seen.first().ok_or("no request came")?.request.fields;
    let offered = ["sec-websocket-protocol", "sec-websocket-extensions"]
        .map(|name| fields.values(name).join(", "));
    let all: Vec<_> = offered.iter().filter(|value| !value.is_empty()).collect();
    Ok(Outcome::chosen(match &all[..] {
        [] => "no subprotocol, no extension".to_string(),
        [one] => sanitize(one),
        [one, other, ..] => sanitize(&format!("{one}; {other}")),
    }))
}
