//! How a server treats streams: cut anywhere, in tiny pieces, half-closed, and never read.

use super::{Rule, Trial};
use crate::exchange::{self, Opens};
use crate::outcome::Outcome;
use crate::peer::TcpEnd;
use crate::rule::Tried;

/// The rules, in the order in which they are tried.
pub const RULES: &[Rule] = &[
    Rule::new("a stream cut at every byte", "§5.2", exchange::cut).slow(),
    Rule::new("100,000 one-byte fragments", "§5.4", exchange::fragments).slow(),
    Rule::new("a peer that has half-closed", "", half_closed),
    Rule::new("pings, and nobody reads", "", exchange::unread_pongs).slow(),
    Rule::new(
        "1 KiB messages, and nobody reads",
        "",
        exchange::unread_echoes,
    )
    .slow(),
];

fn half_closed(trial: &Trial) -> Tried {
    let mut peer = trial.open()?;
    peer.send(&trial.text(b"half"));
    peer.half_close();
    let ending = peer.ending(false);
    let echo = if ending.messages.is_empty() {
        "no echo"
    } else {
        "echo"
    };
    let end = match (ending.end, ending.close.is_some()) {
        (TcpEnd::Open, false) => "stays open".to_string(),
        _ => ending.in_words(),
    };
    Ok(Outcome::chosen(format!("{echo}, {end}")))
}
