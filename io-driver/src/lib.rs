//! Mio reactor.
