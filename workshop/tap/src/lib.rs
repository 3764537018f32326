//! `cargo workshop tap`: a proxy that shows what goes over a wire, in both directions.
//!
//! ```text
//!   client ──▶ relay ──▶ server      every byte as it came
//!                │
//!                ▼ records            record: what happened, and when
//!           Conversation              conversation: heads, frames, the end
//!                ▼ entries
//!             Layout ──▶ lines        show: in columns
//! ```
//!
//! A transcript keeps the records. So the same code shows a transcript and a live conversation, and a better tap
//! shows more of an old transcript.
//!
//! | module | what it is for |
//! |---|---|
//! | [`relay`] | the proxy: passes bytes on, and reports them |
//! | [`record`] | what happened, and the transcript that keeps it |
//! | `conversation` | one connection: heads, bodies, frames |
//! | `http`, `frames` | read the bytes of one direction |
//! | `entry` | what there is to show |
//! | `show` | lays that out |

mod conversation;
mod entry;
mod frames;
mod http;
pub mod record;
pub mod relay;
mod show;
#[cfg(test)]
mod tests;

use anyhow::{Context, Result, anyhow};

use std::collections::BTreeMap;
use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, ErrorKind, IsTerminal, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use crossterm::terminal;
use workshop_terminal::command_line::Exit;
use workshop_terminal::signals;
use workshop_terminal::text::{cut, sanitize, say};
use workshop_wire::reach;

use self::conversation::Conversation;
use self::frames::Detail;
use self::record::Record;
pub use self::show::Layout;

/// The most records that may wait to be shown. If there are more, the connections wait.
const MAX_WAITING: usize = 256;
/// The most columns of a terminal that are used.
const MAX_WIDTH: usize = 160;

/// A message to the viewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Something has happened.
    Record(Record),
    /// The tap is to end.
    Stop,
}

/// The command line.
pub fn command() -> Command {
    Command::new("tap")
        .bin_name("cargo workshop tap")
        .about("Show what goes over a wire, both ways, as decoded frames")
        .arg(
            Arg::new("to")
                .long("to")
                .value_name("ADDRESS")
                .required_unless_present("read")
                .help("The server: host and port, or its ws:// or http:// address"),
        )
        .arg(
            Arg::new("listen")
                .long("listen")
                .value_name("ADDRESS")
                .default_value("127.0.0.1:9100")
                .help("Where to be connected to instead; port 0 takes any free one"),
        )
        .arg(
            Arg::new("save")
                .long("save")
                .value_name("FILE")
                .help("Keep everything in a new file, every byte in hexadecimal"),
        )
        .arg(
            Arg::new("save-limit")
                .long("save-limit")
                .value_name("MIB")
                .value_parser(value_parser!(u64).range(1..=1 << 20))
                .default_value("16")
                .requires("save")
                .help("How many MiB --save may write; then it stops, and the tap goes on"),
        )
        .arg(
            Arg::new("read")
                .long("read")
                .value_name("FILE")
                .conflicts_with_all(["to", "save"])
                .help("Show what --save has kept"),
        )
        .arg(
            Arg::new("bits")
                .long("bits")
                .action(ArgAction::SetTrue)
                .help("Draw each frame, bit by bit, too"),
        )
        .arg(
            Arg::new("all")
                .long("all")
                .action(ArgAction::SetTrue)
                .help("Show every frame, however many come (default: 100 a second, then a count)"),
        )
        .after_help(
            "It changes nothing: what comes in goes out, to the byte. Ctrl-C ends it. What --save keeps is\n\
             everything, cookies and passwords included, in about three bytes for each; --save-limit stops it.\n\n\
             Examples:\n  cargo workshop tap --to 127.0.0.1:9009\n  \
             cargo workshop tap --listen 127.0.0.1:9100 --to 127.0.0.1:9009 --save visit.tap\n  \
             cargo workshop tap --read visit.tap --bits",
        )
}

