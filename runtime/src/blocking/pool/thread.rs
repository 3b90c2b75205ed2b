//! The life of a pool's thread: jobs, and what it does between them.
//!
//! The invariants are those of the [pool](super); T2 is `tempo`'s.

use super::{MY_POOL, Shared, State, retire};
use crate::blocking::accounting::{Look, PassOn};
use crate::blocking::config::Job;
use crate::blocking::seat::Seat;
use crate::blocking::start::Berth;
use crate::blocking::tempo;
use crate::loom;
use crate::loom::sync::{Arc, MutexGuard};
use crate::util::bomb::contain;
use std::mem;

/// How a thread waited last.
struct Nap {
    /// It slept, and not for long.
    was_short: bool,
    /// It was claimed before it slept.
    was_quick: bool,
}

/// What a job leaves to be done under the lock.
struct AfterJob {
    was_extra: bool,
    /// The thread is not in `open` (P3).
    was_away: bool,
}

/// All that a pool thread does.
pub(super) fn live<J: Job>(shared: &Arc<Shared<J>>, berth: &Berth<J>) {
    MY_POOL.with(|pool| pool.set(Shared::address(shared)));
    let config = &shared.config;
    let mut life = || {
        // Nothing is left when this runs a second time.
        let Some(first) = berth.take_first() else {
            return;
        };
        if let Some(hook) = &config.on_start {
            contain(|| hook());
        }
        Shared::serve(shared, first);
        if let Some(hook) = &config.on_stop {
            contain(|| hook());
        }
    };
    contain(|| (config.around)(&mut life));
    life(); // if `around` panicked before its argument, or left it out
    let own = berth.end();
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

    /// Lays a thread down that found nothing, and returns when it has to look again. If jobs have
    /// come quickly, it lingers before it sleeps.
    fn lie_down<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<J>>,
        seat: &Arc<Seat>,
        nap: &mut Nap,
    ) -> MutexGuard<'a, State<J>> {
        let was_quick = mem::take(&mut nap.was_quick);
        let may_linger = !state.is_lingering && self.tempo.may_linger(was_quick);
        let trial = nap.was_short.then_some(tempo::TRIAL);
        let limit = may_linger.then(|| state.linger.next(trial)).flatten();
        seat.lie_down(limit.is_some());
        let Some(limit) = limit else {
            if was_quick {
                self.tempo.set_cold();
            }
            // Whoever lingers stays on top (T2).
            let place = state.sleepers.len() - usize::from(state.is_lingering);
            state.sleepers.insert(place, Arc::clone(seat));
            drop(state);
            nap.was_short = seat.wait(self.config.keep_alive) <= tempo::SHORT_SLEEP;
            return self.state.lock();
        };
        state.is_lingering = true;
        state.sleepers.push(Arc::clone(seat));
        self.tempo.set_lingering();
        drop(state);
        let (waited, came) = seat.linger(limit);
        nap.was_quick = came;
        if !came {
            self.tempo.set_cold();
            nap.was_short = seat.wait(self.config.keep_alive) <= tempo::SHORT_SLEEP;
        }
        let mut state = self.state.lock();
        if !seat.is_claimed() {
            state.is_lingering = false; // else the claim has said so
        }
        state.linger.ended(limit, waited, came);
        state
    }

    /// The loop of a pool thread, from its first job to its end.
    fn serve(shared: &Arc<Self>, first: J) {
        let seat = Arc::new(Seat::new());
        let mut nap = Nap {
            was_short: loom::CHECKED, // so that models linger at once
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
                state = shared.lie_down(state, &seat, &mut nap);
                // The clock may have been late: the word decides (S1).
                look = if seat.is_claimed() {
                    state.counts.look_claimed()
                } else {
                    state.sleepers.retain(|other| !Arc::ptr_eq(other, &seat));
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
