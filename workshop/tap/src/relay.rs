//! The proxy: bytes in, the same bytes out, in both directions.
//!
//! ```text
//!             ┌── read ─▶ report ─▶ write ──▶
//!   client ───┤                                server
//!             ◀── write ◀─ report ◀─ read ────┘
//! ```
//!
//! Each connection has two threads. What was read is reported before it is passed on, so an answer is never reported
//! before what it answers. A thread reads again only after it has reported and passed on what it read. So a slow
//! receiver makes the sender wait, as it does without a tap, and a slow terminal does too.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};

use workshop_wire::reach;
use workshop_wire::side::Side;

use crate::Message;
use crate::record::{Ending, Event, Record};

/// The most bytes that one read takes.
const BUFFER_SIZE: usize = 16 << 10;
/// The time limit for connecting to the server, for all of its addresses together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait if no connection can be accepted, perhaps because too many files are open.
const ACCEPT_RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Accepts clients of `listener`, connects each to the first of the addresses that accepts a connection, passes on
/// what both send, and reports it to `out`. Returns when the receiver of `out` is gone.
pub fn relay(listener: &TcpListener, to: &[SocketAddr], out: &SyncSender<Message>) {
    let begun = Instant::now();
    for (number, stream) in (1..).zip(accepted(listener)) {
        let reporter = Reporter {
            begun,
            connection: number,
            out: out.clone(),
        };
        let from = stream.peer_addr().map(|address| address.to_string());
        let from = from.unwrap_or_else(|error| error.to_string());
        if !reporter.report(Event::Open(from)) {
            return;
        }
        let to = to.to_vec();
        let spare = reporter.clone();
        let passing = thread::Builder::new().spawn(move || pass_on(stream, &to, &reporter));
        // If no thread could be started, the closure was dropped, and the client's stream with it.
        if let Err(error) = passing {
            spare.report(Event::Unreachable(no_thread(&error)));
        }
    }
}

fn accepted(listener: &TcpListener) -> impl Iterator<Item = TcpStream> {
    listener.incoming().filter_map(|accepted| match accepted {
        Ok(stream) => Some(stream),
        Err(_) => {
            thread::sleep(ACCEPT_RETRY_PAUSE);
            None
        }
    })
}

/// Reports what happens on one connection.
#[derive(Clone)]
struct Reporter {
    begun: Instant,
    connection: u64,
    out: SyncSender<Message>,
}

impl Reporter {
    /// Reports an event, and returns whether there is still a receiver. Waits if the receiver is slow.
    fn report(&self, event: Event) -> bool {
        let record = Record {
            at: self.begun.elapsed(),
            connection: self.connection,
            event,
        };
        self.out.send(Message::Record(record)).is_ok()
    }
}

fn pass_on(client: TcpStream, to: &[SocketAddr], reporter: &Reporter) {
    let connected = reach::connect(to, CONNECT_TIMEOUT).map_err(|unreached| unreached.to_string());
    let both =
        connected.and_then(|server| both_ends(&client, server).map_err(|error| error.to_string()));
    let (client_too, server_too, server) = match both {
        Ok(streams) => streams,
        Err(why) => {
            reporter.report(Event::Unreachable(why));
            return;
        }
    };
    let is_cut = Arc::new(AtomicBool::new(false));
    let back = {
        let (reporter, is_cut) = (reporter.clone(), Arc::clone(&is_cut));
        let back = move || one_way(Side::Server, server_too, client_too, &is_cut, &reporter);
        thread::Builder::new().spawn(back)
    };
    match back {
        Ok(_) => one_way(Side::Client, client, server, &is_cut, reporter),
        Err(error) => _ = reporter.report(Event::Unreachable(no_thread(&error))),
    }
}

fn no_thread(error: &io::Error) -> String {
    format!("no thread can be started for it: {error}")
}

/// A second handle for each stream, and the server's first one.
fn both_ends(
    client: &TcpStream,
    server: TcpStream,
) -> io::Result<(TcpStream, TcpStream, TcpStream)> {
    // Small pieces are passed on as small pieces.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    Ok((client.try_clone()?, server.try_clone()?, server))
}

/// Passes on one direction until it ends, and then its end. If one side is gone for good, the other direction is
/// `cut`.
fn one_way(
    side: Side,
    mut from: TcpStream,
    mut to: TcpStream,
    cut: &AtomicBool,
    reporter: &Reporter,
) {
    let mut buffer = vec![0; BUFFER_SIZE];
    let ending = loop {
        let bytes = match from.read(&mut buffer) {
            _ if cut.load(Ordering::SeqCst) => break Ending::Cut,
            Ok(0) => break Ending::Fin,
            Ok(count) => &buffer[..count],
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => break Ending::Reset,
        };
        if !reporter.report(Event::Bytes(side, bytes.to_vec())) {
            return;
        }
        if to.write_all(bytes).is_err() {
            break Ending::Cut;
        }
    };
    _ = reporter.report(Event::End(side, ending));
    match ending {
        Ending::Fin => _ = to.shutdown(Shutdown::Write),
        Ending::Reset => {
            cut.store(true, Ordering::SeqCst);
            _ = to.shutdown(Shutdown::Both);
        }
        // The side that can't be written to may still send: the other direction reads that to its end.
        Ending::Cut => _ = from.shutdown(Shutdown::Read),
    }
}
