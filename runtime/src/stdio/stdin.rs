//! [`Stdin`] and the thread that reads for it.

use super::shared_reader::{ReaderId, SharedReader};
use crate::io_core::{AsyncRead, ReadBuf};
use crate::util::per_process::PerProcess;
use std::fmt;
use std::io::{self, Read};
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll};
use std::thread;

/// What has been read from standard input and not been taken yet.
static INPUT: PerProcess<Input> = PerProcess::new();

#[derive(Debug)]
struct Input {
    shared: SharedReader,
    /// This is a fork, whose parent was in a read: std's lock is held here for ever.
    is_std_locked: bool,
}

impl Input {
    /// That of this process.
    fn get() -> &'static Self {
        INPUT.get(|parent| match parent {
            None => Self {
                shared: SharedReader::new(),
                is_std_locked: false,
            },
            Some(parent) => {
                let (shared, was_reading) = SharedReader::inherited(&parent.shared);
                Self {
                    shared,
                    is_std_locked: parent.is_std_locked || was_reading,
                }
            }
        })
    }

    /// Waits for input.
    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        if self.is_std_locked {
            descriptor::read_past_std(buf)
        } else {
            io::stdin().lock().read(buf)
        }
    }

    /// Makes the thread that reads until the process ends.
    fn make_thread(&'static self) -> io::Result<()> {
        let serve = || {
            let mut spare = Vec::new();
            loop {
                self.shared.serve_one(&mut spare, |buf| self.read(buf));
            }
        };
        let thread = thread::Builder::new().name("runtime-stdin".to_owned());
        thread.spawn(serve).map(drop)
    }
}

/// The standard input of the process; made by [`stdin`].
///
/// All handles read the same stream. A read that was cancelled goes on; what it brings is there
/// for the next read, also of another handle and in another runtime of the process. No end of a
/// runtime, and no end of `main`, waits for a read that has nothing to read.
///
/// A fork of the process reads on by a thread of its own, also with a handle from before. What was
/// read and not taken by then is in both, as with `std`'s buffer.
///
/// While a read is under way, the lock of [`std::io::Stdin`] is held. For questions to a person
/// at a terminal a thread that reads with `std` is often the simpler way.
///
/// # Examples
///
/// ```no_run
/// use runtime::io::{AsyncBufReadExt, BufReader, stdin};
///
/// # async fn example() -> std::io::Result<()> {
/// let mut lines = BufReader::new(stdin()).lines();
/// while let Some(line) = lines.next_line().await? {
///     println!("{} bytes", line.len());
/// }
/// # Ok(())
/// # }
/// ```
pub struct Stdin {
    std: io::Stdin,
    input: &'static Input,
    reader: ReaderId,
}

/// Makes a handle to the standard input of the process.
pub fn stdin() -> Stdin {
    let input = Input::get();
    Stdin {
        std: io::stdin(),
        input,
        reader: input.shared.add_reader(),
    }
}

impl AsyncRead for Stdin {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let unit = std::task::ready!(crate::budget::poll_proceed(cx));
        self.move_to_this_process();
        let input = self.input;
        let make_thread = || input.make_thread();
        let outcome = input.shared.poll_read(self.reader, cx, buf, make_thread);
        if outcome.is_ready() {
            unit.made_progress();
        }
        outcome
    }
}

impl Stdin {
    /// A handle that was made before a fork is one of the fork's.
    fn move_to_this_process(&mut self) {
        let input = Input::get();
        if !ptr::eq(self.input, input) {
            self.input = input;
            self.reader = input.shared.add_reader();
        }
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        // In a fork the parent's lock may be held by a thread that is not there.
        if ptr::eq(self.input, Input::get()) {
            self.input.shared.remove_reader(self.reader);
        }
    }
}

#[cfg(unix)]
mod descriptor {
    use super::Stdin;
    use std::fs::File;
    use std::io::{self, Read};
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

    /// Reads without std's lock and past its buffer, which was empty when the lock was taken. A
    /// closed input has ended, as for std.
    pub(super) fn read_past_std(buf: &mut [u8]) -> io::Result<usize> {
        let is_closed = |error: &io::Error| error.raw_os_error() == Some(libc::EBADF);
        let mut read = || File::from(io::stdin().as_fd().try_clone_to_owned()?).read(buf);
        match read() {
            Err(error) if is_closed(&error) => Ok(0),
            outcome => outcome,
        }
    }

    impl AsRawFd for Stdin {
        fn as_raw_fd(&self) -> RawFd {
            self.std.as_raw_fd()
        }
    }

    impl AsFd for Stdin {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.std.as_fd()
        }
    }
}

#[cfg(windows)]
mod descriptor {
    use super::Stdin;
    use std::io;
    use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, RawHandle};

    /// There are no forks.
    pub(super) fn read_past_std(_buf: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    impl AsRawHandle for Stdin {
        fn as_raw_handle(&self) -> RawHandle {
            self.std.as_raw_handle()
        }
    }

    impl AsHandle for Stdin {
        fn as_handle(&self) -> BorrowedHandle<'_> {
            self.std.as_handle()
        }
    }
}

impl fmt::Debug for Stdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stdin").finish_non_exhaustive()
    }
}
