//! [`Stdin`] and the thread that reads for it.

use super::intake::{Intake, ReaderId};
use crate::io::{AsyncRead, ReadBuf};
use std::fmt;
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use std::thread;

/// What has been read from standard input and not been taken yet.
static INTAKE: LazyLock<Intake> = LazyLock::new(Intake::new);

/// The standard input of the process; made by [`stdin`].
///
/// All handles read the same stream. A read that was cancelled goes on; what it brings is there
/// for the next read, also of another handle and in another runtime of the process. No end of a
/// runtime, and no end of `main`, waits for a read that has nothing to read.
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
    reader: ReaderId,
}

/// Makes a handle to the standard input of the process.
pub fn stdin() -> Stdin {
    Stdin {
        std: io::stdin(),
        reader: INTAKE.add_reader(),
    }
}

impl AsyncRead for Stdin {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let unit = std::task::ready!(crate::budget::poll_proceed(cx));
        let outcome = INTAKE.poll_read(self.reader, cx, buf, make_thread);
        if outcome.is_ready() {
            unit.made_progress();
        }
        outcome
    }
}

/// Makes the thread that reads until the process ends.
fn make_thread() -> io::Result<()> {
    let serve = || {
        let mut spare = Vec::new();
        loop {
            INTAKE.serve_one(&mut spare, |buf| io::stdin().lock().read(buf));
        }
    };
    let thread = thread::Builder::new().name("runtime-stdin".to_owned());
    thread.spawn(serve).map(drop)
}

impl Drop for Stdin {
    fn drop(&mut self) {
        INTAKE.remove_reader(self.reader);
    }
}

#[cfg(unix)]
mod descriptor {
    use super::Stdin;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

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
    use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, RawHandle};

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
