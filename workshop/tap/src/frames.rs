//! Reads frames from the bytes of one direction, and follows the messages and the rules.
//!
//! Step 05 reads the headers. A payload is counted as it arrives, and only its beginning is kept. So a tap needs no
//! more memory for a frame of a gigabyte than for one of a kilobyte. A compressed message is inflated as it arrives, and
//! of what comes out, too, only the beginning is kept.

use std::mem;
use std::time::Duration;

use frame_header::draw::draw_first;
use frame_header::{Decoded, FrameHeader, HeaderError, Opcode, ReservedBits, decode};
use workshop_wire::close_code::{may_be_sent, meaning};
use workshop_wire::deflate::{InflateError, Inflater, MISPLACED_BIT, Terms};
use workshop_wire::side::Side;

use crate::entry::{Content, Entry, MAX_KEPT, Note, byte_count};

/// The number of bytes of a payload that are drawn as bits.
const MAX_DRAWN: usize = 32;

/// All three are allowed here, so that a frame that has one of them set is shown too.
const ALL: ReservedBits = ReservedBits {
    rsv1: true,
    rsv2: true,
    rsv3: true,
};

/// The most frames that are shown one by one in each second, and the most further ones that break a rule or are a
/// Close. The rest are counted: a terminal that showed them all would slow down the conversation.
const MAX_PER_SECOND: usize = 100;

/// The most bytes to which a message is inflated.
const MAX_INFLATED: u64 = 64 << 20;
/// How many times as many bytes a message inflates to if it is called a bomb.
const BOMB: u64 = 100;

/// Options for showing frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Detail {
    /// Whether frames are drawn as bits.
    pub is_drawn: bool,
    /// Whether each frame is shown, however many come.
    pub is_complete: bool,
}

/// Reads the frames of one direction.
#[derive(Debug)]
pub struct Frames {
    side: Side,
    /// The reserved bits to which an extension has given a meaning.
    negotiated: ReservedBits,
    detail: Detail,
    shown: Shown,
    counted: Counted,
    /// The header so far.
    header: Vec<u8>,
    /// The frame whose payload is being received.
    frame: Option<Frame>,
    /// The message that isn't complete yet.
    message: Option<Message>,
    /// Inflates the messages that have RSV1, if that was agreed on.
    inflater: Option<Box<Inflater>>,
    /// Whether a Close has been sent.
    pub is_closed: bool,
}

#[derive(Debug)]
struct Frame {
    header: FrameHeader,
    /// The beginning of the payload, as it was sent.
    kept: Vec<u8>,
    /// The number of its bytes that have been received.
    received: u64,
    /// The rule that its header breaks, if it breaks one.
    fault: Option<HeaderError>,
    /// What its payload inflates to, if it is compressed.
    inflated: Option<Inflated>,
}

/// What came out of a compressed payload.
#[derive(Debug, Default)]
struct Inflated {
    /// The beginning.
    kept: Vec<u8>,
    /// The number of its bytes.
    count: u64,
    /// Why there is no more.
    error: Option<InflateError>,
}

/// A message in several frames.
#[derive(Debug)]
struct Message {
    opcode: Opcode,
    is_compressed: bool,
    fragments: u64,
    bytes: u64,
    /// The number of bytes that these inflate to, if it is compressed.
    inflated: u64,
}

/// The number of frames of this second that have been shown.
#[derive(Debug, Default)]
struct Shown {
    second: u64,
    ordinary: usize,
    others: usize,
    /// Whether a line has said that there are more.
    is_announced: bool,
}

/// Frames that are not shown one by one.
#[derive(Debug, Default)]
struct Counted {
    kinds: Vec<(Opcode, u64)>,
    bytes: u64,
}

/// The bytes that follow can't be read as frames. How many of the given bytes that are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost(pub usize);

impl Frames {
    /// Reads the frames of this side, after its handshake. `terms` are those on which it may compress its messages.
    pub fn new(side: Side, terms: Option<Terms>, detail: Detail) -> Self {
        Self {
            side,
            negotiated: ReservedBits {
                rsv1: terms.is_some(),
                ..ReservedBits::NONE
            },
            detail,
            shown: Shown::default(),
            counted: Counted::default(),
            header: Vec::new(),
            frame: None,
            message: None,
            inflater: terms.map(|terms| Box::new(Inflater::new(terms, MAX_INFLATED))),
            is_closed: false,
        }
    }

