//! What Linux answers from its caches: names, attributes and contents of regular files of local
//! file systems.
//!
//! - C1. A name is resolved with `RESOLVE_CACHED`: the kernel refuses with `EAGAIN` what would
//!   need the disk or another machine.
//! - C2. A file is first opened with `O_PATH`, which has no effect on it: the open of a FIFO waits
//!   for its other end or lets it go on, that of a device may rewind it. Only once it is known as
//!   a regular file of a local file system it is opened for reading.
//! - C3. Contents are read with `RWF_NOWAIT`: the kernel refuses with `EAGAIN` what is not in the
//!   page cache. Fewer bytes than asked for are not the end of the file; none are only if the
//!   position is at or behind the file's size (Linux 5.9 and 5.10 say 0 elsewhere too). A file
//!   that is open for direct reads is not asked: those wait for the device all the same.
//! - C4. Attributes of an open file of a local file system are in memory with its inode.
//!
//! A kernel before 5.12 knows no `RESOLVE_CACHED`, and a sandbox may forbid `openat2`: that is
//! remembered, and names are left to `offload` from then on.
//!
//! Not tried are writes: ext4 and tmpfs refuse `RWF_NOWAIT` for buffered writes (measured on
//! Linux 6.18), and where it works a promise that the caller gets at once would still wait for
//! the allocation of blocks.
//!
//! Sources: openat2(2), preadv2(2), open(2); io_uring opens files inline under C1.
#![allow(unsafe_code)]

use super::{Attempt, MOST_BYTES};
use crate::io_core::ReadBuf;
use crate::loom::unordered::{AtomicBool, Ordering};
use std::ffi::CString;
use std::fs::{File, Metadata};
use std::io::{self, SeekFrom};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Set once the system says that it knows no `openat2`, or none with `RESOLVE_CACHED`.
static IS_REFUSED: AtomicBool = AtomicBool::new(false);

/// File systems whose inodes and attributes are in memory when their names are (C2, C4): ext2 to
/// ext4, XFS, Btrfs, tmpfs, ramfs, overlayfs, F2FS, EROFS, SquashFS, ZFS, bcachefs. None that asks
/// another machine or a program.
const LOCAL: &[i64] = &[
    0xEF53,
    0x5846_5342,
    0x9123_683E,
    0x0102_1994,
    0x8584_58f6,
    0x794c_7630,
    0xF2F5_2010,
    0xE0F5_E1E2,
    0x7371_7368,
    0x2FC1_2FC1,
    0xCA45_1A4E,
];

/// What `open_how` of the kernel is.
#[repr(C)]
struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

const RESOLVE_CACHED: u64 = 0x20;

/// Opens `path` for reading if it is a regular file (C2).
pub(in crate::fs) fn open(path: &Path) -> Attempt<io::Result<File>> {
    attempt(|| {
        let (file, _status) = open_regular(path)?;
        // It was for the open alone, which else may wait for another program's lease.
        set_blocking(&file)?;
        Ok(file)
    })
}

/// Reads a regular file of at most [`MOST_BYTES`] that is cached as a whole.
pub(in crate::fs) fn read_whole(path: &Path) -> Attempt<io::Result<Vec<u8>>> {
    attempt(|| {
        let (file, size) = open_regular(path)?;
        if size > MOST_BYTES {
            return Err(Refusal::MightBlock);
        }
        let mut bytes = Vec::with_capacity(size);
        let count = read_now(&file, bytes.spare_capacity_mut())?;
        if count < size {
            return Err(Refusal::MightBlock);
        }
        // SAFETY: the call initialised so many bytes at the start of the capacity.
        unsafe { bytes.set_len(count) };
        Ok(bytes)
    })
}

/// The attributes of `path`, or of the link that it is if `follow` is false.
pub(in crate::fs) fn metadata(path: &Path, follow: bool) -> Attempt<io::Result<Metadata>> {
    attempt(|| {
        let place = File::from(open_path(path, follow)?);
        if !is_local(&place) {
            return Err(Refusal::MightBlock);
        }
        place.metadata().map_err(Refusal::from)
    })
}

