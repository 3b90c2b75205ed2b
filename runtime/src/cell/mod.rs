//! Task cells: one allocation that holds a future, then its output, and everything needed to
//! schedule, cancel and join it. Knows no scheduler: those come in through [`Schedule`].
//!
//! ```text
//!            ┌──────────── reschedule (woken while running) ───────────┐
//!            ▼                                                         │
//!  spawn ─► queued ──start_poll──► running ──pending──► idle ──wake──► queued
//!                                     │ ready, panic or cancelled
//!                                     ▼
//!                                  complete ──► output taken or dropped
//! ```
//!
//! One word holds the flags and the reference count ([`state`]); the header around it is
//! type-erased ([`header`]), what knows the future's type is in [`layout`]. References are owned by: the scheduler's list of live tasks
//! ([`owned`]), the [`JoinHandle`](join::JoinHandle), each [`AbortHandle`](abort::AbortHandle),
//! each waker, and the run-queue entry ([`Notified`](raw::Notified)).
//!
//! Invariants, cited by number in `SAFETY` comments, assertions and models:
//!
//! - I1. A run-queue entry exists if and only if `NOTIFIED` is set and neither `RUNNING` nor
//!   `COMPLETE` is. There is at most one, it owns one reference, and only its holder sets
//!   `RUNNING`.
//! - I2. While `RUNNING` is set its setter alone touches the stage (future or output).
//! - I3. After `COMPLETE` no poll runs. The stage then belongs to the `JoinHandle` while
//!   `JOIN_INTEREST` was set at completion, else to whoever completed the task.
//! - I4. A wake before completion is remembered until the next poll, and the poll sees all
//!   that happened before the wake (each wake is a read-modify-write with release order, also
//!   when nothing changes).
//! - I5. The slot of the join waker is written by the `JoinHandle` only, and only while
//!   `JOIN_WAKER` is clear. While it is set the completer may read it. A `JoinHandle` clears the
//!   bit before completion, which fails after it; the completer clears it when it is done, and
//!   takes the waker out if the `JoinHandle` was dropped meanwhile. User code (clone, drop, wake
//!   of a waker) runs when the word says whose the slot is, and its panics stop no transition.
//! - I6. The cell is freed by whoever drops the last reference, and only then; the scheduler
//!   that the header points to outlives the cell.
//! - I7. The future is dropped exactly once: after completion, or by the holder of the run-queue
//!   entry once `CANCELLED` is set. Never on the thread that aborts.
//! - I8. A future or an output that may not be `Send` is dropped on its owner's thread only. A
//!   last reference that goes elsewhere frees the memory and forgets an output; a future that
//!   is still there (its owner was forgotten) stays where it is, with its memory.
//! - I9. The context of a task is read by the holder of its entry and by whoever set `RUNNING`, of whom
//!   there is one (I1, I2). Its future's polls and drop see it; it goes after the future and before
//!   `COMPLETE`. In a cell whose future was never dropped it goes with the cell. What wakers may read
//!   of it, O1 of [`context`] says.
//!
//! Memory order: all transitions are `AcqRel`; the completer's update pairs with the
//! `JoinHandle`'s `Acquire` load of `COMPLETE` and publishes the output; the last `ref_dec`
//! acquires what every other holder released.
//!
//! Rejected: a reference taken for each schedule on top of the waker's own (one more
//! read-modify-write per wake); an update of its own to give up the join waker after completion
//! (it goes with the references); boxing large futures beside the cell (the cell is built in place, so
//! that the future is moved once).
//!
//! Sources: the life cycle of `async-task` and tokio as their documentation tells it;
//! the pure-snapshot style of rayon's sleep counters.
//!
//! How it is made: `docs/design/cell.md`.

pub(crate) mod abort;
pub(crate) mod context;
pub(crate) mod error;
pub(crate) mod header;
pub(crate) mod id;
pub(crate) mod inherited;
pub(crate) mod join;
mod layout;
pub(crate) mod owned;
pub(crate) mod poll;
pub(crate) mod raw;
mod schedule;
mod spawn;
pub(crate) mod stamps;
pub(crate) mod state;
pub(crate) mod waker;

pub(crate) use self::header::Header;
pub(crate) use self::raw::{Notified, TaskRef};
pub(crate) use self::schedule::Schedule;
pub(crate) use self::spawn::{NewTask, Spawned, spawn};
pub(crate) use self::stamps::TaskStamps;
