//! What has been read from a source that blocks, and who waits for it.
//!
//! Any number of readers on one side, one thread that reads on the other. A read goes on although
//! the reader that asked for it is gone; what it brings stays here for the next reader.
//!
//! ```text
//!             ask                    take_order                 deliver
//!   Idle ───────────► Asked(room) ───────────────► Reading ─────────────► Idle
//!     ▲ │ ask                                                   wakes all
//!     │ ▼
//!   Absent (no thread yet, or it could not be made): ask tells to make one
//! ```
//!
//! N1. A byte read is in `kept[start..]` until exactly one reader takes it, in order. The end of
//!     the source or an error, `ending`, is taken by exactly one reader too, like the answer of one
//!     call; the next reader makes the next call.
//! N2. A read is asked for only while nothing is kept, and there is one at most. It asks for no
//!     more than its reader has room for: what nobody wanted stays in the source, where a reader
//!     of another kind finds it.
//! N3. While a reader waits, a read is asked for or under way. Its end wakes all who wait: the
//!     first takes what there is, the others ask again.
//! N4. No waker is cloned, woken or dropped under the lock, and nothing is allocated there: the
//!     buffer is made by the thread and swapped in, the list of waiters grows as a copy.
//!
//! N5. A fork has no thread that reads, and perhaps a lock that nobody will release. So it has a
//!     shared reader of its own, with a copy of what was kept, as it has one of std's buffer.
//!
//! All state is under one lock, hence no order to be argued. A reader clones its waker before it
//! locks a second time, and looks again then, so that no end is missed in between.
//!
//! Rejected: a job on a runtime's pool (its runtime would have to wait for the read or give it up,
//! and the next runtime would race with it for the bytes); a buffer per handle (what a dropped
//! handle had read would be lost); reading ahead (takes bytes away from `std::io::stdin`, and
//! makes a terminal's line disappear before somebody asks).

use crate::io_core::ReadBuf;
use crate::loom::sync::{Condvar, Mutex, MutexGuard};
use crate::util::bomb::contain;
use std::io;
use std::mem;
use std::task::{Context, Poll, Waker};

/// At most so many bytes are read by one call.
const MAX_READ: usize = 256 * 1024;

/// Bytes read for nobody in particular, see the [module](self).
#[derive(Debug)]
pub(crate) struct SharedReader {
    state: Mutex<State>,
    /// The thread waits here for an order.
    asked: Condvar,
}

// No foreign code runs under its lock (N4), so a panic finds nothing half done.
impl std::panic::UnwindSafe for SharedReader {}
impl std::panic::RefUnwindSafe for SharedReader {}

#[derive(Debug)]
struct State {
    phase: Phase,
    kept: Vec<u8>,
    /// Where the bytes begin that nobody has taken.
    start: usize,
    ending: Option<io::Result<()>>,
    waiters: Vec<(ReaderId, Waker)>,
    next_reader: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Absent,
    Idle,
    Asked(usize),
    Reading,
}

/// Names a reader: each has room for one waker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReaderId(u64);

/// What a reader does after its turn under the lock.
#[derive(Debug)]
enum Step {
    Done(io::Result<()>),
    /// Come again with a waker.
    NeedsWaker,
    Wait {
        make_thread: bool,
    },
}

impl SharedReader {
    /// Nothing read, and no thread that could.
    pub(crate) fn new() -> Self {
        Self::with_kept(Vec::new())
    }

    /// That of a fork (N5), and whether a read was under way in the parent, which holds what it
    /// reads from locked.
    pub(crate) fn inherited(parent: &Self) -> (Self, bool) {
        // Nobody else takes the parent's lock here: N4 is for those who could be held up.
        let (kept, was_reading) = match parent.state.try_lock() {
            None => (Vec::new(), true),
            Some(before) => (
                before.kept[before.start..].to_vec(),
                before.phase == Phase::Reading,
            ),
        };
        (Self::with_kept(kept), was_reading)
    }

    fn with_kept(kept: Vec<u8>) -> Self {
        let state = State {
            phase: Phase::Absent,
            kept,
            start: 0,
            ending: None,
            waiters: Vec::new(),
            next_reader: 0,
        };
        Self {
            state: Mutex::new(state),
            asked: Condvar::new(),
        }
    }

    /// A reader that waits for nothing yet.
    pub(crate) fn add_reader(&self) -> ReaderId {
        let mut state = self.state.lock();
        state.next_reader += 1;
        ReaderId(state.next_reader)
    }

    /// Forgets who waits for `reader`. A read that it asked for goes on.
    pub(crate) fn remove_reader(&self, reader: ReaderId) {
        let mut state = self.state.lock();
        let waker = state.take_waker(reader);
        drop(state);
        drop(waker);
    }

