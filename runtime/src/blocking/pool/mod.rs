//! The pool itself: queue, stack of sleepers, submission, shutdown. The life of a thread is in
//! [`thread`](self::thread).
//!
//! One mutex holds the [`Counts`], the queue and the stack of sleepers. A critical section asks
//! the counts, moves at most two jobs and one sleeper, and ends; threads are created, unparked and
//! joined, jobs run and cancelled, after it. The queue's buffer grows outside the lock too.
//!
//! # Invariants (besides I1 to I5 of `accounting`, S1 and S2 of `sleeper`, B1 and B2 of `start`)
//! - **P1** Under the lock, the lengths of `queue` and `extras` together, and `sleepers.len()`, are
//!   what the counts say.
//! - **P2** A job that was accepted is run or cancelled, exactly once: it is in one [`FirstJob`], in the
//!   queue, or in one thread's hands. It is cancelled only if it is not mandatory, and the pool
//!   lost its only thread, or is closed and nobody waits for the job any more, see "Shutdown".
//! - **P3** `open` counts the threads from the decision to create them until they have left
//!   their loop and the caller's context, but not while they are in a job that may be abandoned;
//!   shutdown waits for it.
//! - **P4** No code of the user runs under the lock: no job, no hook, no drop.
//!
//! # Order
//! Jobs pass from submitter to thread through the mutex, or through the mutex of a `FirstJob`. The end
//! of a thread is published by its last section (`open -= 1`) and seen by the one of the waiter
//! in `shutdown`. The only word outside a lock is the sleeper's, see there.
//!
//! # Shutdown
//! A closed pool accepts nothing, and its threads run what it had accepted before they leave.
//! Cancelled are jobs that may be abandoned, and, when the time of the shutdown is over, those
//! for which no thread is on its way: a thread that was created or woken still does what is in
//! the queue, and so do those to which it passes the help on. The last to arrive, with all
//! threads busy and jobs left, cancels these.
//!
//! # Ends
//! Each thread that ends leaves its join handle in `last_ended` and joins the thread that was
//! there before. So whoever joins the last one has joined all, and no list of handles is kept.
//!
//! # Rejected
//! - Creating a thread under the lock: `clone` takes tens of microseconds and everybody waits.
//! - Queueing the job of a thread that is being created: if the creation fails and there is no
//!   other thread, the job has to be found again among those of others.
//! - Joining at the time-out of `shutdown`: a thread-local destructor may block for ever.

mod thread;

use self::thread::live;
use super::accounting::{Counts, ExtraStartFailed, StartFailed, Submit};
use super::config::{Config, Job, SpawnError};
use super::sleeper::{Found, Sleeper};
use super::spin_hint::{self, HandedTo, SpinHint};
use super::start::FirstJob;
use crate::loom::local;
use crate::loom::sync::{Arc, Condvar, Mutex, MutexGuard};
use crate::loom::thread::JoinHandle;
use crate::loom::unordered::{AtomicBool, Ordering};
use crate::util::adaptive_spin::AdaptiveSpin;
use crate::util::bomb::contain;
use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};
use std::{fmt, io, mem};

/// The first buffer of the queue, in jobs.
const QUEUE_START: usize = 64;

/// Room made in advance on the stack of sleepers; beyond it the stack grows under the lock.
const SLEEPERS_START_MAX: usize = 4096;

/// A pool of threads for jobs of type `J`; clones share it.
///
/// Threads keep the pool alive. If all handles are dropped without a shutdown, the threads end
/// when their keep-alive time is over.
pub(crate) struct Pool<J: Job> {
    shared: Arc<Shared<J>>,
}

struct Shared<J> {
    state: Mutex<State<J>>,
    /// Notified when the pool is closed and `open` falls; see [`Pool::shutdown`].
    ended: Condvar,
    /// The counts are closed. Set under the lock, read without it, and orders nothing: who has
    /// seen the shutdown begin sees it set.
    is_shut_down: AtomicBool,
    hint: SpinHint,
    config: Config,
}

struct State<J> {
    counts: Counts,
    queue: VecDeque<J>,
    /// Extra jobs, which come before those in `queue` (I6).
    extras: VecDeque<J>,
    /// A reminder after a failed creation is on its way.
    is_reminded: bool,
    /// The thread that began to park last is on top.
    sleepers: Vec<Arc<Sleeper>>,
    /// Threads being created or not yet out of their loop, less those that shutdown would
    /// abandon (P3).
    open: usize,
    /// The pool is closed and the time of a shutdown is over.
    is_overdue: bool,
    /// The one on top of the sleepers spins (T2).
    is_spinning: bool,
    /// How spinning has paid.
    spin: AdaptiveSpin,
    last_ended: Option<JoinHandle<()>>,
}

