//! permessage-deflate (RFC 7692): what two sides have agreed on, and their messages, inflated.
//!
//! ```text
//!   Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover
//!        │ elements                      │
//!        ▼                               ▼
//!     Element ──────────────────▶ Agreement ──▶ Terms of each side ──▶ Inflater of what it sends
//! ```
//!
//! A tool that watches reads on, whatever arrives: an [`Inflater`] says what it can't inflate, and inflates a limited
//! number of bytes of each message.

use std::fmt;

use flate2::{Decompress, FlushDecompress, Status};

/// The name of the extension.
pub const NAME: &str = "permessage-deflate";

/// What is wrong with a frame that has RSV1 set, but doesn't begin a message.
pub const MISPLACED_BIT: &str =
    "RSV1 set in a frame that doesn't begin a message, RFC 7692 §6 (close code 1002)";

/// The most bytes by which data may refer back to earlier data: the largest window (RFC 1951 §2).
const MAX_WINDOW: usize = 32 << 10;
/// The number of bytes that are inflated at a time.
const PIECE: usize = 8 << 10;
/// The bytes that a sender leaves out at the end of each message (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// A last block, and nothing in it (RFC 1951 §3.2.4).
const LAST_BLOCK: [u8; 5] = [0x01, 0x00, 0x00, 0xff, 0xff];

/// An element of a `Sec-WebSocket-Extensions` field: an extension, with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// The name of the extension.
    pub name: String,
    /// The name of each parameter, and its value if it has one.
    pub parameters: Vec<(String, Option<String>)>,
}

impl Element {
    fn read(text: &str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_string();
        let parameters = parts.map(|part| match part.split_once('=') {
            Some((name, value)) => (name.trim_end().to_string(), Some(bare(value.trim_start()))),
            None => (part.to_string(), None),
        });
        Self {
            name,
            parameters: parameters.collect(),
        }
    }

    /// Whether this is permessage-deflate.
    pub fn is_deflate(&self) -> bool {
        self.name.eq_ignore_ascii_case(NAME)
    }

    /// Whether it has a parameter of this name.
    pub fn has(&self, name: &str) -> bool {
        self.parameters.iter().any(|parameter| parameter.0 == name)
    }

    /// The value of the parameter of this name, as a number.
    pub fn number(&self, name: &str) -> Option<u8> {
        let parameter = self.parameters.iter().find(|found| found.0 == name)?;
        parameter.1.as_deref()?.parse().ok()
    }
}

/// A value without the quotes that it may be in. They are allowed if what is in them is a token (RFC 6455 §9.1).
fn bare(value: &str) -> String {
    let quoted = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    quoted.unwrap_or(value).to_string()
}

/// Splits the value of a `Sec-WebSocket-Extensions` field into its elements.
pub fn elements(value: &str) -> Vec<Element> {
    let elements = value.split(',').map(str::trim);
    let elements = elements.filter(|element| !element.is_empty());
    elements.map(Element::read).collect()
}

/// How one side compresses what it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Whether a message may refer back to those before it (RFC 7692 §7.1.1).
    pub takes_over: bool,
    /// The size of its window, as a power of two (§7.1.2).
    pub window_bits: u8,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            takes_over: true,
            window_bits: 15,
        }
    }
}

/// What the two sides have agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Agreement {
    /// How the client compresses.
    pub client: Terms,
    /// How the server compresses.
    pub server: Terms,
}

impl Agreement {
    /// Reads what a server has answered.
    ///
    /// # Errors
    /// Returns what is wrong, in words, if no server may answer this (RFC 7692 §7.1).
    pub fn of_answer(answer: &Element) -> Result<Self, String> {
        let mut agreement = Self::default();
        for (index, (name, value)) in answer.parameters.iter().enumerate() {
            if answer.parameters[..index].iter().any(|one| one.0 == *name) {
                return Err(format!("{name} twice"));
            }
            match (name.as_str(), value) {
                ("server_no_context_takeover", None) => agreement.server.takes_over = false,
                ("client_no_context_takeover", None) => agreement.client.takes_over = false,
                ("server_max_window_bits", Some(value)) => {
                    agreement.server.window_bits = window_bits(name, value)?;
                }
                ("client_max_window_bits", Some(value)) => {
                    agreement.client.window_bits = window_bits(name, value)?;
                }
                ("server_max_window_bits" | "client_max_window_bits", None) => {
                    return Err(format!("{name} without a value"));
                }
                ("server_no_context_takeover" | "client_no_context_takeover", Some(_)) => {
                    return Err(format!("{name} with a value"));
                }
                _ => return Err(format!("{name} is unknown")),
            }
        }
        Ok(agreement)
    }
}

