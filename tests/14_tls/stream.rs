//! A TLS stream, read and written in turn: its end, and what is missing without it.

use std::io;
use std::net::Shutdown;
use std::time::Duration;

use echo::stream::Stream;
use socket2::SockRef;
use support::check;
use support::sign::{missing, never_finished, under, yours};
use tls::TlsStream;

use super::shared::{Peer, SHORT, kind, opened, read, write_all};

fn row(title: &str, reads: &[String]) -> String {
    format!("{title}\n  → {}\n", reads.join(", "))
}

/// What the learner's stream reads, so many times, if the peer does this before.
fn reads(title: &str, times: usize, peer_does: impl FnOnce(&mut Peer)) -> String {
    let (stream, mut peer) = opened();
    peer_does(&mut peer);
    let reads = (0..times).map(|_| read(&stream));
    row(title, &Vec::from_iter(reads))
}

#[test]
fn bytes_go_both_ways() {
    check! {
        rfc: "RFC 8446 §5.2",
        rule: "What one side writes, the other side reads, whatever the records are cut into.",
        signs: [
            never_finished().says(
                "A read waits for TCP, although the bytes are there already: plaintext that rustls has, or ciphertext \
                 that came with the last read.",
            ),
            under("two records", yours(["nothing yet"])).says(
                "A read waits for TCP, although a record that came with the last read isn't read yet.",
            ),
            under("one record", yours(["nothing yet"])).says(
                "A read waits for TCP, although plaintext is left from the last record.",
            ),
        ],
        shows: both_ways,
    }
}

fn both_ways() -> String {
    let (stream, mut peer) = opened();
    let mut shown = String::new();
    let written = write_all(&stream, b"Hello").map_err(|error| kind(&error));
    shown += &row("you write", &[format!("{written:?}"), peer.hears()]);
    // The first record's length is more than one read's buffer.
    let two = [peer.encrypts(&[b'x'; 300]), peer.encrypts(b"Hello")].concat();
    peer.sends_raw(&two);
    // However many reads that takes.
    let (mut buffer, mut count, mut failed) = ([0; 256], 0, None);
    while count < 305 && failed.is_none() {
        match stream.read(&mut buffer) {
            Ok(more) => count += more,
            Err(error) => failed = Some(kind(&error)),
        }
    }
    let failed = failed.map(|why| format!("then {why}"));
    let reads = [Some(format!("{count} bytes")), failed];
    shown += &row(
        "two records in one packet",
        &Vec::from_iter(reads.into_iter().flatten()),
    );
    peer.sends(b"Hello");
    let pieces = [(); 2].map(|()| {
        let mut buffer = [0; 3];
        stream.read(&mut buffer).map_or_else(
            |error| kind(&error).to_string(),
            |count| String::from_utf8_lossy(&buffer[..count]).into_owned(),
        )
    });
    shown + &row("one record in two reads", &pieces)
}

#[test]
fn the_end_is_a_close_notify() {
    check! {
        rfc: "RFC 8446 §6.1",
        rule: "0 bytes are the end only after a close_notify. If TCP ends without one, bytes may be missing: an error.",
        signs: [
            under("without a close_notify", yours(["the end"])).says(
                "TCP's end is taken for the end of the stream. Anyone who can cut the connection can then cut a \
                 message, and nobody notices.",
            ),
            under("with a close_notify", yours(["cut off"]).or(yours(["nothing yet"]))).says(
                "A close_notify is the end, and TCP need not end for that.",
            ),
            under("reset", yours(["the end"])).says("A reset is taken for the end of the stream."),
            under("reset", yours(["cut off"])).says(
                "Every error of TCP is taken for TCP's end. One of them only says that nothing has arrived yet.",
            ),
            never_finished().says("After the end, the loop reads 0 bytes for ever."),
        ],
        shows: || [
            reads("TCP ends with a close_notify", 3, |peer| {
                peer.sends(b"bye");
                peer.sends_close_notify();
                peer.ends_tcp();
            }),
            reads("a close_notify, and TCP stays", 2, Peer::sends_close_notify),
            reads("TCP ends without a close_notify", 2, |peer| {
                peer.sends(b"bye");
                peer.ends_tcp();
            }),
            reads("TCP ends within a record, without a close_notify", 2, |peer| {
                let ciphertext = peer.encrypts(b"bye");
                peer.sends_raw(&ciphertext[..ciphertext.len() - 1]);
                peer.ends_tcp();
            }),
            reset(),
            reads("a record that was changed on its way", 3, |peer| {
                peer.sends(b"bye");
                let mut ciphertext = peer.encrypts(b"bye");
                *ciphertext.last_mut().expect("it has bytes") ^= 1;
                peer.sends_raw(&ciphertext);
            }),
        ].concat(),
    }
}