local! {
    /// The address of the pool in whose `open` this thread is counted, or zero.
    static MY_POOL: Cell<usize> = Cell::new(0)
}

impl<J: Job> Clone for Pool<J> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<J: Job> fmt::Debug for Pool<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("counts", &self.shared.state.lock().counts)
            .finish()
    }
}

impl<J: Job> Pool<J> {
    /// A pool without a thread; the first job creates one.
    pub(crate) fn new(config: Config) -> Self {
        let state = State {
            counts: Counts::new(config.max_threads),
            queue: VecDeque::with_capacity(QUEUE_START),
            extras: VecDeque::with_capacity(QUEUE_START),
            is_reminded: false,
            sleepers: Vec::with_capacity(config.max_threads.min(SLEEPERS_START_MAX)),
            open: 0,
            is_overdue: false,
            is_spinning: false,
            spin: AdaptiveSpin::new(spin_hint::SPIN_LIMIT),
            last_ended: None,
        };
        let shared = Shared {
            state: Mutex::new(state),
            ended: Condvar::new(),
            is_shut_down: AtomicBool::new(false),
            hint: SpinHint::new(),
            config,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Gives `job` to a thread, now or when one is free.
    ///
    /// # Errors
    /// The pool is shutting down, or can create no thread and has none beside those in extra jobs.
    /// If it has others, a failed creation is no error for an ordinary job: it waits for them. An
    /// extra job comes back.
    pub(crate) fn spawn(&self, job: J) -> Result<(), SpawnError<J>> {
        let is_extra = job.is_extra();
        let in_vain = self.shared.hint.awaits_in_vain();
        let mut state = self.shared.lock_with_room();
        if in_vain {
            state.spin.lost();
            self.shared.hint.set_cold();
        }
        let submit = if is_extra {
            state.counts.submit_extra()
        } else {
            state.counts.submit()
        };
        match submit {
            Submit::Refuse => {
                drop(state); // before the job can be dropped (P4)
                Err(SpawnError::ShutDown(job))
            }
            Submit::Queue => {
                state.queue.push_back(job);
                Ok(())
            }
            Submit::QueueAndWake => {
                state.push(job);
                self.shared.wake_top(state);
                Ok(())
            }
            Submit::Start => {
                state.open += 1;
                drop(state);
                Shared::start(&self.shared, job)
                    .map_err(|(job, error)| SpawnError::NoThreads(job, error))
            }
        }
    }

    /// Refuses jobs from now on and lets the threads end once they have run those that are queued.
    /// Does not wait.
    pub(crate) fn begin_shutdown(&self) {
        let mut state = self.shared.state.lock();
        state.counts.close();
        self.shared.is_shut_down.store(true, Ordering::Relaxed);
        let sleepers = mem::take(&mut state.sleepers);
        state.is_spinning = false;
        let parked: Vec<_> = sleepers
            .into_iter()
            .filter(|sleeper| sleeper.claim() == Found::Parked)
            .collect();
        drop(state);
        for sleeper in &parked {
            sleeper.unpark();
        }
    }

    /// Whether the shutdown has begun; does not lock.
    #[allow(dead_code, reason = "asked by leaf modules")]
    pub(crate) fn is_shut_down(&self) -> bool {
        self.shared.is_shut_down.load(Ordering::Relaxed)
    }

    /// Shuts the pool down and waits until its threads have ended: for ever (`None`), for some
    /// time, or not at all (`Some(ZERO)`). Returns whether they have. May be called again.
    ///
    /// If threads are left when the time is over, they are detached, and the jobs still queued
    /// are cancelled, by the module's rule "Shutdown"; mandatory ones wait for those threads.
    /// Called on a thread of this pool, it waits only for the others.
    pub(crate) fn shutdown(&self, timeout: Option<Duration>) -> bool {
        self.begin_shutdown();
        let deadline = timeout.and_then(|limit| Instant::now().checked_add(limit));
        let own = usize::from(MY_POOL.with(Cell::get) == self.address());
        let mut state = self.shared.state.lock();
        while state.open > own {
            let Some(deadline) = deadline else {
                state = self.shared.ended.wait(state);
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.is_overdue = true;
                self.shared.withdraw_if_left(state);
                return false;
            }
            state = self.shared.ended.wait_timeout(state, left).0;
        }
        // With a limit there is no join: a thread-local destructor may outlast it.
        let last = if deadline.is_none() {
            state.last_ended.take()
        } else {
            None
        };
        drop(state);
        if let Some(last) = last {
            let _ = last.join(); // an error is a panic, which the hook has reported
        }
        true
    }

    /// Threads that work, are parked or are being created.
    pub(crate) fn num_threads(&self) -> usize {
        self.shared.state.lock().counts.threads()
    }

    /// Threads that wait for a job.
    pub(crate) fn num_idle(&self) -> usize {
        self.shared.state.lock().counts.idle()
    }

    /// Jobs that wait for a thread.
    pub(crate) fn queue_depth(&self) -> usize {
        self.shared.state.lock().counts.queued()
    }

    /// Ends the keep-alive time of every thread that is parked now. What time does by itself, for
    /// tests and models, where it must happen at a chosen moment.
    #[allow(dead_code)]
    pub(crate) fn expire_idle(&self) {
        let state = self.shared.state.lock();
        let sleepers = state.sleepers.clone();
        for sleeper in &sleepers {
            let _ = sleeper.expire();
        }
        drop(state);
        for sleeper in &sleepers {
            sleeper.unpark(); // also those that spin: it does no harm
        }
    }

    fn address(&self) -> usize {
        Shared::address(&self.shared)
    }
}

impl<J: Job> State<J> {
    /// A queue without room for one job more.
    fn full_queue(&mut self) -> Option<&mut VecDeque<J>> {
        [&mut self.queue, &mut self.extras]
            .into_iter()
            .find(|queue| queue.len() == queue.capacity())
    }

    fn push(&mut self, job: J) {
        if job.is_extra() {
            self.extras.push_back(job);
        } else {
            self.queue.push_back(job);
        }
    }

    /// The job that the counts have just given away.
    fn pop(&mut self) -> J {
        let job = self.extras.pop_front().or_else(|| self.queue.pop_front());
        job.expect("P1: the counts saw a job")
    }
}

/// Has the pool try again to create a thread, see "Failed creations" in `accounting`.
struct Reminder<J>(Arc<Shared<J>>);

impl<J: Job> Wake for Reminder<J> {
    fn wake(self: std::sync::Arc<Self>) {
        Shared::retry(&self.0);
    }
}

impl<J: Job> Shared<J> {
    fn address(shared: &Arc<Self>) -> usize {
        std::ptr::from_ref::<Self>(shared).addr()
    }

    /// Locks, with room for one job in each queue; their buffers are made without the lock.
    fn lock_with_room(&self) -> MutexGuard<'_, State<J>> {
        loop {
            let mut state = self.state.lock();
            let full = state.full_queue().map(|queue| queue.capacity());
            let Some(wanted) = full.map(|capacity| (2 * capacity).max(QUEUE_START)) else {
                return state;
            };
            drop(state);
            let mut buffer = VecDeque::with_capacity(wanted);
            let mut state = self.state.lock();
            if let Some(queue) = state.full_queue().filter(|it| it.capacity() < wanted) {
                buffer.append(queue);
                mem::swap(queue, &mut buffer);
            }
            drop(state); // before the old buffer
        }
    }

    /// Drops the lock. If the time of a shutdown is over and no thread is on its way to the
    /// queue, cancels what is in it, but for mandatory jobs, which threads will run.
    fn withdraw_if_left<'a>(&'a self, mut state: MutexGuard<'a, State<J>>) {
        while state.is_overdue && !state.counts.has_claims() {
            let Some(at) = state.queue.iter().position(|job| !job.is_mandatory()) else {
                return;
            };
            let job = state.queue.remove(at);
            state.counts.withdraw();
            drop(state);
            if let Some(job) = job {
                contain(|| job.cancel());
            }
            state = self.state.lock();
        }
    }

