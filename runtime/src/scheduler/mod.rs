//! Runs tasks: on the workers of a multi-thread runtime, which steal from each other, or on the one
//! thread that drives a current-thread runtime or a set of local tasks.
//!
//! | shared by all | |
//! |---|---|
//! | [`config`] | what the builder decides |
//! | [`keep_alive`] | a scheduler outlives the cells that point to it |
//! | [`queues`] | deque, LIFO slot, injector |
//! | [`duty_clock`] | when a busy thread serves the driver and the injector |
//! | [`job`] | what the blocking pool runs |
//! | [`observer`], [`stats`], [`dump`], [`id`] | hooks, counters, task dumps, the number of a runtime |
//!
//! | of one kind | |
//! |---|---|
//! | [`multi_thread`] | workers, who sleeps and who is woken, stealing, the monitor, the end |
//! | [`current_thread`] | one thread at a time has the core; who takes it, what it does |
//! | [`local_set`] | tasks that stay on the thread of their set |
//!
//! `docs/design/scheduler.md` tells the whole.

pub(crate) mod config;
pub(crate) mod current_thread;
pub(crate) mod dump;
mod duty_clock;
pub(crate) mod id;
pub(crate) mod job;
pub(crate) mod keep_alive;
pub(crate) mod local_set;
pub(crate) mod multi_thread;
pub(crate) mod observer;
pub(crate) mod queues;
pub(crate) mod stats;
