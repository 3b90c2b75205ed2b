//! The reactor under `runtime`: registrations, readiness, and one turn at a time around `mio`.
//!
//! It knows no tasks and no runtime: who waits is a [`Waker`](std::task::Waker), who drives calls
//! [`Driver::turn`], and everybody else has a [`Handle`].
//!
//! ```text
//!   socket ─► Registration ──poll_ready──► Source { readiness word, waiters }
//!                                              ▲
//!   epoll, kqueue, IOCP ─► mio ─► Driver::turn ┘ token ─► slot, generation ─► set, wake
//! ```
//!
//! - `ready`: the sets. `readiness`: the atomic word. `waiters`: who is to be woken. `source`: word
//!   and waiters joined. `registry`: tokens and slots. `registration`: what a socket type holds.
//!   `driver`: the loop. `timerfd`: waits that end on time. `wake_batch`: wakers taken and not yet
//!   woken. `wake_flag`: wakes of the driver that coincide. `waker`: what ends a wait. `refusal`:
//!   calls that the system does not have.
//! - **Invariant:** no waker is cloned, woken or dropped, nothing is allocated and no system call
//!   is made while a lock of this crate is held.
//! - **Invariant:** an event that comes after its registration is gone changes nothing and wakes
//!   nobody, also when the slot has a new owner.
//!
//! How it is made: `docs/design/io.md`.
#![deny(unsafe_code)]

mod driver;
mod loom;
#[cfg(feature = "loom")]
#[doc(hidden)]
pub mod model;
mod readiness;
mod ready;
#[cfg(target_os = "linux")]
mod refusal;
mod registration;
mod registry;
mod source;
#[cfg_attr(not(target_os = "linux"), path = "timeout.rs")]
mod timerfd;
mod waiters;
mod wake_batch;
mod wake_flag;
#[cfg_attr(target_os = "linux", path = "waker_linux.rs")]
mod waker;

pub use driver::{Driver, Handle, Turn, Wait};
pub use readiness::ReadyEvent;
pub use ready::{Interest, Ready};
pub use registration::{Readiness, Registration};
pub use registry::is_shutdown_error;
pub use waiters::Direction;
