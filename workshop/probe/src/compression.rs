//! What both sides can be asked where permessage-deflate was agreed on (RFC 7692).
//!
//! zlib compresses what the probe sends, and inflates what comes back. What is wrong, or what zlib never writes, is
//! given byte for byte.

use std::ops::DerefMut;

use flate2::{Compress, Compression, FlushCompress};
use workshop_wire::deflate::{Agreement, Element, Inflater, Terms};
use workshop_wire::side::Side;

use crate::exchange::{Opens, worst_of};
use crate::frame::{BINARY, CONTINUATION, FIN, PING, RSV1, TEXT};
use crate::outcome::Outcome;
use crate::peer::{Ending, Peer};
use crate::rule::Tried;

/// The most bytes to which an echo is inflated.
const MAX_ECHO: u64 = 1 << 20;

/// How many bytes of zeros the bomb has.
const BOMB: usize = 64 << 20;

/// How many bytes the noise has: more than the smallest window, fewer than the largest.
const NOISE: usize = 2048;

/// "Hello" (§7.2.3.1).
const HELLO: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

/// "Hello" again, which refers back to the one before it (§7.2.3.2).
const HELLO_AGAIN: &[u8] = &[0xf2, 0x00, 0x11, 0x00, 0x00];

/// The same in a block without compression (§7.2.3.3), with BFINAL set (§7.2.3.4), and in two blocks (§7.2.3.5).
const OTHER_HELLOS: [(&str, &[u8]); 3] = [
    (
        "not compressed",
        &[
            0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
        ],
    ),
    ("BFINAL", &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]),
    (
        "two blocks",
        &[
            0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
        ],
    ),
];

/// What the probe would like to be agreed on, besides compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Nothing.
    Nothing,
    /// The other side doesn't refer back to earlier messages.
    TheyForget,
    /// The probe doesn't.
    ProbeForgets,
    /// The other side refers back by at most 512 bytes.
    TheirWindowIsSmall,
}

/// A try that can open a WebSocket with compression.
pub trait Deflates: Opens + Sized {
    /// Why the rules about compression aren't asked, in words.
    const NOT_AGREED: &str;

    /// Opens a WebSocket with compression. `None` if the other side doesn't want that, or not this wish.
    ///
    /// # Errors
    /// Returns what the other side did instead, in words.
    fn open_deflated(&self, wish: Wish) -> Result<Option<Deflated<Self::Open>>, String>;

    /// Sees whether the other side still answers, after something that it may not have survived.
    ///
    /// # Errors
    /// Returns what it does instead, in words.
    fn is_alive(&self) -> Result<(), String>;

    /// Opens one, and judges it. If there is none, the rule isn't asked.
    fn deflated(&self, wish: Wish, judge: impl FnOnce(Deflated<Self::Open>) -> Tried) -> Tried {
        match self.open_deflated(wish)? {
            Some(open) => judge(open),
            None => Ok(Outcome::not_asked(Self::NOT_AGREED)),
        }
    }
}

/// A WebSocket with compression.
pub struct Deflated<Open> {
    /// The connection.
    pub peer: Open,
    /// How the probe compresses.
    pub own: Terms,
    /// How the other side does.
    pub theirs: Terms,
    side: Side,
    compress: Compress,
    inflater: Inflater,
}

/// A message that was inflated, if it was compressed.
struct Echo {
    bytes: Vec<u8>,
    is_compressed: bool,
    /// How many bytes it had before.
    length: usize,
}

impl<Open: DerefMut<Target = Peer>> Deflated<Open> {
    /// A connection on which this was agreed, and the probe's side of it.
    pub fn new(mut peer: Open, side: Side, agreement: Agreement) -> Self {
        let (own, theirs) = match side {
            Side::Client => (agreement.client, agreement.server),
            Side::Server => (agreement.server, agreement.client),
        };
        peer.deflates = true;
        // zlib has no window of 256 bytes. Without compression, nothing refers back at all.
        let level = match own.window_bits {
            8 => Compression::none(),
            _ => Compression::best(),
        };
        Self {
            peer,
            own,
            theirs,
            side,
            compress: Compress::new_with_window_bits(level, false, own.window_bits.max(9)),
            inflater: Inflater::new(theirs, MAX_ECHO),
        }
    }

