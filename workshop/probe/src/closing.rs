//! The rules of the closing handshake (RFC 6455 §5.5.1, §7).

use workshop_wire::close_code::may_be_sent;

use crate::frame::{CLOSE, FIN, close, masked};
use crate::outcome::{Mark, Outcome};
use crate::peer::{Ending, TcpEnd};
use crate::{Rule, Trial};

/// The rules, in the order in which they are tried.
pub const RULES: &[Rule] = &[
    Rule::new("Close, then Close, then FIN", "§5.5.1", |trial| {
        Ok(answered(
            &closed(trial, &close(1000, b"done"), false)?,
            Some(1000),
        ))
    }),
    Rule::new("an empty Close is answered", "§5.5.1", |trial| {
        let ending = closed(trial, &masked(FIN | CLOSE, b""), false)?;
        Ok(answered(&ending, ending.code()))
    }),
    Rule::new("Close and FIN at once: answered", "§5.5.1", |trial| {
        Ok(answered(
            &closed(trial, &close(1000, b""), true)?,
            Some(1000),
        ))
    }),
    Rule::new("Close 4999 is answered", "§7.4.2", |trial| {
        Ok(answered(
            &closed(trial, &close(4999, b""), false)?,
            Some(4999),
        ))
    }),
    Rule::new("1005, 1006, 1015 aren't sent back", "§7.4.1", |trial| {
        let mut all = Vec::new();
        for code in [1005, 1006, 1015] {
            let ending = closed(trial, &close(code, b""), false)?;
            let outcome = faulty(&ending, 1002);
            let is_broken = outcome.mark == Mark::Broken;
            all.push((code.to_string(), outcome));
            // The rest may have no time left.
            if is_broken {
                break;
            }
        }
        Ok(Outcome::worst(all))
    }),
    Rule::new("a Close of one byte", "§5.5.1", |trial| {
        let ending = closed(trial, &masked(FIN | CLOSE, &[0x03]), false)?;
        Ok(faulty(&ending, 1002))
    }),
    Rule::new("a reason that isn't UTF-8 fails", "§8.1", |trial| {
        let ending = closed(trial, &close(1000, &[0xce, 0xff]), false)?;
        let sent_back = ending.close.as_deref().unwrap_or_default();
        if sent_back
            .get(2..)
            .is_some_and(|reason| std::str::from_utf8(reason).is_err())
        {
            return Ok(Outcome::broken("sends it back"));
        }
        Ok(faulty(&ending, 1007))
    }),
];

fn closed(trial: &Trial, bytes: &[u8], half_closes: bool) -> Result<Ending, String> {
    let mut peer = trial.open()?;
    peer.send(bytes);
    if half_closes {
        peer.half_close();
    }
    Ok(peer.ending(false))
}

/// Judges the answer to a valid Close: a Close, usually with the same code, and then the end of TCP.
fn answered(ending: &Ending, code: Option<u16>) -> Outcome {
    let did = ending.in_words();
    let given = ending.code();
    match ending.close {
        None => Outcome::broken(did),
        Some(_) if ending.end == TcpEnd::Open => Outcome::broken(did),
        Some(_) if given.is_some_and(|given| !may_be_sent(given)) => Outcome::broken(did),
        Some(_) if given == code => Outcome::kept(did),
        // "Typically", says §5.5.1.
        Some(_) => Outcome::chosen(did),
    }
}

/// Judges the answer to an invalid Close, which fails the connection. No rule says which code the answer has, only
/// that some codes must not be sent.
fn faulty(ending: &Ending, code: u16) -> Outcome {
    let did = ending.in_words();
    match (ending.end, ending.code()) {
        (TcpEnd::Open, _) => Outcome::broken(did),
        (_, Some(given)) if !may_be_sent(given) => Outcome::broken(did),
        (_, Some(given)) if given == code => Outcome::kept(did),
        _ => Outcome::not_followed(format!("{did} ({code} is due)")),
    }
}
