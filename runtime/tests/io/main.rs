//! Traits and combinators for streams of bytes, and `AsyncFd`.

mod adapters;
mod async_fd;
mod read;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod write;
