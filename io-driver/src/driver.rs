//! The only loop around `mio::Poll`: one `turn` waits, records what became ready, wakes who waited.
//!
//! ```text
//!   turn:  arm timer ─► poll ─► take back the wake flag ─► per event: find slot, dispatch ─► wake
//! ```
//!
//! I1. `Handle::wake` makes the present turn return, or else the next, and what was written before
//!     it is visible after that turn, also when its system call was left out (see `wake_flag`).
//! I2. A turn ends with an empty batch: every waker it took was woken.
//! I3. After `shutdown` no registration is accepted, and every wait has ended with an error.
//!
//! An interrupted wait is an empty turn, because the caller knows better than we what time is
//! left. Rejected: waking through a pipe of our own where mio's waker can be had (it is an eventfd);
//! reading the clock here (the caller has just read it).

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::task::Waker;
use std::time::Duration;
use std::{fmt, io};

use crate::loom::{Arc, AtomicUsize, Ordering};
use crate::ready::Ready;
use crate::registry::{Registry, Token};
use crate::timerfd::PreciseTimer;
use crate::wake_batch::{WakeBatch, discard};
use crate::wake_flag::WakeFlag;
use crate::waker::SystemWaker;

const WAKE: mio::Token = mio::Token(usize::MAX);
pub(crate) const TIMER: mio::Token = mio::Token(usize::MAX - 1);

/// Waits shorter than this are not worth arming a timer, which takes about as long itself.
const SHORTEST_WAIT_NS: u64 = 3_000;

/// How long a turn may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not at all: looks at what is there.
    Now,
    /// Until something happens.
    Forever,
    /// Until something happens or `until_ns` is reached.
    ///
    /// Both are nanoseconds of one clock of the caller's choice that runs at the pace of real
    /// time; `now_ns` is what it shows now. A turn may end early, see [`Turn::timer_fired`]. After
    /// the clock was set, call [`Driver::clock_was_set`].
    For {
        /// The present time.
        now_ns: u64,
        /// When to return.
        until_ns: u64,
    },
}

/// What happened in a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// How many sources reported readiness, those not counted whose registration was gone.
    pub events: usize,
    /// How many wakers were woken.
    pub woken: usize,
    /// Whether [`Handle::wake`] ended the turn, or would have.
    pub woken_by_handle: bool,
    /// Whether the timer of a precise wait went off. It may have been armed by an earlier turn
    /// for an earlier time: look at the clock.
    pub timer_fired: bool,
}

/// The reactor. One thread at a time calls [`turn`](Driver::turn); everybody else has a [`Handle`].
///
/// ```
/// use io_driver::{Driver, Wait};
///
/// # fn main() -> std::io::Result<()> {
/// let (mut driver, handle) = Driver::new(1024)?;
/// std::thread::spawn(move || handle.wake());
/// assert!(driver.turn(Wait::Forever)?.woken_by_handle);
/// # Ok(())
/// # }
/// ```
pub struct Driver {
    poll: mio::Poll,
    events: mio::Events,
    timer: PreciseTimer,
    handle: Handle,
}

/// Registers sources with a [`Driver`] and wakes it, from any thread.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

struct Shared {
    system: mio::Registry,
    waker: SystemWaker,
    wake_flag: WakeFlag,
    sources: Registry,
    /// The number of the process that has the driver.
    process: u32,
    fd_registered: AtomicUsize,
    fd_deregistered: AtomicUsize,
    ready_count: AtomicUsize,
    waker_panics: AtomicUsize,
}

// A panic of foreign code never leaves the driver half changed: none runs while it is locked.
impl UnwindSafe for Handle {}
impl RefUnwindSafe for Handle {}

impl Driver {
    /// Makes a driver that takes up to `events_per_turn` events from the system at once.
    ///
    /// # Errors
    ///
    /// Returns the system's error, for example when no more files may be opened. Nothing stays
    /// open then.
    pub fn new(events_per_turn: usize) -> io::Result<(Driver, Handle)> {
        let poll = mio::Poll::new()?;
        let system = poll.registry().try_clone()?;
        let waker = SystemWaker::new(&system, WAKE)?;
        let timer = PreciseTimer::new(&system)?;
        let shared = Shared {
            system,
            waker,
            wake_flag: WakeFlag::new(),
            sources: Registry::new(),
            process: std::process::id(),
            fd_registered: AtomicUsize::new(0),
            fd_deregistered: AtomicUsize::new(0),
            ready_count: AtomicUsize::new(0),
            waker_panics: AtomicUsize::new(0),
        };
        let handle = Handle {
            shared: Arc::new(shared),
        };
        let driver = Driver {
            poll,
            events: mio::Events::with_capacity(events_per_turn.max(1)),
            timer,
            handle: handle.clone(),
        };
        Ok((driver, handle))
    }

