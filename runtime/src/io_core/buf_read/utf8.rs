//! How bytes that may be no text end up in a `String`.
//!
//! While bytes arrive the string's allocation is lent to a vector, because a string must hold
//! text at all times.

use std::io;

/// The string to put text into, once the bytes are complete.
#[derive(Debug)]
pub(in crate::io_core) struct Utf8Target<'a> {
    string: &'a mut String,
    len_before: usize,
}

impl<'a> Utf8Target<'a> {
    /// `len_before` bytes of the vector that will come were the string's.
    pub(in crate::io_core) fn new(string: &'a mut String, len_before: usize) -> Self {
        Self { string, len_before }
    }

    /// How many bytes were the string's before.
    pub(in crate::io_core) fn len_before(&self) -> usize {
        self.len_before
    }

    /// Puts `bytes` into the string if they are text, otherwise only what it had before.
    ///
    /// An error of the reader counts more than one of the encoding.
    pub(in crate::io_core) fn finish(
        &mut self,
        bytes: Vec<u8>,
        outcome: io::Result<usize>,
    ) -> io::Result<usize> {
        match String::from_utf8(bytes) {
            Ok(text) => {
                *self.string = text;
                outcome
            }
            Err(invalid) => {
                let error = invalid.utf8_error();
                let mut bytes = invalid.into_bytes();
                bytes.truncate(self.len_before);
                *self.string = String::from_utf8(bytes).expect("was text before");
                outcome.and(Err(io::Error::new(io::ErrorKind::InvalidData, error)))
            }
        }
    }
}
