//! `block_in_place`: a worker's core goes on in another thread while this one blocks.

use super::Shared;
use super::core::{self, Core};
use crate::driver::timers;
use crate::loom::sync::Arc;
use crate::scheduler::job::Job;
use crate::util::entered::{self, Entered};

/// Runs `f`, which may block. On a worker that polls a task the other tasks go on elsewhere.
///
/// # Panics
///
/// Panics on a current-thread runtime: it has no other thread.
#[track_caller]
pub(crate) fn block_in_place<R>(f: impl FnOnce() -> R) -> R {
    match entered::current() {
        Entered::No => return f(),
        Entered::Yes {
            allow_block_in_place: true,
        } => {}
        Entered::Yes {
            allow_block_in_place: false,
        } => panic!(
            "can call blocking only when running on the multi-threaded runtime: \
             `block_in_place` needs another thread to go on with the tasks. Use \
             `spawn_blocking`, or a runtime made with `Builder::new_multi_thread`"
        ),
    }
    hand_over();
    let _left = entered::set(Entered::No);
    crate::budget::with_unconstrained(f)
}

/// Moves this thread's core, if it has one to give, to a thread of the blocking pool.
fn hand_over() {
    let taken = core::with_current(|local| {
        let local = local?;
        if !local.polling.get() {
            return None;
        }
        // Whoever runs the core takes one task: others may take the rest meanwhile.
        local.core()?.announce_pushes(&local.shared);
        local.take_core().map(|core| (local.shared.clone(), core))
    });
    let Some((shared, core)) = taken else { return };
    timers::give_shard_away();
    let kept = shared.clone();
    if let Err(core) = start_substitute(shared, core) {
        // No thread to be had: block with the core. The monitor rescues what it can.
        core::with_current(|local| {
            if let Some(local) = local {
                if let Some(all) = kept.driver.timers() {
                    timers::take_shard_back(all.shard(core.index));
                }
                local.put_core(core);
            }
        });
    }
}

/// A thread of the pool runs the worker from now on. Gives the core back if none can be had.
fn start_substitute(shared: Arc<Shared>, core: Box<Core>) -> Result<(), Box<Core>> {
    let pool = shared.blocking.clone();
    let place = std::sync::Arc::new(std::sync::Mutex::new(Some(core)));
    let theirs = place.clone();
    let job = Job::Own(Box::new(move || {
        let core = theirs
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        if let Some(core) = core {
            (shared.run_worker)(shared, core);
        }
    }));
    match pool.spawn(job) {
        Ok(()) => Ok(()),
        Err(_refused) => {
            let mut place = place
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            place.take().map_or(Ok(()), Err)
        }
    }
}
