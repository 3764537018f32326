//! Frames out of one direction's bytes, and what the messages and the rules make of them.
//!
//! Step 05 reads the headers. A payload is counted as it comes, and only its beginning is kept: so a
//! tap needs no more memory for a frame of a gigabyte than for one of a kilobyte.

use std::mem;
use std::time::Duration;

use frame_header::draw::draw_first;
use frame_header::{Decoded, FrameHeader, HeaderError, Opcode, ReservedBits, decode};
use workshop_wire::close_code::meaning;
use workshop_wire::side::Side;

use crate::sight::{Content, KEPT, Note, Sight, bytes_in_words};

/// How many bytes of a payload are drawn as bits.
const DRAWN: usize = 32;

/// All three: a frame that has them set is shown as well.
const ALL: ReservedBits = ReservedBits {
    rsv1: true,
    rsv2: true,
    rsv3: true,
};

/// How many frames are shown one by one in each second, and how many more that break a rule or are a Close.
/// The rest are counted: a terminal that showed them all would slow down the conversation.
const SHOWN_IN_A_SECOND: usize = 100;

/// How much of the frames is shown.
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
    /// What extensions have given a meaning.
    negotiated: ReservedBits,
    detail: Detail,
    shown: Shown,
    counted: Counted,
    /// The header so far, as it came.
    header: Vec<u8>,
    /// The frame whose payload is coming.
    frame: Option<Frame>,
    /// The message that isn't whole yet.
    message: Option<Message>,
    /// Whether a Close has been sent.
    pub is_closed: bool,
}

#[derive(Debug)]
struct Frame {
    header: FrameHeader,
    /// The beginning of the payload, as it came.
    kept: Vec<u8>,
    /// How much of it has come.
    come: u64,
    /// What the header's rules say about it.
    fault: Option<HeaderError>,
}

/// A message in several frames.
#[derive(Debug)]
struct Message {
    opcode: Opcode,
    is_compressed: bool,
    fragments: u64,
    bytes: u64,
}

/// How many frames of this second have been shown.
#[derive(Debug, Default)]
struct Shown {
    second: u64,
    ordinary: usize,
    others: usize,
    /// Whether a line has said that there are more.
    is_said: bool,
}

/// Frames that are not shown one by one.
#[derive(Debug, Default)]
struct Counted {
    kinds: Vec<(Opcode, u64)>,
    bytes: u64,
}

/// The bytes that follow are no frames any more; so many of those that were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost(pub usize);

impl Frames {
    /// Of that side, after its handshake.
    pub fn new(side: Side, deflates: bool, detail: Detail) -> Self {
        Self {
            side,
            negotiated: ReservedBits {
                rsv1: deflates,
                ..ReservedBits::NONE
            },
            detail,
            shown: Shown::default(),
            counted: Counted::default(),
            header: Vec::new(),
            frame: None,
            message: None,
            is_closed: false,
        }
    }

    /// Takes the bytes that have come at that time, and shows each frame that is complete now. If there are very
    /// many, shows the first of them, and counts the rest.
    ///
    /// # Errors
    /// A rule is broken in a way that leaves it unknown where the next frame begins.
    pub fn take(
        &mut self,
        at: Duration,
        bytes: &[u8],
        sights: &mut Vec<Sight>,
    ) -> Result<(), Lost> {
        if self.shown.second != at.as_secs() {
            self.shown = Shown {
                second: at.as_secs(),
                ..Shown::default()
            };
        }
        let taken = self.take_frames(bytes, sights);
        self.say_counted(sights);
        taken
    }

    fn take_frames(&mut self, mut bytes: &[u8], sights: &mut Vec<Sight>) -> Result<(), Lost> {
        loop {
            if self.frame.is_none() {
                let Some(rest) = self.take_header(bytes, sights)? else {
                    return Ok(());
                };
                bytes = rest;
            }
            let Some(frame) = &mut self.frame else {
                return Ok(());
            };
            let missing = frame.header.payload_length - frame.come;
            let here = usize::try_from(missing)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            let room = KEPT.saturating_sub(frame.kept.len()).min(here);
            frame.kept.extend(&bytes[..room]);
            frame.come += here as u64;
            bytes = &bytes[here..];
            if frame.come < frame.header.payload_length {
                return Ok(());
            }
            self.show(sights);
            self.header.clear();
        }
    }

