//! The pool's decisions: a value, its transitions, and what the caller must do after each.
//!
//! No thread, no lock, no clock: `pool` keeps one [`Counts`] under its queue mutex, calls a
//! transition, drops the lock and then carries out the returned action.
//!
//! Where a thread is: *busy* (runs a job or is about to look at the queue), *claimed* (woken or
//! being created for a job and not yet at the queue) or *idle* (on the stack of sleepers). Only
//! the last two are counted by themselves; busy is what remains of `threads`. A thread that has
//! decided to end is no longer counted at all, so nobody waits for its help.
//!
//! ```text
//!              submit, pass on: Start             arrive
//!   (nothing) ───────────────────────► claimed ───────────► busy ──┐ look: Run
//!       ▲  ▲        start_failed          ▲ │  look_claimed  ▲ │ ◄─┘
//!       │  └──────────────────────────────┼─┘                │ │ look: Idle
//!       │                submit, pass on: │ Wake      expire:│ ▼
//!       └───────────────────────────────── idle ◄────────────┴─┘
//!                 expire: Leave            (with a job queued: Run)
//! ```
//!
//! # Invariants
//! - **I1** `idle + claims <= threads <= limit + extra`, but for threads that have just ended an
//!   extra job: they leave when they look, if there are too many.
//! - **I2** `queued > 0` implies that some thread is on its way or not in an extra job: no job
//!   without a thread that will look. One in an extra job may stay there as long as the pool lives;
//!   before it begins, it passes the help on.
//! - **I3** `queued > 0` and `idle > 0` imply `claims > 0`: no job waits beside a sleeper unless
//!   a claimed thread is on its way.
//! - **I4** Each claim is ended exactly once, by `look_claimed`, `arrive` or `start_failed`, and
//!   each of these passes the help on while jobs are left. With I3: every job finds all the
//!   threads that the limit allows, one wake at a time.
//! - **I5** `closed` implies `idle == 0`, and it stays so. Nothing else changes for jobs that
//!   were accepted before: I4 holds for them, new threads included, as some may wait for others.
//!
//! - **I6** For each queued extra job there is a claim of a thread that slept for it, and whoever
//!   looks takes extra jobs first.
//!
//! # Extra jobs
//! A job that needs a thread of its own for long (a worker's core, from `block_in_place`) raises
//! the limit by one from its submission to its end. So the limit is what is left for the other
//! jobs, and an extra job never waits for one of them: it wakes a sleeper of its own, or begins a
//! new thread, whatever else is on its way, and stands before all ordinary jobs (I6). If no thread
//! can be created for it, it goes back to its submitter, who has the better fallback.
//!
//! # Why one claim at a time
//! A submitter that finds a claim on its way only queues its job. The claimed thread looks at
//! the queue, takes one job and, before it runs it, wakes or creates the next thread if jobs are
//! left. A batch of short jobs then costs a few wakes instead of one each, because the first
//! thread empties the queue before the next wake lands; a batch of long jobs still gets a thread
//! per job, through a chain.
//!
//! # Failed creations
//! A job whose thread cannot be created waits for the threads there are, and perhaps all of them
//! are busy for long while the system would give a thread again: the pool asks to be reminded, and
//! then tries [`Counts::retry`].
//!
//! # Rejected
//! - Extra jobs at the back of the one queue: with the limit at one, `block_in_place` waited behind
//!   ordinary jobs that a claimed thread found first.
//! - A wake per job: a batch of 100 short jobs pays for 100 wakes, most of which find nothing.
//! - One packed atomic word: the queue needs its lock anyhow, and every transition here comes
//!   with a change of the queue or of the sleepers' stack that has to agree with it. Under the
//!   lock they are one step, and the proof is over this value alone.
//! - Counting a claimed thread as idle until it wakes: a thread that times out meanwhile can
//!   then leave with a claim that somebody relies on.
//!
//! Source: the throttled wake-ups of Go's scheduler (at most one thread on its way, which wakes
//! the next when it has found work), applied to a pool that blocks.

/// What the pool counts, see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    limit: usize,
    /// Extra jobs that have not ended.
    extra: usize,
    /// Those of them that no thread has taken.
    extra_queued: usize,
    threads: usize,
    idle: usize,
    claims: usize,
    queued: usize,
    closed: bool,
}

