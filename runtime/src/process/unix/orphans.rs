//! Children that nobody waits for any more, and how they are reaped.
//!
//! An orphan with a descriptor stays with the reactor it is registered with: its waker takes the
//! exit status. That costs nothing until it ends. One without (the system has no such
//! descriptors, the runtime is gone, a tracer is in between) goes to the reaper: a thread that is
//! started for the first, looks at all again and again, ever more seldom, and ends with the last.
//!
//! - O1. An orphan's child is in one place: in its waker until that takes it out, then nowhere or
//!   with the reaper.
//! - O2. The ring of registration and waker ends with the child or with the reactor's shutdown,
//!   which wakes.
//!
//! Rejected: a look at a list in each turn of the driver (a cost for those who have no children);
//! `waitpid` for any child (takes the exit status of children that others wait for).

use super::orphan_queue::OrphanQueue;
use super::pidfd::PidFd;
use crate::driver::evented::Evented;
use crate::loom::sync::Mutex;
use io_driver::Direction;
use std::process::Child;
// `Wake` wants std's `Arc`.
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Wake};
use std::thread;
use std::time::Duration;

static QUEUE: LazyLock<OrphanQueue<Child>> = LazyLock::new(OrphanQueue::new);

/// Between two looks of the reaper.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

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
    if QUEUE.push(child) {
        let reaper = thread::Builder::new().name("runtime-reaper".to_owned());
        if reaper.spawn(reap).is_err() {
            QUEUE.unattended();
        }
    }
}

fn reap() {
    let mut own = Vec::new();
    let mut pause = FIRST_PAUSE;
    while QUEUE.go_on(&mut own) {
        let before = own.len();
        own.retain_mut(|child: &mut Child| matches!(child.try_wait(), Ok(None)));
        if own.is_empty() {
            continue;
        }
        if own.len() < before {
            pause = FIRST_PAUSE;
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
