//! Reads a program's output while it runs: however long it is, and line by line for a listener.

use std::io::{self, Read};
use std::thread::{self, JoinHandle};

use super::Listener;

/// The size of the part that is kept of a program's output, at its beginning and again at its end, in bytes.
const MAX_OUTPUT: usize = 4_000_000;

/// The longest part of a line that a listener gets, in bytes.
const MAX_LINE: usize = 1000;

/// Reads a pipe to its end in a thread of its own.
pub(super) fn spawn_reader(
    pipe: Option<impl Read + Send + 'static>,
    listener: Option<Listener>,
) -> JoinHandle<String> {
    thread::spawn(move || {
        let bytes = match (pipe, listener) {
            (None, _) => Vec::new(),
            (Some(pipe), None) => read_ends(pipe),
            (Some(pipe), Some(listener)) => read_ends(Heard {
                pipe,
                listener,
                line: Vec::new(),
            }),
        };
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A pipe that is read to its end, with each line passed to a listener.
struct Heard<Pipe> {
    pipe: Pipe,
    listener: Listener,
    /// The beginning of a line that is not complete yet.
    line: Vec<u8>,
}

impl<Pipe: Read> Read for Heard<Pipe> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.pipe.read(buffer)?;
        for part in buffer[..length].split_inclusive(|byte| *byte == b'\n') {
            let room = MAX_LINE.saturating_sub(self.line.len());
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                (self.listener)(String::from_utf8_lossy(&self.line).trim_end());
                self.line.clear();
            }
        }
        Ok(length)
    }
}

/// Reads to the end. If a program prints without end (a `println!` in an endless loop), only the beginning and the
/// end are kept.
fn read_ends(mut pipe: impl Read) -> Vec<u8> {
    let mut head = Vec::new();
    let mut tail = Vec::new();
    let mut part = vec![0; 64 * 1024];
    while let Ok(length) = pipe.read(&mut part) {
        if length == 0 {
            break;
        }
        let kept = if head.len() < MAX_OUTPUT {
            &mut head
        } else {
            &mut tail
        };
        kept.extend_from_slice(&part[..length]);
        if tail.len() > 2 * MAX_OUTPUT {
            tail.drain(..tail.len() - MAX_OUTPUT);
        }
    }
    head.append(&mut tail);
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endless_output_takes_no_endless_memory() {
        let bytes = read_ends(io::repeat(b'x').take(50_000_000));
        assert!(bytes.len() <= 4 * MAX_OUTPUT);
        assert_eq!(read_ends(&b"short"[..]), b"short");
    }

    #[test]
    fn a_line_is_heard_whole_however_it_comes() {
        let (sender, heard) = std::sync::mpsc::channel();
        let pipe = io::Cursor::new("a\n")
            .chain(&b"b"[..])
            .chain(&b"c\r\nd"[..]);
        let listener: Listener = Box::new(move |line| sender.send(line.to_string()).unwrap());
        let text = spawn_reader(Some(pipe), Some(listener)).join().unwrap();
        assert_eq!(text, "a\nbc\r\nd");
        assert_eq!(heard.iter().collect::<Vec<_>>(), ["a", "bc"]);
    }
}
