//! Creating pool threads, handing them their first job, and joining them.
//!
//! # The first job
//! A creator and its new thread share one [`FirstJob`]. It carries the job one way: the
//! thread takes it on arrival, or, if there is no thread, the creator takes it back. It carries
//! the join handle the other way: the creator leaves it there, and the thread takes it when it
//! ends, to pass it to whoever joins it.
//!
//! # Invariants
//! - **B1** The first job is taken exactly once: a thread that was created takes it, and a
//!   creator takes it only when no thread was created.
//! - **B2** A thread that ends before its creator has left the handle says so there; the
//!   handle is then dropped, and that thread, which has nothing left but to return, is detached.

use crate::loom::sync::Mutex;
use crate::loom::thread;
use std::io;

/// What a pool thread runs.
pub(crate) type Body = Box<dyn FnOnce() + Send>;

/// How the pool gets its threads; a seam, so that tests and models can let it fail.
pub(crate) trait SpawnThread: Send + Sync + 'static {
    /// Creates a thread that runs `body`; if it cannot, drops `body` without running it.
    ///
    /// # Errors
    /// Whatever the system says, most often `WouldBlock` (`EAGAIN`): too many threads.
    fn spawn(
        &self,
        name: String,
        stack_size: Option<usize>,
        body: Body,
    ) -> io::Result<thread::JoinHandle<()>>;
}

/// Threads of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OsThreads;

impl SpawnThread for OsThreads {
    fn spawn(
        &self,
        name: String,
        stack_size: Option<usize>,
        body: Body,
    ) -> io::Result<thread::JoinHandle<()>> {
        let mut builder = thread::Builder::new().name(name);
        if let Some(bytes) = stack_size {
            builder = builder.stack_size(bytes);
        }
        builder.spawn(body)
    }
}

/// What a creator and its new thread share, see the [module](self).
pub(crate) struct FirstJob<J> {
    state: Mutex<FirstJobState<J>>,
}

struct FirstJobState<J> {
    job: Option<J>,
    handle: Option<thread::JoinHandle<()>>,
    ended: bool,
}

impl<J> FirstJob<J> {
    pub(crate) fn new(job: J) -> Self {
        Self {
            state: Mutex::new(FirstJobState {
                job: Some(job),
                handle: None,
                ended: false,
            }),
        }
    }

    /// The job, for whoever comes first (B1).
    pub(crate) fn take(&self) -> Option<J> {
        self.state.lock().job.take()
    }

    /// The creator leaves the handle of the thread (B2).
    pub(crate) fn leave_handle(&self, handle: thread::JoinHandle<()>) {
        let mut state = self.state.lock();
        if state.ended {
            drop(state);
            drop(handle); // detaches: not under the lock
        } else {
            state.handle = Some(handle);
        }
    }

    /// The thread ends and takes its own handle, if it is there (B2).
    pub(crate) fn end(&self) -> Option<thread::JoinHandle<()>> {
        let mut state = self.state.lock();
        state.ended = true;
        state.handle.take()
    }
}
