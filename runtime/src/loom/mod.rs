//! The only module of this crate that knows about loom and shuttle; everyone else imports
//! `crate::loom`. This file chooses the arm.
//!
//! Three arms with the same names and signatures: `std.rs` (what users get), `loom.rs`
//! (`--cfg loom` with the feature `loom`), `shuttle.rs` (`--cfg shuttle` with the feature
//! `shuttle`). A user's own `--cfg loom` does not switch us, because the feature is missing.
//!
//! `UnsafeCell` has loom's closure interface in every arm, so that loom can watch accesses.
//! Under `--cfg runtime_tsan` `Arc` is our own (`tsan.rs`).
#![allow(unused_imports, dead_code)] // each arm offers the same names, used or not

/// Std's atomics in every arm, for statics and counters that order nothing: no checker needs to
/// see them, each would only multiply what it tries, and loom's have no constant constructor.
pub(crate) mod unordered {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
}

/// Std's pointer in every arm, for values of the process that are published once and stay.
pub(crate) mod published {
    pub(crate) use std::sync::atomic::{AtomicPtr, Ordering};
}

#[cfg(any(all(loom, feature = "loom"), all(shuttle, feature = "shuttle")))]
mod locks;
#[cfg(all(loom, feature = "loom"))]
#[allow(
    clippy::module_inception,
    reason = "an arm is named after what it wraps"
)]
mod loom;
#[cfg(all(shuttle, feature = "shuttle"))]
mod shuttle;
#[cfg(not(any(all(loom, feature = "loom"), all(shuttle, feature = "shuttle"))))]
mod std;
#[cfg(runtime_tsan)]
mod tsan;

#[cfg(all(loom, feature = "loom"))]
pub(crate) use self::loom::*;
#[cfg(all(shuttle, feature = "shuttle"))]
pub(crate) use self::shuttle::*;
#[cfg(not(any(all(loom, feature = "loom"), all(shuttle, feature = "shuttle"))))]
pub(crate) use self::std::*;

/// Declares a thread-local of the current arm; the initial value must be a constant.
macro_rules! local {
    ($(#[$attr:meta])* $vis:vis static $name:ident: $ty:ty = $init:expr) => {
        #[cfg(not(any(all(loom, feature = "loom"), all(shuttle, feature = "shuttle"))))]
        ::std::thread_local! { $(#[$attr])* $vis static $name: $ty = const { $init } }
        #[cfg(all(loom, feature = "loom"))]
        ::loom::thread_local! { $(#[$attr])* $vis static $name: $ty = $init }
        #[cfg(all(shuttle, feature = "shuttle"))]
        ::shuttle::thread_local! { $(#[$attr])* $vis static $name: $ty = $init }
    };
}
pub(crate) use local;

/// Declares a constructor that is `const` for users: the checkers' atomics have none.
macro_rules! const_fn {
    ($(#[$attr:meta])* $vis:vis const fn $name:ident $($rest:tt)*) => {
        #[cfg(not(any(all(loom, feature = "loom"), all(shuttle, feature = "shuttle"))))]
        $(#[$attr])*
        $vis const fn $name $($rest)*

        #[cfg(any(all(loom, feature = "loom"), all(shuttle, feature = "shuttle")))]
        $(#[$attr])*
        $vis fn $name $($rest)*
    };
}
pub(crate) use const_fn;

/// A size for users and a small one for models, so that these reach the rare paths.
pub(crate) const fn sized(normal: usize, model: usize) -> usize {
    if cfg!(any(
        all(loom, feature = "loom"),
        all(shuttle, feature = "shuttle")
    )) {
        model
    } else {
        normal
    }
}