    /// Takes bytes, and shows each frame that they complete. If there are very many, shows the first of them, and
    /// counts the rest.
    ///
    /// # Errors
    /// Returns [`Lost`] if a broken rule leaves it unknown where the next frame begins.
    pub fn take(
        &mut self,
        at: Duration,
        bytes: &[u8],
        entries: &mut Vec<Entry>,
    ) -> Result<(), Lost> {
        if self.shown.second != at.as_secs() {
            self.shown = Shown {
                second: at.as_secs(),
                ..Shown::default()
            };
        }
        let taken = self.take_frames(bytes, entries);
        self.flush_counted(entries);
        taken
    }

    fn take_frames(&mut self, mut bytes: &[u8], entries: &mut Vec<Entry>) -> Result<(), Lost> {
        loop {
            if self.frame.is_none() {
                let Some(rest) = self.take_header(bytes, entries)? else {
                    return Ok(());
                };
                bytes = rest;
            }
            let Some(frame) = &mut self.frame else {
                return Ok(());
            };
            let missing = frame.header.payload_length - frame.received;
            let here = usize::try_from(missing)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            let (payload, rest) = bytes.split_at(here);
            if let (Some(inflated), Some(inflater)) = (&mut frame.inflated, &mut self.inflater) {
                let plain = unmasked(&frame.header, frame.received, payload);
                inflated.take(inflater, &plain);
            }
            let room = MAX_KEPT.saturating_sub(frame.kept.len()).min(here);
            frame.kept.extend(&payload[..room]);
            frame.received += here as u64;
            bytes = rest;
            if frame.received < frame.header.payload_length {
                return Ok(());
            }
            if frame.header.fin
                && let (Some(inflated), Some(inflater)) = (&mut frame.inflated, &mut self.inflater)
            {
                inflated.finish(inflater);
            }
            self.show(entries);
            self.header.clear();
        }
    }

    /// Shows the frame that is complete now, or counts it.
    fn show(&mut self, entries: &mut Vec<Entry>) {
        let Some(frame) = self.frame.take() else {
            return;
        };
        let is_ordinary = self.is_ordinary(&frame);
        let shown = if is_ordinary {
            &mut self.shown.ordinary
        } else {
            &mut self.shown.others
        };
        if *shown < MAX_PER_SECOND || self.detail.is_complete {
            *shown += 1;
            self.flush_counted(entries);
            entries.push(self.entry(&frame));
            return;
        }
        self.counted.add(&frame.header);
        if is_ordinary {
            self.follow(&frame);
        } else {
            // `entry` also works out what this frame means for the frames that follow.
            _ = self.entry(&frame);
        }
    }

    /// Whether a frame breaks no rule and isn't a Close. There may be many of these.
    fn is_ordinary(&self, frame: &Frame) -> bool {
        let header = &frame.header;
        let fits = match header.opcode {
            Opcode::Close => false,
            Opcode::Ping | Opcode::Pong => true,
            Opcode::Continuation => self.message.is_some(),
            _ => self.message.is_none(),
        };
        let is_masked = header.masking_key.is_some();
        let is_from_client = self.side == Side::Client;
        let error = frame.inflated.as_ref().and_then(|inflated| inflated.error);
        let is_inflated = matches!(error, None | Some(InflateError::Lost));
        fits && frame.fault.is_none()
            && is_inflated
            && !self.has_misplaced_bit(header)
            && !self.is_closed
            && is_masked == is_from_client
    }

    /// Whether RSV1 is set where it means nothing, even though it was negotiated.
    fn has_misplaced_bit(&self, header: &FrameHeader) -> bool {
        let begins = matches!(header.opcode, Opcode::Text | Opcode::Binary);
        header.reserved.rsv1 && self.negotiated.rsv1 && !begins
    }

    /// Adds an ordinary frame that isn't shown to its message.
    fn follow(&mut self, frame: &Frame) {
        let header = &frame.header;
        if matches!(header.opcode, Opcode::Ping | Opcode::Pong) {
            return;
        }
        let mut message = self
            .message
            .take()
            .unwrap_or(Message::new(header, self.negotiated));
        message.add(frame);
        self.message = (!header.fin).then_some(message);
    }

