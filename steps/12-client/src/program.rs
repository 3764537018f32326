//! A WebSocket in a terminal, or in a pipe.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Instant;

use connection::{CloseCode, Event, SendError};
use lexopt::{Arg, Parser};

use crate::terminal::{HELP, Line, describe, escape_controls, read_line};
use crate::{Backoff, Client, ConnectError, Settings, Target, connect, random};

const USAGE: &str = "\
A WebSocket in a terminal: lines that you type go out as text messages, and messages come in as lines.

Usage: cargo run -p client -- [OPTIONS] URL

  cargo run -p client -- ws://127.0.0.1:9009/socket
  echo hello | cargo run -q -p client -- ws://127.0.0.1:9009/socket

Options:
  --subprotocol NAME  offers a subprotocol; may be given several times
  --origin ORIGIN     says that a page of this origin asks, as a browser would
  --max-message N     the most bytes of a message (default 1048576); close code 1009 above
  --reconnect         if the connection is lost, tries again, after a pause that grows
  -h, --help          this text

In a terminal, /help lists what else you can type. In a pipe, every line is a message, stdout has only messages,
and everything else is on stderr.

Exit code: 0 if the connection ends with 1000, 1001 or no code; 1 if it ends otherwise; 2 if it can't be opened.";

/// What the command line asks for.
struct Options {
    target: Target,
    settings: Settings,
    reconnect: bool,
}

/// The most lines that wait to be sent. A pipe that has more waits, too.
const MAX_LINES: usize = 16;

/// What the main thread waits for.
enum Input {
    Line(String),
    /// No more lines will come.
    End,
    /// TCP has ended, after a Close with this code.
    Gone(CloseCode),
}

/// Runs the program, with these settings except for those that the command line names.
pub fn run(arguments: Parser, settings: Settings) -> ExitCode {
    match options(arguments, settings) {
        Ok(Some(options)) => stay_connected(&options),
        Ok(None) => {
            _ = writeln!(io::stdout(), "{USAGE}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tell(&format!("{error}. `--help` shows how to use it."));
            ExitCode::from(2)
        }
    }
}

/// Reads the command line. Returns `None` if it asks for help.
fn options(
    mut arguments: Parser,
    mut settings: Settings,
) -> Result<Option<Options>, lexopt::Error> {
    let (mut url, mut reconnect) = (None, false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Long("reconnect") => reconnect = true,
            Arg::Long("subprotocol") => {
                let name = arguments.value()?.to_string_lossy().into_owned();
                settings.subprotocols.push(name);
            }
            Arg::Long("origin") => {
                let origin = arguments.value()?.to_string_lossy().into_owned();
                if origin.contains(char::is_control) {
                    return Err("An origin is like https://example.org".into());
                }
                settings.origin = Some(origin);
            }
            Arg::Long("max-message") => {
                let number = arguments.value()?.to_string_lossy().into_owned();
                settings.max_message = number
                    .parse()
                    .map_err(|_| format!("`--max-message {number}` isn't a whole number"))?;
            }
            Arg::Value(value) if url.is_none() => url = Some(value),
            other => return Err(other.unexpected()),
        }
    }
    let url = url.ok_or("A URL is missing, like ws://127.0.0.1:9009/socket")?;
    let url = url.to_string_lossy();
    let target = url.parse().map_err(|error| format!("{url}: {error}"))?;
    Ok(Some(Options {
        target,
        settings,
        reconnect,
    }))
}

/// How a connection has ended.
enum Ending {
    /// One of the two sides has closed it.
    Closed(CloseCode),
    /// It was lost.
    Lost,
}

