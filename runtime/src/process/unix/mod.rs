//! How a child's end is learnt.
//!
//! ```text
//!   Unwatched ──wait──► PidFd ───(not to be had, or it tells nothing)───► ChildSignal
//!       │                 │                                                    │
//!       └─────────────────┴── dropped while it runs ──► orphan ──► reaped ◄────┘
//! ```
//!
//! - R1. The number of a child is its own until its exit status is taken: nobody but `Running`
//!   and who it hands the child to takes it.
//! - R2. Each poll either takes the exit status, or leaves the waker where the next change of
//!   the child is told, and looks at the child after that.
//! - R3. A child that is dropped while it runs is handed to `orphans`.
//! - R4. Who waits by `SIGCHLD` is reminded to look by `orphans`, too: whatever the host does with
//!   that signal, the wait ends.
//! - R5. A child belongs to the process that spawned it: a fork of that neither kills nor reaps it,
//!   nor takes its descriptor out of the reactor, which the two share.
//!
//! The spawn registers nothing: most children are waited for at once, and one that has ended by
//! then needs no reactor. The first wait registers with the runtime of the spawn; if that is
//! gone, with the one that polls.
//!
//! Rejected: SIGCHLD for all (each end wakes every waiter: quadratic for many children).

pub(crate) mod orphan_queue;
mod orphans;
#[cfg_attr(not(target_os = "linux"), path = "no_pidfd.rs")]
mod pidfd;
mod pipe;
mod pre_exec;

pub(super) use self::pipe::Pipe;

use self::orphans::Reminder;
use self::pidfd::PidFd;
use crate::budget;
use crate::driver::evented::Evented;
use crate::runtime::{Handle, context};
use crate::signal::unix::{Signal, SignalKind, attend, signal_of};
use crate::util::forks::ProcessMark;
use io_driver::{Direction, is_shutdown_error};
use std::io;
use std::mem;
use std::process::{Child, ExitStatus};
use std::task::{Context, Poll, ready};

/// A child whose exit status was not taken yet.
#[derive(Debug)]
pub(super) struct Running {
    /// There until drop.
    child: Option<Child>,
    watch: Watch,
    runtime: Handle,
    kill_on_drop: bool,
    /// Whose child it is (R5).
    parent: ProcessMark,
}

/// What tells of the child's end.
#[derive(Debug)]
enum Watch {
    Unwatched,
    PidFd(Evented<PidFd>),
    /// Some child ended: perhaps this one; or it is time to look (R4).
    ChildSignal(Signal, Reminder),
}

impl Running {
    pub(super) fn new(child: Child, runtime: Handle, kill_on_drop: bool) -> Self {
        Self {
            child: Some(child),
            watch: Watch::Unwatched,
            runtime,
            kill_on_drop,
            parent: ProcessMark::current(),
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.child().id()
    }

    fn child(&self) -> &Child {
        self.child.as_ref().expect("there until drop")
    }

    fn child_mut(&mut self) -> &mut Child {
        self.child.as_mut().expect("there until drop")
    }

    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.child_mut().kill()
    }

    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child_mut().try_wait()
    }

    pub(super) fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        let unit = ready!(budget::poll_proceed(cx));
        let status = ready!(self.poll_exit(cx));
        unit.made_progress();
        Poll::Ready(status)
    }

    fn poll_exit(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        if self.parent != ProcessMark::current() {
            return Poll::Ready(Err(io::Error::from_raw_os_error(libc::ECHILD)));
        }
        loop {
            let is_told = match &mut self.watch {
                // A descriptor of a child that ended meanwhile is ready at once (R2).
                Watch::Unwatched => true,
                Watch::PidFd(pidfd) => {
                    match ready!(pidfd.registration().poll_ready(cx, Direction::Read)) {
                        Ok(_ready_for_ever) => true,
                        Err(_shutdown) => {
                            self.move_to_current_runtime(true)?;
                            continue;
                        }
                    }
                }
                Watch::ChildSignal(signal, reminder) => {
                    if let Ok(current) = context::try_current() {
                        attend(&current)?;
                    }
                    reminder.register(cx);
                    signal.poll_recv(cx).is_ready()
                }
            };
            if let Some(status) = self.try_wait()? {
                return Poll::Ready(Ok(status));
            }
            if !is_told {
                return Poll::Pending;
            }
            self.watch_closer()?;
        }
    }

    /// The child runs, and nothing will tell of its end but what this sets up.
    fn watch_closer(&mut self) -> io::Result<()> {
        let may_have_pidfd = match &self.watch {
            Watch::Unwatched => true,
            // It ended, but a tracer has it first: then the descriptor says no more.
            Watch::PidFd(_) => false,
            Watch::ChildSignal(..) => return Ok(()),
        };
        match watch(self.child(), &self.runtime, may_have_pidfd) {
            Err(error) if is_shutdown_error(&error) => self.move_to_current_runtime(may_have_pidfd),
            watch => {
                self.watch = watch?;
                Ok(())
            }
        }
    }

    /// The runtime of the spawn is gone: goes on with the one that polls.
    fn move_to_current_runtime(&mut self, may_have_pidfd: bool) -> io::Result<()> {
        let current = context::try_current().map_err(io::Error::other)?;
        self.watch = watch(self.child(), &current, may_have_pidfd)?;
        self.runtime = current;
        Ok(())
    }
}

/// Has `runtime` tell of the child's end.
///
/// # Errors
///
/// The reactor is shut down, or may have no more registrations.
fn watch(child: &Child, runtime: &Handle, may_have_pidfd: bool) -> io::Result<Watch> {
    if may_have_pidfd {
        if let Some(pidfd) = register(child, runtime)? {
            return Ok(Watch::PidFd(pidfd));
        }
    }
    let signal = signal_of(runtime, SignalKind::child())?;
    Ok(Watch::ChildSignal(signal, Reminder::new()))
}

/// Registers a child's descriptor with the reactor of `runtime`; `None` if the system has none.
///
/// # Errors
///
/// The reactor is shut down, or may have no more registrations.
fn register(child: &Child, runtime: &Handle) -> io::Result<Option<Evented<PidFd>>> {
    let Some(pidfd) = PidFd::open(child) else {
        return Ok(None);
    };
    let Some(reactor) = runtime.driver().handle().io() else {
        return Err(io::Error::other(
            "a child cannot be waited for in a runtime without I/O: call `enable_io` on its builder",
        ));
    };
    Evented::new(pidfd, io_driver::Interest::READABLE, reactor).map(Some)
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        let watch = mem::replace(&mut self.watch, Watch::Unwatched);
        if self.parent != ProcessMark::current() {
            // By R5; std's `Child` has nothing to drop but its number.
            mem::forget(watch);
            return;
        }
        if self.kill_on_drop {
            // An error says that it has ended.
            let _ = child.kill();
        }
        // An error says that the system reaps by itself.
        if let Ok(None) = child.try_wait() {
            let pidfd = match watch {
                Watch::PidFd(pidfd) => Some(pidfd),
                Watch::Unwatched => register(&child, &self.runtime).ok().flatten(),
                Watch::ChildSignal(..) => None,
            };
            orphans::adopt(child, pidfd);
        }
    }
}