    /// Waits for events as long as `wait` allows, records them and wakes the tasks concerned.
    ///
    /// A wait that a signal interrupts is an empty turn.
    ///
    /// # Errors
    ///
    /// Returns the system's error if it cannot wait.
    pub fn turn(&mut self, wait: Wait) -> io::Result<Turn> {
        let timeout = self.timeout(wait)?;
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => Ok(self.dispatch()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Turn::default()),
            Err(error) => Err(error),
        }
    }

    /// Forgets the armed timer, so that the next wait arms it afresh. To be called when the
    /// caller's clock was moved by hand and what it showed before means nothing now.
    pub fn clock_was_set(&mut self) {
        self.timer.forget();
    }

    /// Ends every wait with an error and refuses registrations from now on. Idempotent.
    pub fn shutdown(&mut self) {
        let mut batch = WakeBatch::new();
        self.handle.sources().close(&mut batch);
        self.handle.count_panics(batch.panics());
    }

    /// What to tell the system, after the timer was armed where there is one.
    fn timeout(&mut self, wait: Wait) -> io::Result<Option<Duration>> {
        match wait {
            Wait::Now => Ok(Some(Duration::ZERO)),
            Wait::Forever => Ok(None),
            Wait::For { now_ns, until_ns } => {
                if until_ns.saturating_sub(now_ns) < SHORTEST_WAIT_NS {
                    return Ok(Some(Duration::ZERO));
                }
                Ok(self.timer.timeout(now_ns, until_ns))
            }
        }
    }

    fn dispatch(&mut self) -> Turn {
        let shared = &*self.handle.shared;
        let mut turn = Turn::default();
        let mut batch = WakeBatch::new();
        for event in &self.events {
            match event.token() {
                WAKE => {
                    shared.waker.seen();
                    shared.wake_flag.acknowledge();
                    turn.woken_by_handle = true;
                }
                TIMER => {
                    self.timer.fired();
                    turn.timer_fired = true;
                }
                mio::Token(raw) => {
                    let token = Token::from_raw(raw);
                    let Some(source) = shared.sources.find(token) else {
                        continue;
                    };
                    let ready = Ready::from_mio(event);
                    if source.dispatch(token.generation(), ready, &mut batch) {
                        turn.events += 1;
                    }
                }
            }
        }
        batch.wake_all();
        turn.woken = batch.woken();
        self.handle.count_panics(batch.panics());
        if turn.events > 0 {
            shared.ready_count.fetch_add(turn.events, Ordering::Relaxed);
        }
        turn
    }
}

/// Shuts the driver down, so that nobody waits for what will never come.
impl Drop for Driver {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl Handle {
    /// Makes the present turn, or else the next, return at once. Calls that come before that turn
    /// has ended cost one atomic operation.
    ///
    /// # Panics
    ///
    /// Panics if the system refuses to signal the driver, which leaves it waiting.
    pub fn wake(&self) {
        let shared = &*self.shared;
        if !shared.wake_flag.request() {
            return;
        }
        if let Err(error) = shared.waker.wake() {
            shared.wake_flag.acknowledge();
            panic!("the i/o driver could not be woken: {error}");
        }
    }

    /// How many registrations exist.
    pub fn registered(&self) -> usize {
        // In this order, so that a pair counted between the two loads cannot make it negative.
        let gone = self.shared.fd_deregistered.load(Ordering::Acquire);
        let made = self.shared.fd_registered.load(Ordering::Acquire);
        // Both wrap where a word is small; their distance does not.
        made.wrapping_sub(gone)
    }

    /// How many registrations were ever made.
    pub fn fd_registered(&self) -> u64 {
        self.shared.fd_registered.load(Ordering::Relaxed) as u64
    }

    /// How many registrations ended.
    pub fn fd_deregistered(&self) -> u64 {
        self.shared.fd_deregistered.load(Ordering::Relaxed) as u64
    }

    /// How many readiness events were recorded.
    pub fn ready_count(&self) -> u64 {
        self.shared.ready_count.load(Ordering::Relaxed) as u64
    }

    /// How many wakers panicked when they were woken or dropped.
    pub fn waker_panics(&self) -> u64 {
        self.shared.waker_panics.load(Ordering::Relaxed) as u64
    }

    pub(crate) fn system(&self) -> &mio::Registry {
        &self.shared.system
    }

    /// Whether this is a fork of the process that made the driver. The two share what the system
    /// watches.
    pub(crate) fn is_inherited(&self) -> bool {
        self.shared.process != std::process::id()
    }

    pub(crate) fn sources(&self) -> &Registry {
        &self.shared.sources
    }

    pub(crate) fn count_registered(&self) {
        self.shared.fd_registered.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_deregistered(&self) {
        self.shared.fd_deregistered.fetch_add(1, Ordering::Release);
    }

    fn count_panics(&self, panics: usize) {
        if panics > 0 {
            self.shared
                .waker_panics
                .fetch_add(panics, Ordering::Relaxed);
        }
    }

    /// Drops wakers whose source is gone.
    pub(crate) fn discard(&self, wakers: impl Iterator<Item = Waker>) {
        let panics = wakers.map(|waker| usize::from(discard(waker))).sum();
        self.count_panics(panics);
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("registered", &self.registered())
            .finish_non_exhaustive()
    }
}
