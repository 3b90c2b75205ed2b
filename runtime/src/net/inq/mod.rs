//! How a stream socket finds out whether a read that filled its buffer left anything behind, in the
//! queue of input (the kernel calls what is left INQ).
//!
//! A read of fewer bytes than there was room for drained the socket. One that filled its buffer
//! exactly says nothing, so that the next read costs a system call that says `WouldBlock` and
//! nothing else: half of all reads where messages have a fixed length. Linux can tell (`TCP_INQ`,
//! and `SO_INQ` of Unix sockets): `recvmsg` then reports, with the bytes, how many are left behind
//! them. That is dearer than without a report, so a socket asks only once it has shown that it pays.
//!
//! ```text
//!   watching ── one full, then `WouldBlock`, twice ──► asking ── 64 reads of no use ──► watching
//!      └───────────── descriptor shown, or the system cannot tell ─────────────┴──► never
//! ```
//!
//! I1. Nobody but the socket's type sees the descriptor while it asks, and "never" is for ever. A
//!     program that has it could make the kernel report other things the same way: with TLS in the
//!     kernel `recvmsg` hands out what `recv` refuses. And its own `recvmsg` would meet our report.
//! I2. "Nothing left" is what the kernel saw after it had taken the bytes, late arrivals
//!     included. What comes later causes an edge later than the event under which the read was made,
//!     hence of a newer tick, and a clear that names the old tick cannot lose it. TCP counts the end
//!     of the stream as one byte. A Unix socket does not, and need not: an end before the event is
//!     in that event, which has a closed bit, with which nothing is cleared; a later one is an edge.
//! I3. `mode` is a hint for the reads, of which one at a time is usual: whoever loses a race
//!     changes nothing. Only "never" must not be lost. It is a swap; who switches the option on
//!     looks at `mode` again afterwards and takes it back, so of the two one comes last in the
//!     kernel and switches off.
//! I4. A peer may send descriptors over a Unix socket. A read without room for extras throws them
//!     away. One that asks has room for one number, and if that is a descriptor it is ours now: it is
//!     closed, and the socket asks no more.
//!
//! Rejected: reading into a longer buffer of our own (`into_std` and `peek` would miss bytes);
//! `FIONREAD` (a system call too); asking on each socket from the start (a call more per
//! connection, and a dearer one per read, where buffers are larger than messages).
//!
//! Sources: Linux 4.18, the change "tcp: send in-queue bytes in cmsg upon read"; Linux 6.17,
//! "af_unix: introduce SO_INQ".

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod policy;
#[cfg(not(target_os = "linux"))]
mod unsupported;

#[cfg(target_os = "linux")]
pub(super) use self::linux::{InqMode, InqOption};
#[cfg(not(target_os = "linux"))]
pub(super) use self::unsupported::{InqMode, InqOption};