    fn flush_counted(&mut self, entries: &mut Vec<Entry>) {
        let counted = mem::take(&mut self.counted);
        if counted.kinds.is_empty() {
            return;
        }
        let mut entry = Entry::new(self.side, counted.in_words());
        if !mem::replace(&mut self.shown.is_announced, true) {
            entry = entry.with_note(format!(
                "(more than {MAX_PER_SECOND} in this second: they are counted; --all shows each)"
            ));
        }
        entries.push(entry);
    }

    /// Takes a header. Returns the bytes after it if it is complete.
    fn take_header<'a>(
        &mut self,
        mut bytes: &'a [u8],
        entries: &mut Vec<Entry>,
    ) -> Result<Option<&'a [u8]>, Lost> {
        // Most headers come in one piece.
        if self.header.is_empty()
            && let Ok(Decoded::Header { header, length }) = decode(bytes, ALL)
        {
            self.header.extend(&bytes[..length]);
            self.begin(header);
            return Ok(Some(&bytes[length..]));
        }
        loop {
            let header = match decode(&self.header, ALL) {
                Ok(Decoded::Header { header, .. }) => header,
                Ok(Decoded::Incomplete { .. }) => {
                    let Some((byte, rest)) = bytes.split_first() else {
                        return Ok(None);
                    };
                    self.header.push(*byte);
                    bytes = rest;
                    continue;
                }
                Err(error) => {
                    let hex: Vec<String> = self
                        .header
                        .iter()
                        .map(|byte| format!("{byte:02x}"))
                        .collect();
                    let entry = Entry::new(self.side, format!("not a frame: {}", hex.join(" ")))
                        .with_fault(format!("{error} (close code {})", error.close_code()))
                        .with_note("What follows is counted, and not decoded.");
                    self.flush_counted(entries);
                    entries.push(entry);
                    return Err(Lost(bytes.len()));
                }
            };
            self.begin(header);
            return Ok(Some(bytes));
        }
    }

    fn begin(&mut self, header: FrameHeader) {
        let is_compressed = match (header.opcode, &self.message) {
            (Opcode::Continuation, Some(message)) => message.is_compressed,
            (Opcode::Text | Opcode::Binary, None) => {
                Message::new(&header, self.negotiated).is_compressed
            }
            _ => false,
        };
        self.frame = Some(Frame {
            header,
            kept: Vec::new(),
            received: 0,
            fault: decode(&self.header, self.negotiated).err(),
            inflated: is_compressed.then(Inflated::default),
        });
    }

    /// Describes the frame that the end of TCP has cut off, if there is one.
    pub fn cut_off(&self) -> Option<String> {
        match &self.frame {
            Some(frame) => Some(format!(
                "in the middle of a frame: {} of {} of payload came ({})",
                frame.received,
                byte_count(frame.header.payload_length),
                frame.header
            )),
            None if !self.header.is_empty() => Some(format!(
                "in the middle of a frame's header: {} came",
                byte_count(self.header.len() as u64)
            )),
            None => self.message.as_ref().map(|message| {
                format!(
                    "in the middle of a message: {} came, and no FIN",
                    message.in_words()
                )
            }),
        }
    }

    /// Returns the entry for a complete frame.
    fn entry(&mut self, frame: &Frame) -> Entry {
        let header = frame.header;
        let mut entry = Entry::new(self.side, header.to_string());
        if let Some(error) = frame.fault {
            entry = entry.with_fault(format!("{error} (close code {})", error.close_code()));
        }
        if self.has_misplaced_bit(&header) {
            entry = entry.with_fault(MISPLACED_BIT);
        }
        entry = match (self.side, header.masking_key) {
            (Side::Client, None) => {
                entry.with_fault("a client's frame must be masked, RFC 6455 §5.1 (close code 1002)")
            }
            (Side::Server, Some(_)) => entry
                .with_fault("a server's frame must not be masked, RFC 6455 §5.1 (close code 1002)"),
            _ => entry,
        };
        if self.is_closed {
            entry = entry.with_fault("nothing may follow a Close, RFC 6455 §5.5.1");
        }
        let plain = frame.plain();
        let mut content = Content {
            has_more: header.payload_length > plain.len() as u64,
            bytes: plain,
            is_text: false,
            lines: 1,
        };
        entry = match header.opcode {
            Opcode::Close => {
                self.is_closed = true;
                return self.drawn(closing(entry, &content.bytes), frame);
            }
            Opcode::Ping | Opcode::Pong => {
                let text = str::from_utf8(&content.bytes);
                content.is_text = text.is_ok_and(|text| !text.contains(char::is_control));
                entry
            }
            _ => self.part_of_message(entry, frame, &mut content),
        };
        self.drawn(entry.with(content), frame)
    }

    /// Notes which part of its message a frame is, and whether that is text.
    fn part_of_message(&mut self, entry: Entry, frame: &Frame, content: &mut Content) -> Entry {
        let header = frame.header;
        let mut message = match (header.opcode, self.message.take()) {
            (Opcode::Continuation, Some(message)) => message,
            (Opcode::Continuation, None) => {
                return entry
                    .with_fault("there is nothing to continue, RFC 6455 §5.4 (close code 1002)");
            }
            (opcode, unfinished) => {
                let message = Message::new(&header, self.negotiated);
                if unfinished.is_some() {
                    self.message = unfinished;
                    content.is_text = opcode == Opcode::Text;
                    return entry.with_fault(
                        "the message before it isn't finished, RFC 6455 §5.4 (close code 1002)",
                    );
                }
                message
            }
        };
        message.add(frame);
        content.is_text = message.opcode == Opcode::Text;
        let mut entry = match (message.fragments, header.fin) {
            (1, true) => entry,
            (number, false) => {
                entry.with_note(format!("fragment {number} of a {} message", message.opcode))
            }
            (number, true) => entry.with_note(format!(
                "fragment {number}, the last of a {} message of {}",
                message.opcode,
                byte_count(message.bytes)
            )),
        };
        if let Some(inflated) = &frame.inflated {
            inflated.replace(content);
            entry = inflated.noted(entry, &message, frame);
        }
        if !header.fin {
            self.message = Some(message);
        }
        entry
    }

    fn drawn(&self, mut entry: Entry, frame: &Frame) -> Entry {
        if !self.detail.is_drawn {
            return entry;
        }
        let drawn = frame.kept.len().min(MAX_DRAWN);
        let bytes = [&self.header[..], &frame.kept[..drawn]].concat();
        let (drawing, _) = draw_first(&bytes);
        // The text below the drawing's last border is in the title already.
        let border = drawing.rfind("\n+").map_or(0, |at| at + 1);
        let end = drawing[border..]
            .find('\n')
            .map_or(drawing.len(), |at| border + at);
        let mut text = drawing[..end].to_string();
        let more = frame.header.payload_length - drawn as u64;
        if more > 0 {
            text += &format!("\n({more} more bytes of payload, not drawn)");
        }
        entry.notes.push(Note::Drawing(text));
        entry
    }
}

