//! A test facade of what has been read from a blocking source, see `stdio::shared_reader`.

use crate::io_core::ReadBuf;
use crate::stdio::shared_reader;
use std::io;
use std::task::{Context, Poll};

/// The shared reader; its thread is the model's.
#[derive(Debug)]
pub struct SharedReader(shared_reader::SharedReader);

/// One reader of it.
#[derive(Clone, Copy, Debug)]
pub struct Reader(shared_reader::ReaderId);

impl SharedReader {
    #[allow(missing_docs, clippy::new_without_default)]
    pub fn new() -> Self {
        Self(shared_reader::SharedReader::new())
    }

    #[allow(missing_docs)]
    pub fn add_reader(&self) -> Reader {
        Reader(self.0.add_reader())
    }

    #[allow(missing_docs)]
    pub fn remove_reader(&self, reader: Reader) {
        self.0.remove_reader(reader.0);
    }

    #[allow(missing_docs)]
    pub fn poll_read(
        &self,
        reader: Reader,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.poll_read(reader.0, cx, buf, || Ok(()))
    }

    /// One turn of the thread: waits for an order, and delivers `bytes`.
    pub fn serve_one(&self, bytes: &[u8]) {
        self.0.serve_one(&mut Vec::new(), |buf| {
            let count = bytes.len().min(buf.len());
            buf[..count].copy_from_slice(&bytes[..count]);
            Ok(count)
        });
    }
}
