//! Heads that are wrong in every way, each followed by a good request.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Outcome, Stage};
use crate::client::{Client, escaped, find, get, status_of, unreached};
use crate::heads::{Case, Delivery, Expected, Words, cases, known};
use crate::process::{Limits, Running};

/// How long an answer, or the end of a connection, may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// After how many dead servers, or faults, an attack is given up.
const MAX_DEAD: usize = 4;
const MAX_FAULTS: usize = 20;

pub fn heads(stage: &mut Stage) -> Result<Outcome, String> {
    let words = Words::read().map_err(|error| format!("tests/fuzz can't be read: {error}"))?;
    let cases = cases(stage.kind, &words, stage.plan.seed, stage.plan.heads);
    let (mut faults, mut sent, mut dead) = (Vec::new(), 0, 0);
    for (number, case) in cases.iter().enumerate() {
        if stage.plan.case.is_some_and(|only| only != number) {
            continue;
        }
        let address = stage.running()?.address;
        sent += 1;
        if let Err(why) = judge(address, case) {
            faults.push(fault(stage, number, case, &why));
        }
        if let Err(why) = stage.kind.answers(address, DEADLINE) {
            let said = stage.running()?.said();
            faults.push(fault(
                stage,
                number,
                case,
                &format!("afterwards {why}; it said: {said}"),
            ));
            stage.running = None;
            dead += 1;
        }
        if dead >= MAX_DEAD || faults.len() >= MAX_FAULTS {
            faults.push(format!("given up after {sent} of {} heads", cases.len()));
            break;
        }
    }
    let says = format!("{sent} heads, a good request after each");
    Ok(Outcome::of(faults, sent.to_string(), says))
}

/// A server that is too busy for any request refuses those, too, that would be wrong anyway.
pub fn busy(stage: &mut Stage) -> Result<Outcome, String> {
    let kind = stage.kind;
    let arguments = kind.too_busy().unwrap_or_default();
    let running = Running::start(kind, arguments, Limits::default())?;
    let (mut faults, cases) = (Vec::new(), known(kind));
    for case in &cases {
        let any = Case {
            expected: Expected::Answer,
            ..case.clone()
        };
        let why = judge(running.address, &any).err();
        let good = Case {
            bytes: get("/", b""),
            expected: Expected::Status(503),
            ..any
        };
        let afterwards = judge(running.address, &good);
        let afterwards = afterwards.map_err(|why| format!("afterwards GET /: {why}"));
        if let Some(why) = why.or(afterwards.err()) {
            let said = running.said();
            let start = format!("{} {}", kind.name(), arguments.join(" "));
            let sent = escaped(&case.bytes);
            faults.push(format!(
                "{start}: {}: {why}; sent {sent}; it said: {said}",
                case.name
            ));
            break;
        }
    }
    let says = format!("{} heads while there is no room, each refused", cases.len());
    Ok(Outcome::of(faults, cases.len().to_string(), says))
}

fn fault(stage: &Stage, number: usize, case: &Case, why: &str) -> String {
    let pieces = match case.delivery {
        Delivery::Whole => "",
        Delivery::Bytes => ", byte by byte",
    };
    format!(
        "{}: {why}\n      sent{pieces} {}\n      again: cargo run -p hostile -- --server {} \
         --attack heads --seed {} --case {number}{}",
        case.name,
        escaped(&case.bytes),
        stage.kind.name(),
        stage.plan.seed,
        if stage.plan.full { " --full" } else { "" },
    )
}

fn judge(address: SocketAddr, case: &Case) -> Result<(), String> {
    let mut client = Client::connect(address, DEADLINE).map_err(|error| unreached(&error))?;
    match case.delivery {
        Delivery::Whole => _ = client.send(&case.bytes),
        Delivery::Bytes => {
            // The server may end the connection before all of it is there.
            _ = case.bytes.iter().all(|byte| client.send(&[*byte]));
        }
    }
    match case.expected {
        Expected::Status(expected) => match client.status(DEADLINE)? {
            status if status == expected => Ok(()),
            other => Err(format!("{other} instead of {expected}")),
        },
        Expected::Answer => client.status(DEADLINE).map(|_| ()),
        Expected::RefusedAndClosed => refused_and_closed(&client.rest(DEADLINE)?),
        Expected::End => {
            client.finish();
            client.rest(DEADLINE).map(|_| ())
        }
    }
}

fn refused_and_closed(answer: &[u8]) -> Result<(), String> {
    match status_of(answer) {
        Some(400..=499) => {}
        _ => return Err(format!("not refused: {}", escaped(answer))),
    }
    // What comes after the body's end, by one of two readings, must not be taken for a request.
    let more = find(&answer[1..], b"HTTP/1.");
    match more {
        None => Ok(()),
        Some(_) => Err(format!(
            "what followed counted as a request: {}",
            escaped(answer)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_answer_is_one_too_many() {
        let refusal = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        assert_eq!(refused_and_closed(refusal), Ok(()));
        let twice = [&refusal[..], b"HTTP/1.1 200 OK\r\n\r\n"].concat();
        assert!(refused_and_closed(&twice).is_err());
        assert!(refused_and_closed(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(refused_and_closed(b"").is_err());
    }
}
