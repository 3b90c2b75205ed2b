//! Channels and locks, polled by hand: `sync` needs no runtime.

mod auto_traits;
mod barrier;
mod broadcast;
mod channels;
mod condvar;
mod locks;
mod mpmc;
mod once;
mod rwlock;
mod sizes;
#[path = "../support/mod.rs"]
mod support;
mod watch;
