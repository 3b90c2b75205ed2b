//! Lines from a socket, with a limit on their length.

use crate::protocol::MAX_LINE;
use runtime::io::{AsyncRead, AsyncReadExt};
use std::io;

/// How much of a line that is too long is read on, to answer a client that means well.
const MAX_SKIPPED: usize = 1 << 20;

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line without its `\n`, or what stood before the end of the stream.
    Text(Vec<u8>),
    /// A line over the limit; it has been skipped.
    TooLong,
    /// The other side has closed.
    End,
    /// The other side sends a line without end; nothing more is read.
    Endless,
}

pub(crate) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    /// How much of `buffer` is known to hold no `\n`.
    scanned: usize,
    skipped: usize,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            scanned: 0,
            skipped: 0,
        }
    }

    /// Whether a whole line is here already.
    pub(crate) fn has_line(&self) -> bool {
        self.buffer[self.scanned..].contains(&b'\n')
    }

    /// Waits for the next line. Cancel safe: what has been read stays in `self`.
    pub(crate) async fn next(&mut self) -> io::Result<Line> {
        loop {
            if let Some(line) = self.take() {
                return Ok(line);
            }
            if self.skipped > MAX_SKIPPED {
                return Ok(Line::Endless);
            }
            if self.fill().await? == 0 {
                let rest = std::mem::take(&mut self.buffer);
                self.scanned = 0;
                return Ok(match rest.is_empty() {
                    true => Line::End,
                    false => Line::Text(rest),
                });
            }
        }
    }

    /// Reads what there is; 0 is the end of the stream. Cancel safe.
    pub(crate) async fn fill(&mut self) -> io::Result<usize> {
        self.buffer.reserve(MAX_LINE);
        self.reader.read_buf(&mut self.buffer).await
    }

    /// Reads and forgets, until the other side has closed.
    pub(crate) async fn skip_all(&mut self) -> io::Result<()> {
        loop {
            self.buffer.clear();
            if self.fill().await? == 0 {
                return Ok(());
            }
        }
    }

    fn take(&mut self) -> Option<Line> {
        let end = self.buffer[self.scanned..]
            .iter()
            .position(|&byte| byte == b'\n');
        let Some(end) = end.map(|end| self.scanned + end) else {
            self.scanned = self.buffer.len();
            // One byte for a carriage return. A longer line is not kept, only counted.
            if self.scanned > MAX_LINE + 1 {
                self.skipped += self.scanned;
                self.buffer.clear();
                self.scanned = 0;
            }
            return None;
        };
        let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
        line.pop();
        self.scanned = 0;
        let too_long = std::mem::take(&mut self.skipped) > 0 || line.len() > MAX_LINE + 1;
        Some(if too_long {
            Line::TooLong
        } else {
            Line::Text(line)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::io::{AsyncWriteExt, duplex};

    async fn all(input: Vec<u8>) -> Vec<Line> {
        // A small pipe cuts the lines anywhere.
        let (mut near, far) = duplex(7);
        let writer = runtime::spawn(async move { near.write_all(&input).await });
        let mut lines = Lines::new(far);
        let mut seen = Vec::new();
        loop {
            seen.push(lines.next().await.unwrap());
            if let Some(Line::End | Line::Endless) = seen.last() {
                // A writer that was cut off is told by an error.
                drop(lines);
                let _ = writer.await.unwrap();
                return seen;
            }
        }
    }

    fn text(line: &str) -> Line {
        Line::Text(line.into())
    }

    #[runtime::test]
    async fn lines_are_cut_at_line_feeds_and_the_end() {
        let seen = all(b"GET a\n\nGET b\r\nGET c".to_vec()).await;
        assert_eq!(
            seen,
            [
                text("GET a"),
                text(""),
                text("GET b\r"),
                text("GET c"),
                Line::End
            ]
        );
        assert_eq!(all(Vec::new()).await, [Line::End]);
    }

    #[runtime::test]
    async fn a_long_line_is_skipped_and_the_next_one_read() {
        let mut input = vec![b'x'; 5 * MAX_LINE];
        input.extend(b"\nGET a\n");
        assert_eq!(all(input).await, [Line::TooLong, text("GET a"), Line::End]);
    }

    #[runtime::test]
    async fn a_line_without_end_is_cut_off() {
        let seen = all(vec![b'x'; 3 * MAX_SKIPPED]).await;
        assert_eq!(seen, [Line::Endless]);
    }
}