impl Frame {
    /// The beginning of the payload, unmasked.
    fn plain(&self) -> Vec<u8> {
        unmasked(&self.header, 0, &self.kept)
    }
}

/// A part of a payload that begins after `before` bytes, unmasked.
fn unmasked(header: &FrameHeader, before: u64, part: &[u8]) -> Vec<u8> {
    let key = header.masking_key.unwrap_or_default();
    let keys = key.iter().cycle().skip((before % 4) as usize);
    part.iter()
        .zip(keys)
        .map(|(byte, key)| byte ^ key)
        .collect()
}

impl Inflated {
    fn take(&mut self, inflater: &mut Inflater, bytes: &[u8]) {
        self.error = inflater.inflate(bytes, |piece| self.keep(piece)).err();
    }

    /// The message ends here.
    fn finish(&mut self, inflater: &mut Inflater) {
        self.error = inflater.finish(|piece| self.keep(piece)).err();
    }

    fn keep(&mut self, piece: &[u8]) {
        let room = MAX_KEPT.saturating_sub(self.kept.len());
        self.kept.extend(&piece[..room.min(piece.len())]);
        self.count += piece.len() as u64;
    }

    /// Shows this instead of what was sent. If it couldn't be inflated, what was sent is shown.
    fn replace(&self, content: &mut Content) {
        match self.error {
            None | Some(InflateError::TooLong) => {
                content.bytes.clone_from(&self.kept);
                content.has_more = self.count > self.kept.len() as u64;
            }
            Some(_) => content.is_text = false,
        }
    }

