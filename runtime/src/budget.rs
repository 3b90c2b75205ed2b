//! The cooperative budget: how many ready leaf operations one poll may consume.
//!
//! A task that always finds its channel full and its socket readable would never return from
//! `poll`. So each poll starts with [`Budget::initial`] units; a leaf future takes one through
//! [`poll_proceed`] before it looks at its resource and gives it back if it did not get ready.
//! With none left the leaf wakes the task and stays pending, which sends the task to the back
//! of the queue.
//!
//! I1. Outside of a task (no runtime is polling) the budget is unlimited.
//! I2. A unit taken by an operation that stays pending is given back.
//! I3. A poll that runs out of units and is refused one is reported once per filling, however often
//!     it asks.
//! I4. In a traced poll there are no units: each leaf reports where it is and stays pending.
//! I5. A poll that is refused [`PATIENCE`] times gets its units anew. A refusal is meant to end the
//!     poll, but an executor that runs *within* the poll (another crate's `block_on`, say) only sees
//!     its own future woken and polls it again; without this it would do so for ever.
//!
//! I5 cannot tell such an executor from futures that poll many others, each under a waker of its
//! own: those may be refused often in one poll, and rightly. So the number counts: a poll that asks
//! `n` times gets at most 128 + n / 3 units, which is less than it spends on asking. Rejected: to
//! know the waker of the poll (children of a set of futures have others, too); to count refusals
//! of one waker (a child may hold many leaves).
//!
//! Source: the technique is Erlang's reduction count, applied per poll.

use crate::loom::local;
use crate::util::{scoped, trace_leaf};
use std::cell::Cell;
use std::marker::PhantomData;
use std::task::{Context, Poll};

/// What a poll starts with. Programs observe it, so it equals tokio's documented 128.
const UNITS: u16 = 128;

/// Refusals that a poll bears before it gets its units anew (I5): two for each unit.
const PATIENCE: u16 = 2 * UNITS;

/// Set in a count of refusals once they are reported (I3).
const REPORTED: u16 = 1 << 14;

/// Units left in the current poll, or none at all to count. Above [`UNITS`]: used up, and this
/// number less `UNITS`, without [`REPORTED`], is how often it was refused one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget(Option<u16>);

impl Budget {
    /// The poll is traced (I4).
    const TRACED: Self = Self(Some(u16::MAX));

    pub(crate) const fn initial() -> Self {
        Self(Some(UNITS))
    }

    pub(crate) const fn unconstrained() -> Self {
        Self(None)
    }

    pub(crate) const fn has_remaining(self) -> bool {
        match self.0 {
            None => true,
            Some(left) => Self::is_unit(left) || left == u16::MAX,
        }
    }

    /// Whether one can be taken off this number.
    #[inline]
    const fn is_unit(left: u16) -> bool {
        left.wrapping_sub(1) < UNITS
    }

    /// The budget less one unit, or nothing if it is used up.
    fn take_one(self) -> Option<Self> {
        match self.0 {
            None => Some(self),
            Some(left) if Self::is_unit(left) => Some(Self(Some(left - 1))),
            Some(_) => None,
        }
    }

    /// The budget after one refusal more (I5).
    fn refused(self) -> Self {
        match self.0 {
            None | Some(u16::MAX) => self,
            Some(left) if left <= UNITS => Self(Some(UNITS + 1)),
            Some(count) if count & !REPORTED < UNITS + PATIENCE - 1 => Self(Some(count + 1)),
            Some(_) => Self::initial(),
        }
    }

    /// As [`refused`](Self::refused), and whether that is to be reported (I3).
    fn refused_aloud(self) -> (Self, bool) {
        match (self.0, self.refused().0) {
            (Some(before), Some(after)) if before != u16::MAX => {
                let is_new = before <= UNITS || before & REPORTED == 0;
                let mark = if after > UNITS { REPORTED } else { 0 };
                (Self(Some(after | mark)), is_new)
            }
            _ => (self, false),
        }
    }
}

local! {
    static CURRENT: Cell<Budget> = Cell::new(Budget::unconstrained())
}

local! {
    /// Who is told of polls that were refused a unit.
    static REPORT: Cell<Option<fn()>> = Cell::new(None)
}

/// From now on `report` is called on this thread for each poll that is refused a unit (I3).
#[inline]
pub(crate) fn report_refusals(report: fn()) {
    let _ = REPORT.try_with(|cell| cell.set(Some(report)));
}

/// Runs `f` with a fresh budget and restores the one before, also when `f` panics.
#[inline]
pub(crate) fn with_initial<R>(f: impl FnOnce() -> R) -> R {
    with_budget(Budget::initial(), f)
}