/// What a submitter does with its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Submit {
    /// The pool is closed: hand the job back.
    Refuse,
    /// Queue the job; somebody is on the way or will look after the present job.
    Queue,
    /// Queue the job and unpark the sleeper on top of the stack.
    QueueAndWake,
    /// Create a thread that begins with the job.
    Start,
}

/// How a thread that goes to work passes the help on, before it runs its own job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum PassOn {
    /// No job is left, or somebody is on the way, or all threads are busy.
    Nobody,
    /// Unpark the sleeper on top of the stack.
    Wake,
    /// Pop one more job and create a thread that begins with it.
    Start,
}

/// What a thread does that has looked at the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Look {
    /// Pop a job, pass the help on, run the job.
    Run(PassOn),
    /// Park, on top of the stack.
    Idle,
    /// End.
    Leave,
}

/// What becomes of the job whose thread could not be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum StartFailed {
    /// The pool has no thread: hand the job back, and retire what others had queued.
    NoThreads,
    /// Queue the job for the threads there are.
    Queue,
    /// Queue the job and unpark the sleeper on top of the stack.
    QueueAndWake,
}

/// What becomes of the jobs that relied on an extra job's thread, which could not be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum ExtraStartFailed {
    /// No thread is left that looks at the queue: retire what others had queued.
    NoThreads,
    /// There are none, or some thread will look.
    Nobody,
    /// Unpark the sleeper on top of the stack.
    Wake,
}

