//! `cargo workshop probe`: asks a server, over real sockets, whether it keeps the rules.
//!
//! ```text
//!   Target ──▶ Trial ──▶ Peer ──▶ the server
//!     URL     one rule,  one connection,
//!             one deadline   bounded
//!                │
//!                ▼
//!             Outcome ──▶ one line
//! ```
//!
//! It uses none of the steps: its frames and heads are its own, so that it can write wrong ones, and so that it
//! doesn't share a mistake with a step. What Autobahn tests is mostly left to Autobahn, whose cases are frames that
//! are valid by themselves.
//!
//! | module | what it is for |
//! |---|---|
//! | `target` | which server: the URL and its addresses |
//! | `peer` | one connection to it |
//! | `head`, `frame` | what is sent and read |
//! | `opening`, `framing`, `streams`, `closing` | the rules |
//! | `outcome` | kept or broken, and the line that says it |

mod closing;
mod frame;
mod framing;
mod head;
mod opening;
mod outcome;
mod peer;
mod streams;
mod target;
#[cfg(test)]
mod tests;

use anyhow::{Result, anyhow};

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use workshop_terminal::command_line::Exit;
use workshop_terminal::text::{say, wrap};
use workshop_wire::reach;

use self::head::{Head, Response};
use self::outcome::{Mark, Outcome, line};
use self::peer::Peer;
pub use self::target::Target;

/// How many times the usual deadline a slow rule has.
const SLOW: u32 = 4;

/// How a rule came out, or in words, what the server did before the rule could be tried.
type Tried = Result<Outcome, String>;

/// A rule, and how to try it.
struct Rule {
    words: &'static str,
    section: &'static str,
    is_slow: bool,
    ask: fn(&Trial) -> Tried,
}

impl Rule {
    const fn new(words: &'static str, section: &'static str, ask: fn(&Trial) -> Tried) -> Self {
        Self {
            words,
            section,
            is_slow: false,
            ask,
        }
    }

    const fn slow(mut self) -> Self {
        self.is_slow = true;
        self
    }

    /// Tries it. Whatever the server does, this ends soon after the deadline.
    fn outcome(&self, target: &Target, patience: Duration) -> Outcome {
        let factor = if self.is_slow { SLOW } else { 1 };
        let trial = Trial {
            target,
            deadline: Instant::now() + patience * factor,
        };
        (self.ask)(&trial).unwrap_or_else(Outcome::broken)
    }
}

const GROUPS: [(&str, &[Rule]); 4] = [
    ("Opening handshake", opening::RULES),
    ("Frames and text", framing::RULES),
    ("Streams", streams::RULES),
    ("Closing handshake", closing::RULES),
];

/// One try of a rule.
struct Trial<'a> {
    target: &'a Target,
    deadline: Instant,
}

impl Trial<'_> {
    fn target(&self) -> &Target {
        self.target
    }

    /// A valid handshake.
    fn handshake(&self) -> Head {
        Head::handshake(self.target, 0)
    }

    fn connect(&self) -> Result<Peer, String> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let stream = reach::connect(&self.target.addresses, left)
            .map_err(|unreached| format!("takes no connection: {unreached}"))?;
        Peer::new(stream, self.deadline).map_err(|error| format!("takes no connection: {error}"))
    }

    fn ask(&self, head: &Head) -> Result<Response, String> {
        let mut peer = self.connect()?;
        peer.send(&head.bytes());
        peer.response()
    }

    /// Opens a WebSocket.
    fn open(&self) -> Result<Peer, String> {
        let mut peer = self.connect()?;
        peer.send(&self.handshake().bytes());
        match peer.response()?.status {
            101 => Ok(peer),
            status => Err(format!("the handshake before it: {status}")),
        }
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

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// The command line.
pub fn command() -> Command {
    Command::new("probe")
        .bin_name("cargo workshop probe")
        .about("Whether a WebSocket echo server, yours or any, keeps the rules of RFC 6455")
        .arg(
            Arg::new("url")
                .value_name("URL")
                .required(true)
                .help("The server's address, like ws://127.0.0.1:9009/socket"),
        )
        .arg(
            Arg::new("deadline")
                .long("deadline")
                .value_name("SECONDS")
                .value_parser(value_parser!(u16).range(1..=60))
                .default_value("5")
                .help("The longest wait for a rule; a few get four times as long"),
        )
        .arg(
            Arg::new("anywhere")
                .long("anywhere")
                .action(ArgAction::SetTrue)
                .help("Also a server that isn't on this machine; only one of your own, please"),
        )
        .after_help(
            "Exit codes: 0 no MUST is broken, 1 one is, 2 there is nothing to probe.\n\n\
             Example:\n  cargo workshop probe ws://127.0.0.1:9009/socket",
        )
}

/// Does what the command line says.
///
/// # Errors
/// Returns the same errors as [`probe`].
pub fn run(matches: &ArgMatches) -> Result<Exit> {
    let url = matches.get_one::<String>("url").expect("it is required");
    let seconds = matches
        .get_one::<u16>("deadline")
        .expect("it has a default");
    let patience = Duration::from_secs(u64::from(*seconds));
    probe(url, matches.get_flag("anywhere"), patience, &mut say)
}

/// Probes the server at this URL, and gives `say` a line for each rule. A rule may take as long as `patience`, a slow
/// one four times as long.
///
/// # Errors
/// Returns an error if the URL can't be probed, or isn't an echo server's.
pub fn probe(
    url: &str,
    anywhere: bool,
    patience: Duration,
    say: &mut dyn FnMut(&str),
) -> Result<Exit> {
    let mut target = Target::find(url, anywhere)?;
    let answers = greet(&target, patience)
        .map_err(|did| anyhow!("There is no WebSocket echo server at {url} to probe: {did}."))?;
    // All rules are tried on one server; and an address that doesn't answer is waited for only once.
    target.addresses = vec![answers];
    let begun = Instant::now();
    let mut marks = Vec::new();
    say(&format!("{url}, at most {} s a rule", patience.as_secs()));
    say("✓ kept  ✗ a MUST is broken  ! a SHOULD isn't followed  · the server's choice");
    for (title, rules) in GROUPS {
        say("");
        say(title);
        for rule in rules {
            let outcome = rule.outcome(&target, patience);
            say(&line(rule.words, &outcome, rule.section));
            marks.push(outcome.mark);
        }
    }
    say("");
    say(&summary(&marks, begun.elapsed()));
    Ok(if marks.contains(&Mark::Broken) {
        Exit::Red
    } else {
        Exit::Success
    })
}

/// Returns the address at which the server echoes.
fn greet(target: &Target, patience: Duration) -> Result<SocketAddr, String> {
    let deadline = Instant::now() + patience;
    let mut peer = Trial { target, deadline }.open()?;
    peer.send(&frame::text(b"Hello"));
    if peer.message()? == b"Hello" {
        peer.address().map_err(|error| error.to_string())
    } else {
        Err("it answers `Hello` with something else".to_string())
    }
}

fn summary(marks: &[Mark], took: Duration) -> String {
    let count = |mark| marks.iter().filter(|found| **found == mark).count();
    let text = format!(
        "{} rules: {} kept, {} broken, {} not followed, {} the server's choice; {} s.",
        marks.len(),
        count(Mark::Kept),
        count(Mark::Broken),
        count(Mark::NotFollowed),
        count(Mark::Chosen),
        took.as_secs(),
    );
    wrap(&text, 80, 0)
}
