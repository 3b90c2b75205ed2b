//! [`File`]: an open file.

pub(crate) mod buffer;
mod sys;
mod work;

use self::work::{Open, Work};
use super::OpenOptions;
use super::files::cached::Tries;
use crate::budget;
use crate::io_core::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
use crate::sync::Mutex;
use std::fmt;
use std::fs::{self, FileTimes, Metadata, Permissions};
use std::future::poll_fn;
use std::io::{self, IoSlice, SeekFrom};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

/// The most bytes that one operation moves, unless set otherwise.
const MAX_BUF_SIZE: usize = 2 * 1024 * 1024;

/// An open file.
///
/// Reads of cached parts and seeks of regular files are done at once; everything else is done by
/// a thread for blocking calls, one operation at a time.
///
/// # Writes are buffered
///
/// A write is done when the bytes are in the file's buffer; they are written in the background.
/// The next operation waits for that. So `flush` before dropping the file: to know that the bytes
/// are written, and whether. A file that is dropped is closed when what is under way is done.
///
/// When the write in the background fails, the bytes that were not written are lost, and
///
/// - the next write or flush fails with the error. The position is behind the last byte that was
///   written, so what is written next takes the place of what was lost.
/// - `flush`, `shutdown`, [`sync_all`](Self::sync_all) and [`sync_data`](Self::sync_data) fail with
///   it each time, until all lost bytes have been written again in their place or were cut off by
///   [`set_len`](Self::set_len). Where there are no places (the file was opened to append, or is no
///   regular file), that is until as many bytes as were lost have been written since.
///
/// A file made by [`try_clone`](Self::try_clone), and the one of [`into_std`](Self::into_std),
/// knows nothing of it.
///
/// ```
/// use runtime::fs::File;
/// use runtime::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
///
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("runtime-doc-file-{}", std::process::id()));
/// let mut file = File::options().read(true).write(true).create(true).open(&path).await?;
/// file.write_all(b"hello").await?;
/// file.flush().await?;
/// file.rewind().await?;
/// let mut text = String::new();
/// file.read_to_string(&mut text).await?;
/// assert_eq!(text, "hello");
/// # runtime::fs::remove_file(path).await
/// # }
/// ```
pub struct File {
    std: Open,
    work: Mutex<Work>,
    max_buf_size: usize,
}

impl File {
    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// Whatever the system says, for instance that there is no such file.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the file is closed again.
    pub async fn open(path: impl AsRef<Path>) -> io::Result<File> {
        Self::options().read(true).open(path).await
    }

    /// Opens a file for writing: creates it if there is none, else empties it.
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
    /// The file may be created or emptied after the future is dropped.
    pub async fn create(path: impl AsRef<Path>) -> io::Result<File> {
        let mut options = Self::options();
        options.write(true).create(true).truncate(true);
        options.open(path).await
    }

    /// Creates a file and opens it for reading and writing.
    ///
    /// # Errors
    ///
    /// There is one already (`AlreadyExists`), or whatever the system says.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// The file may be created after the future is dropped.
    pub async fn create_new(path: impl AsRef<Path>) -> io::Result<File> {
        let mut options = Self::options();
        options.read(true).write(true).create_new(true);
        options.open(path).await
    }

    /// The options with which to open a file.
    #[must_use]
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// A file of std's.
    pub fn from_std(std: fs::File) -> File {
        Self::with(std, Tries::unknown())
    }

    pub(super) fn with(std: fs::File, tries: Tries) -> File {
        File {
            std: Open::new(std),
            work: Mutex::new(Work::new(tries)),
            max_buf_size: MAX_BUF_SIZE,
        }
    }

    /// Does `change` after what is under way, and before what is started later.
    async fn change(
        &self,
        change: impl FnOnce(&fs::File) -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        let mut work = self.work.lock().await;
        work.change(&self.std, change).await
    }

    /// Waits until nothing is under way.
    ///
    /// # Errors
    ///
    /// Bytes of a write are lost.
    async fn settle(&self) -> io::Result<()> {
        let mut work = self.work.lock().await;
        poll_fn(|cx| work.poll_settle(cx)).await;
        work.look_for_lost()
    }

    /// Waits until contents and attributes are on the device.
    ///
    /// # Errors
    ///
    /// Whatever the system says, or bytes of a write before are lost. The error of that write stays
    /// for the next write or flush all the same.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it goes on unseen.
    pub async fn sync_all(&self) -> io::Result<()> {
        let lost = self.settle().await;
        let synced = self.std.sync_all().await;
        lost.and(synced)
    }

