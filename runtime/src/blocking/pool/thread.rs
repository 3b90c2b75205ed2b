//! The life of a pool's thread: jobs, and what it does between them.
//!
//! The invariants are those of the [pool](super); T2 is `spin_hint`'s.

use super::{MY_POOL, Shared, State, retire};
use crate::blocking::accounting::{Look, PassOn};
use crate::blocking::config::Job;
use crate::blocking::sleeper::Sleeper;
use crate::blocking::spin_hint;
use crate::blocking::start::FirstJob;
use crate::loom;
use crate::loom::sync::{Arc, MutexGuard};
use crate::util::bomb::contain;
use std::mem;

/// How a thread was idle last.
struct ParkRecord {
    /// It parked, and not for long.
    was_short: bool,
    /// It was claimed before it parked.
    was_quick: bool,
}

/// What a job leaves to be done under the lock.
struct AfterJob {
    was_extra: bool,
    /// The thread is not in `open` (P3).
    was_away: bool,
}

/// All that a pool thread does.
pub(super) fn live<J: Job>(shared: &Arc<Shared<J>>, first: &FirstJob<J>) {
    MY_POOL.with(|pool| pool.set(Shared::address(shared)));
    let config = &shared.config;
    let mut life = || {
        // Nothing is left when this runs a second time.
        let Some(job) = first.take() else {
            return;
        };
        if let Some(hook) = &config.on_start {
            contain(|| hook());
        }
        Shared::serve(shared, job);
        if let Some(hook) = &config.on_stop {
            contain(|| hook());
        }
    };
    contain(|| (config.around)(&mut life));
    life(); // if `around` panicked before its argument, or left it out
    let own = first.end();
    let mut state = shared.state.lock();
    state.open -= 1;
    let before = own.and_then(|handle| state.last_ended.replace(handle));
    shared.tell_waiter(state);
    if let Some(before) = before {
        let _ = before.join(); // see "Ends"; an error is a panic, which the hook has reported
    }
}

impl<J: Job> Shared<J> {
    /// Passes the help on, drops the lock, and does `job`. Returns what the next section under
    /// the lock has to do.
    fn work(
        shared: &Arc<Self>,
        mut state: MutexGuard<'_, State<J>>,
        job: J,
        pass_on: PassOn,
    ) -> AfterJob {
        let closed = state.counts.is_closed();
        let after = AfterJob {
            was_extra: job.is_extra(),
            was_away: !closed && job.may_be_abandoned(),
        };
        if after.was_away {
            // Not closed, so nobody waits for it to fall.
            state.open -= 1;
            MY_POOL.with(|pool| pool.set(0));
        }
        match pass_on {
            PassOn::Nobody => shared.withdraw_if_left(state),
            PassOn::Wake => shared.wake_top(state),
            PassOn::Start => {
                let second = state.pop();
                state.open += 1;
                drop(state);
                if let Err((second, _)) = Self::start(shared, second) {
                    retire(second); // this thread is in an extra job, and there is no other
                }
            }
        }
        if closed && job.may_be_abandoned() {
            contain(|| job.cancel());
        } else {
            contain(|| job.run());
        }
        after
    }

    /// Parks a thread that found nothing, and returns when it has to look again. If jobs have
    /// come quickly, it spins before it parks.
    fn park<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<J>>,
        sleeper: &Arc<Sleeper>,
        record: &mut ParkRecord,
    ) -> MutexGuard<'a, State<J>> {
        let was_quick = mem::take(&mut record.was_quick);
        let may_spin = !state.is_spinning && self.hint.may_spin_wait(was_quick);
        let trial = record.was_short.then_some(spin_hint::TRIAL_LIMIT);
        let limit = may_spin.then(|| state.spin.next(trial)).flatten();
        sleeper.begin_park(limit.is_some());
        let Some(limit) = limit else {
            if was_quick {
                self.hint.set_cold();
            }
            // Whoever spins stays on top (T2).
            let place = state.sleepers.len() - usize::from(state.is_spinning);
            state.sleepers.insert(place, Arc::clone(sleeper));
            drop(state);
            record.was_short = sleeper.park(self.config.keep_alive) <= spin_hint::SHORT_PARK;
            return self.state.lock();
        };
        state.is_spinning = true;
        state.sleepers.push(Arc::clone(sleeper));
        self.hint.set_spinning();
        drop(state);
        let (waited, came) = sleeper.spin_wait(limit);
        record.was_quick = came;
        if !came {
            self.hint.set_cold();
            record.was_short = sleeper.park(self.config.keep_alive) <= spin_hint::SHORT_PARK;
        }
        let mut state = self.state.lock();
        if !sleeper.is_claimed() {
            state.is_spinning = false; // else the claim has said so
        }
        state.spin.ended(limit, waited, came);
        state
    }

    /// The loop of a pool thread, from its first job to its end.
    fn serve(shared: &Arc<Self>, first: J) {
        let sleeper = Arc::new(Sleeper::new());
        let mut record = ParkRecord {
            was_short: loom::CHECKED, // so that models spin at once
            was_quick: false,
        };
        let mut state = shared.state.lock();
        let pass_on = state.counts.arrive();
        let mut after = Self::work(shared, state, first, pass_on);
        loop {
            state = shared.state.lock();
            if after.was_extra {
                state.counts.extra_ended();
            }
            if after.was_away {
                // Perhaps after a shutdown that did not wait; then this thread only leaves.
                state.open += 1;
                MY_POOL.with(|pool| pool.set(Shared::address(shared)));
            }
            let mut look = state.counts.look();
            while look == Look::Idle {
                state = shared.park(state, &sleeper, &mut record);
                // The clock may have been late: the word decides (S1).
                look = if sleeper.is_claimed() {
                    state.counts.look_claimed()
                } else {
                    state.sleepers.retain(|other| !Arc::ptr_eq(other, &sleeper));
                    state.counts.expire()
                };
            }
            let Look::Run(pass_on) = look else {
                return shared.withdraw_if_left(state);
            };
            let job = state.pop();
            after = Self::work(shared, state, job, pass_on);
        }
    }
}
