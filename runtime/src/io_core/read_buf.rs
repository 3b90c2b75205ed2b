//! A byte buffer that is filled step by step and need not be initialised before.
//!
//! ```text
//! [             capacity              ]
//! [ filled | unfilled                 ]
//! [     initialised     | not yet     ]
//! ```
//!
//! I1. `filled <= initialized <= buf.len()`.
//! I2. `buf[..initialized]` is initialised, and nothing here makes a byte uninitialised again.
//!
//! I2 rests on the callers of the unsafe methods that hand out `MaybeUninit` bytes: they
//! promise not to write uninitialised ones.
#![allow(unsafe_code)]

use super::AsyncBufRead;
use bytes::BufMut;
use bytes::buf::UninitSlice;
use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The buffer that a reader fills, with the knowledge of which bytes are initialised.
///
/// It has three parts that may be empty: bytes filled with data, bytes initialised but not
/// filled, and bytes that are neither. So a reader can be given fresh memory without paying
/// for zeroes first.
///
/// # Examples
///
/// ```
/// use runtime::io::ReadBuf;
///
/// let mut storage = [0; 8];
/// let mut buf = ReadBuf::new(&mut storage);
/// buf.put_slice(b"abc");
/// assert_eq!(buf.filled(), b"abc");
/// assert_eq!(buf.remaining(), 5);
/// ```
pub struct ReadBuf<'a> {
    buf: &'a mut [MaybeUninit<u8>],
    filled: usize,
    initialized: usize,
}

/// # Safety
///
/// Every byte of `bytes` is initialised.
unsafe fn assume_init_ref(bytes: &[MaybeUninit<u8>]) -> &[u8] {
    // SAFETY: `MaybeUninit<u8>` has the layout of `u8`, and the caller says that the bytes are
    // initialised.
    unsafe { &*(std::ptr::from_ref(bytes) as *const [u8]) }
}

/// # Safety
///
/// Every byte of `bytes` is initialised.
unsafe fn assume_init_mut(bytes: &mut [MaybeUninit<u8>]) -> &mut [u8] {
    // SAFETY: as in `assume_init_ref`; `u8` has no invalid values to write.
    unsafe { &mut *(std::ptr::from_mut(bytes) as *mut [u8]) }
}

/// # Safety
///
/// Nobody writes uninitialised bytes through the result.
unsafe fn as_uninit(bytes: &mut [u8]) -> &mut [MaybeUninit<u8>] {
    // SAFETY: `MaybeUninit<u8>` has the layout of `u8`, and the caller keeps the bytes
    // initialised.
    unsafe { &mut *(std::ptr::from_mut(bytes) as *mut [MaybeUninit<u8>]) }
}

impl<'a> ReadBuf<'a> {
    /// Makes a buffer of initialised bytes; none are filled.
    #[inline]
    pub fn new(buf: &'a mut [u8]) -> Self {
        let initialized = buf.len();
        // SAFETY: by I2 nothing makes a byte of `buf` uninitialised.
        let buf = unsafe { as_uninit(buf) };
        Self {
            buf,
            filled: 0,
            initialized,
        }
    }

    /// Makes a buffer of bytes of which none counts as initialised.
    #[inline]
    pub fn uninit(buf: &'a mut [MaybeUninit<u8>]) -> Self {
        Self {
            buf,
            filled: 0,
            initialized: 0,
        }
    }