    /// Shows the frame that is complete now, or counts it.
    fn show(&mut self, sights: &mut Vec<Sight>) {
        let Some(frame) = self.frame.take() else {
            return;
        };
        let is_ordinary = self.is_ordinary(&frame);
        let shown = if is_ordinary {
            &mut self.shown.ordinary
        } else {
            &mut self.shown.others
        };
        if *shown < SHOWN_IN_A_SECOND || self.detail.is_complete {
            *shown += 1;
            self.say_counted(sights);
            sights.push(self.sight(&frame));
            return;
        }
        self.counted.add(&frame.header);
        match is_ordinary {
            true => self.follow(&frame.header),
            // `sight` also works out what this frame means for the frames that follow.
            false => _ = self.sight(&frame),
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
        fits && frame.fault.is_none() && !self.is_closed && is_masked == is_from_client
    }

    /// Notes what an ordinary frame, which isn't shown, adds to its message.
    fn follow(&mut self, header: &FrameHeader) {
        if matches!(header.opcode, Opcode::Ping | Opcode::Pong) {
            return;
        }
        let mut message = self
            .message
            .take()
            .unwrap_or(Message::new(header, self.negotiated));
        message.add(header);
        self.message = (!header.fin).then_some(message);
    }

    fn say_counted(&mut self, sights: &mut Vec<Sight>) {
        let counted = mem::take(&mut self.counted);
        if counted.kinds.is_empty() {
            return;
        }
        let mut sight = Sight::new(self.side, counted.words());
        if !mem::replace(&mut self.shown.is_said, true) {
            sight = sight.noting(format!(
                "(more than {SHOWN_IN_A_SECOND} in this second: they are counted; --all shows each)"
            ));
        }
        sights.push(sight);
    }

    /// What is behind the header, if it is whole.
    fn take_header<'a>(
        &mut self,
        mut bytes: &'a [u8],
        sights: &mut Vec<Sight>,
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
                    let sight = Sight::new(self.side, format!("no frame: {}", hex.join(" ")))
                        .blaming(format!("{error} (close code {})", error.close_code()))
                        .noting("What follows is counted, and not decoded.");
                    self.say_counted(sights);
                    sights.push(sight);
                    return Err(Lost(bytes.len()));
                }
            };
            self.begin(header);
            return Ok(Some(bytes));
        }
    }

    fn begin(&mut self, header: FrameHeader) {
        self.frame = Some(Frame {
            header,
            kept: Vec::new(),
            come: 0,
            fault: decode(&self.header, self.negotiated).err(),
        });
    }

    /// What TCP's end has cut off, if anything.
    pub fn cut_off(&self) -> Option<String> {
        match &self.frame {
            Some(frame) => Some(format!(
                "in the middle of a frame: {} of {} of payload came ({})",
                frame.come,
                bytes_in_words(frame.header.payload_length),
                frame.header
            )),
            None if !self.header.is_empty() => Some(format!(
                "in the middle of a frame's header: {} came",
                bytes_in_words(self.header.len() as u64)
            )),
            None => self.message.as_ref().map(|message| {
                format!(
                    "in the middle of a message: {} came, and no FIN",
                    message.words()
                )
            }),
        }
    }

    /// What a complete frame looks like.
    fn sight(&mut self, frame: &Frame) -> Sight {
        let header = frame.header;
        let mut sight = Sight::new(self.side, header.to_string());
        if let Some(error) = frame.fault {
            sight = sight.blaming(format!("{error} (close code {})", error.close_code()));
        }
        sight = match (self.side, header.masking_key) {
            (Side::Client, None) => {
                sight.blaming("a client's frame must be masked, RFC 6455 §5.1 (close code 1002)")
            }
            (Side::Server, Some(_)) => sight
                .blaming("a server's frame must not be masked, RFC 6455 §5.1 (close code 1002)"),
            _ => sight,
        };
        if self.is_closed {
            sight = sight.blaming("nothing may follow a Close, RFC 6455 §5.5.1");
        }
        let plain = frame.plain();
        let mut content = Content {
            has_more: header.payload_length > plain.len() as u64,
            bytes: plain,
            is_text: false,
            lines: 1,
        };
        sight = match header.opcode {
            Opcode::Close => {
                self.is_closed = true;
                return self.drawn(closing(sight, &content.bytes), frame);
            }
            Opcode::Ping | Opcode::Pong => {
                let text = str::from_utf8(&content.bytes);
                content.is_text = text.is_ok_and(|text| !text.contains(char::is_control));
                sight
            }
            _ => self.part_of_message(sight, header, &mut content),
        };
        self.drawn(sight.with(content), frame)
    }

    /// Says where in its message a frame stands, and whether that is text.
    fn part_of_message(
        &mut self,
        sight: Sight,
        header: FrameHeader,
        content: &mut Content,
    ) -> Sight {
        let mut message = match (header.opcode, self.message.take()) {
            (Opcode::Continuation, Some(message)) => message,
            (Opcode::Continuation, None) => {
                return sight
                    .blaming("there is nothing to continue, RFC 6455 §5.4 (close code 1002)");
            }
            (opcode, unfinished) => {
                let message = Message::new(&header, self.negotiated);
                if unfinished.is_some() {
                    self.message = unfinished;
                    content.is_text = opcode == Opcode::Text;
                    return sight.blaming(
                        "the message before it isn't finished, RFC 6455 §5.4 (close code 1002)",
                    );
                }
                message
            }
        };
        message.add(&header);
        content.is_text = message.opcode == Opcode::Text && !message.is_compressed;
        let mut sight = match (message.fragments, header.fin) {
            (1, true) => sight,
            (number, false) => {
                sight.noting(format!("fragment {number} of a {} message", message.opcode))
            }
            (number, true) => sight.noting(format!(
                "fragment {number}, the last of a {} message of {}",
                message.opcode,
                bytes_in_words(message.bytes)
            )),
        };
        if message.is_compressed {
            sight = sight.noting("compressed (permessage-deflate): shown as it came, not decoded");
        }
        if !header.fin {
            self.message = Some(message);
        }
        sight
    }

    fn drawn(&self, mut sight: Sight, frame: &Frame) -> Sight {
        if !self.detail.is_drawn {
            return sight;
        }
        let drawn = frame.kept.len().min(DRAWN);
        let bytes = [&self.header[..], &frame.kept[..drawn]].concat();
        let (drawing, _) = draw_first(&bytes);
        // Below the last border the drawing says in words what the title has said.
        let border = drawing.rfind("\n+").map_or(0, |at| at + 1);
        let end = drawing[border..]
            .find('\n')
            .map_or(drawing.len(), |at| border + at);
        let mut text = drawing[..end].to_string();
        let more = frame.header.payload_length - drawn as u64;
        if more > 0 {
            text += &format!("\n({more} more bytes of payload, not drawn)");
        }
        sight.notes.push(Note::Drawing(text));
        sight
    }
}

