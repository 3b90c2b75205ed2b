//! What is measured, one file per area; every scenario is generic over the runtime.
//!
//! A scenario runs on a started runtime, does its set-up untimed, times `iterations` iterations
//! and waits until nothing of it is left running.

mod blocking;
mod channel;
mod fs;
mod net;
mod process;
mod spawn;
mod sync;
mod task;
mod timer;
mod yielding;

use crate::peers::{SetPeer, SyncPeer, TaskPeer, WatchPeer};
use crate::sample::Sample;

/// One row of the table.
#[derive(Debug)]
pub struct Scenario<P> {
    /// `area/what/variant`.
    pub id: &'static str,
    /// Operations in one iteration; figures are given per operation.
    pub operations: u64,
    /// Runs so many iterations on the runtime and times them.
    pub run: fn(&P, u64) -> Sample,
}

/// All scenarios, in the order of the table.
#[must_use]
pub fn all<P: SetPeer + WatchPeer>() -> Vec<Scenario<P>> {
    let mut all = in_common();
    all.extend(task::sets());
    all.extend(sync::watch::scenarios());
    all
}

/// The scenarios for a runtime that has no watch channel and no sets of tasks.
#[must_use]
pub fn in_common<P: SyncPeer + TaskPeer>() -> Vec<Scenario<P>> {
    let areas = [
        spawn::scenarios(),
        task::scenarios(),
        yielding::scenarios(),
        channel::scenarios(),
        timer::scenarios(),
        net::scenarios(),
        blocking::scenarios(),
        fs::scenarios(),
        process::scenarios(),
        sync::scenarios(),
    ];
    areas.into_iter().flatten().collect()
}