    /// The whole size in bytes.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.buf.len()
    }

    /// The filled part.
    #[inline]
    pub fn filled(&self) -> &[u8] {
        // SAFETY: by I1 the filled part is within what I2 says is initialised.
        unsafe { assume_init_ref(&self.buf[..self.filled]) }
    }

    /// The filled part, to change.
    #[inline]
    pub fn filled_mut(&mut self) -> &mut [u8] {
        // SAFETY: by I1 the filled part is within what I2 says is initialised.
        unsafe { assume_init_mut(&mut self.buf[..self.filled]) }
    }

    /// Lends at most `n` bytes of the unfilled part as a buffer of its own.
    ///
    /// This buffer does not see what is filled there: call [`assume_init`](Self::assume_init)
    /// and [`advance`](Self::advance) afterwards.
    #[inline]
    pub fn take(&mut self, n: usize) -> ReadBuf<'_> {
        let end = self.filled + n.min(self.remaining());
        let initialized = self.initialized.min(end) - self.filled;
        ReadBuf {
            buf: &mut self.buf[self.filled..end],
            filled: 0,
            initialized,
        }
    }

    /// The initialised part, which begins with the filled one.
    #[inline]
    pub fn initialized(&self) -> &[u8] {
        // SAFETY: by I2.
        unsafe { assume_init_ref(&self.buf[..self.initialized]) }
    }

    /// The initialised part, to change.
    #[inline]
    pub fn initialized_mut(&mut self) -> &mut [u8] {
        // SAFETY: by I2.
        unsafe { assume_init_mut(&mut self.buf[..self.initialized]) }
    }

    /// The whole buffer, filled or not.
    ///
    /// # Safety
    ///
    /// Do not make an initialised byte uninitialised.
    #[inline]
    pub unsafe fn inner_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        self.buf
    }

    /// The part that is not filled, initialised or not.
    ///
    /// # Safety
    ///
    /// Do not make an initialised byte uninitialised.
    #[inline]
    pub unsafe fn unfilled_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        &mut self.buf[self.filled..]
    }

    /// The part that is not filled, after zeroing what is not initialised.
    #[inline]
    pub fn initialize_unfilled(&mut self) -> &mut [u8] {
        self.initialize_unfilled_to(self.remaining())
    }

    /// The first `n` bytes that are not filled, after zeroing what is not initialised.
    ///
    /// # Panics
    ///
    /// Panics if fewer than `n` bytes remain.
    #[inline]
    #[track_caller]
    pub fn initialize_unfilled_to(&mut self, n: usize) -> &mut [u8] {
        assert!(self.remaining() >= n, "n overflows remaining");
        let end = self.filled + n;
        if self.initialized < end {
            self.buf[self.initialized..end].fill(MaybeUninit::new(0));
            self.initialized = end;
        }
        // SAFETY: by I2, as `end <= initialized` now.
        unsafe { assume_init_mut(&mut self.buf[self.filled..end]) }
    }

    /// How many bytes are not filled.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.capacity() - self.filled
    }

    /// Makes the filled part empty; what is initialised stays so.
    #[inline]
    pub fn clear(&mut self) {
        self.filled = 0;
    }

    /// Makes the filled part longer by `n` bytes that are initialised already.
    ///
    /// # Panics
    ///
    /// Panics if they are not.
    #[inline]
    #[track_caller]
    pub fn advance(&mut self, n: usize) {
        let filled = self.filled.checked_add(n).expect("filled overflow");
        self.set_filled(filled);
    }

    /// Makes the filled part exactly `n` bytes long; it may shrink.
    ///
    /// # Panics
    ///
    /// Panics if it would get longer than the initialised part.
    #[inline]
    #[track_caller]
    pub fn set_filled(&mut self, n: usize) {
        assert!(
            n <= self.initialized,
            "filled must not become larger than initialized"
        );
        self.filled = n;
    }

    /// Says that the first `n` bytes after the filled part are initialised.
    ///
    /// # Safety
    ///
    /// They are.
    #[inline]
    pub unsafe fn assume_init(&mut self, n: usize) {
        let end = self.filled + n;
        debug_assert!(
            end <= self.capacity(),
            "more bytes initialised than there are"
        );
        self.initialized = self.initialized.max(end);
    }

    /// Appends `buf` to the filled part.
    ///
    /// # Panics
    ///
    /// Panics if fewer than `buf.len()` bytes remain.
    #[inline]
    #[track_caller]
    pub fn put_slice(&mut self, buf: &[u8]) {
        assert!(
            self.remaining() >= buf.len(),
            "buf.len() must fit in remaining(); buf.len() = {}, remaining() = {}",
            buf.len(),
            self.remaining()
        );
        let end = self.filled + buf.len();
        let target = self.buf[self.filled..end].as_mut_ptr().cast::<u8>();
        // SAFETY: the target is `buf.len()` bytes long, and borrowed exclusively by `self`, so
        // it does not overlap `buf`.
        unsafe { target.copy_from_nonoverlapping(buf.as_ptr(), buf.len()) };
        self.initialized = self.initialized.max(end);
        self.filled = end;
    }
}

