//! Who is at the other end of a Unix stream.
//!
//! U1. The system's structures are plain integers, for which zero is a value, and the calls get
//!     their address and their size.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::BorrowedFd;

/// The type of a user's number.
#[allow(non_camel_case_types)]
pub type uid_t = u32;

/// The type of a group's number.
#[allow(non_camel_case_types)]
pub type gid_t = u32;

/// The type of a process's number.
#[allow(non_camel_case_types)]
pub type pid_t = i32;

/// The credentials of a process, as they were when it connected or listened.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub struct UCred {
    uid: uid_t,
    gid: gid_t,
    /// Not every system says.
    pid: Option<pid_t>,
}

impl UCred {
    /// The number of the user.
    pub fn uid(&self) -> uid_t {
        self.uid
    }

    /// The number of the group.
    pub fn gid(&self) -> gid_t {
        self.gid
    }

    /// The number of the process, where the system says.
    pub fn pid(&self) -> Option<pid_t> {
        self.pid
    }
}

/// The credentials of the peer of a connected socket (`SO_PEERCRED`).
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn of_peer(socket: BorrowedFd<'_>) -> io::Result<UCred> {
    // SAFETY: by U1.
    let mut found: libc::ucred = unsafe { std::mem::zeroed() };
    option(socket, libc::SOL_SOCKET, libc::SO_PEERCRED, &mut found)?;
    Ok(UCred {
        uid: found.uid,
        gid: found.gid,
        pid: Some(found.pid),
    })
}

/// The credentials of the peer of a connected socket (`getpeereid`).
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn of_peer(socket: BorrowedFd<'_>) -> io::Result<UCred> {
    use std::os::fd::AsRawFd;

    let (mut uid, mut gid) = (0, 0);
    // SAFETY: by U1.
    let outcome = unsafe { libc::getpeereid(socket.as_raw_fd(), &raw mut uid, &raw mut gid) };
    if outcome != 0 {
        return Err(io::Error::last_os_error());
    }
    let pid = pid_of_peer(socket);
    Ok(UCred { uid, gid, pid })
}

#[cfg(target_vendor = "apple")]
fn pid_of_peer(socket: BorrowedFd<'_>) -> Option<pid_t> {
    let mut pid: pid_t = 0;
    option(socket, libc::SOL_LOCAL, libc::LOCAL_PEERPID, &mut pid).ok()?;
    Some(pid)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn pid_of_peer(_socket: BorrowedFd<'_>) -> Option<pid_t> {
    None
}

/// Reads an option whose value is a `T` of integers (U1).
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn option<T>(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: &mut T,
) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    let size = size_of::<T>() as libc::socklen_t;
    let mut length = size;
    let fd = socket.as_raw_fd();
    // SAFETY: by U1; both pointers are to values that outlive the call.
    let outcome = unsafe {
        libc::getsockopt(
            fd,
            level,
            name,
            std::ptr::from_mut(value).cast(),
            &raw mut length,
        )
    };
    if outcome != 0 {
        return Err(io::Error::last_os_error());
    }
    if length != size {
        return Err(io::Error::other(
            "the system reports credentials of another size than it documents",
        ));
    }
    Ok(())
}
