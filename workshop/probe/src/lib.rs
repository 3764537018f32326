//! `cargo workshop probe`: asks a server, or a client, over real sockets, whether it keeps the rules.
//!
//! ```text
//!   server::Target ──▶ Trial ──▶ Peer ──▶ the server
//!     a URL           one rule,  one connection,
//!                     one deadline   bounded
//!                        │
//!                        ▼
//!                     Outcome ──▶ one line
//!                        ▲
//!                        │
//!   client::Session ─▶ Trial ──▶ Peer ◀── the client
//!     where it listens              its program is started again for each connection
//! ```
//!
//! It uses none of the steps: its frames and heads are its own, so that it can write wrong ones, and so that it
//! doesn't share a mistake with a step. What Autobahn asks a server is mostly left to Autobahn, whose cases are frames
//! that are valid by themselves.
//!
//! | module | what it is for |
//! |---|---|
//! | `server` | the rules for servers: the probe connects |
//! | `client` | the rules for clients: the probe listens |
//! | `rule` | a rule, and the report of all of them |
//! | `exchange` | what both sides can be asked once a WebSocket is open |
//! | `compression` | … and where permessage-deflate was agreed on |
//! | `peer` | one connection |
//! | `head`, `frame` | what is sent and read |
//! | `outcome` | kept or broken, and the line that says it |

mod client;
mod compression;
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

pub use self::client::listen;
pub use self::rule::Terms;
pub use self::server::probe;

/// The command line.
pub fn command() -> Command {
    Command::new("probe")
        .bin_name("cargo workshop probe")
        .about("Check any WebSocket echo server or client against RFC 6455")
        .override_usage("cargo workshop probe <URL | --listen ADDRESS [-- COMMAND...]>")
        .arg(
            Arg::new("url")
                .value_name("URL")
                .required_unless_present("listen")
                .conflicts_with("listen")
                .help("The server's address, like ws://127.0.0.1:9009/socket"),
        )
        .arg(
            Arg::new("listen")
                .long("listen")
                .value_name("ADDRESS")
                .help("Be a bad server here, like 127.0.0.1:0, for a client"),
        )
        .arg(
            Arg::new("command")
                .value_name("COMMAND")
                .last(true)
                .num_args(1..)
                .requires("listen")
                .help("The client; the URL is its last argument, or takes the place of {url}"),
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
                .help("Also on other machines; only what is your own, please"),
        )
        .arg(
            Arg::new("only")
                .long("only")
                .value_name("TEXT")
                .help("Only rules with this text in their words or title, like compression"),
        )
        .after_help(
            "The client is an echo client: it connects, sends each message back, and when the\n\
             connection has ended, ends with exit code 0 after a clean Close, and with another\n\
             after anything else. Its output isn't read. Without COMMAND, you start it: the\n\
             probe prints each rule and the URL to connect to.\n\n\
             Exit codes: 0 no MUST is broken, 1 one is, 2 there is nothing to probe.\n\n\
             Examples:\n  cargo workshop probe ws://127.0.0.1:9009/socket\n  \
             cargo workshop probe --listen 127.0.0.1:0 -- node client.mjs",
        )
}

/// Does what the command line says.
///
/// # Errors
/// Returns the same errors as [`probe`] and [`listen`].
pub fn run(matches: &ArgMatches) -> Result<Exit> {
    let text = |name| matches.get_one::<String>(name).map(String::as_str);
    let seconds = matches
        .get_one::<u16>("deadline")
        .expect("it has a default");
    let terms = Terms {
        patience: Duration::from_secs(u64::from(*seconds)),
        only: text("only").unwrap_or_default(),
    };
    let anywhere = matches.get_flag("anywhere");
    let Some(address) = text("listen") else {
        let url = text("url").expect("it is required");
        return probe(url, anywhere, terms, &mut say);
    };
    let command = matches.get_many::<String>("command");
    let command = command.map(|words| words.cloned().collect());
    listen(
        address,
        anywhere,
        command.unwrap_or_default(),
        terms,
        &mut say,
    )
}