/// Whether the operations of one open file may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fs) enum Tries {
    Unknown,
    /// A regular file of which the system refused nothing so far.
    Yes {
        /// Whether the kernel reads without waiting; it knows positions and sizes anyway.
        reads: bool,
    },
    No,
}

impl Tries {
    pub(in crate::fs) fn unknown() -> Self {
        Self::Unknown
    }

    /// Of a file that [`open`] opened.
    pub(in crate::fs) fn opened_at_once() -> Self {
        Self::Yes { reads: true }
    }

    /// Reads at the file's position what is cached.
    pub(in crate::fs) fn read(
        &mut self,
        file: &File,
        into: &mut ReadBuf<'_>,
    ) -> Attempt<io::Result<()>> {
        if into.remaining() > MOST_BYTES || !matches!(self.look(file), Self::Yes { reads: true }) {
            return Attempt::MightBlock;
        }
        // SAFETY: `read_now` only initialises bytes of the slice.
        let unfilled = unsafe { into.unfilled_mut() };
        match read_now(file, unfilled) {
            Ok(0) if !is_at_end(file) => Attempt::MightBlock,
            Ok(count) => {
                // SAFETY: the call initialised so many bytes at the start of the slice.
                unsafe { into.assume_init(count) };
                into.advance(count);
                Attempt::Done(Ok(()))
            }
            // Errors come from the offloaded operation, which may find none.
            Err(error) => {
                if !matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EINTR)) {
                    *self = Self::Yes { reads: false };
                }
                Attempt::MightBlock
            }
        }
    }

    /// Moves the file's position.
    pub(in crate::fs) fn seek(&mut self, file: &File, to: SeekFrom) -> Attempt<io::Result<u64>> {
        if !matches!(self.look(file), Self::Yes { .. }) {
            return Attempt::MightBlock;
        }
        let mut file = file;
        Attempt::Done(io::Seek::seek(&mut file, to))
    }

    /// The attributes of an open file.
    pub(in crate::fs) fn metadata(file: &File) -> Attempt<io::Result<Metadata>> {
        if is_local(file) {
            Attempt::Done(file.metadata())
        } else {
            Attempt::MightBlock
        }
    }

    /// Finds out once what kind of file it is: a regular one of a local file system.
    fn look(&mut self, file: &File) -> Self {
        if *self == Self::Unknown {
            let is_regular = || matches!(status(file.as_raw_fd()), Ok(it) if is_regular(&it));
            *self = if is_local(file) && is_regular() && !is_direct(file) {
                Self::Yes { reads: true }
            } else {
                Self::No
            };
        }
        *self
    }
}

/// Why something was not done at once.
enum Refusal {
    MightBlock,
    /// The name is known not to be there.
    NotFound,
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ENOENT) => Self::NotFound,
            _ => Self::MightBlock,
        }
    }
}

fn attempt<T>(f: impl FnOnce() -> Result<T, Refusal>) -> Attempt<io::Result<T>> {
    match f() {
        Ok(value) => Attempt::Done(Ok(value)),
        Err(Refusal::MightBlock) => Attempt::MightBlock,
        Err(Refusal::NotFound) => Attempt::Done(Err(io::Error::from_raw_os_error(libc::ENOENT))),
    }
}

/// Opens a regular file for reading, by C2, with its size.
fn open_regular(path: &Path) -> Result<(File, usize), Refusal> {
    let place = File::from(open_path(path, true)?);
    let expected = status(place.as_raw_fd())?;
    if !is_regular(&expected) || !is_local(&place) {
        return Err(Refusal::MightBlock);
    }
    let file = open_cached(path, libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY)?;
    let found = status(file.as_raw_fd())?;
    // Replaced in between: by what the offloaded operation will find.
    if (found.st_dev, found.st_ino) != (expected.st_dev, expected.st_ino) {
        return Err(Refusal::MightBlock);
    }
    let size = usize::try_from(found.st_size).unwrap_or(usize::MAX);
    Ok((file.into(), size))
}

