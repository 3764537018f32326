//! How a client treats streams: cut anywhere, in tiny pieces, without end, and never read.

use super::{Rule, Trial};
use crate::exchange::{self, Opens, mebibytes};
use crate::frame::{BINARY, CONTINUATION};
use crate::outcome::Outcome;
use crate::peer::{FloodEnd, has_frame};
use crate::rule::Tried;

/// How long the message without end is, in bytes.
const ENDLESS: u64 = 128 << 20;

/// How much of it is in one fragment.
const FRAGMENT: usize = 64 << 10;

/// The rules, in the order in which they are tried.
pub const RULES: &[Rule] = &[
    Rule::new("a stream cut at every byte", "§5.2", exchange::cut).slow(),
    Rule::new("100,000 one-byte fragments", "§5.4", exchange::fragments).slow(),
    Rule::new("fragments without end", "§10.4", endless).slow(),
    Rule::new("pings, and nobody reads", "", exchange::unread_pongs).slow(),
    Rule::new(
        "1 KiB messages, and nobody reads",
        "",
        exchange::unread_echoes,
    )
    .slow(),
];

/// Finds out how long a message may become. What the client keeps of it costs memory.
fn endless(trial: &Trial) -> Tried {
    let mut visit = trial.open()?;
    let first = trial.frame(BINARY, b"");
    let filler = trial.frame(CONTINUATION, &[b'x'; FRAGMENT]);
    let flood = visit.flood(&first, &filler, ENDLESS, Some(has_frame));
    let sent = mebibytes(flood.sent);
    Ok(Outcome::chosen(match flood.end {
        FloodEnd::AllSent => format!("takes all {sent}"),
        FloodEnd::Stalled => format!("reads no more after {sent}"),
        FloodEnd::Ended => format!("{} after {sent}", visit.ending(true).in_words()),
    }))
}