    /// Creates a thread that begins with `job`. The counts have been told already.
    ///
    /// # Errors
    /// There is no thread at all: the job comes back.
    fn start(shared: &Arc<Self>, job: J) -> Result<(), (J, io::Error)> {
        let first = Arc::new(FirstJob::new(job));
        let body = {
            let (shared, first) = (Arc::clone(shared), Arc::clone(&first));
            Box::new(move || live(&shared, &first))
        };
        let config = &shared.config;
        // The callback is foreign code, and std panics on what cannot be a name.
        let created = catch_unwind(AssertUnwindSafe(|| {
            let name = (config.thread_name)();
            config.spawner.spawn(name, config.stack_size, body)
        }));
        let created = created.unwrap_or_else(|payload| {
            mem::forget(payload); // its drop may panic
            Err(io::Error::other("naming or making the thread panicked"))
        });
        match created {
            Ok(handle) => {
                first.leave_handle(handle);
                Ok(())
            }
            Err(error) => {
                let job = first
                    .take()
                    .expect("B1: no thread, so nobody took the first job");
                if job.is_extra() {
                    shared.extra_start_failed();
                    return Err((job, error));
                }
                Self::start_failed(shared, job, error)
            }
        }
    }

    fn start_failed(shared: &Arc<Self>, job: J, error: io::Error) -> Result<(), (J, io::Error)> {
        let mut state = shared.lock_with_room();
        state.open -= 1;
        match state.counts.start_failed() {
            StartFailed::NoThreads => {
                shared.retire_all(state);
                return Err((job, error));
            }
            StartFailed::Queue => {
                state.queue.push_back(job);
                let reminds = shared.config.remind.is_some() && !state.is_reminded;
                state.is_reminded |= reminds;
                shared.tell_waiter(state);
                shared.withdraw_if_left(shared.state.lock());
                if reminds {
                    Self::ask_for_reminder(shared);
                }
            }
            StartFailed::QueueAndWake => {
                state.queue.push_back(job);
                shared.wake_top(state); // not closed (I5), so there is no waiter
            }
        }
        Ok(())
    }