/// Runs `f`, which polls something, as a traced poll (I4).
#[allow(dead_code, reason = "for task dumps, if they are enabled")]
pub(crate) fn with_trace<R>(f: impl FnOnce() -> R) -> R {
    with_budget(Budget::TRACED, f)
}

/// Whether the current poll is traced (I4).
#[inline]
pub(crate) fn is_traced() -> bool {
    CURRENT
        .try_with(Cell::get)
        .is_ok_and(|budget| budget == Budget::TRACED)
}

/// Runs `f` without a limit.
pub(crate) fn with_unconstrained<R>(f: impl FnOnce() -> R) -> R {
    with_budget(Budget::unconstrained(), f)
}

#[inline]
fn with_budget<R>(budget: Budget, f: impl FnOnce() -> R) -> R {
    let _restore = scoped::set(&CURRENT, budget);
    f()
}

/// Runs `f`, which polls tasks in a loop, and restores the budget of the poll around it.
pub(crate) fn with_kept<R>(f: impl FnOnce() -> R) -> R {
    with_budget(
        CURRENT
            .try_with(Cell::get)
            .unwrap_or(Budget::unconstrained()),
        f,
    )
}

#[inline]
fn set(budget: Budget) {
    // A thread whose locals are gone polls no task: nothing to count.
    let _ = CURRENT.try_with(|cell| cell.set(budget));
}

/// Starts a poll on a thread that polls tasks in a loop: cheaper than [`with_initial`],
/// because such a thread has no budget of its own to restore.
#[inline]
pub(crate) fn start_poll() {
    set(Budget::initial());
}

/// As [`start_poll`], for a traced one (I4).
pub(crate) fn start_traced_poll() {
    set(Budget::TRACED);
}

/// Ends what [`start_poll`] began.
#[inline]
pub(crate) fn end_poll() {
    set(Budget::unconstrained());
}

/// Whether the current poll may go on.
pub(crate) fn has_remaining() -> bool {
    CURRENT
        .try_with(|cell| cell.get().has_remaining())
        .unwrap_or(true)
}

/// A unit of the budget. It is given back on drop unless the operation made progress; made by
/// [`poll_proceed`](crate::task::coop::poll_proceed).
#[must_use = "dropped at once it gives the unit back, and nothing is counted"]
#[derive(Debug)]
pub struct RestoreOnPending(Cell<Budget>, ThisThread);

/// The unit goes back to the budget of the thread that it came from.
type ThisThread = PhantomData<*mut ()>;

impl RestoreOnPending {
    /// The operation got ready: the unit is spent.
    #[inline]
    pub fn made_progress(&self) {
        self.0.set(Budget::unconstrained());
    }
}

impl Drop for RestoreOnPending {
    #[inline]
    fn drop(&mut self) {
        // Unlimited means either "spent" or "there was nothing to count".
        let before = self.0.get();
        if before != Budget::unconstrained() {
            set(before);
        }
    }
}

/// Takes one unit, if one is left.
#[inline]
pub(crate) fn take_unit() -> Option<RestoreOnPending> {
    CURRENT
        .try_with(|cell| {
            let before = cell.get();
            before.take_one().map(|after| {
                cell.set(after);
                RestoreOnPending(Cell::new(before), PhantomData)
            })
        })
        .unwrap_or_else(|_| {
            Some(RestoreOnPending(
                Cell::new(Budget::unconstrained()),
                PhantomData,
            ))
        })
}

/// Takes one unit, or wakes the task and stays pending when none is left.
#[inline]
pub(crate) fn poll_proceed(cx: &mut Context<'_>) -> Poll<RestoreOnPending> {
    match take_unit() {
        Some(restore) => Poll::Ready(restore),
        None => refuse(cx),
    }
}

/// Pending, for a leaf that asks for a unit only when it is ready: it has a place in a queue by
/// now, and says so in a traced poll (I4).
#[inline]
pub(crate) fn wait<T>(cx: &Context<'_>) -> Poll<T> {
    if is_traced() {
        trace_leaf::reached(cx.waker());
    }
    Poll::Pending
}