    /// Sends a message of this type, compressed by the terms that were agreed on.
    fn send(&mut self, opcode: u8, message: &[u8]) {
        if !self.own.takes_over {
            self.compress.reset();
        }
        let bytes = deflated(&mut self.compress, message);
        self.send_frame(FIN | RSV1 | opcode, &bytes);
    }

    fn send_frame(&mut self, first: u8, payload: &[u8]) {
        let frame = crate::frame::of(self.side, first, payload);
        self.peer.send(&frame);
    }

    /// Reads the next message.
    fn echo(&mut self) -> Result<Echo, String> {
        let message = self
            .peer
            .message_as_it_came()
            .map_err(|ending| no_echo(&ending))?;
        let length = message.payload.len();
        if !message.is_compressed {
            return Ok(Echo {
                bytes: message.payload,
                is_compressed: false,
                length,
            });
        }
        let mut bytes = Vec::new();
        let inflated = self
            .inflater
            .inflate(&message.payload, |piece| bytes.extend(piece))
            .and_then(|()| self.inflater.finish(|piece| bytes.extend(piece)));
        inflated.map_err(|error| format!("an echo that can't be inflated: {error}"))?;
        Ok(Echo {
            bytes,
            is_compressed: true,
            length,
        })
    }

    /// Judges whether the next message is this one.
    fn echoes(&mut self, message: &[u8]) -> Outcome {
        match self.echo() {
            Ok(echo) if echo.bytes == message => Outcome::kept("echoed"),
            Ok(_) => Outcome::broken("echoed as something else"),
            Err(did) => Outcome::broken(did),
        }
    }
}

fn no_echo(ending: &Ending) -> String {
    match ending.close {
        Some(_) => ending.in_words(),
        None => format!("no echo, {}", ending.end.in_words()),
    }
}

/// Returns what a server's answer to this offer agrees on.
///
/// # Errors
/// Returns what is wrong with it, in words, if a server may not answer this offer with it (§7.1).
pub fn agreement(answer: &Element, offer: &Element) -> Result<Agreement, String> {
    let agreement = Agreement::of_answer(answer)?;
    if offer.has("server_no_context_takeover") && agreement.server.takes_over {
        return Err("no server_no_context_takeover, as asked".to_string());
    }
    if offer
        .number("server_max_window_bits")
        .is_some_and(|asked| agreement.server.window_bits > asked)
    {
        return Err("a larger server_max_window_bits than asked".to_string());
    }
    if answer.has("client_max_window_bits") {
        let largest = offer.number("client_max_window_bits").unwrap_or(15);
        if !offer.has("client_max_window_bits") {
            return Err("client_max_window_bits, not offered".to_string());
        }
        if agreement.client.window_bits > largest {
            return Err("a larger client_max_window_bits than offered".to_string());
        }
    }
    Ok(agreement)
}

/// A message, compressed, without the end that isn't sent (§7.2.1).
fn deflated(compress: &mut Compress, message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len() + message.len() / 100 + 100);
    compress
        .compress_vec(message, &mut bytes, FlushCompress::Sync)
        .expect("there is room for it");
    // zlib writes nothing if there is nothing new. An empty message is one byte (§7.2.3.6).
    bytes.truncate(bytes.len().saturating_sub(4));
    if bytes.is_empty() { vec![0] } else { bytes }
}

/// Bytes that look random, the same in each run: they can't be compressed.
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let bytes = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 24) as u8
    });
    bytes.take(NOISE).collect()
}

