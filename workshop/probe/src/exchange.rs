//! What can be asked of either side once a WebSocket is open. The probe plays the other one.

use std::ops::DerefMut;
use std::thread;
use std::time::Duration;

use workshop_wire::close_code::may_be_sent;
use workshop_wire::side::Side;

use crate::frame::{self, BINARY, CLOSE, CONTINUATION, Draft, FIN, Length, PING, PONG, TEXT};
use crate::outcome::{Mark, Outcome};
use crate::peer::{Ending, FloodEnd, Peer, TcpEnd, has_frame};
use crate::rule::Tried;

/// How long a peer has to refuse what it can refuse at once.
const AT_ONCE: Duration = Duration::from_secs(2);

/// How many fragments a long message has.
const FRAGMENTS: usize = 100_000;

/// The most bytes that are sent to a peer whose answers aren't read.
const FLOOD: u64 = 64 << 20;

/// A try that can open a WebSocket, as often as it likes.
pub trait Opens {
    /// The side that the probe plays.
    const OWN: Side;

    /// An open WebSocket.
    type Open: DerefMut<Target = Peer>;

    /// Opens a WebSocket.
    ///
    /// # Errors
    /// Returns what the other side did instead, in words.
    fn open(&self) -> Result<Self::Open, String>;

    /// A frame of the probe's, right in everything that isn't said.
    fn frame(&self, first: u8, payload: &[u8]) -> Vec<u8> {
        frame::of(Self::OWN, first, payload)
    }

    /// A frame of the probe's whose length is written like this.
    fn frame_with_length(&self, first: u8, length: Length, payload: &[u8]) -> Vec<u8> {
        let draft = Draft {
            first,
            masked: Self::OWN == Side::Client,
            length,
            payload,
        };
        draft.bytes()
    }

    /// A whole text message in one frame.
    fn text(&self, payload: &[u8]) -> Vec<u8> {
        self.frame(FIN | TEXT, payload)
    }

    /// A Close with a code and a reason.
    fn close(&self, code: u16, reason: &[u8]) -> Vec<u8> {
        let mut payload = code.to_be_bytes().to_vec();
        payload.extend(reason);
        self.frame(FIN | CLOSE, &payload)
    }
}

/// Judges the frames of the peer: masked or not as it must be, no reserved bit, the shortest length.
pub fn own_frames(trial: &impl Opens) -> Tried {
    let mut peer = trial.open()?;
    for length in [0, 125, 126, 0xffff, 0x1_0000] {
        let payload = vec![b'x'; length];
        peer.send(&trial.frame(FIN | BINARY, &payload));
        if peer.message()? != payload {
            return Ok(Outcome::broken(format!("{length} bytes come back changed")));
        }
    }
    peer.send(&trial.frame(FIN | PING, b"?"));
    _ = peer.frame();
    Ok(match peer.fault {
        Some(fault) => Outcome::broken(fault),
        None => Outcome::kept("at 0, 125, 126, 65535, 65536 bytes"),
    })
}

/// Judges the answer to a ping.
pub fn ping(trial: &impl Opens) -> Tried {
    let mut peer = trial.open()?;
    let payload = [b'p'; 125];
    peer.send(&trial.frame(FIN | PING, &payload));
    Ok(match peer.frame() {
        Ok(frame) if frame.opcode() == PONG && frame.payload == payload => {
            Outcome::kept("with its 125 bytes")
        }
        Ok(frame) if frame.opcode() == PONG => Outcome::broken("with other bytes"),
        Ok(frame) => Outcome::broken(format!("a frame with opcode {:x}", frame.opcode())),
        Err(end) => Outcome::broken(format!("no pong, {}", end.in_words())),
    })
}

/// Judges what these bytes lead to: they must fail the connection, and a Close has this code.
pub fn fails(trial: &impl Opens, bytes: &[u8], code: u16) -> Tried {
    let mut peer = trial.open()?;
    peer.send(bytes);
    Ok(Outcome::of_failure(&peer.ending(true), code))
}

/// Judges several that must fail the connection, each with its name.
pub fn each_fails(trial: &impl Opens, all: Vec<(String, Vec<u8>)>) -> Tried {
    worst_of(all, |bytes| fails(trial, &bytes, 1002))
}

/// Judges one after the other, until one breaks the rule: the rest may have no time left.
pub fn worst_of<T>(all: Vec<(String, T)>, mut judge: impl FnMut(T) -> Tried) -> Tried {
    let mut outcomes = Vec::new();
    for (name, it) in all {
        let outcome = judge(it)?;
        let is_broken = outcome.mark == Mark::Broken;
        outcomes.push((name, outcome));
        if is_broken {
            break;
        }
    }
    Ok(Outcome::worst(outcomes))
}

/// Judges frames with each reserved bit.
pub fn reserved_bits(trial: &impl Opens) -> Tried {
    let bits = [("RSV1", 0x40), ("RSV2", 0x20), ("RSV3", 0x10)];
    let frames = bits.map(|(name, bit)| (name.to_string(), trial.frame(FIN | bit | TEXT, b"x")));
    each_fails(trial, frames.into())
}