/// Pending, with the task woken: it has used up its units.
#[cold]
pub(crate) fn refuse<T>(cx: &mut Context<'_>) -> Poll<T> {
    if is_traced() {
        trace_leaf::reached(cx.waker());
        return Poll::Pending;
    }
    count_refusal();
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// I3 and I5.
fn count_refusal() {
    let is_new = CURRENT.try_with(|cell| {
        let (after, is_new) = cell.get().refused_aloud();
        cell.set(after);
        is_new
    });
    if is_new.is_ok_and(|is_new| is_new) {
        if let Some(report) = REPORT.try_with(Cell::get).ok().flatten() {
            report();
        }
    }
}

/// As [`has_remaining`], for leaves that refuse by themselves: "no" counts as a refusal (I5), but
/// only what this module refuses is reported (I3).
#[inline]
pub(crate) fn ask_for_remaining() -> bool {
    CURRENT
        .try_with(|cell| {
            let budget = cell.get();
            if !budget.has_remaining() {
                cell.set(budget.refused());
            }
            budget.has_remaining()
        })
        .unwrap_or(true)
}

/// Pending, with the task woken, when the budget is used up; takes nothing.
#[allow(
    dead_code,
    unreachable_pub,
    reason = "the macros export it, if they are enabled"
)]
pub fn poll_budget_available(cx: &mut Context<'_>) -> Poll<()> {
    if has_remaining() {
        Poll::Ready(())
    } else {
        refuse(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    fn proceed() -> Poll<RestoreOnPending> {
        poll_proceed(&mut Context::from_waker(Waker::noop()))
    }

    /// I1.
    #[test]
    fn outside_of_a_task_nothing_is_counted() {
        for _ in 0..1_000 {
            assert!(proceed().is_ready());
        }
    }

    #[test]
    fn a_poll_gets_exactly_the_initial_units() {
        with_initial(|| {
            for _ in 0..128 {
                let Poll::Ready(unit) = proceed() else {
                    panic!("budget ended early")
                };
                unit.made_progress();
            }
            assert!(proceed().is_pending());
            assert!(!has_remaining());
        });
        assert!(has_remaining());
    }

    /// I3.
    #[test]
    fn a_poll_that_is_refused_is_reported_once() {
        local! {
            static REPORTS: Cell<u32> = Cell::new(0)
        }
        report_refusals(|| REPORTS.with(|reports| reports.set(reports.get() + 1)));
        for polls in 1..=3 {
            with_initial(|| {
                while let Poll::Ready(unit) = proceed() {
                    unit.made_progress();
                }
                assert!(proceed().is_pending());
                assert!(
                    poll_budget_available(&mut Context::from_waker(Waker::noop())).is_pending()
                );
            });
            assert_eq!(REPORTS.with(Cell::get), polls);
        }
    }

    /// I2.
    #[test]
    fn a_pending_operation_gives_its_unit_back() {
        with_initial(|| {
            for _ in 0..1_000 {
                assert!(proceed().is_ready());
            }
        });
    }

    /// I5: every third that asks gets on, after the first units.
    #[test]
    fn a_poll_that_does_not_end_gets_its_units_anew() {
        const ASKS: usize = 30_000;
        let ask = || match proceed() {
            Poll::Ready(unit) => {
                unit.made_progress();
                true
            }
            Poll::Pending => false,
        };
        with_initial(|| {
            for filling in 0..3 {
                assert!((0..128).all(|_| ask()), "filling {filling}");
                assert!((0..256).all(|_| !ask()), "refusals after filling {filling}");
            }
            let ready = (0..ASKS).filter(|_| ask()).count();
            assert!((ASKS / 3..=ASKS / 3 + 128).contains(&ready), "{ready}");
        });
        // The counts of two polls have nothing to do with each other.
        with_initial(|| {
            assert!((0..128).all(|_| ask()));
            for _ in 0..256 {
                with_initial(|| while ask() {});
                assert!(!ask());
            }
            assert!(ask());
        });
    }

    /// I5 and I3.
    #[test]
    fn to_ask_is_no_reported_refusal_but_counts() {
        local! {
            static REPORTS: Cell<u32> = Cell::new(0)
        }
        report_refusals(|| REPORTS.with(|reports| reports.set(reports.get() + 1)));
        with_initial(|| {
            while let Poll::Ready(unit) = proceed() {
                unit.made_progress();
            }
            assert_eq!(REPORTS.with(Cell::get), 1);
            assert!((1..256).all(|_| !ask_for_remaining()));
            assert!((0..128).all(|_| proceed().map(|unit| unit.made_progress()).is_ready()));
            assert!((0..255).all(|_| !ask_for_remaining()));
            assert_eq!(REPORTS.with(Cell::get), 1);
            assert!(proceed().is_pending());
            assert_eq!(REPORTS.with(Cell::get), 2);
            assert!(ask_for_remaining());
        });
        with_trace(|| {
            assert!((0..1_000).all(|_| proceed().is_pending() && ask_for_remaining()));
            assert!(is_traced());
        });
        assert!(ask_for_remaining());
    }

    #[test]
    fn a_panic_restores_the_budget_before() {
        let caught = std::panic::catch_unwind(|| with_initial(|| panic!("inside")));
        assert!(caught.is_err());
        for _ in 0..1_000 {
            assert!(proceed().is_ready());
        }
    }
}