    /// Waits until the contents are on the device.
    ///
    /// # Errors
    ///
    /// As [`sync_all`](Self::sync_all).
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it goes on unseen.
    pub async fn sync_data(&self) -> io::Result<()> {
        let lost = self.settle().await;
        let synced = self.std.sync_data().await;
        lost.and(synced)
    }

    /// Cuts the file off, or extends it by zeros, to `size` bytes. The position stays.
    ///
    /// # Errors
    ///
    /// Whatever the system says, for instance that the file was not opened for writing.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// It may be done after the future is dropped, but before what is started then.
    pub async fn set_len(&self, size: u64) -> io::Result<()> {
        let mut work = self.work.lock().await;
        work.set_len(&self.std, size).await
    }

    /// The file's attributes.
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
        self.std.metadata().await
    }

    /// A second file of the same open file: they share the position.
    ///
    /// # Errors
    ///
    /// No descriptors are left.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn try_clone(&self) -> io::Result<File> {
        // What is lost is this file's to tell.
        let _lost = self.settle().await;
        let std = self.std.try_clone().await?;
        let mut clone = File::from_std(std);
        clone.max_buf_size = self.max_buf_size;
        Ok(clone)
    }

    /// The file of std's, after what is under way is done.
    ///
    /// # Panics
    ///
    /// Panics if other operations on the file are under way, whose futures were dropped, and no
    /// descriptors are left.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is dropping the file.
    pub async fn into_std(self) -> fs::File {
        // What is lost is this file's to tell.
        let _lost = self.settle().await;
        let std = self.std.into_std();
        std.expect("a descriptor for a file of which an operation is under way")
    }

    /// The file of std's if nothing is under way.
    ///
    /// # Errors
    ///
    /// Gives the file back if something is.
    pub fn try_into_std(mut self) -> Result<fs::File, Self> {
        match self.std.try_into_std() {
            Ok(std) => Ok(std),
            Err(shared) => {
                self.std = shared;
                Err(self)
            }
        }
    }

    /// Sets who may do what with the file, after what is under way.
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
    /// It may be done after the future is dropped, but before what is started then.
    pub async fn set_permissions(&self, perm: Permissions) -> io::Result<()> {
        self.change(move |std| std.set_permissions(perm)).await
    }

    /// Sets the times of the file's last access and change, after what is under way.
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
    /// It may be done after the future is dropped, but before what is started then.
    pub async fn set_times(&self, times: FileTimes) -> io::Result<()> {
        self.change(move |std| std.set_times(times)).await
    }

    /// Sets the time of the file's last change, after what is under way.
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
    /// It may be done after the future is dropped, but before what is started then.
    pub async fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        self.set_times(FileTimes::new().set_modified(time)).await
    }

    /// Sets how many bytes one operation moves at most. Default: 2 MiB.
    ///
    /// # Panics
    ///
    /// Panics if `max_buf_size` is 0.
    #[track_caller]
    pub fn set_max_buf_size(&mut self, max_buf_size: usize) {
        assert!(max_buf_size > 0, "`max_buf_size` must be greater than 0");
        self.max_buf_size = max_buf_size;
    }

    /// How many bytes one operation moves at most.
    pub fn max_buf_size(&self) -> usize {
        self.max_buf_size
    }
}

impl AsyncRead for File {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let unit = ready!(budget::poll_proceed(cx));
        let this = self.get_mut();
        let work = this.work.get_mut();
        let result = ready!(work.poll_read(cx, &this.std, buf, this.max_buf_size));
        unit.made_progress();
        Poll::Ready(result)
    }
}

impl AsyncWrite for File {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let unit = ready!(budget::poll_proceed(cx));
        let this = self.get_mut();
        let work = this.work.get_mut();
        let result = ready!(work.poll_write(cx, &this.std, bufs, this.max_buf_size));
        unit.made_progress();
        Poll::Ready(result)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let unit = ready!(budget::poll_proceed(cx));
        let result = ready!(self.get_mut().work.get_mut().poll_flush(cx));
        unit.made_progress();
        Poll::Ready(result)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl AsyncSeek for File {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        let this = self.get_mut();
        this.work.get_mut().start_seek(&this.std, position)
    }

    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let unit = ready!(budget::poll_proceed(cx));
        let result = ready!(self.get_mut().work.get_mut().poll_seek(cx));
        unit.made_progress();
        Poll::Ready(result)
    }
}

impl From<fs::File> for File {
    fn from(std: fs::File) -> Self {
        Self::from_std(std)
    }
}

/// By the name under which programs know it.
impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("tokio::fs::File")
            .field("std", &self.std)
            .finish_non_exhaustive()
    }
}
