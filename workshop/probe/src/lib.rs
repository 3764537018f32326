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
//! | `server` | the rules for servers |
//! | `rule` | a rule, and the report of all of them |
//! | `exchange` | what both sides can be asked once a WebSocket is open |
//! | `peer` | one connection |
//! | `head`, `frame` | what is sent and read |
//! | `outcome` | kept or broken, and the line that says it |

mod exchange;
mod frame;
mod head;
mod outcome;
mod peer;
mod rule;
mod server;

use std::time::Duration;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use workshop_terminal::command_line::Exit;
use workshop_terminal::text::say;

pub use self::rule::Terms;
pub use self::server::probe;

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
        .arg(
            Arg::new("only")
                .long("only")
                .value_name("TEXT")
                .help("Only rules that have this text in their words"),
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
    let only = matches.get_one::<String>("only").map_or("", String::as_str);
    let patience = Duration::from_secs(u64::from(*seconds));
    let terms = Terms { patience, only };
    probe(url, matches.get_flag("anywhere"), terms, &mut say)
}