    /// Adds how many bytes were sent, and how many these are inflated: of the message, once that is complete.
    fn noted(&self, entry: Entry, message: &Message, frame: &Frame) -> Entry {
        let (sent, inflated) = if frame.header.fin {
            (message.bytes, message.inflated)
        } else {
            (frame.header.payload_length, self.count)
        };
        match self.error {
            None => {
                let ratio = match inflated {
                    0 => String::new(),
                    _ => format!(" ({} %)", (sent * 100).div_ceil(inflated)),
                };
                entry.with_note(format!(
                    "compressed: {} on the wire, {inflated} inflated{ratio}",
                    byte_count(sent)
                ))
            }
            Some(InflateError::TooLong) => {
                let limit = MAX_INFLATED >> 20;
                let name = if inflated > BOMB * sent {
                    "a bomb"
                } else {
                    "compressed"
                };
                entry.with_fault(format!(
                    "{name}: {} on the wire, more than {limit} MiB inflated; the rest isn't inflated",
                    byte_count(sent)
                ))
            }
            Some(InflateError::Lost) => {
                let why = InflateError::Lost;
                entry.with_note(format!("compressed, and not inflated: {why}"))
            }
            Some(error) => entry.with_fault(format!(
                "compressed, and can't be inflated: {error}, RFC 7692 §7.2.2"
            )),
        }
    }
}

impl Message {
    /// The message that this frame begins.
    fn new(header: &FrameHeader, negotiated: ReservedBits) -> Self {
        Self {
            opcode: header.opcode,
            is_compressed: header.reserved.rsv1 && negotiated.rsv1,
            fragments: 0,
            bytes: 0,
            inflated: 0,
        }
    }

    fn add(&mut self, frame: &Frame) {
        self.fragments += 1;
        self.bytes = self.bytes.saturating_add(frame.header.payload_length);
        let inflated = frame.inflated.as_ref();
        self.inflated += inflated.map_or(0, |inflated| inflated.count);
    }

    fn in_words(&self) -> String {
        match self.fragments {
            1 => format!("1 fragment of a {} message", self.opcode),
            more => format!("{more} fragments of a {} message", self.opcode),
        }
    }
}

impl Counted {
    fn add(&mut self, header: &FrameHeader) {
        self.bytes = self.bytes.saturating_add(header.payload_length);
        let known = self.kinds.iter_mut().find(|kind| kind.0 == header.opcode);
        match known {
            Some((_, count)) => *count += 1,
            None => self.kinds.push((header.opcode, 1)),
        }
    }

    fn in_words(&self) -> String {
        let kinds = self
            .kinds
            .iter()
            .map(|(opcode, count)| format!("{count} {opcode}"));
        let count: u64 = self.kinds.iter().map(|kind| kind.1).sum();
        format!(
            "{count} more frame{}: {}; {} of payload",
            if count == 1 { "" } else { "s" },
            kinds.collect::<Vec<_>>().join(", "),
            byte_count(self.bytes)
        )
    }
}

/// A Close: its code in words, and its reason (RFC 6455 §5.5.1, §7.4).
fn closing(entry: Entry, payload: &[u8]) -> Entry {
    let Some((code, reason)) = payload.split_at_checked(2) else {
        return match payload {
            [] => entry.with_note("no code: the other side reports 1005"),
            _ => entry.with_fault("half a code, RFC 6455 §5.5.1 (close code 1002)"),
        };
    };
    let code = u16::from_be_bytes([code[0], code[1]]);
    let reason = match str::from_utf8(reason) {
        Ok("") => String::new(),
        _ => {
            let bytes = reason.to_vec();
            let content = Content {
                bytes,
                has_more: false,
                is_text: true,
                lines: 1,
            };
            format!(", reason {}", content.line(usize::MAX))
        }
    };
    let mut entry = entry.with_note(format!("{code}: {}{reason}", meaning(code)));
    if !may_be_sent(code) {
        entry = entry.with_fault("this code must not be sent, RFC 6455 §7.4 (close code 1002)");
    }
    if str::from_utf8(&payload[2..]).is_err() {
        entry = entry.with_fault("the reason is not UTF-8, RFC 6455 §5.5.1 (close code 1007)");
    }
    entry
}
