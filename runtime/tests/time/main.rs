//! Timers, and the clock that tests pause.

mod interval;
mod pause;
mod sleep;
#[path = "../support/mod.rs"]
mod support;
mod timeout;
