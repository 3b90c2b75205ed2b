//! What a task dump needs of the schedulers: entries taken out of the queues and live tasks.
//!
//! A dump is made by a task of the runtime itself, which runs the others' entries in its own poll,
//! each as a traced one. It takes an entry from wherever it lies, as a thief does, or makes one for
//! a task that is idle, as a waker does. A task that runs elsewhere meanwhile is woken by that, so
//! it has an entry later. So nothing in the schedulers waits for a dump or looks out for one.
#![allow(dead_code, reason = "for task dumps, if they are enabled")]

use super::keep_alive::{LocalOwner, Owner};
use super::queues::{Injector, LocalQueue, Steal};
use super::{current_thread, multi_thread};
use crate::cell::{Notified, TaskRef};
use crate::loom::hint;

/// Takes what an injector has now, and no more.
fn drain(injector: &Injector, taken: &mut Vec<Notified>) {
    for _ in 0..injector.len() {
        match injector.steal_one() {
            Steal::Task(task) => taken.push(task),
            Steal::Empty => break,
            Steal::Retry => hint::spin_loop(),
        }
    }
}

impl multi_thread::Shared {
    /// Takes all entries that wait. The caller runs them, or puts them back.
    pub(crate) fn take_queued(&self) -> Vec<Notified> {
        let mut taken = Vec::new();
        let queue = LocalQueue::new();
        for remote in self.remotes.iter() {
            taken.extend(remote.slot.take());
            // No more than there are now: its owner may push all the time.
            let end = taken.len() + remote.stealer.len();
            while taken.len() < end {
                match remote.stealer.steal_into(&queue) {
                    Steal::Task(task) => taken.push(task),
                    Steal::Empty => break,
                    Steal::Retry => hint::spin_loop(),
                }
                while let Some(task) = queue.pop() {
                    taken.push(task);
                }
            }
        }
        drain(&self.injector, &mut taken);
        taken
    }

    pub(crate) fn put_back(&self, task: Notified) {
        self.schedule_remote(task);
    }

    pub(crate) fn live(&self) -> Vec<TaskRef> {
        let mut live = self.outside.tasks();
        for remote in self.remotes.iter() {
            live.extend(remote.owned.tasks());
        }
        live
    }
}

impl current_thread::Shared {
    pub(crate) fn live(&self) -> Vec<TaskRef> {
        self.owned().tasks()
    }

    /// Whether only another thread may poll the tasks, one that does not run them now.
    pub(crate) fn is_left_by_its_owner(&self) -> bool {
        self.is_local() && !self.is_owner() && self.core_is_free()
    }

    /// Takes all entries that wait. The caller, who holds the core, runs them, or puts them back.
    pub(crate) fn take_queued(&self) -> Vec<Notified> {
        let mut taken = self.take_local();
        drain(self.injector(), &mut taken);
        taken
    }

    pub(crate) fn put_back(&self, task: Notified) {
        self.schedule_remote(task);
    }
}
