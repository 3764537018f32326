//! The rules of the closing handshake (RFC 6455 §5.5.1, §7).

use super::Rule;
use crate::exchange::{self, Opens, answered, closed};

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
    Rule::new("Close and FIN at once: answered", "§5.5.1", |trial| {
        let ending = closed(trial, &trial.close(1000, b""), true)?;
        Ok(answered(&ending, Some(1000)))
    }),
    Rule::new(
        "Close 4999 is answered",
        "§7.4.2",
        exchange::close_of_an_application,
    ),
    Rule::new("1005, 1006, 1015 aren't sent back", "§7.4.1", |trial| {
        exchange::forbidden_codes(trial, &[1005, 1006, 1015])
    }),
    Rule::new("a Close of one byte", "§5.5.1", exchange::close_of_one_byte),
    Rule::new(
        "a reason that isn't UTF-8 fails",
        "§8.1",
        exchange::bad_reason,
    ),
];