/// A window has 8 to 15 bits, without a zero in front (RFC 7692 §7.1.2).
fn window_bits(name: &str, value: &str) -> Result<u8, String> {
    match value.parse() {
        Ok(bits @ 8..=15) if !value.starts_with(['0', '+']) => Ok(bits),
        _ => Err(format!("{name}={value} is not 8 to 15")),
    }
}

/// Why a message can't be inflated, or not all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InflateError {
    /// Its bytes aren't DEFLATE's, or refer back to what was never sent.
    NotDeflate,
    /// Its bytes end in the middle of a block.
    CutOff,
    /// It inflates to more bytes than the limit.
    TooLong,
    /// A message before it couldn't be inflated, and it may refer back to that.
    Lost,
}

impl fmt::Display for InflateError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotDeflate => "it isn't DEFLATE data, or refers back to what was never sent",
            Self::CutOff => "it ends in the middle of DEFLATE data",
            Self::TooLong => "it inflates to more bytes than the limit",
            Self::Lost => "a message before it couldn't be inflated, and it may refer back to that",
        })
    }
}

/// Inflates the messages of one side.
#[derive(Debug)]
pub struct Inflater {
    inflate: Decompress,
    takes_over: bool,
    limit: u64,
    /// How many bytes of the message may still come out.
    left: u64,
    /// The end of what came out, to which the next bytes may refer.
    window: Vec<u8>,
    lost: Option<InflateError>,
}

impl Inflater {
    /// Inflates what a side sends on these terms, up to `limit` bytes of each message.
    pub fn new(terms: Terms, limit: u64) -> Self {
        Self {
            // A larger window than the sender's does no harm.
            inflate: Decompress::new(false),
            takes_over: terms.takes_over,
            limit,
            left: limit,
            window: Vec::new(),
            lost: None,
        }
    }

    /// Inflates the next bytes of a message, and gives what comes out to `take`, in pieces.
    ///
    /// # Errors
    /// Returns an [`InflateError`] if they can't be inflated. Then the rest of the message can't, either.
    pub fn inflate(&mut self, bytes: &[u8], take: impl FnMut(&[u8])) -> Result<(), InflateError> {
        if let Some(error) = self.lost {
            return Err(error);
        }
        let inflated = self.inflate_some(bytes, take);
        self.lost = inflated.err();
        inflated.map(|_| ())
    }

    /// Inflates the end of a message, which isn't sent: the next bytes begin another message.
    ///
    /// # Errors
    /// Returns the error of [`inflate`](Self::inflate) again if there was one, or an [`InflateError`] if more bytes had
    /// to follow.
    pub fn finish(&mut self, mut take: impl FnMut(&[u8])) -> Result<(), InflateError> {
        let finished = self.inflate(&TAIL, &mut take).and_then(|()| {
            // After a whole message, a block may begin.
            match self.inflate_some(&LAST_BLOCK, take) {
                Ok(true) => Ok(()),
                Ok(false) => Err(InflateError::CutOff),
                Err(error) => Err(error),
            }
        });
        self.left = self.limit;
        if self.takes_over {
            self.lost = finished.err().map(|_| InflateError::Lost);
        } else {
            self.lost = None;
            self.window.clear();
            self.inflate.reset(false);
        }
        finished
    }

