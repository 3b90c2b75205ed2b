//! The same benchmark source compiled for several runtimes, to be compared side by side.
//!
//! ```text
//! scenarios/*  generic over  peers::Peer  implemented by  Ours, Tokio, Smol
//!       └────────► contest::contestants() ◄───────────────────┘
//!                     │               │                 │
//!                  areas            table           lateness
//!               (criterion)  (interleaved)  (interleaved)
//! ```
//!
//! A scenario is a generic function, so the hot path is monomorphic and has the same source for
//! every runtime; the adapters in [`peers`] only rename. The machine may be shared and noisy:
//! compare runtimes with `paired`, whose rounds alternate between them, and use `areas`, which is
//! in criterion, to compare a runtime with its own past. `calls` counts system calls, `lateness`
//! shows how exact sleeps are.
//!
//! A runtime that lacks what a scenario needs is left out of that row. [`floor`] takes part in the
//! echoes without being a runtime: it shows what the system alone costs.
//!
//! Rules for every measurement: two workers; a fresh runtime that is shut down afterwards, so that
//! the others are idle; set-up and warm-up are not timed.

#![forbid(unsafe_code)]

pub mod areas;
pub mod contest;
pub mod floor;
pub mod lateness;
pub mod peers;
pub mod sample;
pub mod scenarios;
pub mod strace;
pub mod table;