// SAFETY: `chunk_mut` is the unfilled part and `advance_mut` moves within it.
unsafe impl BufMut for ReadBuf<'_> {
    fn remaining_mut(&self) -> usize {
        self.remaining()
    }

    unsafe fn advance_mut(&mut self, count: usize) {
        // SAFETY: the caller initialised `count` bytes of `chunk_mut`.
        unsafe { self.assume_init(count) };
        self.advance(count);
    }

    fn chunk_mut(&mut self) -> &mut UninitSlice {
        UninitSlice::uninit(&mut self.buf[self.filled..])
    }
}

impl fmt::Debug for ReadBuf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadBuf")
            .field("filled", &self.filled)
            .field("initialized", &self.initialized)
            .field("capacity", &self.capacity())
            .finish()
    }
}

/// A reader's answer, seen by those who gave it memory.
type PollRead = Poll<io::Result<()>>;

/// Panics unless `buf`, after a reader had it, is still the memory at `start`.
///
/// The bytes behind a buffer that is given to a reader. It can put another `ReadBuf` in the place of
/// ours, and its filled count would then say nothing about our bytes. The start alone does not tell:
/// a buffer without room has that of the memory behind it.
pub(super) struct Memory {
    start: *const u8,
    capacity: usize,
}

impl Memory {
    #[inline]
    pub(super) fn of(buf: &ReadBuf<'_>) -> Self {
        Self {
            start: buf.filled().as_ptr(),
            capacity: buf.capacity(),
        }
    }

    /// # Panics
    ///
    /// Panics if `buf` is another one.
    #[inline]
    #[track_caller]
    pub(super) fn assert_same(&self, buf: &ReadBuf<'_>) {
        assert!(
            self.start == buf.filled().as_ptr() && self.capacity == buf.capacity(),
            "the reader replaced the buffer it was given"
        );
    }
}

