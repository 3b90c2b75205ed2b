//! Threads for calls that block.
//!
//! [`Pool`] is generic over its jobs, so it knows neither tasks nor the scheduler: whoever
//! builds the runtime gives it a [`Job`] type, a name for threads and a way to enter the
//! runtime's context. Decisions are made by the pure `accounting`; `pool` carries them out.
//!
//! | part | what |
//! |---|---|
//! | `accounting` | counts, transitions, invariants I1 to I5 |
//! | `config` | what a pool is made of |
//! | `pool` | queue, stack of sleepers, submission, shutdown |
//! | `pool::thread` | the life of a thread |
//! | `start` | creating threads, handing them their first job, joining them |
//! | `sleeper` | one idle thread, spinning or parked |
//! | `spin_hint` | what others see of how quick the pool is |
//!
//! How it is made: `docs/design/blocking.md`.

mod accounting;
mod config;
mod pool;
mod sleeper;
mod spin_hint;
mod start;

pub(crate) use config::{Config, Job, Remind, SpawnError};
pub(crate) use pool::Pool;
#[allow(unused_imports, reason = "the setter for models")]
pub(crate) use spin_hint::{HandedTo, set_handed_to, take_handed_to};
#[allow(unused_imports, reason = "for models and tests")]
pub(crate) use start::{Body, OsThreads, SpawnThread};