/// Does what the command line says. Returns when it is stopped, or at the end of the file.
///
/// # Errors
/// Returns an error if an address or a file can't be used.
pub fn run(matches: &ArgMatches) -> Result<Exit> {
    let text = |name| matches.get_one::<String>(name);
    let mut viewer = Viewer::new(Layout::of_terminal(), matches.get_flag("bits"));
    viewer.detail.is_complete = matches.get_flag("all");
    if let Some(file) = text("read") {
        show_file(file, viewer, &mut say)?;
        return Ok(Exit::Success);
    }
    let to = text("to").expect("it is required");
    let addresses = addresses(to)?;
    let listen = text("listen").expect("it has a default");
    let listener = bind(listen)?;
    let own = listener.local_addr().with_context(|| listen.clone())?;
    let title = format!("ws://{own} to {}", cut(&sanitize(to), 60));
    let limit = matches
        .get_one::<u64>("save-limit")
        .expect("it has a default");
    let file = text("save")
        .map(|name| Transcript::create(name, &title, limit << 20))
        .transpose()?;

    let (sender, receiver) = mpsc::sync_channel(MAX_WAITING);
    let stop = sender.clone();
    signals::on_ctrl_c(move || _ = stop.send(Message::Stop));
    thread::Builder::new()
        .spawn(move || relay::relay(&listener, &addresses, &sender))
        .context("No thread can be started")?;
    say(&format!(
        "listening on ws://{own} (and http://{own}), passing on to {}; Ctrl-C ends it",
        cut(&sanitize(to), 60)
    ));
    watch(&receiver, viewer, file, &mut say);
    Ok(Exit::Success)
}

/// Shows records until it is stopped.
pub fn watch(
    receiver: &Receiver<Message>,
    mut viewer: Viewer,
    mut file: Option<Transcript>,
    say: &mut dyn FnMut(&str),
) {
    let mut last = file.as_ref().map(Transcript::farewell);
    for message in receiver {
        let Message::Record(record) = message else {
            break;
        };
        let lines = viewer.lines(&record);
        show(&lines, say);
        let kept = file.as_mut().map(|file| file.keep(&record, &lines));
        if let (Some(Err(error)), Some(kept)) = (kept, &file) {
            say(&format!("✗ {} {error}", kept.name));
            last = Some(kept.farewell());
            file = None;
        }
    }
    say(&last.unwrap_or_default());
}

/// Writes all lines at once, because that is faster in a terminal.
fn show(lines: &[String], say: &mut dyn FnMut(&str)) {
    if !lines.is_empty() {
        say(&lines.join("\n"));
    }
}

/// Shows a transcript.
///
/// # Errors
/// Returns an error if the file can't be read, or isn't a transcript.
pub fn show_file(name: &str, mut viewer: Viewer, say: &mut dyn FnMut(&str)) -> Result<()> {
    let file = File::open(name).with_context(|| format!("{name} can't be read"))?;
    record::read(name, BufReader::new(file), |record| {
        show(&viewer.lines(&record), say);
    })
}

/// Turns records into lines.
#[derive(Debug)]
pub struct Viewer {
    layout: Layout,
    detail: Detail,
    open: BTreeMap<u64, Conversation>,
}

impl Viewer {
    /// Draws frames as bits if `is_drawn`.
    pub fn new(layout: Layout, is_drawn: bool) -> Self {
        Self {
            layout,
            detail: Detail {
                is_drawn,
                is_complete: false,
            },
            open: BTreeMap::new(),
        }
    }

    /// The lines for this record.
    pub fn lines(&mut self, record: &Record) -> Vec<String> {
        let begin = || Conversation::new(record.at, self.detail);
        let conversation = self.open.entry(record.connection).or_insert_with(begin);
        let entries = conversation.take(record.at, &record.event);
        if conversation.is_over() {
            self.open.remove(&record.connection);
        }
        let lines = |entry| self.layout.lines(record.at, record.connection, entry);
        entries.iter().flat_map(lines).collect()
    }
}

