//! The rules of the server's answer: which ones open a WebSocket, and which must not (RFC 6455 §4.1).

use std::thread;
use std::time::{Duration, Instant};

use workshop_wire::deflate::NAME;

use super::compression::offer;
use super::program::Fate;
use super::{Rule, Trial, Visit};
use crate::exchange::{Opens, mebibytes, worst_of};
use crate::frame::CLOSE;
use crate::head::{Head, KEYS};
use crate::outcome::Outcome;
use crate::peer::{self, FloodEnd, TcpEnd};
use crate::rule::Tried;

/// How long the long head is, in bytes.
const LONG_HEAD: u64 = 20_000_000;

/// How long a client has to follow a redirection.
const REDIRECTION: Duration = Duration::from_secs(2);

/// The rules, in the order in which they are tried.
pub const RULES: &[Rule] = &[
    Rule::new("101 in two pieces", "", in_two_pieces),
    Rule::new("101 in one-byte pieces", "", |trial| {
        in_pieces(trial, Duration::from_millis(1))
    }),
    Rule::new("101 that drips, 10 ms a byte", "", |trial| {
        in_pieces(trial, Duration::from_millis(10))
    })
    .slow(),
    Rule::new("a frame in the 101's segment", "§4.1", |trial| {
        let mut visit = trial.visit()?;
        let mut bytes = visit.acceptance().bytes();
        bytes.extend(trial.text(b"Hello"));
        visit.send(&bytes);
        Ok(echoed(&mut visit))
    }),
    Rule::new("names and tokens in any case", "§4.1", |trial| {
        let visit = trial.open_with(|head| {
            let head = head.with("Upgrade", "WebSocket");
            head.with("Connection", "uPGRADE").with_uppercase_names()
        })?;
        Ok(accepted(trial, visit))
    }),
    Rule::new("Connection: keep-alive, Upgrade", "§4.1", |trial| {
        let visit = trial.open_with(|head| head.with("Connection", "keep-alive, Upgrade"))?;
        Ok(accepted(trial, visit))
    }),
    Rule::new("100 and 103 before the 101", "9110 §15", |trial| {
        let mut visit = trial.visit()?;
        visit.send(&Head::new("HTTP/1.1 100 Continue").bytes());
        let hints = Head::new("HTTP/1.1 103 Early Hints").with_extra("Link", "</a>; rel=preload");
        visit.send(&hints.bytes());
        let head = visit.acceptance().bytes();
        visit.send(&head);
        Ok(accepted(trial, visit))
    }),
    Rule::new("a wrong accept key fails", "§4.1", wrong_keys),
    Rule::new("no accept key fails", "§4.1", |trial| {
        refused(trial, |head| head.without("Sec-WebSocket-Accept"))
    }),
    Rule::new("two accept keys, the second wrong", "§11.3.3", |trial| {
        let wrong = KEYS[1].1;
        either(trial, |head| head.with_extra("Sec-WebSocket-Accept", wrong))
    }),
    Rule::new("no Upgrade, or another, fails", "§4.1", |trial| {
        missing_or_other(trial, "Upgrade", "h2c")
    }),
    Rule::new("no Connection, or another, fails", "§4.1", |trial| {
        missing_or_other(trial, "Connection", "keep-alive")
    }),
    Rule::new("HTTP/1.0 101", "9110 §7.8", |trial| {
        either(trial, |head| head.with_line("HTTP/1.1", "HTTP/1.0"))
    }),
    Rule::new("200, 401, 426, 503 don't open it", "§4.1", other_statuses),
    Rule::new("301 elsewhere", "§4.1", redirection),
    Rule::new("SSH's greeting doesn't open it", "§4.1", |trial| {
        not_opened(trial, |head| {
            head.with_line("HTTP/1.1 101 Switching Protocols", "SSH-2.0-OpenSSH_9.9")
        })
    }),
    Rule::new("a subprotocol not asked for fails", "§4.1", |trial| {
        refused(trial, |head| {
            head.with_extra("Sec-WebSocket-Protocol", "probe.unasked")
        })
    }),
    Rule::new("an extension not offered fails", "§4.1", unasked_extension),
    Rule::new("a head of 20 MB", "", long_head).slow(),
    Rule::new("no answer at all", "", no_answer).slow(),
    Rule::new("TCP ends before the answer", "§4.1", |trial| {
        let mut visit = trial.visit()?;
        visit.half_close();
        visit.until_end();
        Ok(noticed(trial, visit))
    }),
];

