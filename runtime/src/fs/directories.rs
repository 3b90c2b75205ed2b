//! Directories: created and removed.

use super::files::offload;
use std::io;
use std::path::Path;

/// Creates a directory.
///
/// # Errors
///
/// There is one already, there is none to hold it, or whatever the system says.
///
/// # Panics
///
/// Panics outside of a runtime.
///
/// # Cancel safety
///
/// It may be done after the future is dropped.
pub async fn create_dir(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    offload(move || std::fs::create_dir(path)).await
}

/// Creates a directory and those that are to hold it, as far as there are none.
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
pub async fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    offload(move || std::fs::create_dir_all(path)).await
}

/// Removes an empty directory.
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
pub async fn remove_dir(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    offload(move || std::fs::remove_dir(path)).await
}

/// Removes a directory with all that it holds. Links are removed, not followed.
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
pub async fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    offload(move || std::fs::remove_dir_all(path)).await
}
