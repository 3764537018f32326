//! The writer of a client, on something that takes a few bytes at a time.

use std::io::{ErrorKind, Write};
use std::net::Shutdown;
use std::sync::{Arc, Mutex};
use std::{io, iter};

use chat::client::Sink;
use chat::{Outbox, client};
use support::check;
use support::sign::{missing, yours};

use super::shared::{ROOM_ENOUGH, lock, piece};

/// What the writer writes to: it takes a limited number of bytes at a time, and in all.
#[derive(Clone)]
struct Trickle {
    at_a_time: usize,
    in_all: usize,
    taken: Arc<Mutex<Vec<u8>>>,
    /// In which direction TCP was ended, each time.
    ended: Arc<Mutex<Vec<Shutdown>>>,
}

impl Write for Trickle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = lock(&self.taken);
        let left = self.in_all - taken.len();
        let count = bytes.len().min(self.at_a_time).min(left);
        if count == 0 {
            return Err(ErrorKind::BrokenPipe.into());
        }
        taken.extend(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Trickle {
    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        lock(&self.ended).push(how);
        Ok(())
    }
}

#[test]
fn everything_is_written_and_then_tcp_ends() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "A write may take fewer bytes than it was given. After the last piece, the server ends TCP in its own \
               direction. When a write fails, it ends TCP in both, and writes nothing more.",
        signs: [
            yours(["\"one twofive"]).says(
                "`write` may take fewer bytes than it was given; here it takes seven at a time. `write_all` goes on \
                 until all are written.",
            ),
            yours(["ended: []"]).and(missing(["ended: [Write]"])).says(
                "The writer is done and doesn't end TCP. The client waits for the end of TCP, and the server waits for \
                 the client.",
            ),
            missing(["ended: [Write]"]).and(yours(["ended: [Both]"])).says(
                "After the last piece TCP is ended in both directions. The client may still send; bytes that arrive \
                 now make the system reset the connection.",
            ),
            missing(["ended: [Both]"]).and(yours(["ended: [Both, Write]"])).says(
                "After a write has failed, there is nothing more to do: TCP has been ended in both directions.",
            ),
            missing(["ended: [Both]"]).and(yours(["still waiting: 0"])).says(
                "A failed write is ignored, and the writer goes on with the next piece.",
            ),
            missing(["ended: [Both]"]).says(
                "After a failed write the reader still waits for a client that is gone. End TCP in both directions: \
                 that also ends the read.",
            ),
        ],
        shows: || {
            let seven_at_a_time = writes("it takes 7 bytes at a time", usize::MAX);
            seven_at_a_time + &writes("it fails after 10 bytes", 10)
        },
    }
}

/// What is written to a socket that takes 7 bytes at a time, and this many in all.
fn writes(title: &str, in_all: usize) -> String {
    let outbox = Outbox::new(ROOM_ENOUGH);
    let sink = Trickle {
        at_a_time: 7,
        in_all,
        taken: Arc::default(),
        ended: Arc::default(),
    };
    for it in ["one two three", &"four ".repeat(20_000), "five"] {
        _ = outbox.push(piece(it));
    }
    outbox.finish(piece("last."));
    client::write_all(sink.clone(), &outbox);
    let left = iter::from_fn(|| outbox.take());
    let left: usize = left.map(|bytes| bytes.len()).sum();
    let text = String::from_utf8_lossy(&lock(&sink.taken)).into_owned();
    let written = match text.len() {
        0..=20 => format!("{text:?}"),
        length => {
            let (first, last) = (&text[..13], &text[length - 9..]);
            format!("{first:?} … {last:?}, {length} bytes")
        }
    };
    let ended = lock(&sink.ended);
    format!("{title}\n  written: {written}; still waiting: {left} bytes\n  TCP ended: {ended:?}\n")
}