/// Judges frames with each reserved opcode.
pub fn reserved_opcodes(trial: &impl Opens) -> Tried {
    let reserved = (0x3..=0x7).chain(0xb..=0xf);
    let frames = reserved.map(|opcode| {
        let frame = trial.frame(FIN | opcode, b"x");
        (format!("opcode {opcode:x}"), frame)
    });
    each_fails(trial, frames.collect())
}

/// §5.2 says how a sender writes a length, but not what a receiver does if it is written differently.
pub fn too_long_a_length(trial: &impl Opens, length: Length) -> Tried {
    let mut peer = trial.open()?;
    peer.send(&trial.frame_with_length(FIN | TEXT, length, b"Hello"));
    let ending = match peer.message_or_ending() {
        Ok(message) if message == b"Hello" => return Ok(Outcome::chosen("accepts it")),
        Ok(_) => return Ok(Outcome::broken("echoed as something else")),
        Err(ending) => ending,
    };
    Ok(match Outcome::of_failure(&ending, 1002) {
        outcome if ending.end == TcpEnd::Open => outcome,
        outcome if ending.code() == Some(1002) => outcome,
        _ => Outcome::chosen(ending.in_words()),
    })
}

/// Judges a length that no frame may have.
pub fn top_bit_of_a_length(trial: &impl Opens) -> Tried {
    let ending = declared(trial, 1 << 63 | 5)?;
    Ok(match ending.code() {
        Some(1002 | 1009) if ending.end != TcpEnd::Open => Outcome::kept(ending.in_words()),
        _ => Outcome::chosen(ending.in_words()),
    })
}

/// Finds out what a peer does with a length that it may not want to wait for.
pub fn a_gibibyte(trial: &impl Opens) -> Tried {
    Ok(Outcome::chosen(declared(trial, 1 << 30)?.in_words()))
}

fn declared(trial: &impl Opens, length: u64) -> Result<Ending, String> {
    let mut peer = trial.open()?;
    peer.limit(AT_ONCE);
    peer.send(&trial.frame_with_length(FIN | BINARY, Length::U64(length), b""));
    Ok(peer.ending(true))
}

/// Judges what text that isn't UTF-8 leads to.
pub fn bad_text(trial: &impl Opens) -> Tried {
    fails(trial, &trial.text(&[0xce, 0xba, 0xff]), 1007)
}

/// Finds out whether bad text is refused before the message is complete.
pub fn bad_text_in_a_fragment(trial: &impl Opens) -> Tried {
    how_early(trial, &trial.frame(TEXT, &[0xce, 0xba, 0xff]))
}

/// Finds out whether bad text is refused before the frame is complete.
pub fn bad_text_in_three_bytes(trial: &impl Opens) -> Tried {
    let mut bytes = trial.text(&[0xff; 100]);
    bytes.truncate(bytes.len() - 100 + 3);
    how_early(trial, &bytes)
}

fn how_early(trial: &impl Opens, bytes: &[u8]) -> Tried {
    let mut peer = trial.open()?;
    peer.limit(AT_ONCE);
    peer.send(bytes);
    let ending = peer.ending(true);
    Ok(match ending.end {
        TcpEnd::Open if ending.close.is_none() => Outcome::chosen("waits for the rest"),
        _ => Outcome::chosen(format!("at once: {}", ending.in_words())),
    })
}

/// Cuts two frames at every byte.
pub fn cut(trial: &impl Opens) -> Tried {
    let mut peer = trial.open()?;
    let messages: [&[u8]; 2] = [b"Hello", &[b'x'; 126]];
    let mut cuts = 0;
    for message in messages {
        let bytes = trial.text(message);
        for at in 1..bytes.len() {
            peer.send(&bytes[..at]);
            // Usually long enough for the other side to read the first part alone.
            thread::sleep(Duration::from_millis(2));
            peer.send(&bytes[at..]);
            let came = peer.message();
            if came.as_deref() != Ok(message) {
                let did = came.err().unwrap_or("another echo".to_string());
                let length = bytes.len();
                return Ok(Outcome::broken(format!("cut at {at} of {length}: {did}")));
            }
            cuts += 1;
        }
    }
    Ok(Outcome::kept(format!("2 frames, {cuts} cuts: each echoed")))
}

/// Sends one message in very many fragments.
pub fn fragments(trial: &impl Opens) -> Tried {
    let mut peer = trial.open()?;
    let mut bytes = trial.frame(TEXT, b"x");
    bytes.extend(trial.frame(CONTINUATION, b"x").repeat(FRAGMENTS - 2));
    bytes.extend(trial.frame(FIN | CONTINUATION, b"x"));
    peer.flood(&bytes, b"x", bytes.len() as u64, Some(has_frame));
    Ok(match peer.message() {
        Ok(message) if message == vec![b'x'; FRAGMENTS] => Outcome::kept("echoed"),
        Ok(message) => Outcome::broken(format!("{} bytes come back", message.len())),
        Err(did) if did.contains("stays open") => Outcome::broken(did),
        Err(did) => Outcome::chosen(did),
    })
}

