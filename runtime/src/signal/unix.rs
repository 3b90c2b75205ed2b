//! The signals of Unix.
//!
//! One process has one table: a bit and the listeners for each signal, and one pipe. A handler
//! sets the bit and writes a byte; a runtime's reactor reads it and delivers
//! (`driver::signals`). Nothing of it exists before the first call of [`signal`].
//!
//! - U1. The handler does only what is allowed in one: atomic operations and a `write` to a
//!   pipe that does not block. `errno` is kept by `signal-hook-registry`.
//! - U2. The tables live as long as the process, because the handlers do.
//! - U3. A [`Signal`] is given out after its signal's handler is installed and after its
//!   runtime's reactor reads the pipe.
//! - U4. A fork has the handlers, but a table of its own from its first listener on. So neither
//!   takes the other's bytes out of the pipe, and no bit that is set for good keeps a signal from
//!   being announced. Until then its handlers use the table that it was forked with, where the
//!   byte is one for nothing.
//!
//! A listener that was made before a fork and is polled there moves to the fork's table.
#![allow(unsafe_code)]

use super::pending::{Pending, SIGNALS};
use super::slot::{Slot, Subscription};
use crate::budget;
use crate::loom::sync::Arc;
use crate::loom::unordered::{AtomicBool, Ordering};
use crate::runtime::{Handle, context};
use crate::util::forks::ProcessMark;
use crate::util::per_process::PerProcess;
use mio::unix::pipe::{self, Receiver, Sender};
use std::fmt;
use std::future::poll_fn;
use std::io::{self, Write};
use std::os::raw::c_int;
use std::task::{Context, Poll, ready};

/// Which signal to listen for.
///
/// ```
/// use runtime::signal::unix::SignalKind;
/// assert_eq!(SignalKind::from_raw(15), SignalKind::terminate());
/// ```
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub struct SignalKind(c_int);

macro_rules! kinds {
    ($($(#[$attr:meta])* $name:ident = $signal:ident: $text:literal,)*) => {
        $(
            $(#[$attr])*
            #[doc = concat!("`", stringify!($signal), "`: ", $text, ".")]
            pub const fn $name() -> Self {
                Self(libc::$signal)
            }
        )*
    };
}

impl SignalKind {
    /// The signal with the system's number `signum`.
    ///
    /// A number that means nothing, or a signal that cannot be caught, is refused by [`signal`].
    pub const fn from_raw(signum: c_int) -> Self {
        Self(signum)
    }

    /// The system's number.
    pub const fn as_raw_value(&self) -> c_int {
        self.0
    }

    kinds! {
        alarm = SIGALRM: "a timer of the process expired; ends the process by default",
        child = SIGCHLD: "a child ended, stopped or goes on; ignored by default",
        hangup = SIGHUP: "the terminal is gone; ends the process by default",
        #[cfg(any(
            target_os = "dragonfly",
            target_os = "freebsd",
            target_os = "macos",
            target_os = "netbsd",
            target_os = "openbsd"
        ))]
        info = SIGINFO: "the user asks for the state; ignored by default",
        interrupt = SIGINT: "the user interrupts the program; ends the process by default",
        io = SIGIO: "a descriptor can be read or written; ends the process by default",
        pipe = SIGPIPE: "a write to a pipe without a reader; ends the process by default",
        quit = SIGQUIT: "the user quits the program; ends the process by default, with a dump",
        terminate = SIGTERM: "a request to end; ends the process by default",
        user_defined1 = SIGUSR1: "for the program's own use; ends the process by default",
        user_defined2 = SIGUSR2: "for the program's own use; ends the process by default",
        window_change = SIGWINCH: "the terminal's size changed; ignored by default",
    }
}

impl From<c_int> for SignalKind {
    fn from(signum: c_int) -> Self {
        Self::from_raw(signum)
    }
}

impl From<SignalKind> for c_int {
    fn from(kind: SignalKind) -> Self {
        kind.as_raw_value()
    }
}

/// A listener for one signal; made by [`signal`].
///
/// Any number of listeners may listen for one signal: each sees it.
///
/// ```no_run
/// use runtime::signal::unix::{SignalKind, signal};
///
/// # async fn example() -> std::io::Result<()> {
/// let mut hangups = signal(SignalKind::hangup())?;
/// while hangups.recv().await.is_some() {
///     println!("reading the configuration again");
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a signal is received by `recv`"]
pub struct Signal {
    number: usize,
    subscription: Subscription,
    /// The process whose table it is in.
    process: ProcessMark,
}

/// Listens for a signal in the current runtime.
///
/// From now on the signal no longer does what it does by default, for the rest of the process's
/// life, also after the listener is dropped. The listener sees each signal that is sent to the
/// process after this call returns; several that come before it looks count as one. It works
/// while some runtime that listens for signals is being driven.
///
/// # Errors
///
/// - The signal cannot be caught: `SIGKILL`, `SIGSTOP`, `SIGILL`, `SIGFPE`, `SIGSEGV`.
/// - There is no such signal.
/// - The system gives no more descriptors.
///
/// # Panics
///
/// Panics outside of a runtime, and if the runtime was built without I/O.
#[track_caller]
pub fn signal(kind: SignalKind) -> io::Result<Signal> {
    let _reactor = context::io_handle();
    signal_of(&context::current(), kind)
}

