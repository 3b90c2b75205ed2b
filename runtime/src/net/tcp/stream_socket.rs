//! The socket under a [`TcpStream`](super::stream::TcpStream), and how it finds out whether a
//! read left anything behind.
//!
//! A read of fewer bytes than there was room for drained the socket. One that filled its buffer
//! exactly says nothing, so that the next read costs a system call that says `WouldBlock` and
//! nothing else: half of all reads where messages have a fixed length. Linux can tell (`TCP_INQ`):
//! `recvmsg` then reports, with the bytes, how many are left behind them. That call is dearer than
//! `recv`, so a socket asks only once it has shown that it pays.
//!
//! ```text
//!   watching ── one full, then `WouldBlock`, twice ──► asking ── 64 reads of no use ──► watching
//!      └───────────── descriptor shown, or the system cannot tell ─────────────┴──► never
//! ```
//!
//! I1. Nobody but this type sees the descriptor while it asks, and "never" is for ever. A program
//!     that has it could make the kernel report other things the same way: with TLS in the kernel
//!     `recvmsg` hands out what `recv` refuses. And its own `recvmsg` would meet our report.
//! I2. "Nothing left" is what the kernel saw after it had taken the bytes, late arrivals
//!     included; the end of the stream counts as one byte. What comes later causes an edge later
//!     than the event under which the read was made, hence of a newer tick, and a clear that names
//!     the old tick cannot lose it.
//! I3. `mode` is a hint for the reads, of which one at a time is usual: whoever loses a race
//!     changes nothing. Only "never" must not be lost. It is a swap; who switches the option on
//!     looks at `mode` again afterwards and takes it back, so of the two one comes last in the
//!     kernel and switches off.
//!
//! Rejected: reading into a longer buffer of our own (`into_std` and `peek` would miss bytes);
//! `FIONREAD` (a system call too); asking on each socket from the start (a call more per
//! connection, and a dearer one per read, where buffers are larger than messages).
//!
//! Source: Linux 4.18, the change "tcp: send in-queue bytes in cmsg upon read".
#![allow(unsafe_code)]

use crate::driver::evented::source_through;
use crate::driver::evented::stream::{ByteStream, Left, Taken};
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net;
use std::ops::Deref;

use self::sys::Asking;

/// A connected socket and what its reads have shown.
pub(super) struct StreamSocket {
    stream: mio::net::TcpStream,
    asking: Asking,
}

impl StreamSocket {
    /// A socket that the runtime made itself.
    pub(super) fn new(stream: mio::net::TcpStream) -> Self {
        Self {
            stream,
            asking: Asking::new(),
        }
    }

    /// A socket from elsewhere, of whose descriptor others may have a duplicate (I1).
    pub(super) fn shared(stream: mio::net::TcpStream) -> Self {
        let socket = Self::new(stream);
        socket.stop_asking();
        socket
    }

    /// To be called before the descriptor is shown to anybody (I1).
    pub(super) fn stop_asking(&self) {
        self.asking.stop(&self.stream);
    }
}

impl From<StreamSocket> for net::TcpStream {
    fn from(socket: StreamSocket) -> Self {
        socket.stop_asking();
        socket.stream.into()
    }
}

impl Deref for StreamSocket {
    type Target = mio::net::TcpStream;

    fn deref(&self) -> &mio::net::TcpStream {
        &self.stream
    }
}

source_through!(StreamSocket, |this| this.stream);

// SAFETY: `recv` and `recvmsg` return how many bytes they wrote to the beginning of the buffer.
unsafe impl ByteStream for StreamSocket {
    #[inline]
    fn read(&self, buf: &mut [MaybeUninit<u8>]) -> io::Result<Taken> {
        self.asking.read(&self.stream, buf)
    }

    fn read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let mut stream = &self.stream;
        io::Read::read_vectored(&mut stream, bufs)
    }

    #[inline]
    fn write(&self, buf: &[u8]) -> io::Result<usize> {
        let mut stream = &self.stream;
        io::Write::write(&mut stream, buf)
    }

    fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut stream = &self.stream;
        io::Write::write_vectored(&mut stream, bufs)
    }
}

impl fmt::Debug for StreamSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stream.fmt(f)
    }
}

/// Reads without asking what is left.
#[inline]
fn recv(stream: &mio::net::TcpStream, buf: &mut [MaybeUninit<u8>]) -> io::Result<Taken> {
    // Through `try_io`, which where events are emulated asks for the next one.
    let count = stream.try_io(|| socket2::SockRef::from(stream).recv(buf))?;
    Ok(Taken {
        count,
        left: Left::Unknown,
    })
}

#[cfg(not(target_os = "linux"))]
mod sys {
    use super::{MaybeUninit, Taken, io, recv};

    /// The system cannot tell what a read left behind.
    pub(super) struct Asking;

    impl Asking {
        pub(super) fn new() -> Self {
            Self
        }

        pub(super) fn stop(&self, _stream: &mio::net::TcpStream) {}

        pub(super) fn read(
            &self,
            stream: &mio::net::TcpStream,
            buf: &mut [MaybeUninit<u8>],
        ) -> io::Result<Taken> {
            recv(stream, buf)
        }
    }
}