/// Floods with pings, and doesn't read.
pub fn unread_pongs(trial: &impl Opens) -> Tried {
    never_read(trial, &trial.frame(FIN | PING, &[b'p'; 125]))
}

/// Floods with messages, and doesn't read.
pub fn unread_echoes(trial: &impl Opens) -> Tried {
    never_read(trial, &trial.frame(FIN | BINARY, &[b'm'; 1024]))
}

/// Finds out what a peer does with answers that aren't read: stop reading, keep them, drop some, or end the
/// connection. No rule says which, but keeping them costs memory.
fn never_read(trial: &impl Opens, frame: &[u8]) -> Tried {
    let mut peer = trial.open()?;
    let filler = frame.repeat(64);
    let flood = peer.flood(b"", &filler, FLOOD, None);
    let sent = mebibytes(flood.sent);
    Ok(Outcome::chosen(match flood.end {
        FloodEnd::Ended => format!("ends it after {sent}"),
        FloodEnd::Stalled => format!("reads no more after {sent}"),
        FloodEnd::AllSent => {
            let answers = mebibytes(peer.drain());
            format!("takes all {sent}, then answers with {answers}")
        }
    }))
}

/// Bytes as MiB.
pub fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// Sends what begins the closing handshake, and returns how the connection ended.
pub fn closed(trial: &impl Opens, bytes: &[u8], half_closes: bool) -> Result<Ending, String> {
    let mut peer = trial.open()?;
    peer.send(bytes);
    if half_closes {
        peer.half_close();
    }
    Ok(peer.ending(false))
}

/// Judges the answer to a Close with a code and a reason.
pub fn usual_close(trial: &impl Opens) -> Tried {
    let ending = closed(trial, &trial.close(1000, b"done"), false)?;
    Ok(answered(&ending, Some(1000)))
}

/// Judges the answer to a Close without a code.
pub fn empty_close(trial: &impl Opens) -> Tried {
    let ending = closed(trial, &trial.frame(FIN | CLOSE, b""), false)?;
    Ok(answered(&ending, ending.code()))
}

/// Judges the answer to a Close with an application's code.
pub fn close_of_an_application(trial: &impl Opens) -> Tried {
    let ending = closed(trial, &trial.close(4999, b""), false)?;
    Ok(answered(&ending, Some(4999)))
}

/// Judges the answer to a Close with each of these codes, which no Close may carry.
pub fn forbidden_codes(trial: &impl Opens, codes: &[u16]) -> Tried {
    let all = codes.iter().map(|code| (code.to_string(), *code));
    worst_of(all.collect(), |code| {
        let ending = closed(trial, &trial.close(code, b""), false)?;
        Ok(faulty(&ending, 1002))
    })
}

/// Judges the answer to a Close with half a code.
pub fn close_of_one_byte(trial: &impl Opens) -> Tried {
    let ending = closed(trial, &trial.frame(FIN | CLOSE, &[0x03]), false)?;
    Ok(faulty(&ending, 1002))
}

/// Judges the answer to a Close whose reason isn't UTF-8.
pub fn bad_reason(trial: &impl Opens) -> Tried {
    let ending = closed(trial, &trial.close(1000, &[0xce, 0xff]), false)?;
    let sent_back = ending.close.as_deref().unwrap_or_default();
    if sent_back
        .get(2..)
        .is_some_and(|reason| std::str::from_utf8(reason).is_err())
    {
        return Ok(Outcome::broken("sends it back"));
    }
    Ok(faulty(&ending, 1007))
}

/// Judges the answer to a valid Close: a Close, usually with the same code, and then the end of TCP.
pub fn answered(ending: &Ending, code: Option<u16>) -> Outcome {
    let did = ending.in_words();
    let given = ending.code();
    match ending.close {
        None => Outcome::broken(did),
        Some(_) if ending.end == TcpEnd::Open => Outcome::broken(did),
        Some(_) if given.is_some_and(|given| !may_be_sent(given)) => Outcome::broken(did),
        Some(_) if given == code => Outcome::kept(did),
        // "Typically", says §5.5.1.
        Some(_) => Outcome::chosen(did),
    }
}

/// Judges the answer to an invalid Close, which fails the connection. No rule says which code the answer has, only
/// that some codes must not be sent.
fn faulty(ending: &Ending, code: u16) -> Outcome {
    let did = ending.in_words();
    match (ending.end, ending.code()) {
        (TcpEnd::Open, _) => Outcome::broken(did),
        (_, Some(given)) if !may_be_sent(given) => Outcome::broken(did),
        (_, Some(given)) if given == code => Outcome::kept(did),
        _ => Outcome::not_followed(format!("{did} ({code} is due)")),
    }
}
