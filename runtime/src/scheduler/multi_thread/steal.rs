//! Where a worker looks for a task: own queues first, then everybody's.

use super::Shared;
use super::core::Core;
use crate::cell::Notified;
use crate::loom::sync::atomic::Ordering;
use crate::loom::{hint, sized};
use crate::scheduler::queues::Steal;
use crate::util::rng::thread_rng_n;

/// Polls in a row that may come from the slot, so that two tasks waking each other do not starve
/// the deque.
const MAX_SLOT_STREAK: u32 = 3;

/// With so many tasks queued a worker does not look for more.
const FEW: usize = 1;

/// How many queues a busy worker compares its own with.
const MOST_VICTIMS: usize = 4;

/// Sweeps over all queues while somebody is in the way. A sleeper looks again anyway.
const MAX_SWEEPS: usize = sized(4, 1);

impl Core {
    /// The next task of the worker's own, or of the injector.
    #[inline]
    pub(super) fn next_task(&self, shared: &Shared, others_first: bool) -> Option<Notified> {
        if others_first {
            if let Some(task) = self.next_of_others(shared) {
                return Some(task);
            }
        }
        self.next_local(shared).or_else(|| self.next_batch(shared))
    }

    /// A task of the injector, for a worker that has none. What came with it lies in the deque now,
    /// where others find it only if they are awake: those whose pushes these were, woke nobody for
    /// a worker that has gone to sleep since.
    fn next_batch(&self, shared: &Shared) -> Option<Notified> {
        let task = self.next_injected(shared)?;
        // A searcher decides when it stops searching.
        if !self.searching.get() && !self.queue.is_empty() {
            shared.wake_for_queued();
        }
        Some(task)
    }

    /// What waits although this worker has work of its own: tasks from outside, and those of a
    /// worker that is stuck in a poll.
    fn next_of_others(&self, shared: &Shared) -> Option<Notified> {
        if !shared.injector.is_empty() {
            if let Steal::Task(task) = shared.injector.steal_one() {
                return Some(task);
            }
        }
        if let Some(task) = self.next_of_longer_queue(shared) {
            return Some(task);
        }
        if !shared.monitor.sees_stuck_worker() {
            return None;
        }
        let mut stuck = shared
            .remotes
            .iter()
            .enumerate()
            .filter(|(victim, remote)| {
                *victim != self.index && remote.stale.load(Ordering::Relaxed)
            });
        stuck.find_map(|(_, remote)| match remote.stealer.steal_into(&self.queue) {
            Steal::Task(task) => Some(task),
            Steal::Empty | Steal::Retry => remote.slot.take(),
        })
    }

    /// A worker that always has something to run, a task that yields say, never searches: what
    /// another one queued before a long poll would wait for the end of that. So with next to
    /// nothing queued it takes from one that has more; among equals nothing moves.
    fn next_of_longer_queue(&self, shared: &Shared) -> Option<Notified> {
        let count = shared.remotes.len();
        let own = shared.remotes[self.index].queue_depth();
        if own > FEW {
            return None;
        }
        let start = thread_rng_n(count as u32) as usize;
        let victim = (start..count)
            .chain(0..start)
            .take(MOST_VICTIMS)
            .map(|victim| &shared.remotes[victim])
            .find(|remote| !remote.stealer.is_empty() && remote.queue_depth() > own)?;
        match victim.stealer.steal_into(&self.queue) {
            Steal::Task(task) => {
                self.count_steal(shared);
                Some(task)
            }
            Steal::Empty | Steal::Retry => None,
        }
    }

    #[inline]
    pub(super) fn next_local(&self, shared: &Shared) -> Option<Notified> {
        let slot = &shared.remotes[self.index].slot;
        let streak = self.slot_streak.get();
        if streak < MAX_SLOT_STREAK {
            if let Some(task) = slot.take() {
                self.slot_streak.set(streak + 1);
                return Some(task);
            }
        } else if let Some(task) = slot.take() {
            // Its turn comes behind the others.
            self.queue.push(task);
        }
        self.slot_streak.set(0);
        self.queue.pop()
    }

    fn next_injected(&self, shared: &Shared) -> Option<Notified> {
        for _ in 0..MAX_SWEEPS {
            if shared.injector.is_empty() {
                return None;
            }
            match shared.injector.steal_into(&self.queue) {
                Steal::Task(task) => return Some(task),
                Steal::Empty => return None,
                Steal::Retry => hint::spin_loop(),
            }
        }
        None
    }

    /// A task of somebody else's. The caller counts as searching.
    pub(super) fn steal(&self, shared: &Shared) -> Option<Notified> {
        for _ in 0..MAX_SWEEPS {
            match self.sweep(shared) {
                Steal::Task(task) => return Some(task),
                Steal::Empty => return None,
                Steal::Retry => hint::spin_loop(),
            }
        }
        None
    }

    fn sweep(&self, shared: &Shared) -> Steal {
        let count = shared.remotes.len();
        let start = thread_rng_n(count as u32) as usize;
        let mut retry = false;
        for victim in (start..count)
            .chain(0..start)
            .filter(|&victim| victim != self.index)
        {
            let remote = &shared.remotes[victim];
            if !remote.stealer.is_empty() {
                match remote.stealer.steal_into(&self.queue) {
                    Steal::Task(task) => {
                        self.count_steal(shared);
                        return Steal::Task(task);
                    }
                    Steal::Retry => retry = true,
                    Steal::Empty => {}
                }
            }
            if remote.stale.load(Ordering::Relaxed) {
                if let Some(task) = remote.slot.take() {
                    self.count_steal(shared);
                    return Steal::Task(task);
                }
            }
        }
        match self.next_injected(shared) {
            Some(task) => Steal::Task(task),
            None if retry || !shared.injector.is_empty() => Steal::Retry,
            None => Steal::Empty,
        }
    }

    fn count_steal(&self, shared: &Shared) {
        let stats = &shared.remotes[self.index].stats;
        stats.steal_operations.add(1);
        stats.steals.add(1 + self.queue.len() as u64);
    }
}
