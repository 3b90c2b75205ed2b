//! Links to files and directories.

use super::files::offload;
use std::io;
use std::path::{Path, PathBuf};

/// Gives a file a second name, within one file system.
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
pub async fn hard_link(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    let (original, link) = (original.as_ref().to_owned(), link.as_ref().to_owned());
    offload(move || std::fs::hard_link(original, link)).await
}

/// What a link points to.
///
/// # Errors
///
/// It is no link, or whatever the system says.
///
/// # Panics
///
/// Panics outside of a runtime.
///
/// # Cancel safety
///
/// Cancel safe.
pub async fn read_link(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let path = path.as_ref().to_owned();
    offload(move || std::fs::read_link(path)).await
}

#[cfg(unix)]
/// Creates a link that points to `original`, which need not be there.
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
pub async fn symlink(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    let (original, link) = (original.as_ref().to_owned(), link.as_ref().to_owned());
    offload(move || std::os::unix::fs::symlink(original, link)).await
}

#[cfg(windows)]
/// Creates a link that points to a directory.
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
pub async fn symlink_dir(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    let (original, link) = (original.as_ref().to_owned(), link.as_ref().to_owned());
    offload(move || std::os::windows::fs::symlink_dir(original, link)).await
}

#[cfg(windows)]
/// Creates a link that points to a file.
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
pub async fn symlink_file(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    let (original, link) = (original.as_ref().to_owned(), link.as_ref().to_owned());
    offload(move || std::os::windows::fs::symlink_file(original, link)).await
}
