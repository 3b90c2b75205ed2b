//! Tasks: handles, sets, scopes, locals, panics and wakers.

mod cancellation;
mod combinations;
mod coop;
mod handles;
mod inherited;
mod join_set;
mod local_set;
mod locals;
mod panics;
mod scope;
#[path = "../support/mod.rs"]
mod support;
mod tracker;
mod wakers;