impl Layout {
    /// The layout for this terminal. Without a terminal, it is plain and 80 columns wide.
    fn of_terminal() -> Self {
        if !io::stdout().is_terminal() {
            return Self::default();
        }
        let (columns, _) = terminal::size().unwrap_or((80, 24));
        Self {
            width: usize::from(columns).clamp(40, MAX_WIDTH),
            has_colours: env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }
}

/// A file that keeps records.
#[derive(Debug)]
pub struct Transcript {
    name: String,
    file: BufWriter<File>,
    /// The most bytes that may be written.
    limit: u64,
    written: u64,
}

impl Transcript {
    /// Creates a new file, which gets about `limit` bytes at most.
    ///
    /// # Errors
    /// Returns an error if the file exists already, or can't be created.
    pub fn create(name: &str, title: &str, limit: u64) -> Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).open(name);
        let file = file.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => {
                anyhow!("{name} is there already; choose another name.")
            }
            _ => anyhow!("{name} can't be written: {error}"),
        })?;
        let mut kept = Self {
            name: name.to_string(),
            file: BufWriter::new(file),
            limit,
            written: 0,
        };
        let begun = record::begin(&mut kept.file, title).and_then(|()| kept.file.flush());
        begun.with_context(|| format!("{name} can't be written"))?;
        Ok(kept)
    }

    /// Writes a record, and the lines that were shown for it as comments. Both are in the file when this returns.
    fn keep(&mut self, record: &Record, lines: &[String]) -> Result<(), String> {
        let mut text = format!("{record}\n");
        for line in lines.iter().flat_map(|line| line.lines()) {
            text.push_str("# ");
            text.push_str(line);
            text.push('\n');
        }
        self.written += text.len() as u64;
        let is_full = self.written > self.limit;
        if is_full {
            text = "# The limit is reached: what followed is not in this file.\n".to_string();
        }
        let written = self.file.write_all(text.as_bytes());
        written
            .and_then(|()| self.file.flush())
            .map_err(|error| format!("can't be written any more: {error}"))?;
        if is_full {
            Err(format!(
                "has reached its limit of {} MiB: nothing more is kept in it, and the tap goes on; \
                 `--save-limit` allows more.",
                self.limit >> 20
            ))
        } else {
            Ok(())
        }
    }

    fn farewell(&self) -> String {
        let name = &self.name;
        format!("\nIt is kept: `cargo workshop tap --read {name}` shows it again.")
    }
}

fn bind(listen: &str) -> Result<TcpListener> {
    TcpListener::bind(listen).map_err(|error| {
        let listen = sanitize(listen);
        anyhow!(match error.kind() {
            ErrorKind::AddrInUse => format!(
                "{listen} is taken: something listens there already; `--listen` takes another port, 0 any free one."
            ),
            ErrorKind::InvalidInput => {
                format!("`{listen}` isn't an address to listen on; write it like 127.0.0.1:9100.")
            }
            _ => format!("{listen} can't be listened on: {error}."),
        })
    })
}

/// The addresses of the server, which is named like `127.0.0.1:9009` or by a URL.
fn addresses(to: &str) -> Result<Vec<SocketAddr>> {
    let wrong = |why: &str| {
        anyhow!(
            "`{}` can't be tapped: {why}; write it like 127.0.0.1:9009.",
            cut(&sanitize(to), 60)
        )
    };
    if to.starts_with("wss://") || to.starts_with("https://") {
        return Err(wrong("it speaks TLS, which nobody in between can read"));
    }
    let bare = ["ws://", "http://"]
        .iter()
        .find_map(|scheme| to.strip_prefix(scheme));
    let host = bare.unwrap_or(to);
    let host = &host[..host.find(['/', '?']).unwrap_or(host.len())];
    let has_port = host.rsplit(']').next().is_some_and(|end| end.contains(':'));
    let host = match bare {
        Some(_) if !has_port => format!("{host}:80"),
        _ => host.to_string(),
    };
    reach::look_up(&host).map_err(|error| wrong(&error.to_string()))
}