/// Judges what comes back of "Hello", compressed in each way that the RFC shows.
pub fn hello(trial: &impl Deflates) -> Tried {
    let (start, end) = HELLO.split_at(3);
    let whole = |payload: &[u8]| vec![(FIN | RSV1 | TEXT, payload.to_vec())];
    let mut all = vec![
        ("one block".to_string(), whole(HELLO)),
        (
            "fragments".to_string(),
            vec![
                (RSV1 | TEXT, start.to_vec()),
                (FIN | CONTINUATION, end.to_vec()),
            ],
        ),
    ];
    let others = OTHER_HELLOS.map(|(name, bytes)| (name.to_string(), whole(bytes)));
    all.extend(others);
    worst_of(all, |frames| {
        trial.deflated(Wish::Nothing, |mut open| {
            for (first, payload) in frames {
                open.send_frame(first, &payload);
            }
            Ok(open.echoes(b"Hello"))
        })
    })
}

/// Judges what comes back of a message that refers back to the one before it.
pub fn hello_again(trial: &impl Deflates) -> Tried {
    trial.deflated(Wish::Nothing, |mut open| {
        if !open.own.takes_over {
            return Ok(Outcome::not_asked("it has ruled that out"));
        }
        open.send_frame(FIN | RSV1 | TEXT, HELLO);
        open.echo()?;
        open.send_frame(FIN | RSV1 | TEXT, HELLO_AGAIN);
        Ok(open.echoes(b"Hello"))
    })
}

/// Judges what comes back of a message that isn't compressed, between two that are.
pub fn uncompressed(trial: &impl Deflates) -> Tried {
    trial.deflated(Wish::Nothing, |mut open| {
        let message = b"between two others";
        open.send(TEXT, message);
        open.echo()?;
        open.send_frame(FIN | TEXT, b"plain");
        match open.echo()?.bytes == b"plain" {
            false => return Ok(Outcome::broken("echoed as something else")),
            true => open.send(TEXT, message),
        }
        Ok(open.echoes(message))
    })
}

/// Judges the frames of the other side: what they inflate to, RSV1 where it may be, the shortest length.
pub fn own_frames(trial: &impl Deflates) -> Tried {
    trial.deflated(Wish::Nothing, |mut open| {
        let mut messages: Vec<Vec<u8>> = [0, 125, 126, 0xffff, 0x1_0000]
            .map(|length| vec![b'x'; length])
            .into();
        messages.extend([noise(), b"after noise".to_vec(), noise(), Vec::new()]);
        let mut compressed = 0;
        for message in &messages {
            open.send(BINARY, message);
            let echo = open.echo()?;
            if echo.bytes != *message {
                let length = message.len();
                return Ok(Outcome::broken(format!("{length} bytes come back changed")));
            }
            compressed += usize::from(echo.is_compressed);
        }
        open.send_frame(FIN | PING, b"?");
        _ = open.peer.frame();
        Ok(match open.peer.fault {
            Some(fault) => Outcome::broken(fault),
            None => Outcome::kept(format!(
                "{compressed} of {} echoes compressed",
                messages.len()
            )),
        })
    })
}

/// Judges whether messages stand for themselves if that was agreed on.
pub fn no_context_takeover(trial: &impl Deflates) -> Tried {
    let all = [
        ("its messages", Wish::TheyForget),
        ("the probe's", Wish::ProbeForgets),
    ];
    let all = all.map(|(name, wish)| (name.to_string(), wish));
    worst_of(all.into(), |wish| {
        trial.deflated(wish, |mut open| {
            if wish == Wish::TheyForget && open.theirs.takes_over {
                return Ok(Outcome::broken("agrees, but not to this"));
            }
            let message = "a message that is worth referring back to".as_bytes();
            for _ in 0..2 {
                open.send(TEXT, message);
                let outcome = open.echoes(message);
                if outcome != Outcome::kept("echoed") {
                    return Ok(outcome);
                }
            }
            Ok(Outcome::kept("two echoes, each by itself"))
        })
    })
}