/// Opens a place in the tree of names, with no effect on what is there.
fn open_path(path: &Path, follow: bool) -> Result<OwnedFd, Refusal> {
    let nofollow = if follow { 0 } else { libc::O_NOFOLLOW };
    open_cached(path, libc::O_PATH | nofollow)
}

fn open_cached(path: &Path, flags: libc::c_int) -> Result<OwnedFd, Refusal> {
    if IS_REFUSED.load(Ordering::Relaxed) {
        return Err(Refusal::MightBlock);
    }
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Refusal::MightBlock)?;
    let how = OpenHow {
        // No flag is the sign bit.
        flags: (flags | libc::O_CLOEXEC) as u64,
        mode: 0,
        resolve: RESOLVE_CACHED,
    };
    // SAFETY: the path ends with a zero, and `how` has the layout and size that are said.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_openat2,
            libc::AT_FDCWD,
            path.as_ptr(),
            &raw const how,
            size_of::<OpenHow>(),
        )
    };
    match RawFd::try_from(fd) {
        // SAFETY: the call returned a descriptor that nobody else has.
        Ok(fd @ 0..) => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => {
            let error = io::Error::last_os_error();
            // `EPERM` from a sandbox, `EINVAL` and `E2BIG` from an old kernel.
            let refused = [libc::ENOSYS, libc::EPERM, libc::EINVAL, libc::E2BIG];
            if refused.iter().any(|&it| error.raw_os_error() == Some(it)) {
                IS_REFUSED.store(true, Ordering::Relaxed);
            }
            Err(error.into())
        }
    }
}

fn status(fd: RawFd) -> io::Result<libc::stat64> {
    let mut status = MaybeUninit::uninit();
    // SAFETY: the call fills the structure.
    if unsafe { libc::fstat64(fd, status.as_mut_ptr()) } == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded.
    Ok(unsafe { status.assume_init() })
}

fn is_regular(status: &libc::stat64) -> bool {
    status.st_mode & libc::S_IFMT == libc::S_IFREG
}

fn is_local(file: &File) -> bool {
    let mut system = MaybeUninit::<libc::statfs64>::uninit();
    // SAFETY: the call fills the structure.
    if unsafe { libc::fstatfs64(file.as_raw_fd(), system.as_mut_ptr()) } == -1 {
        return false;
    }
    // SAFETY: the call succeeded.
    let system = unsafe { system.assume_init() };
    // The type's width and sign differ from machine to machine; the number has 32 bits.
    #[allow(clippy::unnecessary_cast, clippy::cast_lossless)]
    let kind = (system.f_type as i64) & 0xFFFF_FFFF;
    LOCAL.contains(&kind)
}

/// Whether reads go past the page cache: then they wait for the device whatever is asked.
fn is_direct(file: &File) -> bool {
    // SAFETY: reads the flags of an open descriptor.
    let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
    flags == -1 || flags & libc::O_DIRECT != 0
}

fn set_blocking(file: &File) -> io::Result<()> {
    // SAFETY: sets the flags of an open descriptor; a file opened for reading has no other.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFL, 0) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Reads at the file's position what is cached, and returns how many bytes it initialised.
fn read_now(file: &File, into: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
    let piece = libc::iovec {
        iov_base: into.as_mut_ptr().cast(),
        iov_len: into.len(),
    };
    // SAFETY: the one piece is the slice, which may be written.
    let count =
        unsafe { libc::preadv2(file.as_raw_fd(), &raw const piece, 1, -1, libc::RWF_NOWAIT) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

/// Whether the position is at or behind the end (C3).
fn is_at_end(mut file: &File) -> bool {
    let position = io::Seek::stream_position(&mut file);
    match (position, status(file.as_raw_fd())) {
        (Ok(position), Ok(status)) => {
            u64::try_from(status.st_size).is_ok_and(|size| position >= size)
        }
        _ => false,
    }
}
