//! The bytes between a file and its user: read and not yet taken, or given and not yet written.
//!
//! - B1. `start <= end <= bytes.len()`; the bytes between them are the contents.
//! - B2. `bytes` never shrinks, so that its bytes are set to zero once and not for each read.

use crate::io_core::ReadBuf;
use std::io::{self, IoSlice, Read, Write};

/// A buffer that travels to the pool and back.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// How many bytes it holds.
    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    /// Moves as much as fits.
    pub(crate) fn take_into(&mut self, into: &mut ReadBuf<'_>) {
        let count = self.len().min(into.remaining());
        into.put_slice(&self.bytes[self.start..self.start + count]);
        self.start += count;
        if self.is_empty() {
            self.clear();
        }
    }

    /// Takes what it can of the slices, at most `limit` bytes, in place of what it held. Returns
    /// how many bytes that are.
    pub(crate) fn fill_from(&mut self, slices: &[IoSlice<'_>], limit: usize) -> usize {
        self.clear();
        for slice in slices {
            let count = slice.len().min(limit - self.end);
            let target = self.end..self.end + count;
            if target.end > self.bytes.len() {
                // What lies behind the contents is worthless.
                self.bytes.truncate(self.end);
                self.bytes.extend_from_slice(&slice[..count]);
            } else {
                self.bytes[target].copy_from_slice(&slice[..count]);
            }
            self.end += count;
        }
        self.end
    }

    /// One read of at most `limit` bytes, in place of what it held.
    pub(crate) fn read_from(&mut self, mut source: impl Read, limit: usize) -> io::Result<()> {
        self.clear();
        if self.bytes.len() < limit {
            self.bytes.resize(limit, 0);
        }
        loop {
            match source.read(&mut self.bytes[..limit]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                count => {
                    self.end = count?;
                    return Ok(());
                }
            }
        }
    }

    /// Writes all that it holds, and is empty then, also after an error. Returns how much of it
    /// was written.
    pub(crate) fn write_to(&mut self, mut target: impl Write) -> (usize, io::Result<()>) {
        let mut rest = &self.bytes[self.start..self.end];
        let mut result = Ok(());
        while !rest.is_empty() && result.is_ok() {
            match target.write(rest) {
                Ok(0) => {
                    let text = "failed to write whole buffer";
                    result = Err(io::Error::new(io::ErrorKind::WriteZero, text));
                }
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => result = Err(error),
            }
        }
        let count = self.len() - rest.len();
        self.clear();
        (count, result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[derive(Clone, Debug)]
    enum Op {
        Take(usize),
        Fill(Vec<Vec<u8>>, usize),
        Read(Vec<u8>, usize),
        Write,
    }

    fn op() -> impl Strategy<Value = Op> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..20);
        prop_oneof![
            (0..30_usize).prop_map(Op::Take),
            (proptest::collection::vec(bytes(), 0..4), 1..40_usize)
                .prop_map(|(slices, limit)| Op::Fill(slices, limit)),
            (bytes(), 1..30_usize).prop_map(|(source, limit)| Op::Read(source, limit)),
            Just(Op::Write),
        ]
    }

    proptest! {
        /// B1 and the contents, against a queue of bytes.
        #[test]
        fn it_holds_what_a_queue_would(ops in proptest::collection::vec(op(), 0..30)) {
            let mut buffer = Buffer::default();
            let mut oracle = VecDeque::new();
            for op in ops {
                match op {
                    Op::Take(room) => {
                        let mut target = vec![0; room];
                        let mut target = ReadBuf::new(&mut target);
                        buffer.take_into(&mut target);
                        let count = room.min(oracle.len());
                        prop_assert_eq!(target.filled(), oracle.drain(..count).collect::<Vec<_>>());
                    }
                    Op::Fill(slices, limit) => {
                        oracle = slices.iter().flatten().copied().take(limit).collect();
                        let slices: Vec<_> = slices.iter().map(|it| IoSlice::new(it)).collect();
                        prop_assert_eq!(buffer.fill_from(&slices, limit), oracle.len());
                    }
                    Op::Read(source, limit) => {
                        buffer.read_from(&*source, limit).unwrap();
                        oracle = source.into_iter().take(limit).collect();
                    }
                    Op::Write => {
                        let mut target = Vec::new();
                        let (count, result) = buffer.write_to(&mut target);
                        prop_assert!(result.is_ok());
                        prop_assert_eq!(count, target.len());
                        prop_assert_eq!(target, Vec::from(std::mem::take(&mut oracle)));
                    }
                }
                prop_assert_eq!(buffer.len(), oracle.len());
            }
        }
    }

    /// Takes so many bytes, two at a time, and is full then; is interrupted before each write.
    struct Disk {
        room: usize,
        is_interrupted: bool,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.is_interrupted = !self.is_interrupted;
            if self.is_interrupted {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let count = bytes.len().min(self.room).min(2);
            self.room -= count;
            match count {
                0 => Err(io::ErrorKind::StorageFull.into()),
                _ => Ok(count),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_error_leaves_it_empty_and_says_how_much_was_written() {
        for (room, expected) in [(0, 0), (3, 3), (4, 4), (9, 4)] {
            let mut buffer = Buffer::default();
            buffer.fill_from(&[IoSlice::new(b"lost")], 10);
            let is_interrupted = false;
            let (count, result) = buffer.write_to(Disk {
                room,
                is_interrupted,
            });
            assert_eq!((count, result.is_ok()), (expected, expected == 4));
            assert!(buffer.is_empty());
        }
        let mut buffer = Buffer::default();
        buffer.fill_from(&[IoSlice::new(b"lost")], 10);
        let mut no_room: [u8; 2] = [0; 2];
        let (count, result) = buffer.write_to(&mut no_room[..]);
        let kind = result.unwrap_err().kind();
        assert_eq!((count, kind), (2, io::ErrorKind::WriteZero));
    }
}
