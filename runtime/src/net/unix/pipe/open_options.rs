//! Opening FIFOs.

use super::{Receiver, Sender, is_pipe, not_a_pipe};
use crate::driver::evented::pipe_end::PipeEnd;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// How to open a FIFO.
///
/// # Examples
///
/// ```no_run
/// use runtime::net::unix::pipe::OpenOptions;
///
/// # async fn example() -> std::io::Result<()> {
/// let receiver = OpenOptions::new().open_receiver("/tmp/fifo")?;
/// let sender = OpenOptions::new().open_sender("/tmp/fifo")?;
/// # drop((receiver, sender));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    read_write: bool,
    unchecked: bool,
}

impl OpenOptions {
    /// The usual: one direction, and only if it is a pipe.
    pub fn new() -> OpenOptions {
        OpenOptions {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            read_write: false,
            unchecked: false,
        }
    }

    /// Sets whether to open for the other direction too. A sender can then be opened before there
    /// is a receiver, and a receiver never reads an end, since there is always a sender.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn read_write(&mut self, value: bool) -> &mut Self {
        self.read_write = value;
        self
    }

    /// Sets whether not to look if it is a pipe. Something else may block its worker.
    pub fn unchecked(&mut self, value: bool) -> &mut Self {
        self.unchecked = value;
        self
    }

    /// Opens a FIFO for reading.
    ///
    /// Before the first sender comes nothing can be read; after the last one went reading ends,
    /// until another comes.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is not a pipe, or whatever the system reports.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, or if its I/O is not enabled.
    #[track_caller]
    pub fn open_receiver<P: AsRef<Path>>(&self, path: P) -> io::Result<Receiver> {
        let file = self.open(path.as_ref(), fs::OpenOptions::new().read(true))?;
        Receiver::registered(PipeEnd::foreign(file.into()))
    }

    /// Opens a FIFO for writing.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is not a pipe, `ENXIO` if there is no receiver, or whatever else the
    /// system reports.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, or if its I/O is not enabled.
    #[track_caller]
    pub fn open_sender<P: AsRef<Path>>(&self, path: P) -> io::Result<Sender> {
        let file = self.open(path.as_ref(), fs::OpenOptions::new().write(true))?;
        Sender::registered(PipeEnd::foreign(file.into()))
    }

    fn open(&self, path: &Path, options: &mut fs::OpenOptions) -> io::Result<File> {
        options.custom_flags(libc::O_NONBLOCK);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if self.read_write {
            options.read(true).write(true);
        }
        let file = options.open(path)?;
        if !self.unchecked && !is_pipe(&file)? {
            return Err(not_a_pipe());
        }
        Ok(file)
    }
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}
