//! `select!`, `join!` and `try_join!`: `macro_rules!` shells around the expanders of the macros
//! crate, and what expansions refer to.
//!
//! A shell exists because only `macro_rules!` has `$crate`: it hands the path of this crate on to
//! the expander, so that a call works under whatever name the caller imports us, and through
//! re-exports. Everything else that an expansion names is in [`support`].
//!
//! Rejected: `macro_rules!` all the way. Their branch counters cap the number of branches, and
//! their errors speak of our internals.

mod join;
mod select;
#[doc(hidden)]
pub mod support;