/// Connects, and stays connected for as long as it is wanted.
fn stay_connected(options: &Options) -> ExitCode {
    let (sender, inputs) = mpsc::sync_channel(MAX_LINES);
    read_stdin(sender.clone());
    let mut backoff = Backoff::default();
    loop {
        match connect(&options.target, &options.settings) {
            Ok((client, events)) => {
                let open_since = Instant::now();
                show_events(events, sender.clone());
                match talk(&client, &inputs) {
                    Ending::Lost if options.reconnect => backoff.ended(open_since.elapsed()),
                    Ending::Lost => return ExitCode::FAILURE,
                    Ending::Closed(code) => return exit_code(code),
                }
            }
            Err(error) => {
                let why = escape_controls(&error.to_string());
                tell(&format!("{}: {why}", options.target.host));
                if !options.reconnect || matches!(error, ConnectError::NeedsTls) {
                    return ExitCode::from(2);
                }
            }
        }
        let wait = backoff.next_wait(u64::from_ne_bytes(random::bytes()));
        tell(&format!("next try in {:.1} s", wait.as_secs_f64()));
        thread::sleep(wait);
    }
}

fn exit_code(code: CloseCode) -> ExitCode {
    match code {
        CloseCode::NORMAL | CloseCode::GOING_AWAY | CloseCode::NO_STATUS => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Sends what is typed, until TCP has ended.
fn talk(client: &Client, inputs: &Receiver<Input>) -> Ending {
    let is_terminal = io::stdin().is_terminal();
    let mut is_over = false;
    loop {
        match inputs.recv() {
            Ok(Input::Line(line)) if is_terminal => is_over |= act(client, read_line(&line)),
            Ok(Input::Line(line)) => _ = is_sent(client.send_text(&line)),
            Ok(Input::End) => {
                is_over = true;
                // It fails only if the connection is closing already.
                _ = client.close(CloseCode::NORMAL, "");
            }
            Ok(Input::Gone(CloseCode::ABNORMAL)) if !is_over => return Ending::Lost,
            Ok(Input::Gone(code)) => return Ending::Closed(code),
            Err(_) => return Ending::Lost,
        }
    }
}

/// Does what a line asks for. Returns whether that was to close the connection.
fn act(client: &Client, line: Line) -> bool {
    match line {
        Line::Text(text) => _ = is_sent(client.send_text(&text)),
        Line::Binary(bytes) => _ = is_sent(client.send_binary(&bytes)),
        Line::Ping(text) => _ = is_sent(client.send_ping(text.as_bytes())),
        Line::Close(code, reason) => return is_sent(client.close(code, &reason)),
        Line::Help => tell(HELP),
        Line::Wrong(why) => tell(&why),
    }
    false
}

/// Returns whether something was sent. If it wasn't, says why.
fn is_sent(sent: Result<(), SendError>) -> bool {
    if let Err(error) = &sent {
        tell(&format!("not sent: {error}"));
    }
    sent.is_ok()
}

/// Writes a message. If stdout can't be written to any more, there is nothing left to do.
fn show(line: &str) {
    let mut stdout = io::stdout().lock();
    if writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .is_err()
    {
        std::process::exit(1);
    }
}

/// Says something about the connection.
fn tell(line: &str) {
    _ = writeln!(io::stderr(), "{line}");
}

/// Reads lines in a thread of their own, because reading can't be interrupted.
fn read_stdin(inputs: SyncSender<Input>) {
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line.inspect_err(|error| tell(&format!("no more is read: {error}")))
            else {
                break;
            };
            if inputs.send(Input::Line(line)).is_err() {
                return;
            }
        }
        _ = inputs.send(Input::End);
    });
}

/// Shows events in a thread of their own: while the main thread waits for room to send, messages still come.
fn show_events(events: Receiver<Event>, inputs: SyncSender<Input>) {
    thread::spawn(move || {
        let mut last = CloseCode::ABNORMAL;
        for event in events {
            match &event {
                Event::Text(text) if !io::stdout().is_terminal() => show(text),
                Event::Text(_) | Event::Binary(_) => show(&describe(&event)),
                Event::Close { code, .. } => {
                    last = *code;
                    tell(&describe(&event));
                }
                _ => tell(&describe(&event)),
            }
        }
        _ = inputs.send(Input::Gone(last));
    });
}
