//! The bytes between a file and its user: read and not yet taken, or given and not yet written.
//!
//! - B1. `start <= end <= bytes.len()`; the bytes between them are the contents.
//! - B2. `bytes` never shrinks, so that its bytes are set to zero once and not for each read.

use crate::io::ReadBuf;
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

    /// Writes all that it holds, and is empty then, also after an error.
    pub(crate) fn write_to(&mut self, mut target: impl Write) -> io::Result<()> {
        let written = target.write_all(&self.bytes[self.start..self.end]);
        self.clear();
        written
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
                        buffer.write_to(&mut target).unwrap();
                        prop_assert_eq!(target, Vec::from(std::mem::take(&mut oracle)));
                    }
                }
                prop_assert_eq!(buffer.len(), oracle.len());
            }
        }
    }

    #[test]
    fn an_error_leaves_it_empty() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut buffer = Buffer::default();
        buffer.fill_from(&[IoSlice::new(b"lost")], 10);
        assert!(buffer.write_to(Full).is_err());
        assert!(buffer.is_empty());
    }
}