/// Lets `read` fill the next chunk of `target` and returns how many bytes it appended.
#[inline]
pub(crate) fn fill_buf_mut<B: BufMut + ?Sized>(
    target: &mut B,
    read: impl FnOnce(&mut ReadBuf<'_>) -> PollRead,
) -> Poll<io::Result<usize>> {
    let count = {
        let chunk = target.chunk_mut();
        // SAFETY: only a `ReadBuf` sees these bytes, which writes no uninitialised ones (I2).
        let chunk = unsafe { chunk.as_uninit_slice_mut() };
        let mut buf = ReadBuf::uninit(chunk);
        let memory = Memory::of(&buf);
        std::task::ready!(read(&mut buf))?;
        memory.assert_same(&buf);
        buf.filled().len()
    };
    // SAFETY: by I1 and I2 the first `count` bytes of the chunk, which is still the same
    // memory, are initialised.
    unsafe { target.advance_mut(count) };
    Poll::Ready(Ok(count))
}

/// Lets `read` fill at most `limit` bytes of the unfilled part of `target` and returns how
/// many it appended.
pub(super) fn fill_limited(
    target: &mut ReadBuf<'_>,
    limit: usize,
    read: impl FnOnce(&mut ReadBuf<'_>) -> PollRead,
) -> Poll<io::Result<usize>> {
    let mut part = target.take(limit);
    let memory = Memory::of(&part);
    let outcome = read(&mut part);
    memory.assert_same(&part);
    let (initialized, count) = (part.initialized, part.filled);
    // SAFETY: `part` is the beginning of the unfilled part, and by I2 so many of its bytes are
    // initialised.
    unsafe { target.assume_init(initialized) };
    std::task::ready!(outcome)?;
    target.advance(count);
    Poll::Ready(Ok(count))
}

/// Polls for the buffer of the reader in `slot`; with the answer the reader is gone from it.
///
/// The borrow checker does not see that a slice may be returned in one branch and the reader
/// put back in another; asking twice could find the second answer pending.
pub(super) fn poll_fill_buf_once<'a, R>(
    slot: &mut Option<&'a mut R>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<&'a [u8]>>
where
    R: AsyncBufRead + Unpin + ?Sized,
{
    let reader = slot.take().expect("polled after completion");
    let lent = match Pin::new(&mut *reader).poll_fill_buf(cx) {
        Poll::Ready(outcome) => outcome?,
        Poll::Pending => {
            *slot = Some(reader);
            return Poll::Pending;
        }
    };
    // SAFETY: the bytes are borrowed from `*reader`, which is borrowed for `'a`, and that
    // reference is given up here: nobody can use it while the bytes live.
    let lent: &'a [u8] = unsafe { &*std::ptr::from_ref(lent) };
    Poll::Ready(Ok(lent))
}

/// The two ways to hold the vector that [`Growing`] fills.
pub(super) trait OneVec {
    /// The same vector each time.
    fn vec(&mut self) -> &mut Vec<u8>;
}

impl OneVec for Vec<u8> {
    fn vec(&mut self) -> &mut Vec<u8> {
        self
    }
}

impl OneVec for &mut Vec<u8> {
    fn vec(&mut self) -> &mut Vec<u8> {
        self
    }
}

/// A vector that readers append to, with the knowledge of how far its spare capacity is
/// initialised.
///
/// I3. The bytes of the allocation before `initialized_end` are initialised: nobody else has
/// the vector meanwhile, and growing it resets the number.
///
/// Without it a reader that wants initialised memory would zero the same bytes at each call.
#[derive(Debug)]
pub(super) struct Growing<V> {
    holder: V,
    initialized_end: usize,
}

impl<V: OneVec> Growing<V> {
    pub(super) fn new(holder: V) -> Self {
        Self {
            holder,
            initialized_end: 0,
        }
    }

    pub(super) fn len(&mut self) -> usize {
        self.holder.vec().len()
    }

    pub(super) fn capacity(&mut self) -> usize {
        self.holder.vec().capacity()
    }

    pub(super) fn spare(&mut self) -> usize {
        self.capacity() - self.len()
    }

    /// Makes room for `count` bytes.
    pub(super) fn reserve(&mut self, count: usize) {
        if self.spare() < count {
            self.initialized_end = 0;
            self.holder.vec().reserve(count);
        }
    }

    /// Appends bytes, growing as needed.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.holder.vec().extend_from_slice(bytes);
    }

    /// Takes the vector out of an owning holder.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.initialized_end = 0;
        std::mem::take(self.holder.vec())
    }

    /// Lets `read` append to the spare capacity and returns how many bytes it appended.
    pub(super) fn fill(
        &mut self,
        read: impl FnOnce(&mut ReadBuf<'_>) -> PollRead,
    ) -> Poll<io::Result<usize>> {
        let vec = self.holder.vec();
        let len = vec.len();
        let mut buf = ReadBuf::uninit(vec.spare_capacity_mut());
        // SAFETY: by I3.
        unsafe { buf.assume_init(self.initialized_end.saturating_sub(len)) };
        let memory = Memory::of(&buf);
        let outcome = read(&mut buf);
        memory.assert_same(&buf);
        let count = buf.filled;
        self.initialized_end = len + buf.initialized;
        std::task::ready!(outcome)?;
        // SAFETY: by I1 and I2 `count` bytes after the old length are initialised, and they
        // are within the capacity.
        unsafe { vec.set_len(len + count) };
        Poll::Ready(Ok(count))
    }
}