impl Counts {
    /// An empty pool of at most `limit` threads; a limit of zero counts as one.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            extra: 0,
            extra_queued: 0,
            threads: 0,
            idle: 0,
            claims: 0,
            queued: 0,
            closed: false,
        }
    }

    /// Threads that work, are parked or are being created.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Threads that are parked and not claimed.
    pub(crate) fn idle(&self) -> usize {
        self.idle
    }

    /// Jobs that no thread has taken, extra ones included.
    pub(crate) fn queued(&self) -> usize {
        self.queued
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// A job arrives from outside.
    pub(crate) fn submit(&mut self) -> Submit {
        if self.closed {
            return Submit::Refuse;
        }
        if self.claims == 0 {
            if self.idle > 0 {
                self.claim();
                self.queued += 1;
                return Submit::QueueAndWake;
            }
            if self.threads < self.most() {
                self.start();
                return Submit::Start;
            }
        }
        self.queued += 1;
        self.checked(Submit::Queue)
    }

    /// As [`Self::submit`], for an extra job, which is not left to whoever is on the way (I6).
    /// Unless refused, it ends with [`Self::extra_ended`] or [`Self::extra_start_failed`].
    pub(crate) fn submit_extra(&mut self) -> Submit {
        if self.closed {
            return Submit::Refuse;
        }
        self.extra += 1;
        if self.idle > 0 {
            self.claim();
            self.queued += 1;
            self.extra_queued += 1;
            return self.checked(Submit::QueueAndWake);
        }
        self.start();
        self.checked(Submit::Start)
    }

    /// An extra job has been done.
    pub(crate) fn extra_ended(&mut self) {
        self.extra -= 1;
    }

    /// Whether a thread will look at the queue, or pass the help on.
    fn has_helper(&self) -> bool {
        let in_extras = self.extra - self.extra_queued;
        self.claims > 0 || self.threads > in_extras
    }

    fn most(&self) -> usize {
        self.limit + self.extra
    }

    /// A new thread runs, with its first job in hand.
    pub(crate) fn arrive(&mut self) -> PassOn {
        self.claims -= 1;
        let next = self.pass_on();
        self.checked(next)
    }

    /// A busy thread has ended its job.
    pub(crate) fn look(&mut self) -> Look {
        if self.threads > self.most() {
            // After an extra job: the others, of which there are enough, do the rest.
            self.threads -= 1;
            return self.checked(Look::Leave);
        }
        if self.queued > 0 {
            self.take();
            let next = self.pass_on();
            return self.checked(Look::Run(next));
        }
        if self.closed {
            self.threads -= 1;
            return self.checked(Look::Leave);
        }
        self.idle += 1;
        self.checked(Look::Idle)
    }

    /// A sleeper has been unparked by a claim.
    pub(crate) fn look_claimed(&mut self) -> Look {
        self.claims -= 1;
        self.look()
    }

    /// A sleeper's time is over and nobody has claimed it.
    pub(crate) fn expire(&mut self) -> Look {
        self.idle -= 1;
        if self.queued > 0 {
            // Somebody is on the way (I3), but may yet fail to start; this thread is here.
            return self.look();
        }
        self.threads -= 1;
        self.checked(Look::Leave)
    }

    /// The thread of an ordinary job, of [`Submit::Start`] or [`PassOn::Start`], could not be
    /// created.
    pub(crate) fn start_failed(&mut self) -> StartFailed {
        self.threads -= 1;
        self.claims -= 1;
        if !self.has_helper() {
            self.queued = 0;
            return self.checked(StartFailed::NoThreads);
        }
        self.queued += 1;
        if self.claims == 0 && self.idle > 0 {
            self.claim();
            return self.checked(StartFailed::QueueAndWake);
        }
        self.checked(StartFailed::Queue)
    }

    /// The thread of an extra job could not be created: the job goes back. Others may have relied
    /// on that thread.
    pub(crate) fn extra_start_failed(&mut self) -> ExtraStartFailed {
        self.threads -= 1;
        self.claims -= 1;
        self.extra -= 1;
        if self.queued > 0 && !self.has_helper() {
            self.queued = 0;
            return self.checked(ExtraStartFailed::NoThreads);
        }
        if self.queued > 0 && self.claims == 0 && self.idle > 0 {
            self.claim();
            return self.checked(ExtraStartFailed::Wake);
        }
        self.checked(ExtraStartFailed::Nobody)
    }

    /// Some time after a creation failed: whether to pop a job and to try again.
    #[must_use]
    pub(crate) fn retry(&mut self) -> bool {
        // With a claim or a sleeper the jobs find their thread by I4.
        let retries = self.queued > 0 && self.claims == 0 && self.threads < self.most();
        if retries {
            self.take();
            self.start();
        }
        self.checked(retries)
    }

    /// Whether some thread is on its way to the queue.
    pub(crate) fn has_claims(&self) -> bool {
        self.claims > 0
    }

    /// No job is accepted from now on; every sleeper has been claimed and is to be unparked.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.claims += self.idle;
        self.idle = 0;
        self.checked(());
    }

    /// A job has been taken out of the queue by somebody who is no pool thread.
    pub(crate) fn withdraw(&mut self) {
        self.queued -= 1;
    }

    fn pass_on(&mut self) -> PassOn {
        if self.queued == 0 || self.claims > 0 {
            return PassOn::Nobody;
        }
        if self.idle > 0 {
            self.claim();
            return PassOn::Wake;
        }
        if self.threads < self.most() {
            self.take();
            self.start();
            return PassOn::Start;
        }
        PassOn::Nobody
    }

    /// A job leaves the queue, an extra one if there is any (I6).
    fn take(&mut self) {
        self.queued -= 1;
        self.extra_queued = self.extra_queued.saturating_sub(1);
    }

    fn claim(&mut self) {
        self.idle -= 1;
        self.claims += 1;
    }

    fn start(&mut self) {
        self.threads += 1;
        self.claims += 1;
    }

    /// Asserts the invariants in debug builds, then returns `action`.
    fn checked<A>(&self, action: A) -> A {
        // No sum that could wrap where overflow is unchecked.
        debug_assert!(self.idle <= self.threads, "I1: {self:?}");
        debug_assert!(self.claims <= self.threads - self.idle, "I1: {self:?}");
        debug_assert!(self.queued == 0 || self.has_helper(), "I2: {self:?}");
        debug_assert!(self.extra_queued <= self.claims, "I6: {self:?}");
        debug_assert!(self.extra_queued <= self.queued, "I6: {self:?}");
        debug_assert!(
            self.queued == 0 || self.idle == 0 || self.claims > 0,
            "I3: {self:?}"
        );
        debug_assert!(!self.closed || self.idle == 0, "I5: {self:?}");
        action
    }
}

#[cfg(test)]
mod tests;
