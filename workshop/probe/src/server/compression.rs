//! The rules of permessage-deflate (RFC 7692). A server may decline it: then none of them is asked.

use workshop_terminal::text::sanitize;
use workshop_wire::deflate::{Agreement, NAME, elements};
use workshop_wire::side::Side;

use super::{Rule, Trial};
use crate::compression::{self, Deflated, Deflates, Wish};
use crate::exchange::{Opens, worst_of};
use crate::head::Response;
use crate::outcome::Outcome;
use crate::peer::Peer;
use crate::rule::Tried;

/// Offers that a server may accept or decline.
const GOOD_OFFERS: [&str; 5] = [
    "",
    "; client_max_window_bits",
    "; server_max_window_bits=10; client_max_window_bits=12",
    "; server_no_context_takeover; client_no_context_takeover",
    "; server_max_window_bits=9, permessage-deflate",
];

/// Offers that a server must decline.
const BAD_OFFERS: [(&str, &str); 7] = [
    ("an unknown parameter", "; x_probe"),
    ("a window of 7 bits", "; server_max_window_bits=7"),
    ("of 16 bits", "; server_max_window_bits=16"),
    ("of 010 bits", "; server_max_window_bits=010"),
    ("a client's of 7 bits", "; client_max_window_bits=7"),
    ("a value", "; client_no_context_takeover=1"),
    (
        "a parameter twice",
        "; server_no_context_takeover; server_no_context_takeover",
    ),
];

/// The rules, in the order in which they are tried.
pub const RULES: &[Rule] = &[
    Rule::new("its answer fits the offer", "7692 §7.1", answers),
    Rule::new("a bad offer is declined", "7692 §7.1", bad_offers),
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
        "server_max_window_bits=9, too",
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
    const NOT_AGREED: &str = "the offer is declined";

    fn open_deflated(&self, wish: Wish) -> Result<Option<Deflated<Box<Peer>>>, String> {
        let parameters = match wish {
            Wish::Nothing => "",
            Wish::TheyForget => "; server_no_context_takeover",
            Wish::ProbeForgets => "; client_no_context_takeover",
            Wish::TheirWindowIsSmall => "; server_max_window_bits=9",
        };
        let mut peer = self.connect()?;
        let response = offered(self, &mut peer, parameters)?;
        if response.status != 101 {
            return Err(format!("{} to an offer", response.status));
        }
        let agreement = agreement(&response, parameters)?;
        let open = |agreement| Deflated::new(Box::new(peer), Side::Client, agreement);
        Ok(agreement.map(open))
    }

    fn is_alive(&self) -> Result<(), String> {
        let mut peer = self.open()?;
        peer.send(&self.text(b"Hello"));
        peer.message().map(|_| ())
    }
}

/// The answer to a handshake with this offer.
fn offered(trial: &Trial, peer: &mut Peer, parameters: &str) -> Result<Response, String> {
    let offer = format!("{NAME}{parameters}");
    let head = trial.handshake();
    peer.send(&head.with_extra("Sec-WebSocket-Extensions", &offer).bytes());
    peer.response()
}

/// What a server's answer agrees on. `None` if it declines.
fn agreement(response: &Response, parameters: &str) -> Result<Option<Agreement>, String> {
    let answer = response
        .fields
        .values("sec-websocket-extensions")
        .join(", ");
    let mut fits = Err("nothing was offered".to_string());
    match &elements(&answer)[..] {
        [] => return Ok(None),
        [answer] if answer.is_deflate() => {
            for offer in elements(&format!("{NAME}{parameters}")) {
                fits = fits.or_else(|_| compression::agreement(answer, &offer));
            }
        }
        [_] => fits = Err("that wasn't offered".to_string()),
        _ => fits = Err("two answers".to_string()),
    }
    match fits {
        Ok(agreement) => Ok(Some(agreement)),
        Err(why) => Err(format!("`{}`: {why}", sanitize(&answer))),
    }
}

fn answers(trial: &Trial) -> Tried {
    let mut first = None;
    for parameters in GOOD_OFFERS {
        let response = offered(trial, &mut trial.connect()?, parameters)?;
        if response.status != 101 {
            let did = format!("{} to `{NAME}{parameters}`", response.status);
            return Ok(Outcome::broken(did));
        }
        if agreement(&response, parameters)?.is_some() && first.is_none() {
            let answer = response.fields.values("sec-websocket-extensions");
            first = Some(sanitize(&answer.join(", ")));
        }
    }
    Ok(match first {
        Some(answer) => Outcome::kept(answer),
        None => Outcome::not_asked(Trial::NOT_AGREED),
    })
}

/// A server that doesn't know the extension declines whatever is offered.
fn bad_offers(trial: &Trial) -> Tried {
    if trial.open_deflated(Wish::Nothing)?.is_none() {
        return Ok(Outcome::not_asked(Trial::NOT_AGREED));
    }
    let all = BAD_OFFERS.map(|(name, parameters)| (name.to_string(), parameters));
    worst_of(all.into(), |parameters| {
        let response = offered(trial, &mut trial.connect()?, parameters)?;
        let answer = response.fields.values("sec-websocket-extensions");
        Ok(match (response.status, &answer[..]) {
            (101, []) => Outcome::kept("101 without it"),
            (101, _) => Outcome::broken("agrees to it"),
            (status, _) => Outcome::not_followed(format!("{status}, not 101 without it")),
        })
    })
}
