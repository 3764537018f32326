//! The command line.

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;

use chat::Server;
use chat::hub::id_from_clock;
use launch::Parser;

use crate::bus::Bus;
use crate::memory::MemoryBus;
use crate::node::{Node, Settings};
use crate::redis::RedisBus;
use crate::simulate;

/// The port, unless the command line names one.
const DEFAULT_PORT: u16 = 9016;

/// How many messages the log keeps. If more are said while a server is cut off, its clients get a gap.
const MAX_LOG: u64 = 10_000;

/// The most servers in one process.
const MAX_SERVERS: u16 = 100;

const ABOUT: &str = "\
Several chat servers, one chat. `simulate --help` says what a hundred of them cost.

  cargo run -p scale-out
  cargo run -p scale-out -- --bus redis://127.0.0.1:6379 --listen 127.0.0.1:9016
  cargo run -p scale-out -- --bus redis://127.0.0.1:6379 --listen 127.0.0.1:9017

  --bus URL                  the Redis that joins the servers (without it: the memory of this process)
  --servers NUMBER           servers in this process, on one port after the other (default 2; with --bus 1)";

/// What this step adds to the options of step 10.
struct Options {
    bus: Option<String>,
    servers: Option<u16>,
    rest: Vec<String>,
}

/// Serves the chat until Ctrl-C, or simulates.
pub fn run(arguments: impl IntoIterator<Item = String>) -> ExitCode {
    let mut arguments = arguments.into_iter().peekable();
    if arguments.next_if_eq("simulate").is_some() {
        return simulate::run(arguments);
    }
    match options(arguments).and_then(serve) {
        Ok(code) => code,
        Err(sentence) => {
            _ = writeln!(io::stderr(), "{sentence}");
            ExitCode::from(2)
        }
    }
}

/// Takes the options of this step out of the command line.
fn options(arguments: impl IntoIterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        bus: None,
        servers: None,
        rest: Vec::new(),
    };
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value.to_string())),
            None => (argument.as_str(), None),
        };
        let mut value = || {
            let value = value.clone().or_else(|| arguments.next());
            value.ok_or(format!(
                "`{name}` needs a value. `--help` lists the options."
            ))
        };
        match name {
            "--bus" => options.bus = Some(value()?),
            "--servers" => options.servers = Some(servers(&value()?)?),
            _ => options.rest.push(argument),
        }
    }
    Ok(options)
}

fn servers(text: &str) -> Result<u16, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (1..=MAX_SERVERS).contains(number));
    number.ok_or(format!(
        "`--servers {text}` isn't a number from 1 to {MAX_SERVERS}."
    ))
}

fn serve(options: Options) -> Result<ExitCode, String> {
    let settings = Settings::default();
    let bus = bus(options.bus.as_deref(), &settings)?;
    let servers = options
        .servers
        .unwrap_or(if options.bus.is_some() { 1 } else { 2 });
    let rest = Parser::from_args(options.rest.into_iter().map(OsString::from));
    let (listen, chat) =
        chat::program::options(rest, ABOUT, DEFAULT_PORT, settings.chat.clone(), vec![]);
    let settings = Settings { chat, ..settings };
    Ok(launch::serve(listen, |first| {
        let mut all = Vec::new();
        for number in 1..servers {
            all.push(another(listen, number, &bus, &settings)?);
        }
        let server = Node::serve(first, bus, settings)?;
        if server.app().room().is_away() {
            let sentence =
                "The bus can't be reached. The servers go on trying; pages say so meanwhile.";
            _ = writeln!(io::stderr(), "{sentence}");
        }
        all.push(server);
        Ok(all)
    }))
}

/// Starts one more server in this process.
fn another(
    listen: SocketAddr,
    number: u16,
    bus: &Arc<dyn Bus>,
    settings: &Settings,
) -> io::Result<Server<Node>> {
    let port = match listen.port() {
        0 => 0,
        port => port.saturating_add(number),
    };
    let listener = TcpListener::bind((listen.ip(), port))?;
    let address = listener.local_addr()?;
    let server = Node::serve(listener, Arc::clone(bus), settings.clone())?;
    // If nothing reads this (a closed pipe), the server runs all the same.
    _ = writeln!(
        io::stdout(),
        "one more server of the same chat: http://{address}"
    );
    Ok(server)
}

fn bus(url: Option<&str>, settings: &Settings) -> Result<Arc<dyn Bus>, String> {
    match url {
        Some(url) => match RedisBus::new(url, MAX_LOG, settings.lease) {
            Ok(bus) => Ok(Arc::new(bus)),
            Err(error) => Err(format!("`--bus` names no bus. {error}")),
        },
        None => Ok(Arc::new(MemoryBus::new(
            MAX_LOG as usize,
            id_from_clock(),
            settings.lease,
        ))),
    }
}
