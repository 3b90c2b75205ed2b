//! Which process this is: a fork goes on with a copy of all memory, and with one thread.
//!
//! What belongs to the process as a whole (a pipe from its signal handlers, a thread that reads or
//! reaps) is not there in a fork, although its memory says so. So it bears the mark of the process
//! that made it.
//!
//! - F1. Two processes one of which has memory of the other have different marks: `fork` counts
//!   itself in the child before it returns there, and a process made by other means (`clone`) has
//!   another number.
//!
//! The number alone would not do: the first process of a namespace has the number 1, as its parent
//! may have in its own; and numbers are used again.
#![allow(unsafe_code)]

// Uniqueness needs no order.
use crate::loom::unordered::{AtomicBool, AtomicU32, Ordering};

/// How many forks led from the process that asked first to this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Whether forks are counted already.
static IS_COUNTED: AtomicBool = AtomicBool::new(false);

/// A process, told from those that it was forked from (F1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProcessMark {
    number: u32,
    forks: u32,
}

impl ProcessMark {
    /// That of this process.
    ///
    /// Async-signal-safe, but for the first call.
    pub(crate) fn current() -> Self {
        if !IS_COUNTED.load(Ordering::Relaxed) && !IS_COUNTED.swap(true, Ordering::Relaxed) {
            // SAFETY: `count` is a function that may be called in the child of any process.
            // Refused for want of memory: then the number has to do.
            let _ = unsafe { libc::pthread_atfork(None, None, Some(count)) };
        }
        Self {
            number: std::process::id(),
            forks: FORKS.load(Ordering::Relaxed),
        }
    }

    /// Whether this is of the present process or of one that was cloned from it without `fork`:
    /// without a system call.
    #[allow(dead_code, reason = "only signals look this often")]
    #[inline]
    pub(crate) fn is_unforked(self) -> bool {
        self.forks == FORKS.load(Ordering::Relaxed)
    }
}

unsafe extern "C" fn count() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_itself() {
        let mark = ProcessMark::current();
        assert_eq!(mark, ProcessMark::current());
        assert!(mark.is_unforked());
    }

    /// F1, for what is made by `fork`.
    #[test]
    fn a_fork_is_another_process() {
        let before = ProcessMark::current();
        // SAFETY: the child makes two system calls and reads an atomic.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let is_told = before != ProcessMark::current() && !before.is_unforked();
            // SAFETY: ends the child without running anything of the parent's.
            unsafe { libc::_exit(i32::from(!is_told)) };
        }
        let mut status = -1;
        // SAFETY: waits for this child; the pointer is to an integer that outlives the call.
        let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!((waited, status), (child, 0));
        assert_eq!(before, ProcessMark::current());
    }
}
