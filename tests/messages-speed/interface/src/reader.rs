//! A reader of parts. Step 17 has none: its connection reads bytes. So each part becomes bytes again, and a header goes
//! with the first bytes of its payload: what is whole in one read is handed out as it lies.

use std::mem;

use connection::Failure;
use frames::{Opcode, Part};
use speed::{Buffers, Config, Connection, Event};
use step_07::{Item, Message, MessageError};

/// A reader with the interface of [`step_07::MessageReader`].
pub struct MessageReader {
    /// The client's side, because the parts of the checks have no masking key.
    connection: Connection,
    /// A header that waits for the first bytes of its payload.
    header: Vec<u8>,
    /// The connection returns an item with the last byte of its frame. It waits here for [`Part::End`].
    whole: Option<Item>,
    /// The payload of a Close frame that is arriving. What it may be is a matter of step 08, so here, the connection
    /// doesn't see it.
    close: Option<Vec<u8>>,
}

impl MessageReader {
    /// Creates a reader. `max_message` is the length that a message may have, in bytes.
    pub fn new(max_message: u64) -> Self {
        let config = Config {
            max_frame: u64::MAX,
            max_message,
        };
        Self {
            connection: Connection::client(config, || [0; 4]),
            header: Vec::new(),
            whole: None,
            close: None,
        }
    }

    /// Takes the next part, and returns the item that is whole with it.
    ///
    /// # Errors
    /// Returns a [`MessageError`] with the first part that breaks a rule.
    pub fn read(&mut self, part: Part) -> Result<Option<Item>, MessageError> {
        let mut bytes = mem::take(&mut self.header);
        match (part, &mut self.close) {
            (Part::Header(header), _) if header.opcode == Opcode::Close => {
                self.close = Some(Vec::new());
            }
            (Part::Payload(payload), Some(close)) => close.extend(payload),
            (Part::Header(header), _) => {
                header.encode(&mut bytes);
                if header.payload_length > 0 {
                    self.header = mem::take(&mut bytes);
                }
            }
            (Part::Payload(payload), None) => bytes.extend(payload),
            (Part::End, _) => {
                let close = self.close.take().map(Item::Close);
                return Ok(close.or_else(|| self.whole.take()));
            }
        }
        // What the connection says, nobody hears. A buffer that is dropped isn't used again.
        let (mut said, mut buffers) = (Vec::new(), Buffers::default());
        let mut rest = &mut bytes[..];
        while let Some(event) = self.connection.poll(&mut rest, &mut said, &mut buffers) {
            self.whole = Some(match event {
                Event::Text(text) => Item::Message(Message::Text(
                    String::from_utf8(text.to_vec()).expect("a text message is UTF-8"),
                )),
                Event::Binary(bytes) => Item::Message(Message::Binary(bytes.to_vec())),
                Event::Ping(bytes) => Item::Ping(bytes.to_vec()),
                Event::Pong(bytes) => Item::Pong(bytes.to_vec()),
                Event::Error(Failure::Message(error)) => return Err(error),
                other => panic!("these parts lead to no {other:?}"),
            });
        }
        Ok(None)
    }

    /// Returns how many bytes of memory the connection has allocated, and the item that waits for its end.
    pub fn memory(&self) -> usize {
        let close = self.close.as_ref().map_or(0, Vec::capacity);
        let whole = self.whole.as_ref().map_or(0, |item| match item {
            Item::Message(Message::Text(text)) => text.capacity(),
            Item::Message(Message::Binary(bytes))
            | Item::Ping(bytes)
            | Item::Pong(bytes)
            | Item::Close(bytes) => bytes.capacity(),
        });
        self.connection.memory() + close + whole
    }
}