fn reset() -> String {
    let (stream, peer) = opened();
    let socket = SockRef::from(&peer.tcp);
    socket
        .set_linger(Some(Duration::ZERO))
        .expect("a socket has options");
    drop(peer);
    row("a reset", &[read(&stream)])
}

/// What the peer hears, if the learner's stream does this.
fn hears(title: &str, times: usize, stream_does: impl FnOnce(&TlsStream)) -> String {
    let (stream, mut peer) = opened();
    stream_does(&stream);
    let hears = (0..times).map(|_| peer.hears());
    row(title, &Vec::from_iter(hears))
}

#[test]
fn our_end_is_a_close_notify() {
    check! {
        rfc: "RFC 8446 §6.1",
        rule: "The end of our direction is a close_notify, and then TCP's. What was written before arrives before.",
        signs: [
            under("you shut down", yours(["cut off"])).says(
                "TCP ends without a close_notify: the peer can't tell whether bytes are missing.",
            ),
            under("you shut down", yours(["nothing yet"]).or(missing(["ended"]))).says(
                "TCP's direction doesn't end.",
            ),
            under("you still read", yours(["the end"]).or(yours(["cut off"]))).says(
                "Both directions have ended. The peer may have more to say: the answer to a Close, for example.",
            ),
            under("both", yours(["the end"])).says(
                "`Both` is for a connection that has failed, and says nothing: a peer that doesn't read would hold it.",
            ),
            under("reading ends", yours(["the end"])).says(
                "A close_notify ends the direction that you write, and that one is still open: `Shutdown::Write` alone \
                 sends it.",
            ),
        ],
        shows: || [
            hears("you shut down writing", 2, |stream| {
                _ = write_all(stream, b"bye");
                _ = stream.shutdown(Shutdown::Write);
            }) + &tcp_end(),
            hears("you shut down twice", 2, |stream| {
                _ = stream.shutdown(Shutdown::Write);
                _ = stream.shutdown(Shutdown::Write);
            }),
            hears("you shut down both", 1, |stream| _ = stream.shutdown(Shutdown::Both)),
            still_reads(),
            hears("reading ends, and you write", 1, |stream| {
                _ = stream.shutdown(Shutdown::Read);
                _ = write_all(stream, b"still here");
            }),
        ].concat(),
    }
}

/// Whether TCP ends after the close_notify.
fn tcp_end() -> String {
    use std::io::Read;
    let (stream, mut peer) = opened();
    _ = stream.shutdown(Shutdown::Write);
    let mut rest = Vec::new();
    let ended = peer.tcp.read_to_end(&mut rest);
    let ended = ended.map_or_else(|error| kind(&error).to_string(), |_| "ended".to_string());
    format!("  and TCP: {ended}\n")
}

fn still_reads() -> String {
    let (stream, mut peer) = opened();
    _ = stream.shutdown(Shutdown::Write);
    let heard = peer.hears();
    peer.sends(b"and you?");
    let read = read(&stream);
    row("you still read after that", &[heard, read])
}

#[test]
fn a_timeout_loses_nothing() {
    check! {
        rfc: "RFC 6455 §5.2",
        rule: "A read that has waited long enough says so, and the next one goes on. So does a write.",
        signs: [
            under("you read", yours(["cut off"]).or(yours(["the end"]))).says(
                "Nothing came in time, and that is taken for TCP's end.",
            ),
            yours(["TCP takes everything"]).says(
                "A write that was too slow is reported as done. What waits for a peer that doesn't read then grows \
                 without end.",
            ),
            under("you write", yours(["bytes are missing"]).or(yours(["error:"]))).says(
                "After a write that was too slow, the rest of its records is lost, and the peer can't decrypt what \
                 follows.",
            ),
            under("you write", yours(["more"])).says(
                "After a write that was too slow, the same bytes are encrypted once more: the peer gets them twice.",
            ),
        ],
        shows: || slow_reads() + &slow_writes(),
    }
}