/// TCP cuts where it likes: in the status line, in a value, in the empty line at the end.
fn in_two_pieces(trial: &Trial) -> Tried {
    let all = [5, 100, 127].map(|at| (format!("cut at {at}"), at));
    worst_of(all.into(), |at| {
        let mut visit = trial.visit()?;
        let head = visit.acceptance().bytes();
        visit.send(&head[..at]);
        // Usually long enough for the client to read the first part alone.
        thread::sleep(Duration::from_millis(20));
        visit.send(&head[at..]);
        Ok(accepted(trial, visit))
    })
}

/// A client may have limits here too: how long it waits, and how small the pieces may be.
fn in_pieces(trial: &Trial, pause: Duration) -> Tried {
    let mut visit = trial.visit()?;
    let head = visit.acceptance().bytes();
    visit.drip(&head, pause);
    visit.send(&trial.text(b"Hello"));
    Ok(match takes_it(&mut visit) {
        Ok(()) => Outcome::kept("a message is echoed"),
        Err(end) => Outcome::chosen(end.in_words()),
    })
}

/// Sends a message, and judges what must come back: the message.
fn accepted(trial: &Trial, mut visit: Visit) -> Outcome {
    visit.send(&trial.text(b"Hello"));
    echoed(&mut visit)
}

fn echoed(visit: &mut Visit) -> Outcome {
    match visit.message() {
        Ok(message) if message == b"Hello" => Outcome::kept("a message is echoed"),
        Ok(_) => Outcome::broken("echoed as something else"),
        Err(did) => Outcome::broken(did),
    }
}

/// Answers with this head and a message in one segment.
fn answer(trial: &Trial, change: impl FnOnce(Head) -> Head) -> Result<Visit, String> {
    let mut visit = trial.visit()?;
    let mut bytes = change(visit.acceptance()).bytes();
    bytes.extend(trial.text(b"Hello"));
    visit.send(&bytes);
    Ok(visit)
}

/// Finds out whether an answer opens a WebSocket, if no rule says.
fn either(trial: &Trial, change: impl FnOnce(Head) -> Head) -> Tried {
    Ok(Outcome::chosen(
        match takes_it(&mut answer(trial, change)?) {
            Ok(()) => "a message is echoed",
            Err(end) => end.in_words(),
        },
    ))
}

/// Judges an answer that must fail the connection.
pub fn refused(trial: &Trial, change: impl FnOnce(Head) -> Head) -> Tried {
    Ok(match takes_it(&mut answer(trial, change)?) {
        Ok(()) => Outcome::broken("a message is echoed"),
        Err(end @ TcpEnd::Open) => Outcome::broken(end.in_words()),
        Err(end) => Outcome::kept(end.in_words()),
    })
}

/// Judges an answer that isn't a WebSocket's: a client may read on, but not as if it were one.
fn not_opened(trial: &Trial, change: impl FnOnce(Head) -> Head) -> Tried {
    let mut visit = answer(trial, change)?;
    visit.half_close();
    Ok(match takes_it(&mut visit) {
        Ok(()) => Outcome::broken("a message is echoed"),
        Err(end) => Outcome::kept(end.in_words()),
    })
}

/// Waits for an echo: it shows that the client takes the WebSocket for open. Returns how TCP ended if none comes.
fn takes_it(visit: &mut Visit) -> Result<(), TcpEnd> {
    while visit.frame()?.opcode() >= CLOSE {}
    Ok(())
}

fn wrong_keys(trial: &Trial) -> Tried {
    type Wrong = fn(&str) -> String;
    let another: Wrong = |_| KEYS[1].1.to_string();
    let lower: Wrong = str::to_lowercase;
    let short: Wrong = |right| right[..20].to_string();
    let all = [
        ("another key's", another),
        ("in lower case", lower),
        ("cut short", short),
    ];
    let all = all.map(|(name, wrong)| (name.to_string(), wrong));
    worst_of(all.into(), |wrong| {
        refused(trial, |head| {
            let wrong = wrong(head.value("Sec-WebSocket-Accept"));
            head.with("Sec-WebSocket-Accept", &wrong)
        })
    })
}

