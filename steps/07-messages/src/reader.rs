//! Parts of frames into messages and control frames.
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

/// Takes parts of frames as they come, and gives items as soon as they are whole.
///
/// It takes any number of fragments. What it holds is bounded by `max_message` all the same: the
/// payload is put together as it comes, and a fragment leaves nothing else behind.
#[derive(Debug)]
pub struct MessageReader {
    max_message: u64,
    /// The message that has begun.
    message: Option<Unfinished>,
    /// The control frame that is arriving. While it is there, the parts that come are its own.
    control: Option<Control>,
}

/// A message that has begun.
#[derive(Debug)]
struct Unfinished {
    /// Whether the frame that arrives now is its last one.
    last: bool,
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
    /// What it becomes once it is whole: `Item::Ping`, for example.
    becomes: fn(Vec<u8>) -> Item,
    payload: Vec<u8>,
}

impl MessageReader {
    /// A reader for the parts that a [`FrameDecoder`](frames::FrameDecoder) gives. `max_message` is
    /// the most that a message may have in all its frames together, in bytes.
    pub fn new(max_message: u64) -> Self {
        Self {
            max_message,
            message: None,
            control: None,
        }
    }

    /// Takes the next part, and gives what is whole with it. `None`: more parts are needed.
    ///
    /// # Errors
    /// A rule is broken. This is said with the first part that breaks it; whoever reads on reads
    /// nonsense.
    pub fn read(&mut self, part: Part) -> Result<Option<Item>, MessageError> {
        match part {
            Part::Header(header) => self.begin(&header).map(|()| None),
            Part::Payload(bytes) => self.append(&bytes).map(|()| None),
            Part::End => self.end(),
        }
    }

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

    fn begin_control(&mut self, becomes: fn(Vec<u8>) -> Item) -> Result<(), MessageError> {
        let payload = Vec::new();
        self.control = Some(Control { becomes, payload });
        Ok(())
    }

    fn begin_message(&mut self, last: bool, content: Content) -> Result<(), MessageError> {
        // Task: a message can begin where none has begun.
        todo!("a message can begin where none has begun")
    }

    fn continue_message(&mut self, last: bool) -> Result<(), MessageError> {
        // Task: a message can go on where one has begun.
        todo!("a message can go on where one has begun")
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), MessageError> {
        // Task: a control frame's bytes aren't the message's, and the limit is the message's alone.
        // What is over it isn't kept; what is within it is judged first. (One of the two is always
        // there, because `begin` came first.)
        todo!("a control frame's bytes aren't the message's, and the limit is the message's alone")
    }

    fn end(&mut self) -> Result<Option<Item>, MessageError> {
        // Task: a control frame is whole; a message is whole if this was its last frame.
        todo!("a control frame is whole; a message is whole if this was its last frame")
    }

    /// How many bytes of memory it has for what has begun. A `Vec` that grows doubles, so this may
    /// be twice what arrived, and no more.
    pub fn memory(&self) -> usize {
        let control = self.control.as_ref();
        let message = self.message.as_ref();
        control.map_or(0, |control| control.payload.capacity())
            + message.map_or(0, |message| message.content.memory())
    }
}

impl Content {
    /// How many bytes have come.
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
