//! Runs tasks: the multi-thread scheduler (one worker per core, work stealing) and the
//! current-thread one, on the same cells and the same driver.
//!
//! A worker's life is in [`worker`]; who sleeps and who is woken in [`idle`]; where tasks wait
//! in [`queues`]; what a thread knows of its worker in [`local`]; how a runtime ends in
//! [`shutdown`]. `docs/design/scheduler.md` tells the whole.

pub(crate) mod cells;
pub(crate) mod config;
pub(crate) mod current_thread;
pub(crate) mod dump;
mod duty_clock;
mod futile;
pub(crate) mod id;
pub(crate) mod idle;
pub(crate) mod in_place;
pub(crate) mod job;
pub(crate) mod local;
pub(crate) mod monitor;
pub(crate) mod observer;
pub(crate) mod park;
pub(crate) mod pinned;
pub(crate) mod queues;
pub(crate) mod shared;
pub(crate) mod shutdown;
pub(crate) mod stats;
pub(crate) mod steal;
pub(crate) mod worker;
