//! A stream that arrives in pieces.
//!
//! TCP carries bytes, not messages: what was sent by one write may arrive in many reads, cut
//! anywhere. [`CutStream`] is a reader that gives its bytes in just the pieces that a check chose.

use std::collections::VecDeque;
use std::io::{self, Read};

/// A reader that never gives more than one piece at a time.
#[derive(Debug, Clone)]
pub struct CutStream {
    pieces: VecDeque<Vec<u8>>,
}

impl CutStream {
    /// The bytes, cut before each of the given offsets (in ascending order).
    pub fn new(bytes: &[u8], cuts: &[usize]) -> Self {
        Self {
            pieces: pieces(bytes, cuts)
                .into_iter()
                .map(<[u8]>::to_vec)
                .collect(),
        }
    }

    /// The bytes in pieces of `size` (at least 1).
    pub fn in_pieces_of(size: usize, bytes: &[u8]) -> Self {
        Self {
            pieces: bytes.chunks(size).map(<[u8]>::to_vec).collect(),
        }
    }
}

impl Read for CutStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(mut piece) = self.pieces.pop_front() else {
            return Ok(0);
        };
        let length = piece.len().min(buffer.len());
        buffer[..length].copy_from_slice(&piece[..length]);
        piece.drain(..length);
        if !piece.is_empty() {
            self.pieces.push_front(piece);
        }
        Ok(length)
    }
}

/// The bytes, cut before each of the given offsets (in ascending order). Empty pieces are left out.
pub fn pieces<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let starts = [0].into_iter().chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain([bytes.len()]);
    starts
        .zip(ends)
        .map(|(start, end)| &bytes[start..end])
        .filter(|piece| !piece.is_empty())
        .collect()
}

/// Every way to cut the bytes in two, the uncut stream first.
pub fn every_cut(bytes: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    (0..bytes.len()).map(|cut| pieces(bytes, &[cut]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_never_goes_past_a_cut() {
        let mut stream = CutStream::new(b"abcdef", &[1, 4]);
        let mut buffer = [0; 16];
        let mut sizes = Vec::new();
        loop {
            match stream.read(&mut buffer).unwrap() {
                0 => break,
                length => sizes.push(length),
            }
        }
        assert_eq!(sizes, [1, 3, 2]);
    }

    #[test]
    fn a_small_buffer_loses_nothing() {
        let mut all = Vec::new();
        let mut stream = CutStream::in_pieces_of(3, b"abcdefg");
        let mut buffer = [0; 2];
        while let length @ 1.. = stream.read(&mut buffer).unwrap() {
            all.extend_from_slice(&buffer[..length]);
        }
        assert_eq!(all, b"abcdefg");
    }

    #[test]
    fn every_cut_is_tried() {
        let cuts: Vec<_> = every_cut(b"abc").collect();
        assert_eq!(
            cuts,
            [
                vec![&b"abc"[..]],
                vec![&b"a"[..], b"bc"],
                vec![&b"ab"[..], b"c"]
            ]
        );
    }
}
