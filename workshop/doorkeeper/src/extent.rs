//! Where a message ends (RFC 9112 §6.3).

/// The rest of a message's body, which is still to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// This many bytes.
    Length(u64),
    /// Chunks, up to the empty one and the trailer after it.
    Chunked(Chunks),
    /// Everything until the connection ends.
    UntilClose,
}

impl Extent {
    pub const NONE: Self = Self::Length(0);

    /// Returns how many of these bytes belong to the body, and counts them as received.
    ///
    /// # Errors
    /// Returns [`NotChunks`] if the bytes that frame a chunk are wrong.
    pub fn take(&mut self, bytes: &[u8]) -> Result<usize, NotChunks> {
        self.take_content(bytes, |_| {})
    }

    /// Like [`take`](Self::take), and hands over the content: what belongs to the body, without the bytes that
    /// frame chunks, and without a trailer.
    ///
    /// # Errors
    /// Returns [`NotChunks`] if the bytes that frame a chunk are wrong.
    pub fn take_content(
        &mut self,
        bytes: &[u8],
        mut hand_over: impl FnMut(&[u8]),
    ) -> Result<usize, NotChunks> {
        let count = match self {
            Self::Length(left) => {
                let count = at_most(*left, bytes);
                *left -= count as u64;
                count
            }
            Self::Chunked(chunks) => return chunks.take(bytes, hand_over),
            Self::UntilClose => bytes.len(),
        };
        hand_over(&bytes[..count]);
        Ok(count)
    }

    /// Whether nothing more is to come.
    pub fn is_over(&self) -> bool {
        matches!(
            self,
            Self::Length(0)
                | Self::Chunked(Chunks {
                    next: Next::Nothing,
                    ..
                })
        )
    }
}

fn at_most(left: u64, bytes: &[u8]) -> usize {
    usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()))
}

/// The size of a chunk can't be read, a chunk doesn't end with a line end, or a line is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotChunks;

/// The longest line between chunks: a size with its extensions, or a field of the trailer.
const MAX_LINE: usize = 4096;

/// The state of a body that comes in chunks (RFC 9112 §7.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chunks {
    next: Next,
    /// The beginning of a line.
    line: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Next {
    #[default]
    SizeLine,
    /// This many bytes of a chunk.
    Data(u64),
    /// The line end after a chunk.
    DataEnd,
    TrailerLine,
    Nothing,
}

impl Chunks {
    fn take(&mut self, bytes: &[u8], mut hand_over: impl FnMut(&[u8])) -> Result<usize, NotChunks> {
        let mut taken = 0;
        while self.next != Next::Nothing && taken < bytes.len() {
            let rest = &bytes[taken..];
            taken += match self.next {
                Next::Data(left) => {
                    let count = at_most(left, rest);
                    hand_over(&rest[..count]);
                    self.next = match left - count as u64 {
                        0 => Next::DataEnd,
                        left => Next::Data(left),
                    };
                    count
                }
                _ => self.take_line(rest)?,
            };
        }
        Ok(taken)
    }

    fn take_line(&mut self, rest: &[u8]) -> Result<usize, NotChunks> {
        let line_feed = rest.iter().position(|byte| *byte == b'\n');
        let count = line_feed.map_or(rest.len(), |at| at + 1);
        self.line.extend_from_slice(&rest[..count]);
        if self.line.len() > MAX_LINE {
            return Err(NotChunks);
        }
        if line_feed.is_some() {
            self.next = self.after_line()?;
            self.line.clear();
        }
        Ok(count)
    }

    fn after_line(&self) -> Result<Next, NotChunks> {
        match (self.next, &self.line[..]) {
            (Next::DataEnd, b"\r\n") => return Ok(Next::SizeLine),
            (Next::DataEnd, _) => return Err(NotChunks),
            (Next::TrailerLine, b"\r\n") => return Ok(Next::Nothing),
            (Next::TrailerLine, _) => return Ok(Next::TrailerLine),
            _ => {}
        }
        // httparse takes a size without any digit for 0.
        if !self.line[0].is_ascii_hexdigit() {
            return Err(NotChunks);
        }
        match httparse::parse_chunk_size(&self.line) {
            Ok(httparse::Status::Complete((_, 0))) => Ok(Next::TrailerLine),
            Ok(httparse::Status::Complete((_, size))) => Ok(Next::Data(size)),
            _ => Err(NotChunks),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"5\r\nhello\r\n1;a=b\r\n!\r\n0\r\nA: trailer\r\n\r\n";

    #[test]
    fn a_length_is_counted_down() {
        let mut extent = Extent::Length(3);
        assert_eq!(extent.take(b"he"), Ok(2));
        assert!(!extent.is_over());
        assert_eq!(extent.take(b"llo"), Ok(1));
        assert!(extent.is_over());
    }

    #[test]
    fn cuts_do_not_change_where_chunks_end() {
        let stream = [BODY, b"GET"].concat();
        for size in 1..=stream.len() {
            let mut extent = Extent::Chunked(Chunks::default());
            let (mut taken, mut content) = (0, Vec::new());
            for piece in stream.chunks(size) {
                let hand_over = |bytes: &[u8]| content.extend_from_slice(bytes);
                taken += extent.take_content(piece, hand_over).unwrap();
                if extent.is_over() {
                    break;
                }
            }
            assert_eq!(taken, BODY.len(), "in pieces of {size}");
            assert!(extent.is_over());
            assert_eq!(content, b"hello!");
        }
    }

    #[test]
    fn wrongly_framed_chunks_are_refused() {
        for body in [
            &b"\r\n"[..],
            b"x\r\n",
            b"-1\r\n",
            b"+1\r\n",
            b" 1\r\n",
            b"0x1\r\n",
            b"1\n",
            b"1;a\n",
            b"10000000000000000\r\n",
            b"1\r\naXX0\r\n\r\n",
            b"1\r\na\n0\r\n\r\n",
        ] {
            let mut extent = Extent::Chunked(Chunks::default());
            assert_eq!(extent.take(body), Err(NotChunks), "{body:?}");
        }
        let endless = vec![b'1'; MAX_LINE + 1];
        assert_eq!(
            Extent::Chunked(Chunks::default()).take(&endless),
            Err(NotChunks)
        );
    }
}
