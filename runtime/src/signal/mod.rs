//! Signals of the operating system, as streams of events.
//!
//! [`ctrl_c`] waits for the user to interrupt the program, on every system; [`unix`] has the
//! signals of Unix.
//!
//! The first listener for a signal replaces what the system does by default, for the rest of the
//! process's life: after it is dropped the signal is still caught, and nothing happens. Handlers
//! that other libraries installed before are called too.
//!
//! Signals that come faster than they are received count as one.
//!
//! # Forks
//!
//! A process that was forked from one with listeners has the handlers too: those signals do nothing
//! there until it listens for them itself, in a runtime of its own. It gets its own signals, and
//! those of its parent stay with the parent.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! runtime::signal::ctrl_c().await?;
//! println!("shutting down");
//! # Ok(())
//! # }
//! ```
//!
//! How it is made: `docs/design/signal.md`.

mod ctrl_c;
#[cfg(unix)]
pub(crate) mod pending;
pub(crate) mod slot;
#[cfg(unix)]
pub mod unix;
#[cfg(windows)]
pub mod windows;

pub use self::ctrl_c::ctrl_c;
