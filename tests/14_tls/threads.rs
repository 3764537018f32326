//! A TLS stream under two threads: one reads, and the other writes.

use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use echo::stream::Stream;
use support::check;
use support::machine::stretched;
use support::sign::{missing, never_finished, yours};
use tls::TlsStream;

use super::shared::{LONG_ENOUGH, SHORT, comes_true, kind, opened, read, write_all};

/// How many bytes go each way at once.
const MUCH: usize = 4 << 20;

fn reads_all(stream: &TlsStream, count: usize) -> String {
    let mut buffer = vec![0; 1 << 14];
    let (mut got, mut sum) = (0, 0_u64);
    while got < count {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                got += count;
                sum += buffer[..count]
                    .iter()
                    .map(|byte| u64::from(*byte))
                    .sum::<u64>();
            }
            Err(error) => return kind(&error).to_string(),
        }
    }
    format!("{got} bytes whose sum is {sum}")
}

#[test]
fn a_reader_holds_up_no_writer() {
    check! {
        rfc: "RFC 6455 §6",
        rule: "While one thread waits for the peer's next byte, the other thread writes.",
        signs: [
            yours(["doesn't hear it"]).says(
                "The thread that reads holds a lock while TCP makes it wait. Nobody can write until the peer says \
                 something: two sides that both wait for the other wait for ever.",
            ),
            never_finished().says(
                "The thread that reads holds a lock while TCP makes it wait. Nobody can write until the peer says \
                 something: two sides that both wait for the other wait for ever.",
            ),
        ],
        shows: || {
            let (stream, mut peer) = opened();
            let stream = Arc::new(stream);
            let reading = stream.clone();
            let reader = thread::spawn(move || read(&*reading));
            let (say, said) = mpsc::channel();
            let writing = stream.clone();
            thread::spawn(move || {
                // The reader is in its read by then, or soon: both are to work.
                thread::sleep(SHORT);
                _ = say.send(write_all(&*writing, b"Hello").map_err(|error| kind(&error)));
            });
            let written = said.recv_timeout(stretched(LONG_ENOUGH) / 2);
            let heard = match written {
                Ok(Ok(())) => format!("hears {}", peer.hears()),
                Ok(Err(why)) => why.to_string(),
                Err(_) => "doesn't hear it".to_string(),
            };
            peer.sends(b"and you?");
            let read = reader.join().unwrap_or_default();
            format!("you wait for the peer, and write\n  the peer {heard}\n  it answers, and you read {read}\n")
        },
    }
}

#[test]
fn a_writer_holds_up_no_reader() {
    check! {
        rfc: "RFC 6455 §6",
        rule: "While one thread waits until the peer has room, the other thread reads what the peer says.",
        signs: [
            missing(["you read"]).says(
                "The thread that writes holds a lock while TCP makes it wait. If the peer does the same, both wait for \
                 ever.",
            ),
            never_finished().says(
                "The thread that writes holds a lock while TCP makes it wait. If the peer does the same, both wait for \
                 ever.",
            ),
        ],
        shows: || {
            let (stream, mut peer) = opened();
            stream.set_read_timeout(Some(stretched(LONG_ENOUGH) / 2)).expect("a socket has options");
            // Nothing frees the writer but the peer, or the end.
            stream.set_write_timeout(None).expect("a socket has options");
            let stream = Arc::new(stream);
            let writing = stream.clone();
            let written = Arc::new(AtomicUsize::new(0));
            let count = written.clone();
            let writer = thread::spawn(move || {
                // 16 MiB are more than the system has room for, and not for ever.
                for _ in 0..1024 {
                    let Ok(more) = writing.write(&[b'x'; 1 << 14]) else {
                        return;
                    };
                    count.fetch_add(more, Ordering::Relaxed);
                }
            });
            // The writer is stuck when it gets no further for a while.
            let mut before = 0;
            comes_true(stretched(LONG_ENOUGH) * 2, || {
                thread::sleep(SHORT * 2);
                let now = written.load(Ordering::Relaxed);
                now > 0 && std::mem::replace(&mut before, now) == now
            });
            peer.sends(b"stop!");
            let reading = stream.clone();
            let (say, said) = mpsc::channel();
            thread::spawn(move || _ = say.send(read(&*reading)));
            let read = said.recv_timeout(stretched(LONG_ENOUGH));
            // This ends a write that is stuck.
            _ = stream.tcp().shutdown(Shutdown::Both);
            drop(peer);
            _ = writer.join();
            let read = read.unwrap_or_else(|_| "nothing".to_string());
            format!("a peer that doesn't read says \"stop!\"\n  you read {read}\n")
        },
    }
}

#[test]
fn much_goes_both_ways_at_once() {
    check! {
        rfc: "RFC 6455 §6",
        rule: "4 MiB each way at once: each byte arrives once, in order, and nobody waits for ever.",
        signs: [
            yours(["not TLS"]).says(
                "Records went out in a different order than that in which they were encrypted, or one was sent within \
                 another: encrypting and sending must be one turn.",
            ),
            never_finished().says(
                "Each side waits for the other. A lock is held while TCP waits, by the thread that reads or by the one \
                 that writes.",
            ),
        ],
        shows: || {
            let (stream, peer) = opened();
            // The peer is your stream, too: both sides have two threads.
            let (one, other) = (Arc::new(stream), Arc::new(TlsStream::new(peer.tls, peer.tcp)));
            let start = |stream: &Arc<TlsStream>, byte: u8| {
                let (reading, writing) = (stream.clone(), stream.clone());
                let writer = thread::spawn(move || {
                    let written = write_all(&*writing, &vec![byte; MUCH]);
                    written.map_err(|error| kind(&error))
                });
                (thread::spawn(move || reads_all(&reading, MUCH)), writer)
            };
            let (one, other) = (start(&one, 1), start(&other, 2));
            let mut shown = String::new();
            for (title, (reader, writer)) in [("one side", one), ("the other side", other)] {
                let read = reader.join().unwrap_or_default();
                let written = writer.join().ok();
                shown += &format!("{title}\n  writes: {written:?}\n  reads {read}\n");
            }
            shown
        },
    }
}

#[test]
fn two_writers_mix_no_records() {
    check! {
        rfc: "RFC 8446 §5.3",
        rule: "Records are numbered as they are encrypted, and go out in that order, whichever thread made them.",
        signs: [
            yours(["not TLS"]).or(yours(["different one"])).says(
                "Records went out in a different order than that in which they were encrypted: encrypting and sending \
                 must be one turn, under one lock.",
            ),
        ],
        shows: || {
            let (stream, mut peer) = opened();
            let stream = Arc::new(stream);
            for byte in [1, 2] {
                let stream = stream.clone();
                thread::spawn(move || {
                    for _ in 0..500 {
                        _ = write_all(&*stream, &[byte; 1000]);
                    }
                });
            }
            let arrived = peer.reads_all(1_000_000).map_err(|error| kind(&error));
            let arrived = match arrived {
                Ok(bytes) => {
                    let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
                    format!("{} bytes whose sum is {sum}", bytes.len())
                }
                Err(why) => why.to_string(),
            };
            format!("two threads write 500 times 1000 bytes, of 1 and of 2\n  the peer reads {arrived}\n")
        },
    }
}
