//! A static that each process makes for itself, at its first use: a fork does not go on with its
//! parent's.
//!
//! A fork has a copy of the parent's value, whose locks may be held by threads that are not there,
//! and which may name threads, pipes or children that are not its own. So it makes a new one, for
//! which it may look at the old.
//!
//! - V1. A value is never freed: whoever got it may use it for ever, in a signal handler too.
//! - V2. Values follow each other: each was made by the process that made it the newest, and the
//!   process's own is the newest there.
//!
//! The exchange that publishes a value releases, and the loads acquire: who sees the pointer sees
//! the value. Nothing else is ordered by it.
//!
//! Rejected: `OnceLock` and `LazyLock` (a fork in the middle of their first use waits for ever);
//! handlers of `fork` that hold the locks meanwhile (a lock that is handed over to a waiter would
//! go to a thread that is not there).
#![allow(unsafe_code)]

use super::forks::ProcessMark;
// A static needs a constant.
use crate::loom::published::{AtomicPtr, Ordering};
use std::ptr;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct PerProcess<T: 'static> {
    newest: AtomicPtr<Made<T>>,
}

#[derive(Debug)]
struct Made<T> {
    by: ProcessMark,
    value: T,
}

impl<T: Send + Sync> PerProcess<T> {
    /// Nothing made yet.
    pub(crate) const fn new() -> Self {
        Self {
            newest: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// This process's value. If it has none, `make` makes one, given that of the process it was
    /// forked from; of several that are made at once one is kept.
    ///
    /// # Errors
    ///
    /// Those of `make`.
    pub(crate) fn try_get<E>(
        &self,
        mut make: impl FnMut(Option<&'static T>) -> Result<T, E>,
    ) -> Result<&'static T, E> {
        let by = ProcessMark::current();
        loop {
            let newest = self.newest.load(Ordering::Acquire);
            let made = Self::made(newest);
            if let Some(made) = made.filter(|made| made.by == by) {
                return Ok(&made.value);
            }
            let value = make(made.map(|made| &made.value))?;
            let fresh = Box::into_raw(Box::new(Made { by, value }));
            let published =
                self.newest
                    .compare_exchange(newest, fresh, Ordering::AcqRel, Ordering::Relaxed);
            if published.is_err() {
                // SAFETY: `into_raw` gave it, and it was not published.
                drop(unsafe { Box::from_raw(fresh) });
            }
        }
    }

    /// As [`try_get`](Self::try_get).
    pub(crate) fn get(&self, mut make: impl FnMut(Option<&'static T>) -> T) -> &'static T {
        let made = self.try_get(|before| Ok::<_, std::convert::Infallible>(make(before)));
        match made {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// The newest value: this process's, or that of the nearest one it was forked from.
    ///
    /// Async-signal-safe.
    pub(crate) fn newest(&self) -> Option<&'static T> {
        Self::made(self.newest.load(Ordering::Acquire)).map(|made| &made.value)
    }

    /// `newest` was loaded from the field of that name.
    fn made(newest: *mut Made<T>) -> Option<&'static Made<T>> {
        // SAFETY: by V1 what was published stays, and nobody has it exclusively; null is none.
        unsafe { newest.as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    #[test]
    fn the_value_is_made_once() {
        static VALUE: PerProcess<u32> = PerProcess::new();
        assert_eq!(VALUE.newest(), None);
        assert_eq!(VALUE.try_get(|_| Err(7)), Err(7));
        assert_eq!(VALUE.newest(), None);
        let value = VALUE.get(|before| {
            assert_eq!(before, None);
            1
        });
        assert_eq!(value, &1);
        assert!(ptr::eq(value, VALUE.get(|_| unreachable!())));
        assert_eq!(VALUE.newest(), Some(&1));
    }

    #[test]
    fn threads_agree_on_one_of_those_made_at_once() {
        for _ in 0..200 {
            let values = Box::leak(Box::new(PerProcess::<usize>::new()));
            let start = Barrier::new(4);
            let got = std::thread::scope(|scope| {
                let threads = [0, 1, 2, 3].map(|number| {
                    let (values, start) = (&*values, &start);
                    scope.spawn(move || {
                        start.wait();
                        ptr::from_ref(values.get(|_| number)).addr()
                    })
                });
                threads.map(|thread| thread.join().unwrap())
            });
            assert!(got.iter().all(|&it| it == got[0]));
        }
    }
}
