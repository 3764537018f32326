//! What a fuzzer's bytes mean.
//!
//! ```text
//! 01 00 03 ff  81 85 37 fa …
//! │  └──┬───┘  └ the stream
//! │   the sizes of its pieces, less 1, again and again
//! options: a bit for each, which mean something else for each target
//! ```

/// Options, a stream, and where it is cut.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    options: u8,
    sizes: [u8; 3],
    /// The stream.
    pub stream: &'a [u8],
}

impl<'a> Input<'a> {
    /// `None` where there is not even a byte for the options and three for the sizes.
    pub fn new(data: &'a [u8]) -> Option<Self> {
        let ([options, sizes @ ..], stream) = data.split_first_chunk::<4>()?;
        Some(Self {
            options: *options,
            sizes: *sizes,
            stream,
        })
    }

    /// The bits of the options from `first` on, `count` of them, as a number.
    pub fn option(&self, first: u32, count: u32) -> usize {
        usize::from(self.options >> first) & ((1 << count) - 1)
    }

    /// The stream in pieces: none where it is empty.
    pub fn pieces(&self) -> Vec<&'a [u8]> {
        self.cut(self.stream)
    }

    /// Any bytes in pieces of these sizes.
    pub fn cut<'b>(&self, bytes: &'b [u8]) -> Vec<&'b [u8]> {
        let mut pieces = Vec::new();
        let mut rest = bytes;
        for size in self.sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, behind) = rest.split_at(rest.len().min(usize::from(*size) + 1));
            pieces.push(piece);
            rest = behind;
        }
        pieces
    }
}