fn unasked_extension(trial: &Trial) -> Tried {
    let mut all = vec!["x-probe"];
    let seen = trial
        .session
        .seen
        .borrow()
        .last()
        .map(|seen| offer(&seen.request));
    if seen == Some(None) {
        all.push(NAME);
    }
    let all = all.into_iter().map(|name| (name.to_string(), name));
    worst_of(all.collect(), |name| {
        refused(trial, |head| {
            head.with_extra("Sec-WebSocket-Extensions", name)
        })
    })
}

fn missing_or_other(trial: &Trial, name: &str, other: &str) -> Tried {
    let all = [("none", None), (other, Some(other))];
    let all = all.map(|(what, value)| (what.to_string(), value));
    worst_of(all.into(), |value| {
        refused(trial, |head| match value {
            None => head.without(name),
            Some(value) => head.with(name, value),
        })
    })
}

/// Everything else is as in a 101; the body is a frame.
fn other_statuses(trial: &Trial) -> Tried {
    let all = [
        "200 OK",
        "401 Unauthorized",
        "426 Upgrade Required",
        "503 Service Unavailable",
    ];
    let all = all.map(|status| (status[..3].to_string(), status));
    worst_of(all.into(), |status| {
        not_opened(trial, |head| {
            let head = head.with_line("101 Switching Protocols", status);
            head.with_extra("Content-Length", "7")
        })
    })
}

fn redirection(trial: &Trial) -> Tried {
    let mut visit = trial.visit()?;
    let session = &trial.session;
    let elsewhere = format!("ws://{}{}", session.address, session.next_resource());
    let head = Head::new("HTTP/1.1 301 Moved Permanently")
        .with_extra("Location", &elsewhere)
        .with_extra("Content-Length", "0")
        .with_extra("Connection", "close");
    visit.send(&head.bytes());
    visit.half_close();
    Ok(Outcome::chosen(
        match session.arrival_within(&mut *visit.call, REDIRECTION) {
            Ok(_) => "follows it",
            Err(_) => "doesn't follow it",
        },
    ))
}

fn long_head(trial: &Trial) -> Tried {
    let mut visit = trial.visit()?;
    let mut head = visit.acceptance().bytes();
    head.truncate(head.len() - 2);
    head.extend(b"X-Filler: ");
    let flood = visit.flood(&head, &[b'x'; 64 << 10], LONG_HEAD, Some(peer::has_head));
    if flood.end == FloodEnd::AllSent {
        visit.send(b"\r\n\r\n");
        visit.send(&trial.text(b"Hello"));
    }
    let did = match takes_it(&mut visit) {
        Ok(()) => "a message is echoed",
        Err(end) => end.in_words(),
    };
    Ok(Outcome::chosen(match flood.end {
        FloodEnd::AllSent => format!("{did} after all of it"),
        _ => format!("{did} after {}", mebibytes(flood.sent)),
    }))
}

fn no_answer(trial: &Trial) -> Tried {
    let mut visit = trial.visit()?;
    let begun = Instant::now();
    let end = visit.until_end();
    let seconds = begun.elapsed().as_secs();
    Ok(Outcome::chosen(match end {
        TcpEnd::Open => format!("still waits after {seconds} s"),
        end => format!("{} after {seconds} s", end.in_words()),
    }))
}

/// Judges what the wire doesn't show: whether the program says that something went wrong.
pub fn noticed(trial: &Trial, mut visit: Visit) -> Outcome {
    match visit.fate(trial.patience) {
        Fate::Unknown => Outcome::chosen("by hand, no exit code is seen"),
        Fate::Ended(0) => Outcome::broken("exit code 0, as if all were well"),
        fate @ Fate::Ended(_) => Outcome::kept(fate.to_string()),
        fate => Outcome::broken(fate.to_string()),
    }
}