fn slow_reads() -> String {
    let (stream, mut peer) = opened();
    stream
        .set_read_timeout(Some(SHORT))
        .expect("a socket has options");
    let ciphertext = peer.encrypts(b"Hello");
    let mut shown = vec![read(&stream)];
    peer.sends_raw(&ciphertext[..9]);
    shown.push(read(&stream));
    peer.sends_raw(&ciphertext[9..]);
    shown.push(read(&stream));
    row("you read half a record", &shown)
}

/// More than the system keeps for both sides together.
const MUCH: usize = 1 << 22;

fn slow_writes() -> String {
    let (stream, mut peer) = opened();
    stream
        .set_write_timeout(Some(SHORT))
        .expect("a socket has options");
    let bytes = Vec::from_iter((0..MUCH).map(|index| (index / 7) as u8));
    let mut taken = 0;
    // Nobody reads: sooner or later there is no room.
    let stuck = loop {
        match stream.write(&bytes[taken..]) {
            Ok(count) => taken += count,
            Err(error) => break error,
        }
        if taken == bytes.len() {
            return "you write to a peer that doesn't read\n  → TCP takes everything\n".to_string();
        }
    };
    let reader = std::thread::spawn(move || peer.reads_all(MUCH + 1));
    let rest = write_all_patiently(&stream, &bytes[taken..]);
    let ended = stream.shutdown(Shutdown::Write);
    let arrived = match reader.join().expect("it has not panicked") {
        Ok(arrived) if arrived == bytes => "all of it arrives".to_string(),
        Ok(arrived) if arrived.len() > bytes.len() => "more than that arrives".to_string(),
        Ok(_) => "bytes are missing, or are different".to_string(),
        Err(error) => kind(&error).to_string(),
    };
    let outcome = rest.and(ended).map_err(|error| kind(&error));
    row(
        "you write to a peer that doesn't read, and then does",
        &[kind(&stuck).to_string(), format!("{outcome:?}"), arrived],
    )
}

/// Writes it all, however often that takes too long.
fn write_all_patiently(stream: &TlsStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if kind(&error) == "nothing yet" => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[test]
fn a_broken_record_is_answered() {
    check! {
        rfc: "RFC 8446 §6.2",
        rule: "If a record can't be decrypted, the peer gets an alert at once, without a write of yours.",
        signs: [
            yours(["nothing yet"]).says("The alert that rustls has made when you read is never written."),
            yours(["cut off"]).or(yours(["the end"])).says("TCP ends before the alert has gone out."),
        ],
        shows: || {
            let (stream, mut peer) = opened();
            let mut ciphertext = peer.encrypts(b"bye");
            *ciphertext.last_mut().expect("it has bytes") ^= 1;
            peer.sends_raw(&ciphertext);
            let read = read(&stream);
            let heard = match peer.reads(&mut [0]) {
                Err(error) if error.kind() == io::ErrorKind::Other => error.to_string(),
                Err(error) => kind(&error).to_string(),
                Ok(count) => format!("{count} bytes"),
            };
            row("a record that was changed on its way", &[read, format!("the peer: {heard}")])
        },
    }
}

#[test]
fn keys_may_change() {
    check! {
        rfc: "RFC 8446 §4.6.3",
        rule: "The peer may change its keys at any time, and ask for yours. Your answer goes out with your next bytes.",
        signs: [],
        shows: || {
            let (stream, mut peer) = opened();
            let before = peer.tls.refresh_traffic_keys();
            peer.sends(b"new keys");
            let read = read(&stream);
            let written = write_all(&stream, b"mine, too").map_err(|error| kind(&error));
            row(
                &format!("the peer changes its keys: {before:?}"),
                &[read, format!("{written:?}"), peer.hears()],
            )
        },
    }
}
