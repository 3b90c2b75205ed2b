//! [`read_dir`]: the entries of a directory.
//!
//! - D1. What an entry tells, it tells of itself: of what the directory that was opened says of it,
//!   or has under its name now. Never of what its path leads to: directories are moved, and others
//!   put in their place. Std's entry keeps the directory open for that (where the system can look
//!   up relative to it), so this offloads for attributes; asking the kernel's caches would need the
//!   directory's descriptor, which std does not give.

use super::files::{self, offload};
use crate::budget;
use crate::cell::join::JoinHandle;
use crate::loom::sync::Arc;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{FileType, Metadata};
use std::future::{Future, poll_fn};
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// How many entries the first batch reads, and the most that a later one does: each reads twice as
/// many as the one before, so that small directories cost little and large ones few batches.
const FIRST_BATCH: usize = 64;
const LARGEST_BATCH: usize = 1024;

/// Reads a directory, entry by entry, in no order.
///
/// # Errors
///
/// There is no such directory, or whatever the system says.
///
/// # Panics
///
/// Panics outside of a runtime.
///
/// # Cancel safety
///
/// Cancel safe.
///
/// ```
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut entries = runtime::fs::read_dir(".").await?;
/// while let Some(entry) = entries.next_entry().await? {
///     println!("{}", entry.path().display());
/// }
/// # Ok(())
/// # }
/// ```
pub async fn read_dir(path: impl AsRef<Path>) -> io::Result<ReadDir> {
    let path = path.as_ref().to_owned();
    let batch = offload(move || {
        let source = std::fs::read_dir(path)?;
        Ok(Batch::read(source, FIRST_BATCH))
    });
    Ok(ReadDir(State::Here(batch.await?)))
}

/// The entries of a directory; made by [`read_dir`].
#[derive(Debug)]
#[must_use = "entries are read by `next_entry`"]
pub struct ReadDir(State);

#[derive(Debug)]
enum State {
    Here(Batch),
    Reading(JoinHandle<Batch>),
}

#[derive(Debug)]
struct Batch {
    entries: VecDeque<io::Result<DirEntry>>,
    /// Where the rest comes from; none after the end.
    source: Option<std::fs::ReadDir>,
    next_size: usize,
}

impl Batch {
    /// At most `size` entries; after an error no more.
    fn read(mut source: std::fs::ReadDir, size: usize) -> Self {
        let mut entries = VecDeque::with_capacity(size);
        let mut is_over = false;
        while entries.len() < size && !is_over {
            match source.next() {
                Some(Ok(entry)) => entries.push_back(Ok(DirEntry::new(entry))),
                Some(Err(error)) => {
                    entries.push_back(Err(error));
                    is_over = true;
                }
                None => is_over = true,
            }
        }
        Self {
            entries,
            source: (!is_over).then_some(source),
            next_size: (size * 2).min(LARGEST_BATCH),
        }
    }
}

impl ReadDir {
    /// The next entry, or `None` after the last.
    ///
    /// # Errors
    ///
    /// Whatever the system says.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no entry is lost.
    pub async fn next_entry(&mut self) -> io::Result<Option<DirEntry>> {
        poll_fn(|cx| self.poll_next_entry(cx)).await
    }

    /// Polls for the next entry.
    ///
    /// # Errors
    ///
    /// As [`next_entry`](Self::next_entry).
    pub fn poll_next_entry(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<DirEntry>>> {
        let unit = ready!(budget::poll_proceed(cx));
        loop {
            let batch = match &mut self.0 {
                State::Here(batch) => batch,
                State::Reading(job) => {
                    let Ok(batch) = ready!(Pin::new(job).poll(cx)) else {
                        // The rest is lost with the job.
                        self.0 = State::Here(Batch {
                            entries: VecDeque::new(),
                            source: None,
                            next_size: 0,
                        });
                        return Poll::Ready(Err(files::gone()));
                    };
                    self.0 = State::Here(batch);
                    continue;
                }
            };
            if let Some(entry) = batch.entries.pop_front() {
                unit.made_progress();
                return Poll::Ready(entry.map(Some));
            }
            let size = batch.next_size;
            match batch.source.take() {
                None => return Poll::Ready(Ok(None)),
                Some(source) => {
                    let job = files::start(move || Batch::read(source, size))?;
                    self.0 = State::Reading(job);
                }
            }
        }
    }
}

/// An entry of a directory.
#[derive(Debug)]
pub struct DirEntry {
    std: Arc<std::fs::DirEntry>,
    /// What the directory says of it, if it does.
    file_type: Option<FileType>,
}

impl DirEntry {
    /// On a thread that may block.
    fn new(std: std::fs::DirEntry) -> Self {
        Self {
            file_type: std.file_type().ok(),
            std: Arc::new(std),
        }
    }

    /// The directory's path, as given, with the entry's name.
    pub fn path(&self) -> PathBuf {
        self.std.path()
    }

    /// The entry's name.
    pub fn file_name(&self) -> OsString {
        self.std.file_name()
    }

    /// The attributes of the entry, or of the link that it is: on Linux and most other systems of
    /// what has its name in the directory that was read, wherever that was moved.
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
    pub async fn metadata(&self) -> io::Result<Metadata> {
        let std = self.std.clone();
        offload(move || std.metadata()).await
    }

    /// Whether it is a file, a directory or a link.
    ///
    /// # Errors
    ///
    /// Whatever the system says.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, if the directory did not say.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn file_type(&self) -> io::Result<FileType> {
        if let Some(file_type) = self.file_type {
            return Ok(file_type);
        }
        let std = self.std.clone();
        offload(move || std.file_type()).await
    }

    /// The entry's inode number.
    #[cfg(unix)]
    pub fn ino(&self) -> u64 {
        std::os::unix::fs::DirEntryExt::ino(&*self.std)
    }
}
