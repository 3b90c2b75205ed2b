//! Whole files: read, written, copied, renamed, removed.

use super::files::{cached, offload, try_or_offload};
use std::io;
use std::path::Path;

/// Reads a whole file.
///
/// # Errors
///
/// Whatever the system says.
///
/// # Panics
///
/// Panics outside of a runtime.
///
/// # Cancel safety
///
/// Cancel safe.
pub async fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let path = path.as_ref();
    let owned = path.to_owned();
    try_or_offload(|| cached::read_whole(path), move || std::fs::read(owned)).await
}

/// Reads a whole file of text.
///
/// # Errors
///
/// The contents are not UTF-8 (`InvalidData`), or whatever the system says.
///
/// # Panics
///
/// Panics outside of a runtime.
///
/// # Cancel safety
///
/// Cancel safe.
pub async fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    let bytes = read(path).await?;
    String::from_utf8(bytes).map_err(|invalid| {
        // std's own error for this, which cannot be made in another way.
        let refused = io::Read::read_to_string(&mut invalid.as_bytes(), &mut String::new());
        refused.expect_err("it was no text")
    })
}

/// Writes a whole file: creates it if there is none, else replaces its contents.
///
/// # Errors
///
/// Whatever the system says.
///
/// # Panics
///
/// Panics outside of a runtime.
///
/// # Cancel safety
///
/// It may be done after the future is dropped.
pub async fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    let contents = contents.as_ref().to_owned();
    offload(move || std::fs::write(path, contents)).await
}

/// Copies contents and permissions of a file, and returns how many bytes that are.
///
/// # Errors
///
/// Whatever the system says.
///
/// # Panics
///
/// Panics outside of a runtime.
///
/// # Cancel safety
///
/// It may be done after the future is dropped.
pub async fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
    let (from, to) = (from.as_ref().to_owned(), to.as_ref().to_owned());
    offload(move || std::fs::copy(from, to)).await
}

/// Gives a file or directory another name, within one file system. A file of that name is replaced.
///
/// # Errors
///
/// Whatever the system says.
///
/// # Panics
///
/// Panics outside of a runtime.
///
/// # Cancel safety
///
/// It may be done after the future is dropped.
pub async fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    let (from, to) = (from.as_ref().to_owned(), to.as_ref().to_owned());
    offload(move || std::fs::rename(from, to)).await
}

/// Removes a file. What is open stays usable.
///
/// # Errors
///
/// Whatever the system says.
///
/// # Panics
///
/// Panics outside of a runtime.
///
/// # Cancel safety
///
/// It may be done after the future is dropped.
pub async fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    offload(move || std::fs::remove_file(path)).await
}