impl Frame {
    /// What is kept of the payload, unmasked.
    fn plain(&self) -> Vec<u8> {
        let key = self.header.masking_key.unwrap_or_default();
        let masked = self.kept.iter().zip(key.iter().cycle());
        masked.map(|(byte, key)| byte ^ key).collect()
    }
}

impl Message {
    /// The one that this frame begins.
    fn new(header: &FrameHeader, negotiated: ReservedBits) -> Self {
        Self {
            opcode: header.opcode,
            is_compressed: header.reserved.rsv1 && negotiated.rsv1,
            fragments: 0,
            bytes: 0,
        }
    }

    fn add(&mut self, header: &FrameHeader) {
        self.fragments += 1;
        self.bytes = self.bytes.saturating_add(header.payload_length);
    }

    fn words(&self) -> String {
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

    fn words(&self) -> String {
        let kinds = self
            .kinds
            .iter()
            .map(|(opcode, count)| format!("{count} {opcode}"));
        let count: u64 = self.kinds.iter().map(|kind| kind.1).sum();
        format!(
            "{count} more frame{}: {}; {} of payload",
            if count == 1 { "" } else { "s" },
            kinds.collect::<Vec<_>>().join(", "),
            bytes_in_words(self.bytes)
        )
    }
}

/// A Close: its code in words, and its reason (RFC 6455 §5.5.1, §7.4).
fn closing(sight: Sight, payload: &[u8]) -> Sight {
    let Some((code, reason)) = payload.split_at_checked(2) else {
        return match payload {
            [] => sight.noting("no code: the other side reports 1005"),
            _ => sight.blaming("half a code, RFC 6455 §5.5.1 (close code 1002)"),
        };
    };
    let code = u16::from_be_bytes([code[0], code[1]]);
    let (meaning, may_be_sent) = meaning(code);
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
    let mut sight = sight.noting(format!("{code}: {meaning}{reason}"));
    if !may_be_sent {
        sight = sight.blaming("this code must not be sent, RFC 6455 §7.4 (close code 1002)");
    }
    if str::from_utf8(&payload[2..]).is_err() {
        sight = sight.blaming("the reason is not UTF-8, RFC 6455 §5.5.1 (close code 1007)");
    }
    sight
}
