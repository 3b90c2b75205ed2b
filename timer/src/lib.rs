//! The timer wheel under `runtime`: deadlines in, due values out. A pure data structure: no
//! clock, no thread, no lock, no unsafe code, no dependency.
//!
//! ```text
//!               base, now
//!                   │        one occupancy word per level finds the first used slot
//!                   ▼
//!  level 0   ▕ ▏ ▏█▏ ▏█▏ … 64 slots of         1 tick     ──► fired in order
//!  level 1   ▕ ▏ ▏ ▏█▏ ▏ … 64 slots of        64 ticks  ┐
//!  level 2   ▕ ▏ ▏ ▏ ▏█▏ … 64 slots of     4,096 ticks  │ spread over lower levels when
//!    …                                                  │ `base` comes to their slot
//!  level 5   ▕ ▏█▏ ▏ ▏ ▏ … 64 slots of      2^30 ticks  │
//!  overflow  ▕█▏           everything beyond 2^36       ┘
//! ```
//!
//! A deadline lies on the level of the highest 6-bit digit in which it differs from `base`, in
//! the slot named by its own digit. So arming and cancelling cost the same whatever the
//! distance, a day does not cost more to pass than a tick, and the first occupied slot of the
//! lowest occupied level holds the next deadline.
//!
//! Each file states the invariants it keeps: `level` I1 to I3 (which slot), `entries` I4 to I6
//! (where entries live), `wheel` I7 and I8 (how time passes).
//!
//! Sources: G. Varghese, T. Lauck, "Hashed and hierarchical timing wheels: data structures for
//! the efficient implementation of a timer facility", SOSP 1987 (scheme 7 there).
//!
//! # Examples
//!
//! ```
//! use timer::{Tick, Wheel};
//!
//! let mut wheel = Wheel::new(Tick::ZERO);
//! let ping = wheel.insert(Tick::from_raw(30), "ping");
//! wheel.insert(Tick::from_raw(10), "pong");
//! wheel.rearm(ping, Tick::from_raw(20));
//!
//! // Sleep until `next_deadline`, then say what time it is.
//! let mut fired = Vec::new();
//! while let Some(deadline) = wheel.next_deadline() {
//!     wheel.advance(deadline, usize::MAX, &mut fired);
//! }
//! assert_eq!(fired, ["pong", "ping"]);
//! ```
//!
//! How it is made: `docs/design/timer.md`.
#![forbid(unsafe_code)]

mod entries;
mod level;
mod tick;
mod wheel;

pub use entries::{Key, Page};
pub use tick::Tick;
pub use wheel::Wheel;
