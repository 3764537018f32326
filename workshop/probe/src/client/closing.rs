//! The rules of the closing handshake (RFC 6455 §5.5.1, §7), when the server begins it, and of ends without one.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::answer::noticed;
use super::{Rule, Trial, Visit};
use crate::exchange::{self, Opens, answered, closed};
use crate::frame::{CLOSE, FIN, TEXT};
use crate::outcome::Outcome;
use crate::peer::TcpEnd;
use crate::rule::Tried;

/// How long a server may take to end TCP, at least.
const A_MOMENT: Duration = Duration::from_secs(1);

/// The rules, in the order in which they are tried.
pub const RULES: &[Rule] = &[
    Rule::new(
        "Close, then Close, then FIN",
        "§5.5.1",
        exchange::usual_close,
    ),
    Rule::new(
        "an empty Close is answered",
        "§5.5.1",
        exchange::empty_close,
    ),
    Rule::new(
        "Close 4999 is answered",
        "§7.4.2",
        exchange::close_of_an_application,
    ),
    Rule::new("it lets the server end TCP first", "§7.1.1", waits).slow(),
    Rule::new("Close, and TCP is left open", "§7.1.1", left_open).slow(),
    Rule::new(
        "nothing is echoed after a Close",
        "§5.5.1",
        data_after_close,
    ),
    Rule::new("1005, 1006, 1015, 999 fail", "§7.4.1", |trial| {
        exchange::forbidden_codes(trial, &[1005, 1006, 1015, 999])
    }),
    Rule::new("a Close of one byte", "§5.5.1", exchange::close_of_one_byte),
    Rule::new(
        "a reason that isn't UTF-8 fails",
        "§8.1",
        exchange::bad_reason,
    ),
    Rule::new("TCP ends without a Close", "§7.1.5", |trial| {
        let mut visit = trial.open()?;
        visit.half_close();
        visit.until_end();
        Ok(noticed(trial, visit))
    }),
    Rule::new("TCP ends inside a frame", "§7.1.5", |trial| {
        let mut visit = trial.open()?;
        let frame = trial.text(b"Hello");
        visit.send(&frame[..frame.len() - 1]);
        visit.half_close();
        let ending = visit.ending(false);
        Ok(if ending.messages.is_empty() {
            noticed(trial, visit)
        } else {
            Outcome::broken("echoes what has come of it")
        })
    }),
    Rule::new("TCP ends inside a message", "§7.1.5", |trial| {
        let mut visit = trial.open()?;
        visit.send(&trial.frame(TEXT, b"Hel"));
        visit.half_close();
        let ending = visit.ending(false);
        Ok(if ending.messages.is_empty() {
            noticed(trial, visit)
        } else {
            Outcome::broken("echoes what has come of it")
        })
    }),
];

/// Begins the closing handshake, and returns the connection once the client has answered.
fn closing(trial: &Trial) -> Result<Visit, String> {
    let mut visit = trial.open()?;
    visit.send(&trial.close(1000, b""));
    loop {
        match visit.frame() {
            Ok(frame) if frame.opcode() == CLOSE => return Ok(visit),
            Ok(_) => {}
            Err(end) => return Err(format!("{}, no Close", end.in_words())),
        }
    }
}

fn waits(trial: &Trial) -> Tried {
    let mut visit = closing(trial)?;
    Ok(match visit.until_end_within(A_MOMENT) {
        TcpEnd::Open => Outcome::kept("waits for a second, at least"),
        end => Outcome::not_followed(format!("{} at once", end.in_words())),
    })
}

fn left_open(trial: &Trial) -> Tried {
    // A client's own deadline is likely to be a round number of seconds: ours is a different one.
    let mut visit = closing(&Trial {
        session: Rc::clone(&trial.session),
        words: trial.words,
        patience: trial.patience * 5 / 4,
    })?;
    let begun = Instant::now();
    let end = visit.until_end();
    let seconds = begun.elapsed().as_secs();
    Ok(Outcome::chosen(match end {
        TcpEnd::Open => format!("still waits after {seconds} s"),
        end => format!("{} after {seconds} s", end.in_words()),
    }))
}

fn data_after_close(trial: &Trial) -> Tried {
    let mut bytes = trial.frame(FIN | CLOSE, &1000_u16.to_be_bytes());
    bytes.extend(trial.text(b"late"));
    let ending = closed(trial, &bytes, false)?;
    Ok(if ending.data_after_close {
        Outcome::broken("echoes what came after it")
    } else if ending.messages.is_empty() {
        answered(&ending, Some(1000))
    } else {
        Outcome::chosen("echoes it before its own Close")
    })
}