    /// Takes what has been read into `buf`, or asks for more. If there is no thread yet that
    /// reads, `make_thread_now` makes one.
    ///
    /// # Errors
    ///
    /// What the read said, or `make_thread_now`.
    pub(crate) fn poll_read(
        &self,
        reader: ReaderId,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        make_thread_now: impl FnOnce() -> io::Result<()>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let mut step = self.state.lock().take_or_ask(buf, false);
        if matches!(step, Step::NeedsWaker) {
            let waker = cx.waker().clone();
            let mut state = self.lock_with_room();
            step = state.take_or_ask(buf, true);
            let unused = match step {
                Step::Wait { .. } => state.put_waker(reader, waker),
                _ => Some(waker),
            };
            drop(state);
            drop(unused);
        }
        match step {
            Step::Done(outcome) => Poll::Ready(outcome),
            Step::NeedsWaker => unreachable!("it has one"),
            Step::Wait { make_thread } => {
                self.asked.notify_one();
                match make_thread.then(make_thread_now).transpose() {
                    Ok(_) => Poll::Pending,
                    Err(error) => {
                        self.thread_is_missing(reader);
                        Poll::Ready(Err(error))
                    }
                }
            }
        }
    }

    /// No thread will come: whoever waits has to ask again, except for `reader`, who knows.
    fn thread_is_missing(&self, reader: ReaderId) {
        let mut state = self.state.lock();
        state.phase = Phase::Absent;
        let own = state.take_waker(reader);
        let waiters = mem::take(&mut state.waiters);
        drop(state);
        drop(own);
        wake_all(waiters);
    }

    /// The thread's side: waits for an order, reads with `read` and delivers. `spare` is the
    /// thread's buffer from one time to the next.
    pub(crate) fn serve_one(
        &self,
        spare: &mut Vec<u8>,
        read: impl FnMut(&mut [u8]) -> io::Result<usize>,
    ) {
        let room = self.take_order();
        let ending = fill(spare, room, read);
        let mut state = self.state.lock();
        debug_assert_eq!(state.start, state.kept.len(), "N2");
        mem::swap(&mut state.kept, spare);
        state.start = 0;
        state.ending = ending;
        state.phase = Phase::Idle;
        let waiters = mem::take(&mut state.waiters);
        drop(state);
        wake_all(waiters);
    }

    fn take_order(&self) -> usize {
        let mut state = self.state.lock();
        loop {
            if let Phase::Asked(room) = state.phase {
                state.phase = Phase::Reading;
                return room;
            }
            state = self.asked.wait(state);
        }
    }

    /// Locks, with room for one waiter more; the buffer is made without the lock (N4).
    fn lock_with_room(&self) -> MutexGuard<'_, State> {
        loop {
            let state = self.state.lock();
            if state.waiters.len() < state.waiters.capacity() {
                return state;
            }
            let wanted = (state.waiters.len() * 2).max(4);
            drop(state);
            let mut bigger = Vec::with_capacity(wanted);
            let mut state = self.state.lock();
            if state.waiters.capacity() < bigger.capacity() {
                bigger.append(&mut state.waiters);
                mem::swap(&mut state.waiters, &mut bigger);
            }
            drop(state); // before the old buffer
        }
    }
}

impl State {
    /// One turn of a reader: takes what is kept, or asks for a read if it `can_wait`.
    fn take_or_ask(&mut self, buf: &mut ReadBuf<'_>, can_wait: bool) -> Step {
        let kept = &self.kept[self.start..];
        if !kept.is_empty() {
            let count = kept.len().min(buf.remaining());
            buf.put_slice(&kept[..count]);
            self.start += count;
            return Step::Done(Ok(()));
        }
        if let Some(ending) = self.ending.take() {
            return Step::Done(ending);
        }
        if !can_wait {
            return Step::NeedsWaker;
        }
        let make_thread = self.phase == Phase::Absent;
        if let Phase::Absent | Phase::Idle = self.phase {
            self.phase = Phase::Asked(buf.remaining().min(MAX_READ));
        }
        Step::Wait { make_thread }
    }

    /// Stores the waker of a reader and returns the one before.
    fn put_waker(&mut self, reader: ReaderId, waker: Waker) -> Option<Waker> {
        match self.waiters.iter_mut().find(|(id, _)| *id == reader) {
            Some((_, before)) => Some(mem::replace(before, waker)),
            None => {
                self.waiters.push((reader, waker));
                None
            }
        }
    }

    fn take_waker(&mut self, reader: ReaderId) -> Option<Waker> {
        let at = self.waiters.iter().position(|(id, _)| *id == reader)?;
        Some(self.waiters.swap_remove(at).1)
    }
}

/// Reads once into `buf`, which then holds what came, and says if that was the end or an error.
fn fill(
    buf: &mut Vec<u8>,
    room: usize,
    mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
) -> Option<io::Result<()>> {
    buf.clear();
    buf.resize(room, 0);
    loop {
        match read(buf) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                buf.clear();
                return Some(Err(error));
            }
            Ok(count) => {
                buf.truncate(count);
                return (count == 0).then_some(Ok(()));
            }
        }
    }
}

/// A waker is foreign code, and the thread has others to serve.
fn wake_all(waiters: Vec<(ReaderId, Waker)>) {
    for (_, waker) in waiters {
        contain(|| waker.wake());
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