    /// Returns whether the last block has ended.
    fn inflate_some(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(&[u8]),
    ) -> Result<bool, InflateError> {
        let mut piece = [0; PIECE];
        loop {
            let before = (self.inflate.total_in(), self.inflate.total_out());
            let status = self
                .inflate
                .decompress(bytes, &mut piece, FlushDecompress::Sync)
                .map_err(|_| InflateError::NotDeflate)?;
            let read = self.inflate.total_in() - before.0;
            let written = self.inflate.total_out() - before.1;
            bytes = &bytes[read as usize..];
            let piece = &piece[..written as usize];
            take(&piece[..written.min(self.left) as usize]);
            self.left = self
                .left
                .checked_sub(written)
                .ok_or(InflateError::TooLong)?;
            self.remember(piece);
            match status {
                // A sender may end its data and begin again, even inside a message (RFC 7692 §7.2.3.4).
                Status::StreamEnd => {
                    self.inflate.reset(false);
                    let known = self.inflate.set_dictionary(&self.window);
                    known.map_err(|_| InflateError::NotDeflate)?;
                    if bytes.is_empty() {
                        return Ok(true);
                    }
                }
                _ if bytes.is_empty() && piece.len() < PIECE => return Ok(false),
                _ if read == 0 && written == 0 => return Err(InflateError::NotDeflate),
                _ => {}
            }
        }
    }

