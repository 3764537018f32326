//! The rules of the opening handshake (RFC 6455 §4).

use std::time::Duration;

use workshop_terminal::text::sanitize;

use super::{Rule, Trial};
use crate::exchange::{Opens, mebibytes};
use crate::head::{Head, KEYS, Response};
use crate::outcome::Outcome;
use crate::peer::{FloodEnd, has_head};
use crate::rule::Tried;

/// How long the long head is, in bytes.
const LONG_HEAD: u64 = 20_000_000;

/// The rules, in the order in which they are tried.
pub const RULES: &[Rule] = &[
    Rule::new("the accept key is the key's", "§4.2.2", accept_key),
    Rule::new("101 says Upgrade: websocket", "§4.2.2", upgrades),
    Rule::new("no subprotocol that wasn't asked", "§4.2.2", no_subprotocol),
    Rule::new("no extension that wasn't offered", "§9.1", no_extension),
    Rule::new("Connection: keep-alive, Upgrade", "§4.2.1", |trial| {
        let head = trial.handshake().with("Connection", "keep-alive, Upgrade");
        trial.accepted(&head)
    }),
    Rule::new("names and tokens in any case", "§4.2.1", |trial| {
        let head = trial.handshake().with("Upgrade", "WebSocket");
        trial.accepted(&head.with("Connection", "uPGRADE").with_uppercase_names())
    }),
    Rule::new("a head in one-byte pieces", "", |trial| {
        in_pieces(trial, Duration::from_millis(1))
    }),
    Rule::new("a head that drips, 10 ms a byte", "", |trial| {
        in_pieces(trial, Duration::from_millis(10))
    })
    .slow(),
    Rule::new("a frame in the head's segment", "§4.1", with_a_frame),
    Rule::new("POST is refused", "§4.2.1", |trial| {
        trial.refused(&trial.handshake().with_line("GET", "POST"))
    }),
    Rule::new("HTTP/1.0 is refused", "§4.2.1", |trial| {
        trial.refused(&trial.handshake().with_line("HTTP/1.1", "HTTP/1.0"))
    }),
    Rule::new("no Host is refused", "§4.2.1", |trial| {
        trial.refused(&trial.handshake().without("Host"))
    }),
    Rule::new("two Hosts are refused", "9112 §3.2", |trial| {
        trial.refused(&trial.handshake().with_extra("Host", "elsewhere.example"))
    }),
    Rule::new("no key is refused", "§4.2.1", |trial| {
        trial.refused(&trial.handshake().without("Sec-WebSocket-Key"))
    }),
    Rule::new("a key of 15 bytes is refused", "§4.2.1", short_key),
    Rule::new("two keys are refused", "§11.3.1", |trial| {
        trial.refused(&trial.handshake().with_extra("Sec-WebSocket-Key", KEYS[1].0))
    }),
    Rule::new("no version is refused", "§4.2.1", |trial| {
        trial.refused(&trial.handshake().without("Sec-WebSocket-Version"))
    }),
    Rule::new("version 25 is told what there is", "§4.4", unknown_version),
    Rule::new("version 8, a draft's", "§4.4", draft_version),
    Rule::new("a request without Upgrade", "", |trial| {
        not_upgrading(trial, &trial.handshake().without("Upgrade"))
    }),
    Rule::new("a request for a page", "", |trial| {
        not_upgrading(
            trial,
            &Head::plain(&trial.target.host, &trial.target.resource),
        )
    }),
    Rule::new("a head of 20 MB", "", long_head).slow(),
];

fn accept_key(trial: &Trial) -> Tried {
    for (number, (key, right)) in KEYS.iter().enumerate() {
        let response = trial.ask(&trial.handshake_with(number))?;
        let given = response.fields.values("sec-websocket-accept");
        if given != [*right] {
            let given = sanitize(&given.join(", "));
            let did = format!("{key} is answered with `{given}`, not {right}");
            return Ok(Outcome::broken(did));
        }
    }
    Ok(Outcome::kept("right for three keys"))
}

fn upgrades(trial: &Trial) -> Tried {
    let response = trial.ask(&trial.handshake())?;
    if response.status != 101 {
        return Ok(Outcome::broken(response.status.to_string()));
    }
    if !response.fields.lists("upgrade", "websocket") {
        return Ok(Outcome::broken("no Upgrade: websocket"));
    }
    if !response.fields.lists("connection", "upgrade") {
        return Ok(Outcome::broken("no Connection: Upgrade"));
    }
    Ok(Outcome::kept("with Connection: Upgrade"))
}