#[cfg(target_os = "linux")]
mod sys {
    use super::super::asking::{Mode, Seen};
    use super::{Left, MaybeUninit, Taken, io, recv};
    use crate::loom::sync::atomic::{AtomicU8, Ordering};
    use std::mem;
    use std::os::fd::{AsRawFd, RawFd};

    /// The mode of one socket.
    pub(super) struct Asking(AtomicU8);

    impl Asking {
        pub(super) fn new() -> Self {
            Self(AtomicU8::new(Mode::FIRST.bits()))
        }

        /// Switches to "never" (I1).
        pub(super) fn stop(&self, stream: &mio::net::TcpStream) {
            let before = self.0.swap(Mode::Never.bits(), Ordering::AcqRel);
            if Mode::from_bits(before).may_be_on() {
                // Where switching it on had failed there is nothing to switch off.
                let _ = set_option(stream.as_raw_fd(), false);
            }
        }

        /// Reads, and asks if that has paid so far.
        #[inline]
        pub(super) fn read(
            &self,
            stream: &mio::net::TcpStream,
            buf: &mut [MaybeUninit<u8>],
        ) -> io::Result<Taken> {
            let before = Mode::from_bits(self.0.load(Ordering::Acquire));
            let room = buf.len();
            let outcome = if before.asks() && room > 0 {
                stream.try_io(|| recvmsg(stream.as_raw_fd(), buf))
            } else {
                recv(stream, buf)
            };
            let seen = match &outcome {
                Ok(_) if room == 0 => return outcome,
                Ok(taken) if before.asks() && taken.left == Left::Unknown => {
                    // The system does not report, or something else.
                    self.stop(stream);
                    return outcome;
                }
                Ok(taken) if taken.count == room => Seen::Full { left: taken.left },
                Ok(_) => Seen::Short,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Seen::Blocked,
                Err(_) => return outcome,
            };
            let after = before.after(seen);
            if after != before {
                self.change(stream, before, after);
            }
            outcome
        }

        fn change(&self, stream: &mio::net::TcpStream, before: Mode, after: Mode) {
            let (old, new) = (before.bits(), after.bits());
            let changed = self
                .0
                .compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed);
            if changed.is_err() || before.asks() == after.asks() {
                return;
            }
            self.switch(stream, after.asks());
        }

        #[cold]
        fn switch(&self, stream: &mio::net::TcpStream, on: bool) {
            let done = set_option(stream.as_raw_fd(), on);
            if on && done.is_err() {
                self.stop(stream);
            }
            let now = Mode::from_bits(self.0.load(Ordering::Acquire));
            if on && now == Mode::Never {
                // Stopped meanwhile: the last switch in the kernel has to be "off" (I3).
                let _ = set_option(stream.as_raw_fd(), false);
            }
        }
    }

    fn set_option(fd: RawFd, on: bool) -> io::Result<()> {
        let value = libc::c_int::from(on);
        // SAFETY: the pointer is to a `c_int` that outlives the call, and the length is its own.
        let outcome = unsafe {
            libc::setsockopt(
                fd,
                libc::IPPROTO_TCP,
                libc::TCP_INQ,
                (&raw const value).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        if outcome == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }

    /// Room for the one control message that is expected, laid out as the kernel does: its data
    /// follow the header, aligned as the header is.
    #[repr(C)]
    struct Report {
        header: libc::cmsghdr,
        left: libc::c_int,
    }

    /// The length of the message in `Report`, without padding behind it.
    const REPORT_LEN: usize = mem::offset_of!(Report, left) + size_of::<libc::c_int>();

    /// Reads and asks.
    fn recvmsg(fd: RawFd, buf: &mut [MaybeUninit<u8>]) -> io::Result<Taken> {
        let mut piece = libc::iovec {
            iov_base: buf.as_mut_ptr().cast(),
            iov_len: buf.len(),
        };
        // SAFETY: integers only, for which 0 is a value.
        let mut report: Report = unsafe { mem::zeroed() };
        // SAFETY: integers and pointers only, for which 0 is a value.
        let mut message: libc::msghdr = unsafe { mem::zeroed() };
        message.msg_iov = &raw mut piece;
        message.msg_iovlen = 1;
        message.msg_control = (&raw mut report).cast();
        message.msg_controllen = size_of::<Report>() as _;
        // SAFETY: `message` names one piece, which is `buf`, and `report` as room for control
        // messages, each with its own length; all are writable and outlive the call.
        let count = unsafe { libc::recvmsg(fd, &raw mut message, 0) };
        let Ok(count) = usize::try_from(count) else {
            return Err(io::Error::last_os_error());
        };
        let is_report = message.msg_controllen as usize >= REPORT_LEN
            && report.header.cmsg_len as usize >= REPORT_LEN
            && report.header.cmsg_level == libc::IPPROTO_TCP
            && report.header.cmsg_type == libc::TCP_CM_INQ;
        let left = match (is_report, report.left) {
            (false, _) => Left::Unknown,
            (true, 0) => Left::Nothing,
            (true, _) => Left::Something,
        };
        Ok(Taken { count, left })
    }
}