/// As [`signal`], in a runtime that has I/O.
pub(crate) fn signal_of(runtime: &Handle, kind: SignalKind) -> io::Result<Signal> {
    let number = check(kind)?;
    let process = ProcessMark::current();
    let table = Table::get()?;
    attend(runtime)?;
    install(kind.0, number)?;
    Ok(Signal {
        number,
        subscription: Slot::subscribe(&table.slots[number]),
        process,
    })
}

/// Has `runtime` deliver signals from now on, if it has I/O.
pub(crate) fn attend(runtime: &Handle) -> io::Result<()> {
    match runtime.driver().handle().io() {
        None => Ok(()),
        Some(reactor) => {
            let signals = runtime.driver().signals();
            signals.start(reactor, &Table::get()?.receiver, deliver)
        }
    }
}

impl Signal {
    /// Receives the next signal. Never `None`: the variant is for combinators of streams.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a signal that came is kept for the next call.
    pub async fn recv(&mut self) -> Option<()> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Polls for the next signal; the waker of the last call is woken.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<()>> {
        let unit = ready!(budget::poll_proceed(cx));
        if !self.process.is_unforked() {
            self.move_to_this_process();
        }
        ready!(self.subscription.poll(cx));
        unit.made_progress();
        Poll::Ready(Some(()))
    }

    /// It was made before a fork (U4). Without descriptors for a pipe it stays where it is, and
    /// the next poll tries again.
    #[cold]
    fn move_to_this_process(&mut self) {
        let process = ProcessMark::current();
        let Ok(table) = Table::get() else { return };
        if let Ok(runtime) = context::try_current() {
            if attend(&runtime).is_err() {
                return;
            }
        }
        let subscription = Slot::subscribe(&table.slots[self.number]);
        let before = std::mem::replace(&mut self.subscription, subscription);
        // Its lock may be held by a thread that is not here.
        std::mem::forget(before);
        self.process = process;
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signal").finish_non_exhaustive()
    }
}

/// The index of a signal that may be caught.
fn check(kind: SignalKind) -> io::Result<usize> {
    let number = kind.0;
    let refuse = |why| Err(io::Error::other(why));
    if signal_hook_registry::FORBIDDEN.contains(&number) {
        return refuse(format!(
            "Refusing to register signal {number}: it cannot be caught, or not be returned from"
        ));
    }
    match usize::try_from(number) {
        Ok(index @ 1..SIGNALS) => Ok(index),
        Ok(SIGNALS..) => refuse(format!(
            "signal too large: there is no signal {number}, use one of `SignalKind`"
        )),
        _ => refuse(format!(
            "Refusing to register signal {number}: there is no such signal, use one of `SignalKind`"
        )),
    }
}

/// What the process has for signals (U2, U4).
#[derive(Debug)]
struct Table {
    pending: Pending,
    /// The listeners of each signal.
    slots: Vec<Arc<Slot>>,
    sender: Sender,
    receiver: Receiver,
}

static TABLE: PerProcess<Table> = PerProcess::new();

/// For which signals the handler is there; also in forks, which have the handlers too.
static INSTALLED: [AtomicBool; SIGNALS] = [const { AtomicBool::new(false) }; SIGNALS];

impl Table {
    /// That of this process.
    fn get() -> io::Result<&'static Self> {
        TABLE.try_get(|_| {
            let (sender, receiver) = pipe::new()?;
            Ok(Self {
                pending: Pending::default(),
                slots: (0..SIGNALS).map(|_| Arc::default()).collect(),
                sender,
                receiver,
            })
        })
    }

    /// What a handler does (U1).
    fn raise(&self, number: usize) {
        if self.pending.add(number) {
            // A full pipe has enough to be read already.
            let _ = (&self.sender).write(&[0]);
        }
    }
}

/// Has the process call `Table::raise` at each signal of this number.
fn install(signum: c_int, number: usize) -> io::Result<()> {
    if INSTALLED[number].load(Ordering::Acquire) {
        return Ok(());
    }
    let action = move || {
        if let Some(table) = TABLE.newest() {
            table.raise(number);
        }
    };
    // SAFETY: by U1 the action may run in a signal handler, and by U2 the tables stay.
    let action = unsafe { signal_hook_registry::register(signum, action)? };
    if INSTALLED[number].swap(true, Ordering::AcqRel) {
        // Somebody else did it meanwhile.
        signal_hook_registry::unregister(action);
    }
    Ok(())
}

/// Hands on what is pending: called by a reactor that read the pipe empty.
fn deliver() {
    if let Some(table) = TABLE.newest() {
        for number in table.pending.take() {
            table.slots[number].deliver();
        }
    }
}
