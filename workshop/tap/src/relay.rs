//! The proxy: bytes in, the same bytes out, in both directions.
//!
//! ```text
//!             ┌── read ─▶ told ─▶ write ──▶
//!   client ───┤                              server
//!             ◀── write ◀─ told ◀─ read ────┘
//! ```
//!
//! Two threads for each connection. A read is told before it is passed on: so an answer never comes
//! before what it answers. Nothing is read that can't be passed on yet, and nothing is passed on that
//! nobody has looked at: who is slow, the receiver or the terminal, makes the sender wait, as TCP
//! would without a tap.

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
use crate::record::{Ending, Record, What};

/// The most that one read takes, in bytes.
const READ_AT_ONCE: usize = 16 << 10;
/// How long the server may take to accept a connection, for all of its addresses together.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long to wait where no connection can be accepted, for want of handles perhaps.
const BREATH: Duration = Duration::from_millis(100);

/// Passes on whatever comes to `listener`, to the first of the addresses that takes a connection,
/// and tells `out` about it. Returns when nobody listens to `out` any more.
pub fn relay(listener: &TcpListener, to: &[SocketAddr], out: &SyncSender<Message>) {
    let begun = Instant::now();
    for (number, stream) in (1..).zip(accepted(listener)) {
        let teller = Teller {
            begun,
            connection: number,
            out: out.clone(),
        };
        let from = stream.peer_addr().map(|address| address.to_string());
        let from = from.unwrap_or_else(|error| error.to_string());
        if !teller.tell(What::Open(from)) {
            return;
        }
        let to = to.to_vec();
        let spare = teller.clone();
        let passing = thread::Builder::new().spawn(move || pass_on(stream, &to, &teller));
        // If no thread was started, the closure has been dropped, and the client's stream with it.
        if let Err(error) = passing {
            spare.tell(What::Unreachable(no_thread(&error)));
        }
    }
}

fn accepted(listener: &TcpListener) -> impl Iterator<Item = TcpStream> {
    listener.incoming().filter_map(|accepted| match accepted {
        Ok(stream) => Some(stream),
        Err(_) => {
            thread::sleep(BREATH);
            None
        }
    })
}

/// Tells what happens on one connection.
#[derive(Clone)]
struct Teller {
    begun: Instant,
    connection: u64,
    out: SyncSender<Message>,
}

impl Teller {
    /// Whether anybody has heard it. Waits where they are slow.
    fn tell(&self, what: What) -> bool {
        let record = Record {
            at: self.begun.elapsed(),
            connection: self.connection,
            what,
        };
        self.out.send(Message::Record(record)).is_ok()
    }
}

fn pass_on(client: TcpStream, to: &[SocketAddr], teller: &Teller) {
    let connected = reach::connect(to, CONNECT_WITHIN).map_err(|unreached| unreached.to_string());
    let both =
        connected.and_then(|server| both_ends(&client, server).map_err(|error| error.to_string()));
    let (client_too, server_too, server) = match both {
        Ok(streams) => streams,
        Err(why) => {
            teller.tell(What::Unreachable(why));
            return;
        }
    };
    let is_cut = Arc::new(AtomicBool::new(false));
    let back = {
        let (teller, is_cut) = (teller.clone(), Arc::clone(&is_cut));
        let back = move || one_way(Side::Server, server_too, client_too, &is_cut, &teller);
        thread::Builder::new().spawn(back)
    };
    match back {
        Ok(_) => one_way(Side::Client, client, server, &is_cut, teller),
        Err(error) => _ = teller.tell(What::Unreachable(no_thread(&error))),
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

/// Passes on one direction until it ends, and its end with it. Where one side is gone for good, the
/// other direction is `cut`.
fn one_way(side: Side, mut from: TcpStream, mut to: TcpStream, cut: &AtomicBool, teller: &Teller) {
    let mut buffer = vec![0; READ_AT_ONCE];
    let ending = loop {
        let bytes = match from.read(&mut buffer) {
            _ if cut.load(Ordering::SeqCst) => break Ending::Cut,
            Ok(0) => break Ending::Fin,
            Ok(count) => &buffer[..count],
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => break Ending::Reset,
        };
        if !teller.tell(What::Bytes(side, bytes.to_vec())) {
            return;
        }
        if to.write_all(bytes).is_err() {
            break Ending::Cut;
        }
    };
    _ = teller.tell(What::End(side, ending));
    match ending {
        Ending::Fin => _ = to.shutdown(Shutdown::Write),
        Ending::Reset => {
            cut.store(true, Ordering::SeqCst);
            _ = to.shutdown(Shutdown::Both);
        }
        // What the one that can't be written to has to say is read to its end.
        Ending::Cut => _ = from.shutdown(Shutdown::Read),
    }
}
