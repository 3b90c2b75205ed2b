//! What is known of a file: attributes, permissions, its name in full.

use super::files::{Attempt, cached, offload, try_or_offload};
use std::fs::{Metadata, Permissions};
use std::io;
use std::path::{Path, PathBuf};

/// The attributes of a file; of the target if it is a link.
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
pub async fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    let path = path.as_ref();
    let owned = path.to_owned();
    try_or_offload(
        || cached::metadata(path, true),
        move || std::fs::metadata(owned),
    )
    .await
}

/// The attributes of a file, or of the link that it is.
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
pub async fn symlink_metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    let path = path.as_ref();
    let owned = path.to_owned();
    try_or_offload(
        || cached::metadata(path, false),
        move || std::fs::symlink_metadata(owned),
    )
    .await
}

/// Whether there is a file; a link counts if its target is there.
///
/// # Errors
///
/// The system does not say whether, for instance for want of permissions.
///
/// # Panics
///
/// Panics outside of a runtime.
///
/// # Cancel safety
///
/// Cancel safe.
pub async fn try_exists(path: impl AsRef<Path>) -> io::Result<bool> {
    let path = path.as_ref();
    let owned = path.to_owned();
    let at_once = || match cached::metadata(path, true) {
        Attempt::Done(Ok(_)) => Attempt::Done(Ok(true)),
        Attempt::Done(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            Attempt::Done(Ok(false))
        }
        _ => Attempt::MightBlock,
    };
    try_or_offload(at_once, move || owned.try_exists()).await
}

/// The full name of a file, without links, `.` and `..`.
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
pub async fn canonicalize(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let path = path.as_ref().to_owned();
    offload(move || std::fs::canonicalize(path)).await
}

/// Sets who may do what with a file.
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
pub async fn set_permissions(path: impl AsRef<Path>, perm: Permissions) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    offload(move || std::fs::set_permissions(path, perm)).await
}
