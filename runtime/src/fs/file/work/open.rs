//! The system's file behind a [`File`](super::super::File), shared with the jobs on the pool.
//!
//! - O1. Only the work reaches the file itself. What everybody may do, at any time and beside a
//!   job, is below: none of it moves the position or changes contents, length or attributes, so a
//!   job of a future that was dropped cannot undo what came after it.

use crate::fs::files::{self, cached::Tries};
use crate::loom::sync::Arc;
use std::fmt;
use std::fs::{File, Metadata};
use std::io;
#[cfg(unix)]
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
#[cfg(windows)]
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, RawHandle};

/// See the head of the file.
#[derive(Clone)]
pub(in crate::fs::file) struct Open(Arc<File>);

impl Open {
    pub(in crate::fs::file) fn new(std: File) -> Self {
        Self(Arc::new(std))
    }

    /// The file itself, for jobs and tries of the work (O1).
    pub(super) fn file(&self) -> &File {
        &self.0
    }

    async fn offload<R: Send + 'static>(&self, look: fn(&File) -> io::Result<R>) -> io::Result<R> {
        let std = self.0.clone();
        files::offload(move || look(&std)).await
    }

    pub(in crate::fs::file) async fn sync_all(&self) -> io::Result<()> {
        self.offload(File::sync_all).await
    }

    pub(in crate::fs::file) async fn sync_data(&self) -> io::Result<()> {
        self.offload(File::sync_data).await
    }

    pub(in crate::fs::file) async fn try_clone(&self) -> io::Result<File> {
        self.offload(File::try_clone).await
    }

    pub(in crate::fs::file) async fn metadata(&self) -> io::Result<Metadata> {
        let std = self.0.clone();
        files::try_or_offload(|| Tries::metadata(&self.0), move || std.metadata()).await
    }

    /// The file, or itself again if a job has it too.
    pub(in crate::fs::file) fn try_into_std(self) -> Result<File, Self> {
        Arc::try_unwrap(self.0).map_err(Self)
    }

    /// The file, or a second descriptor of it if a job has it too.
    pub(in crate::fs::file) fn into_std(self) -> io::Result<File> {
        self.try_into_std().or_else(|shared| shared.0.try_clone())
    }
}

/// As the file of std's.
impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(unix)]
impl AsRawFd for Open {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(unix)]
impl AsFd for Open {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(windows)]
impl AsRawHandle for Open {
    fn as_raw_handle(&self) -> RawHandle {
        self.0.as_raw_handle()
    }
}

#[cfg(windows)]
impl AsHandle for Open {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.0.as_handle()
    }
}
