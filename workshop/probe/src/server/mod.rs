//! Whether a server keeps the rules: the probe plays a client, a good one or a bad one.
//!
//! | module | what it is for |
//! |---|---|
//! | `target` | which server: the URL and its addresses |
//! | `opening`, `framing`, `streams`, `closing`, `compression` | the rules |

mod closing;
mod compression;
mod framing;
mod opening;
mod streams;
mod target;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use workshop_terminal::command_line::Exit;
use workshop_wire::reach;
use workshop_wire::side::Side;

use self::target::Target;
use crate::exchange::Opens;
use crate::head::{Head, Response};
use crate::outcome::Outcome;
use crate::peer::Peer;
use crate::rule::{self, Group, Terms, Tried, report};

/// A rule for servers.
type Rule = rule::Rule<Trial>;

const GROUPS: [Group<Trial>; 5] = [
    ("Opening handshake", opening::RULES),
    ("Frames and text", framing::RULES),
    ("Streams", streams::RULES),
    ("Closing handshake", closing::RULES),
    ("Compression", compression::RULES),
];

/// One try of a rule.
struct Trial {
    target: Target,
    deadline: Instant,
}

impl Trial {
    fn new(target: &Target, patience: Duration) -> Self {
        Self {
            target: target.clone(),
            deadline: Instant::now() + patience,
        }
    }

    /// A valid handshake.
    fn handshake(&self) -> Head {
        self.handshake_with(0)
    }

    /// A valid handshake with the key of this number.
    fn handshake_with(&self, key: usize) -> Head {
        Head::handshake(&self.target.host, &self.target.resource, key)
    }

    fn connect(&self) -> Result<Peer, String> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let stream = reach::connect(&self.target.addresses, left)
            .map_err(|unreached| format!("takes no connection: {unreached}"))?;
        Peer::new(stream, Side::Client, self.deadline)
            .map_err(|error| format!("takes no connection: {error}"))
    }

    fn ask(&self, head: &Head) -> Result<Response, String> {
        let mut peer = self.connect()?;
        peer.send(&head.bytes());
        peer.response()
    }

    /// Judges a handshake that must be accepted.
    fn accepted(&self, head: &Head) -> Tried {
        Ok(match self.ask(head)?.status {
            101 => Outcome::kept("101"),
            status => Outcome::broken(status.to_string()),
        })
    }

    /// Judges a handshake that must be refused with an HTTP error (§4.2.1).
    fn refused(&self, head: &Head) -> Tried {
        Ok(match self.ask(head)?.status {
            status @ 400..=599 => Outcome::kept(status.to_string()),
            status => Outcome::broken(status.to_string()),
        })
    }
}

impl Opens for Trial {
    const OWN: Side = Side::Client;

    type Open = Box<Peer>;

    fn open(&self) -> Result<Box<Peer>, String> {
        let mut peer = self.connect()?;
        peer.send(&self.handshake().bytes());
        match peer.response()?.status {
            101 => Ok(Box::new(peer)),
            status => Err(format!("the handshake before it: {status}")),
        }
    }
}

/// Probes the server at this URL, and gives `say` a line for each rule.
///
/// # Errors
/// Returns an error if the URL can't be probed, or isn't an echo server's.
pub fn probe(url: &str, anywhere: bool, terms: Terms, say: &mut dyn FnMut(&str)) -> Result<Exit> {
    terms.check(&GROUPS)?;
    let mut target = Target::find(url, anywhere)?;
    let answers = greet(&target, terms.patience)
        .map_err(|did| anyhow!("There is no WebSocket echo server at {url} to probe: {did}."))?;
    // All rules are tried on one server; and an address that doesn't answer is waited for only once.
    target.addresses = vec![answers];
    say(&format!(
        "{url}, at most {} s a rule",
        terms.patience.as_secs()
    ));
    let try_it = |rule: &Rule| outcome(rule, &target, terms.patience);
    Ok(report(&GROUPS, Side::Server, terms, try_it, say))
}

/// Tries a rule. Whatever the server does, this ends soon after the deadline.
fn outcome(rule: &Rule, target: &Target, patience: Duration) -> Outcome {
    rule.outcome(&Trial::new(target, rule.patience(patience)))
}

/// Returns the address at which the server echoes.
fn greet(target: &Target, patience: Duration) -> Result<SocketAddr, String> {
    let trial = Trial::new(target, patience);
    let mut peer = trial.open()?;
    peer.send(&trial.text(b"Hello"));
    if peer.message()? == b"Hello" {
        peer.address().map_err(|error| error.to_string())
    } else {
        Err("it answers `Hello` with something else".to_string())
    }
}