    fn remember(&mut self, piece: &[u8]) {
        self.window.extend(piece);
        let surplus = self.window.len().saturating_sub(MAX_WINDOW);
        self.window.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::*;

    const LIMIT: u64 = 1 << 20;
    const RESTARTS: Terms = Terms {
        takes_over: false,
        window_bits: 15,
    };

    /// Inflates a message that arrives in pieces of this size.
    fn in_pieces(
        inflater: &mut Inflater,
        bytes: &[u8],
        size: usize,
    ) -> Result<Vec<u8>, InflateError> {
        let mut whole = Vec::new();
        for piece in bytes.chunks(size) {
            // `finish` says it again.
            _ = inflater.inflate(piece, |bytes| whole.extend(bytes));
        }
        let finished = inflater.finish(|bytes| whole.extend(bytes));
        finished.map(|()| whole)
    }

    fn inflated(inflater: &mut Inflater, bytes: &[u8]) -> Result<Vec<u8>, InflateError> {
        in_pieces(inflater, bytes, usize::MAX)
    }

    fn deflated(deflate: &mut Compress, message: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(message.len() + 100);
        let done = deflate.compress_vec(message, &mut bytes, FlushCompress::Sync);
        done.expect("there is room for it");
        if bytes.is_empty() {
            // zlib flushes only what is new.
            return vec![0];
        }
        bytes.truncate(bytes.len() - TAIL.len());
        bytes
    }

    /// RFC 7692 §7.2.3: "Hello", and how else it can be written.
    #[test]
    fn the_examples_of_the_rfc_are_inflated() {
        for bytes in [
            &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
            // Not compressed.
            &[
                0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
            ],
            // BFINAL is 1.
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
            // Two blocks.
            &[
                0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
            ],
        ] {
            for size in [1, 2, 3, usize::MAX] {
                for terms in [Terms::default(), RESTARTS] {
                    let mut inflater = Inflater::new(terms, LIMIT);
                    for _ in 0..3 {
                        assert_eq!(in_pieces(&mut inflater, bytes, size), Ok(b"Hello".to_vec()));
                    }
                }
            }
        }
    }

    #[test]
    fn a_message_refers_back_unless_that_was_ruled_out() {
        let again = [0xf2, 0x00, 0x11, 0x00, 0x00];
        for first in [
            &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        ] {
            let mut inflater = Inflater::new(Terms::default(), LIMIT);
            assert_eq!(inflated(&mut inflater, first), Ok(b"Hello".to_vec()));
            assert_eq!(inflated(&mut inflater, &again), Ok(b"Hello".to_vec()));
            let mut inflater = Inflater::new(RESTARTS, LIMIT);
            assert_eq!(inflated(&mut inflater, first), Ok(b"Hello".to_vec()));
            let error = inflated(&mut inflater, &again);
            assert_eq!(error, Err(InflateError::NotDeflate));
            assert_eq!(inflated(&mut inflater, first), Ok(b"Hello".to_vec()));
        }
    }

    #[test]
    fn long_messages_keep_the_window_that_zlib_would() {
        let mut seed = 1_u32;
        let noise = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        });
        let noise: Vec<u8> = noise.take(100_000).collect();
        let mut deflate = Compress::new(Compression::best(), false);
        let mut inflater = Inflater::new(Terms::default(), LIMIT);
        for message in [
            &noise[..],
            b"",
            &noise[70_000..],
            &noise[68_000..],
            &[0; 50_000],
            &noise[90_000..],
            b"text",
        ] {
            let bytes = deflated(&mut deflate, message);
            assert_eq!(inflated(&mut inflater, &bytes).as_deref(), Ok(message));
        }
    }

    #[test]
    fn what_is_not_deflate_is_said_to_be_so_and_so_is_what_follows() {
        let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        for (bytes, error) in [
            (&[0xff, 0xff, 0xff][..], InflateError::NotDeflate),
            (&[0xf2, 0x00, 0x11, 0x00, 0x00], InflateError::NotDeflate),
            // A block without compression, and fewer bytes than it says.
            (&[0x00, 0x50, 0x00, 0xaf, 0xff], InflateError::CutOff),
        ] {
            let mut inflater = Inflater::new(Terms::default(), LIMIT);
            assert_eq!(inflated(&mut inflater, bytes), Err(error), "{bytes:02x?}");
            assert_eq!(inflated(&mut inflater, &hello), Err(InflateError::Lost));
            let mut inflater = Inflater::new(RESTARTS, LIMIT);
            assert_eq!(inflated(&mut inflater, bytes), Err(error), "{bytes:02x?}");
            assert_eq!(inflated(&mut inflater, &hello), Ok(b"Hello".to_vec()));
        }
    }

    #[test]
    fn a_bomb_is_inflated_up_to_the_limit() {
        let bytes = deflated(&mut Compress::new(Compression::best(), false), &[0; 5000]);
        for (limit, end) in [
            (5000, Ok(())),
            (4999, Err(InflateError::TooLong)),
            (10, Err(InflateError::TooLong)),
        ] {
            let mut inflater = Inflater::new(Terms::default(), limit);
            let mut count = 0;
            _ = inflater.inflate(&bytes, |piece| count += piece.len() as u64);
            assert_eq!(inflater.finish(|piece| count += piece.len() as u64), end);
            assert_eq!(count, limit);
        }
    }

    #[test]
    fn an_answer_is_read_or_what_is_wrong_with_it_is_said() {
        let read = |value: &str| Agreement::of_answer(&elements(value)[0]);
        assert_eq!(read("permessage-deflate"), Ok(Agreement::default()));
        assert_eq!(
            read(
                "Permessage-Deflate ; server_no_context_takeover; client_max_window_bits = \"10\""
            ),
            Ok(Agreement {
                client: Terms {
                    takes_over: true,
                    window_bits: 10
                },
                server: RESTARTS,
            })
        );
        for (parameters, why) in [
            ("x", "x is unknown"),
            ("client_max_window_bits", "without a value"),
            ("server_max_window_bits=7", "=7 is not 8 to 15"),
            ("server_max_window_bits=16", "=16 is not 8 to 15"),
            ("server_max_window_bits=08", "=08 is not 8 to 15"),
            ("server_max_window_bits=+9", "=+9 is not 8 to 15"),
            ("client_max_window_bits=", "= is not 8 to 15"),
            ("client_no_context_takeover=1", "with a value"),
            (
                "server_max_window_bits=9; server_max_window_bits=9",
                "twice",
            ),
        ] {
            let said = read(&format!("permessage-deflate; {parameters}")).expect_err(parameters);
            assert!(said.ends_with(why), "{parameters}: {said}");
        }
        let two = elements("x-one;a=1;b , ,permessage-deflate; a");
        assert_eq!(two.len(), 2);
        assert!(!two[0].is_deflate() && two[0].has("b") && two[0].number("a") == Some(1));
        assert!(two[1].is_deflate() && !two[1].has("b") && two[1].number("a").is_none());
    }
}
