//! The reader: puts parts of frames together to messages and control frames.
//!
//! ```text
//!                       text or binary frame
//!   no message has begun ──────────────────▶ a message has begun ⟲ continuation, no FIN
//!                        ◀──────────────────
//!                   its frame with FIN has ended
//! ```
//!
//! A control frame may come in either state, and changes neither.

use frames::{FrameHeader, Opcode, Part};

use crate::error::MessageError;
use crate::item::{Item, Message};
use crate::text::TextBuffer;

/// Takes parts of frames as they come, and returns items as soon as they are whole.
///
/// The reader accepts any number of fragments. Still, its memory is bounded by `max_message`: it
/// appends each payload as it comes, and keeps nothing else of a fragment.
// ANCHOR: reader
#[derive(Debug)]
pub struct MessageReader {
    max_message: u64,
    /// The message that has begun.
    message: Option<Unfinished>,
    /// The control frame that is arriving. While there is one, all parts belong to it.
    control: Option<Control>,
}

/// A message that has begun.
#[derive(Debug)]
struct Unfinished {
    /// Whether the frame that is arriving is the message's last one.
    is_last: bool,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Text(TextBuffer),
    Binary(Vec<u8>),
}

/// A control frame that has begun.
#[derive(Debug)]
struct Control {
    /// Makes an item of the whole payload: `Item::Ping`, for example.
    to_item: fn(Vec<u8>) -> Item,
    payload: Vec<u8>,
}
// ANCHOR_END: reader

impl MessageReader {
    /// Creates a reader for the parts that a [`FrameDecoder`](frames::FrameDecoder) returns.
    /// `max_message` is the length that a message may have in all its frames together, in bytes.
    pub fn new(max_message: u64) -> Self {
        Self {
            max_message,
            message: None,
            control: None,
        }
    }

    /// Takes the next part, and returns the item that is whole with it, or `None` if more parts are
    /// needed.
    ///
    /// # Errors
    /// Returns a [`MessageError`] with the first part that breaks a rule. The items after an error have
    /// no meaning.
    // ANCHOR: read
    pub fn read(&mut self, part: Part) -> Result<Option<Item>, MessageError> {
        match part {
            Part::Header(header) => self.begin(&header).map(|()| None),
            Part::Payload(bytes) => self.append(&bytes).map(|()| None),
            Part::End => self.end(),
        }
    }
    // ANCHOR_END: read

    // ANCHOR: begin
    fn begin(&mut self, header: &FrameHeader) -> Result<(), MessageError> {
        match header.opcode {
            Opcode::Text => self.begin_message(header.fin, Content::Text(TextBuffer::default())),
            Opcode::Binary => self.begin_message(header.fin, Content::Binary(Vec::new())),
            Opcode::Continuation => self.continue_message(header.fin),
            Opcode::Close => self.begin_control(Item::Close),
            Opcode::Ping => self.begin_control(Item::Ping),
            Opcode::Pong => self.begin_control(Item::Pong),
        }
    }

    fn begin_control(&mut self, to_item: fn(Vec<u8>) -> Item) -> Result<(), MessageError> {
        let payload = Vec::new();
        self.control = Some(Control { to_item, payload });
        Ok(())
    }
    // ANCHOR_END: begin

    // ANCHOR: begin_message
    fn begin_message(&mut self, is_last: bool, content: Content) -> Result<(), MessageError> {
        // Task: a message can begin only if none has begun.
        if self.message.is_some() {
            return Err(MessageError::MessageNotFinished);
        }
        self.message = Some(Unfinished { is_last, content });
        Ok(())
    }
    // ANCHOR_END: begin_message

    // ANCHOR: continue_message
    fn continue_message(&mut self, is_last: bool) -> Result<(), MessageError> {
        // Task: a message can continue only if one has begun.
        let Some(message) = &mut self.message else {
            return Err(MessageError::NothingToContinue);
        };
        message.is_last = is_last;
        Ok(())
    }
    // ANCHOR_END: continue_message

    // ANCHOR: append
    fn append(&mut self, bytes: &[u8]) -> Result<(), MessageError> {
        // Task: a control frame's bytes don't belong to the message, and the limit is only for the
        // message. Check the bytes within the limit first, and don't keep those beyond it. (There is
        // always a control frame or a message, because `begin` came first.)
        if let Some(control) = &mut self.control {
            control.payload.extend_from_slice(bytes);
            return Ok(());
        }
        let Some(message) = &mut self.message else {
            return Ok(());
        };
        let room = self.max_message - message.content.length() as u64;
        let fits = usize::try_from(room).map_or(bytes.len(), |room| room.min(bytes.len()));
        match &mut message.content {
            Content::Text(text) => text.push(&bytes[..fits])?,
            Content::Binary(binary) => binary.extend_from_slice(&bytes[..fits]),
        }
        if fits < bytes.len() {
            let limit = self.max_message;
            return Err(MessageError::TooLarge { limit });
        }
        Ok(())
    }
    // ANCHOR_END: append

    // ANCHOR: end
    fn end(&mut self) -> Result<Option<Item>, MessageError> {
        // Task: a control frame is whole; a message is whole if this was its last frame.
        if let Some(control) = self.control.take() {
            return Ok(Some((control.to_item)(control.payload)));
        }
        let Some(whole) = self.message.take_if(|message| message.is_last) else {
            return Ok(None);
        };
        let message = match whole.content {
            Content::Text(text) => Message::Text(text.finish()?),
            Content::Binary(binary) => Message::Binary(binary),
        };
        Ok(Some(Item::Message(message)))
    }
    // ANCHOR_END: end

    /// Returns how many bytes of memory the reader has allocated. A growing `Vec` doubles its
    /// capacity, so this may be twice the number of bytes that arrived, but not more.
    pub fn memory(&self) -> usize {
        let control = self.control.as_ref();
        let message = self.message.as_ref();
        control.map_or(0, |control| control.payload.capacity())
            + message.map_or(0, |message| message.content.memory())
    }
}

impl Content {
    /// Returns how many bytes have come.
    fn length(&self) -> usize {
        match self {
            Self::Text(text) => text.length(),
            Self::Binary(binary) => binary.len(),
        }
    }

    fn memory(&self) -> usize {
        match self {
            Self::Text(text) => text.memory(),
            Self::Binary(binary) => binary.capacity(),
        }
    }
}