/// Judges whether messages refer back no further than was agreed on.
pub fn small_window(trial: &impl Deflates) -> Tried {
    trial.deflated(Wish::TheirWindowIsSmall, |mut open| {
        if open.theirs.window_bits > 9 {
            return Ok(Outcome::broken("agrees, but not to this"));
        }
        let noise = noise();
        open.send(BINARY, &noise);
        open.echo()?;
        open.send(BINARY, &noise);
        let echo = open.echo()?;
        Ok(if echo.bytes != noise {
            Outcome::broken("echoed as something else")
        } else if echo.length < NOISE / 2 {
            Outcome::broken(format!("refers back by {NOISE} bytes"))
        } else {
            Outcome::kept("refers no further back")
        })
    })
}

/// Judges RSV1 where it means nothing: in a control frame, and in a frame that continues a message.
pub fn misplaced_bits(trial: &impl Deflates) -> Tried {
    let (start, end) = HELLO.split_at(3);
    let all = [
        ("a ping", vec![trial.frame(FIN | RSV1 | PING, b"?")]),
        (
            "a continuation",
            vec![
                trial.frame(RSV1 | TEXT, start),
                trial.frame(FIN | RSV1 | CONTINUATION, end),
            ],
        ),
    ];
    fails(trial, all.into(), &[1002])
}

/// Judges what bytes lead to that aren't DEFLATE's.
pub fn not_deflate(trial: &impl Deflates) -> Tried {
    let all: [(&str, &[u8]); 3] = [
        ("a reserved block type", &[0xff, 0xff, 0xff]),
        (
            "a length that isn't its own",
            &[0x00, 0x05, 0x00, 0x05, 0x00],
        ),
        ("a reference to nothing", HELLO_AGAIN),
    ];
    let frame = |payload| vec![trial.frame(FIN | RSV1 | TEXT, payload)];
    let all = all.map(|(name, payload)| (name, frame(payload)));
    fails(trial, all.into(), &[1007, 1002])
}

/// Judges what text leads to that isn't UTF-8 once it is inflated.
pub fn bad_text(trial: &impl Deflates) -> Tried {
    let bytes = deflated(
        &mut Compress::new(Compression::best(), false),
        &[0xce, 0xba, 0xff],
    );
    let frame = trial.frame(FIN | RSV1 | TEXT, &bytes);
    trial.deflated(Wish::Nothing, |mut open| {
        open.peer.send(&frame);
        Ok(Outcome::of_failure(&open.peer.ending(true), 1007))
    })
}

/// Judges several that must fail the connection with one of these codes, each with its name.
fn fails(trial: &impl Deflates, all: Vec<(&str, Vec<Vec<u8>>)>, codes: &[u16]) -> Tried {
    let all = all.into_iter().map(|(name, it)| (name.to_string(), it));
    worst_of(all.collect(), |frames| {
        trial.deflated(Wish::Nothing, |mut open| {
            open.peer.send(&frames.concat());
            Ok(Outcome::of_failure_with(&open.peer.ending(true), codes))
        })
    })
}

/// Finds out what becomes of a message that inflates to a thousand times as many bytes (RFC 6455 §10.4). Whatever that
/// is, the other side must be there afterwards.
pub fn bomb(trial: &impl Deflates) -> Tried {
    trial.deflated(Wish::Nothing, |mut open| {
        let mut compress = Compress::new(Compression::best(), false);
        // After a full flush, nothing refers back: so the same bytes may come again.
        let mut part = Vec::with_capacity(4096);
        compress
            .compress_vec(&[0; 1 << 20], &mut part, FlushCompress::Full)
            .expect("there is room for it");
        let mut bytes = part.repeat(BOMB >> 20);
        bytes.truncate(bytes.len() - 4);
        open.send_frame(FIN | RSV1 | BINARY, &bytes);
        let did = match open.peer.message_as_it_came() {
            // Too long to be read is long enough.
            Err(ending) if open.peer.fault.is_none() => ending.in_words(),
            _ => "echoes all of it".to_string(),
        };
        drop(open);
        Ok(match trial.is_alive() {
            Ok(()) => Outcome::chosen(did),
            Err(after) => Outcome::broken(format!("{did}; then {after}")),
        })
    })
}
