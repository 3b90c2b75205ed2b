//! Children that somebody has to look at again and again: those that nobody waits for any more,
//! and those whose end the system may not tell.
//!
//! An orphan with a descriptor stays with the reactor it is registered with: its waker takes the
//! exit status. That costs nothing until it ends. One without (the system has no such
//! descriptors, the runtime is gone, a tracer is in between) goes to the reaper: a thread that is
//! started for the first, looks at each again and again, ever more seldom, and ends with the last.
//!
//! A child that is waited for by `SIGCHLD` is looked at by the same thread, in case its end is not
//! told: another handler, a mask, or the disposition may stand in the way, today or tomorrow, and
//! there is no asking. It wakes the one who waits, who asks for the exit status.
//!
//! - O1. An orphan's child is in one place: in its waker until that takes it out, then nowhere or
//!   with the reaper.
//! - O2. The ring of registration and waker ends with the child or with the reactor's shutdown,
//!   which wakes.
//! - O3. A look comes after a quarter of the time for which the child has been watched already, and
//!   within a second: so the end is seen late by that much, for some 25 looks in the first four
//!   seconds and one per second later.
//! - O4. A fork has a queue and a reaper of its own: the parent's thread is not there, and its
//!   children are none of the fork's.
//!
//! Rejected: a look at a list in each turn of the driver (a cost for those who have no children);
//! `waitpid` for any child (takes the exit status of children that others wait for); a thread that
//! blocks in `waitid` for each child (as many threads as children); the runtime's timers (a paused
//! clock would jump to the next look, again and again).

use super::orphan_queue::OrphanQueue;
use super::pidfd::PidFd;
use crate::driver::evented::Evented;
use crate::loom::sync::Mutex;
use crate::util::atomic_waker::AtomicWaker;
use crate::util::bomb::contain;
use crate::util::per_process::PerProcess;
use io_driver::Direction;
use std::process::Child;
// `Wake` wants std's `Arc`.
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake};
use std::thread;
use std::time::{Duration, Instant};

static QUEUE: PerProcess<OrphanQueue<Charge>> = PerProcess::new();

/// Before the reaper's first look at a child, and the longest time between two (O3).
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Has the one who waits for a child woken now and then; until it is dropped.
#[derive(Debug)]
pub(super) struct Reminder(Arc<AtomicWaker>);

/// What the reaper looks after.
#[derive(Debug)]
enum Ward {
    Orphan(Child),
    Waiter(Weak<AtomicWaker>),
}

/// A ward, and when it is to be looked at.
#[derive(Debug)]
struct Charge {
    ward: Ward,
    pause: Duration,
    due: Instant,
}

/// A child to be reaped by the reactor.
#[derive(Debug)]
struct Orphan {
    pidfd: Evented<PidFd>,
    child: Mutex<Option<Child>>,
}

/// Reaps `child` when it ends; `pidfd` is its descriptor in a reactor.
pub(super) fn adopt(child: Child, pidfd: Option<Evented<PidFd>>) {
    match pidfd {
        Some(pidfd) => Arc::new(Orphan {
            pidfd,
            child: Mutex::new(Some(child)),
        })
        .wake(),
        None => leave_to_reaper(child),
    }
}

impl Wake for Orphan {
    fn wake(self: Arc<Self>) {
        let waker = self.clone().into();
        let mut cx = Context::from_waker(&waker);
        // Ready: it ended, or the reactor is shut down.
        let ready = self
            .pidfd
            .registration()
            .poll_ready(&mut cx, Direction::Read);
        if matches!(ready, Poll::Pending) {
            return;
        }
        let child = self.child.lock().take();
        let Some(mut child) = child else { return };
        // It still runs where the reactor is gone, or where a tracer has it first.
        if let Ok(None) = child.try_wait() {
            leave_to_reaper(child);
        }
    }
}

fn leave_to_reaper(child: Child) {
    give_to_reaper(Ward::Orphan(child));
}

impl Reminder {
    pub(super) fn new() -> Self {
        let waker = Arc::new(AtomicWaker::new());
        give_to_reaper(Ward::Waiter(Arc::downgrade(&waker)));
        Self(waker)
    }

    /// Whom to wake. The caller looks at its child after that.
    pub(super) fn register(&self, cx: &mut Context<'_>) {
        self.0.register(cx.waker());
    }
}

fn give_to_reaper(ward: Ward) {
    let queue = QUEUE.get(|_| OrphanQueue::new());
    let charge = Charge {
        ward,
        pause: FIRST_PAUSE,
        due: Instant::now() + FIRST_PAUSE,
    };
    if queue.push(charge) {
        let reaper = thread::Builder::new().name("runtime-reaper".to_owned());
        if reaper.spawn(|| reap(queue)).is_err() {
            queue.unattended();
        }
    }
}

fn reap(queue: &OrphanQueue<Charge>) {
    let mut own = Vec::new();
    while queue.go_on(&mut own) {
        let now = Instant::now();
        own.retain_mut(|charge: &mut Charge| charge.due > now || charge.look(now));
        if let Some(next) = own.iter().map(|charge| charge.due).min() {
            // Those that are due at almost the same time are looked at together.
            let pause = next.saturating_duration_since(Instant::now());
            queue.rest(pause.max(FIRST_PAUSE / 2));
        }
    }
}

impl Charge {
    /// Whether to look again.
    fn look(&mut self, now: Instant) -> bool {
        self.pause = (self.pause * 5 / 4).min(LONGEST_PAUSE);
        self.due = now + self.pause;
        match &mut self.ward {
            Ward::Orphan(child) => matches!(child.try_wait(), Ok(None)),
            Ward::Waiter(waker) => {
                let Some(waker) = waker.upgrade() else {
                    return false;
                };
                if let Some(waker) = waker.take() {
                    // Foreign code, and there are others to be looked at.
                    contain(|| waker.wake());
                }
                true
            }
        }
    }
}