fn no_subprotocol(trial: &Trial) -> Tried {
    let response = trial.ask(&trial.handshake())?;
    let unasked = response.fields.values("sec-websocket-protocol").join(", ");
    if !unasked.is_empty() {
        return Ok(Outcome::broken(format!("takes `{}`", sanitize(&unasked))));
    }
    let offer = "probe.one, probe.two";
    let response = trial.ask(
        &trial
            .handshake()
            .with_extra("Sec-WebSocket-Protocol", offer),
    )?;
    Ok(match response.fields.values("sec-websocket-protocol")[..] {
        [] => Outcome::kept("none; offered two: none"),
        [one @ ("probe.one" | "probe.two")] => Outcome::kept(format!("none; offered two: {one}")),
        _ => Outcome::broken("offered two: takes something else"),
    })
}

fn no_extension(trial: &Trial) -> Tried {
    let response = trial.ask(&trial.handshake())?;
    let given = response
        .fields
        .values("sec-websocket-extensions")
        .join(", ");
    Ok(if given.is_empty() {
        Outcome::kept("none")
    } else {
        Outcome::broken(format!("takes `{}`", sanitize(&given)))
    })
}

/// A server may have limits here too: how long it waits, and how small the pieces may be.
fn in_pieces(trial: &Trial, pause: Duration) -> Tried {
    let mut peer = trial.connect()?;
    peer.drip(&trial.handshake().bytes(), pause);
    Ok(match peer.response() {
        Ok(response) if response.status == 101 => Outcome::kept("101"),
        Ok(response) => Outcome::chosen(response.status.to_string()),
        Err(did) => Outcome::chosen(did),
    })
}

/// §4.1 says that a client waits for the response, but not that a server checks this.
fn with_a_frame(trial: &Trial) -> Tried {
    let mut peer = trial.connect()?;
    let mut bytes = trial.handshake().bytes();
    bytes.extend(trial.text(b"early"));
    peer.send(&bytes);
    let echo = match peer.response() {
        Ok(response) if response.status == 101 => peer.message(),
        Ok(response) => Err(response.status.to_string()),
        Err(did) => Err(did),
    };
    Ok(match echo {
        Ok(message) if message == b"early" => Outcome::chosen("echoed"),
        Ok(_) => Outcome::broken("echoed as something else"),
        Err(did) => Outcome::chosen(did),
    })
}

/// §4.2.1 asks for 16 bytes; §4.2.2 says that a server needn't decode them.
fn short_key(trial: &Trial) -> Tried {
    let head = trial.handshake();
    let outcome = trial.refused(&head.with("Sec-WebSocket-Key", "AAECAwQFBgcICQoLDA0O"))?;
    Ok(match outcome.did.as_str() {
        "101" => Outcome::chosen("101: §4.2.2 lets it not decode"),
        _ => outcome,
    })
}

fn unknown_version(trial: &Trial) -> Tried {
    let response = trial.ask(&trial.handshake().with("Sec-WebSocket-Version", "25"))?;
    Ok(told_of_versions(&response))
}

/// A server may also speak a draft's version. If it doesn't, it says which versions it speaks.
fn draft_version(trial: &Trial) -> Tried {
    let response = trial.ask(&trial.handshake().with("Sec-WebSocket-Version", "8"))?;
    Ok(match response.status {
        101 => Outcome::chosen("101: speaks it too"),
        _ => told_of_versions(&response),
    })
}

fn told_of_versions(response: &Response) -> Outcome {
    let status = response.status;
    if !(400..=599).contains(&status) {
        return Outcome::broken(status.to_string());
    }
    let versions = response.fields.values("sec-websocket-version").join(", ");
    if response.fields.lists("sec-websocket-version", "13") {
        Outcome::kept(format!("{status}, versions {}", sanitize(&versions)))
    } else {
        Outcome::broken(format!("{status} without a version"))
    }
}

fn not_upgrading(trial: &Trial, head: &Head) -> Tried {
    Ok(match trial.ask(head) {
        Ok(response) if response.status == 101 => Outcome::broken("101"),
        Ok(response) => Outcome::chosen(response.status.to_string()),
        Err(did) => Outcome::chosen(did),
    })
}

fn long_head(trial: &Trial) -> Tried {
    let mut peer = trial.connect()?;
    let mut head = trial.handshake().bytes();
    head.truncate(head.len() - 2);
    head.extend(b"X-Filler: ");
    let flood = peer.flood(&head, &[b'x'; 64 << 10], LONG_HEAD, Some(has_head));
    if flood.end == FloodEnd::AllSent {
        peer.send(b"\r\n\r\n");
    }
    let response = match peer.response() {
        Ok(response) => response.status.to_string(),
        Err(did) => did,
    };
    let sent = match flood.end {
        FloodEnd::AllSent => "after taking all of it".to_string(),
        _ => format!("after {}", mebibytes(flood.sent)),
    };
    Ok(Outcome::chosen(format!("{response} {sent}")))
}