    fn extra_start_failed(&self) {
        let mut state = self.state.lock();
        state.open -= 1;
        match state.counts.extra_start_failed() {
            ExtraStartFailed::NoThreads => self.retire_all(state),
            ExtraStartFailed::Nobody => self.tell_waiter(state),
            ExtraStartFailed::Wake => self.wake_top(state), // not closed (I5)
        }
    }

    /// Gives up what is queued: no thread will look. No extra job is among it (I6).
    fn retire_all(&self, mut state: MutexGuard<'_, State<J>>) {
        let orphans = mem::take(&mut state.queue);
        self.tell_waiter(state);
        for orphan in orphans {
            retire(orphan);
        }
    }

    /// Without the lock: whoever reminds takes locks of its own.
    fn ask_for_reminder(shared: &Arc<Self>) {
        let waker = Waker::from(std::sync::Arc::new(Reminder(Arc::clone(shared))));
        let remind = shared.config.remind.as_ref();
        if !remind.is_some_and(|remind| remind(waker)) {
            shared.state.lock().is_reminded = false;
        }
    }

    /// Tries again to create a thread, if one is still wanted.
    fn retry(shared: &Arc<Self>) {
        let mut state = shared.state.lock();
        state.is_reminded = false;
        if !state.counts.retry() {
            return;
        }
        let job = state.pop();
        state.open += 1;
        drop(state);
        if let Err((job, _)) = Self::start(shared, job) {
            retire(job); // the last ordinary thread has gone into an extra job meanwhile
        }
    }

    /// Pops the sleeper on top, which the counts have just claimed, and unparks it without the lock.
    fn wake_top(&self, mut state: MutexGuard<'_, State<J>>) {
        let sleeper = state.sleepers.pop().expect("P1: the counts saw a sleeper");
        state.is_spinning = false; // it was this one, if any (T2)
        match sleeper.claim() {
            Found::Spinning => {
                self.hint.set_busy();
                drop(state);
                spin_hint::set_handed_to(HandedTo::Spinning);
            }
            Found::Parked => {
                drop(state);
                spin_hint::set_handed_to(HandedTo::Parked);
                sleeper.unpark();
            }
        }
    }

    /// Drops the lock after `open` has fallen, and wakes those that wait for it.
    fn tell_waiter(&self, state: MutexGuard<'_, State<J>>) {
        // One may be left: the thread that called `shutdown`.
        let tell = state.counts.is_closed() && state.open <= 1;
        drop(state);
        if tell {
            self.ended.notify_all();
        }
    }
}

/// Gives a job up that no thread can run, unless it is mandatory.
fn retire<J: Job>(job: J) {
    contain(|| {
        if job.is_mandatory() {
            job.run()
        } else {
            job.cancel()
        }
    });
}

#[cfg(test)]
mod tests;
