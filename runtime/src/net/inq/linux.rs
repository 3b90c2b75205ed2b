//! Asks Linux, by an option of the socket and a control message.
#![allow(unsafe_code)]

use super::policy::{Mode, Seen};
use crate::driver::evented::stream::{Left, Taken};
use crate::loom::sync::atomic::{AtomicU8, Ordering};
use libc::c_int;
use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// The option by which a kind of socket asks, and how the answer is marked.
#[derive(Clone, Copy, Debug)]
pub(in crate::net) struct InqOption {
    level: c_int,
    name: c_int,
    answer: c_int,
}

impl InqOption {
    pub(in crate::net) const TCP: InqOption = InqOption {
        level: libc::IPPROTO_TCP,
        name: libc::TCP_INQ,
        answer: libc::TCP_CM_INQ,
    };
    pub(in crate::net) const UNIX: InqOption = InqOption {
        level: libc::SOL_SOCKET,
        name: SO_INQ,
        answer: SO_INQ,
    };
}

/// Not in `libc` yet.
const SO_INQ: c_int = if cfg!(any(target_arch = "sparc", target_arch = "sparc64")) {
    0x5d
} else {
    84
};

/// The mark of a message whose number is a descriptor of a process. Not in `libc` either.
const SCM_PIDFD: c_int = 4;

/// Whether one socket asks: its [`Mode`], shared.
#[derive(Debug)]
pub(in crate::net) struct InqMode(AtomicU8);

impl InqMode {
    pub(in crate::net) fn new() -> Self {
        Self(AtomicU8::new(Mode::FIRST.bits()))
    }

    /// Switches to "never" (I1).
    pub(in crate::net) fn stop(&self, socket: &impl AsRawFd, option: InqOption) {
        let before = self.0.swap(Mode::Never.bits(), Ordering::AcqRel);
        if Mode::from_bits(before).may_be_on() {
            // Where switching it on had failed there is nothing to switch off.
            let _ = set_option(socket.as_raw_fd(), option, false);
        }
    }

    /// Reads, and asks if that has paid so far; else by `plain`.
    #[inline]
    pub(in crate::net) fn read(
        &self,
        socket: &impl AsRawFd,
        option: InqOption,
        buf: &mut [MaybeUninit<u8>],
        plain: impl FnOnce(&mut [MaybeUninit<u8>]) -> io::Result<Taken>,
    ) -> io::Result<Taken> {
        let before = Mode::from_bits(self.0.load(Ordering::Acquire));
        let room = buf.len();
        let outcome = if before.asks() && room > 0 {
            recvmsg(socket.as_raw_fd(), option, buf).map(|(taken, answered)| {
                if !answered {
                    // The system does not report, or something else.
                    self.stop(socket, option);
                }
                taken
            })
        } else {
            plain(buf)
        };
        let seen = match &outcome {
            Ok(_) if room == 0 => return outcome,
            Ok(taken) if taken.count == room => Seen::Full { left: taken.left },
            Ok(_) => Seen::Short,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Seen::Blocked,
            Err(_) => return outcome,
        };
        let after = before.after(seen);
        if after != before {
            self.change(socket, option, before, after);
        }
        outcome
    }

    /// Nothing if the mode is not `before` any more: then it was stopped, or somebody else read.
    fn change(&self, socket: &impl AsRawFd, option: InqOption, before: Mode, after: Mode) {
        let (old, new) = (before.bits(), after.bits());
        let changed = self
            .0
            .compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed);
        if changed.is_err() || before.asks() == after.asks() {
            return;
        }
        self.switch(socket, option, after.asks());
    }

    #[cold]
    fn switch(&self, socket: &impl AsRawFd, option: InqOption, on: bool) {
        let done = set_option(socket.as_raw_fd(), option, on);
        if on && done.is_err() {
            self.stop(socket, option);
        }
        let now = Mode::from_bits(self.0.load(Ordering::Acquire));
        if on && now == Mode::Never {
            // Stopped meanwhile: the last switch in the kernel has to be "off" (I3).
            let _ = set_option(socket.as_raw_fd(), option, false);
        }
    }
}

fn set_option(fd: RawFd, option: InqOption, on: bool) -> io::Result<()> {
    let value = c_int::from(on);
    // SAFETY: the pointer is to a `c_int` that outlives the call, and the length is its own.
    let outcome = unsafe {
        libc::setsockopt(
            fd,
            option.level,
            option.name,
            (&raw const value).cast(),
            size_of::<c_int>() as libc::socklen_t,
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
    number: c_int,
}

/// The length of the message in `Report`, without padding behind it, in which a second number
/// would have room.
const REPORT_LEN: usize = mem::offset_of!(Report, number) + size_of::<c_int>();

/// Reads and asks; also tells whether there was an answer.
fn recvmsg(fd: RawFd, option: InqOption, buf: &mut [MaybeUninit<u8>]) -> io::Result<(Taken, bool)> {
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
    message.msg_controllen = REPORT_LEN as _;
    // SAFETY: `message` names one piece, which is `buf`, and `report` as room for control
    // messages, each with its own length; all are writable and outlive the call.
    let count = unsafe { libc::recvmsg(fd, &raw mut message, libc::MSG_CMSG_CLOEXEC) };
    let Ok(count) = usize::try_from(count) else {
        return Err(io::Error::last_os_error());
    };
    let is_whole = message.msg_controllen as usize >= REPORT_LEN
        && report.header.cmsg_len as usize >= REPORT_LEN;
    let (level, kind) = (report.header.cmsg_level, report.header.cmsg_type);
    let left = if is_whole && (level, kind) == (option.level, option.answer) {
        match report.number {
            0 => Left::Nothing,
            _ => Left::Something,
        }
    } else {
        if is_whole
            && level == libc::SOL_SOCKET
            && matches!(kind, libc::SCM_RIGHTS | SCM_PIDFD)
            && report.number >= 0
        {
            // SAFETY: by I4 the kernel has just made this descriptor for us, and nobody else
            // knows its number.
            drop(unsafe { OwnedFd::from_raw_fd(report.number) });
        }
        // Perhaps: nobody knows, and the read may have stopped at what came with it.
        return Ok((
            Taken {
                count,
                left: Left::Something,
            },
            false,
        ));
    };
    Ok((Taken { count, left }, true))
}
