//! Builder, handle, workers and shutdown: what holds for every task, whatever it waits for.

mod block_in_place;
mod blocked_worker;
mod build;
mod builder;
mod dump;
mod fairness;
mod faults;
mod forks;
mod hooks;
mod matrix;
mod metrics;
mod misuse;
mod sandboxes;
mod shutdown;
#[path = "../support/mod.rs"]
mod support;
