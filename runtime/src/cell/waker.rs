//! The task's waker: a pointer to the header, and a static vtable, one of two.
//! The invariants I1 to I7 are those of [`super`].
#![allow(unsafe_code)]

use super::header::Header;
use super::raw::{TaskRef, apply, drop_refs};
use crate::util::bomb::contain;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::NonNull;
use std::task::{RawWaker, RawWakerVTable, Waker};

/// A waker for the time of one poll; it borrows the runner's reference.
pub(super) struct Borrowed<'a> {
    waker: ManuallyDrop<Waker>,
    _header: &'a Header,
}

/// # Safety
///
/// The caller set `RUNNING`, and the task is not complete (I9).
pub(super) unsafe fn borrowed(header: &Header) -> Borrowed<'_> {
    // SAFETY: the caller's promise, passed on.
    let vtable = match unsafe { header.is_watched() } {
        true => &WATCHED,
        false => &VTABLE,
    };
    let pointer = NonNull::from(header).as_ptr().cast_const().cast();
    // SAFETY: both vtables fit the pointer; `ManuallyDrop` keeps the uncounted reference from
    // being dropped.
    let waker = unsafe { Waker::from_raw(RawWaker::new(pointer, vtable)) };
    Borrowed {
        waker: ManuallyDrop::new(waker),
        _header: header,
    }
}

impl Deref for Borrowed<'_> {
    type Target = Waker;

    fn deref(&self) -> &Waker {
        &self.waker
    }
}

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

fn raw_waker(header: NonNull<Header>) -> RawWaker {
    RawWaker::new(header.as_ptr().cast_const().cast(), &VTABLE)
}

/// # Safety
///
/// `data` came from [`raw_waker`], and the waker it belongs to is alive.
unsafe fn header_of<'a>(data: *const ()) -> &'a Header {
    // SAFETY: a waker owns or borrows a reference, so the cell is alive (I6).
    unsafe { &*data.cast::<Header>() }
}

/// # Safety
///
/// See [`header_of`].
unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: the caller's promise, passed on.
    let header = unsafe { header_of(data) };
    header.state.ref_inc();
    raw_waker(NonNull::from(header))
}

/// # Safety
///
/// See [`header_of`]; the waker's reference is used up.
unsafe fn wake(data: *const ()) {
    // SAFETY: the caller's promise, passed on; a header pointer is never null.
    let raw = unsafe { NonNull::new_unchecked(data.cast_mut().cast::<Header>()) };
    // SAFETY: the waker's reference lasts until this update (I6).
    let action = unsafe { raw.as_ref() }.state.wake_by_value();
    apply(raw, action);
}

/// # Safety
///
/// See [`header_of`].
unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: the caller's promise, passed on.
    let header = unsafe { header_of(data) };
    let action = header.state.wake_by_ref();
    apply(NonNull::from(header), action);
}

/// Drops a waker that others made; a panic of its drop is contained, so that the caller's own
/// reference is always given back.
pub(super) fn discard_waker(waker: Option<Waker>) {
    contain(move || drop(waker));
}

/// # Safety
///
/// See [`header_of`]; the waker's reference is used up.
unsafe fn drop_waker(data: *const ()) {
    // SAFETY: the caller's promise, passed on; a header pointer is never null.
    let raw = unsafe { NonNull::new_unchecked(data.cast_mut().cast::<Header>()) };
    drop_refs(raw, 1);
}

/// That of tasks with a span of their own (O1 of [`super::context`]): each function tells what is about
/// to happen, then does it.
static WATCHED: RawWakerVTable = RawWakerVTable::new(
    clone_watched,
    wake_watched,
    wake_by_ref_watched,
    drop_watched,
);

/// Tells what is about to be done with a waker. Runs code of the subscriber.
///
/// # Safety
///
/// See [`header_of`]; the task is watched.
unsafe fn tell(data: *const (), op: &'static str) {
    // SAFETY: the caller's promise, passed on.
    let header = unsafe { header_of(data) };
    // SAFETY: by I6 the waker has a reference, and the task is watched.
    if let Some(span) = unsafe { header.span_id() } {
        span.waker(op);
    }
}

/// A waker's work, done on drop: a subscriber that panics loses no wake and no reference.
struct Finish(unsafe fn(*const ()), *const ());

impl Drop for Finish {
    fn drop(&mut self) {
        // SAFETY: made by the functions below, for the data that they were given, which they use once.
        unsafe { (self.0)(self.1) };
    }
}

/// # Safety
///
/// As [`clone`]; the task is watched.
unsafe fn clone_watched(data: *const ()) -> RawWaker {
    // SAFETY: the caller's promise, passed on.
    unsafe { tell(data, "waker.clone") };
    // SAFETY: as above.
    let _unwatched = unsafe { clone(data) };
    RawWaker::new(data, &WATCHED)
}

/// # Safety
///
/// As [`wake`]; the task is watched.
unsafe fn wake_watched(data: *const ()) {
    let _finish = Finish(wake, data);
    // SAFETY: the caller's promise, passed on.
    unsafe { tell(data, "waker.wake") };
}

/// # Safety
///
/// As [`wake_by_ref`]; the task is watched.
unsafe fn wake_by_ref_watched(data: *const ()) {
    let _finish = Finish(wake_by_ref, data);
    // SAFETY: the caller's promise, passed on.
    unsafe { tell(data, "waker.wake_by_ref") };
}

/// # Safety
///
/// As [`drop_waker`]; the task is watched.
unsafe fn drop_watched(data: *const ()) {
    let _finish = Finish(drop_waker, data);
    // SAFETY: the caller's promise, passed on.
    unsafe { tell(data, "waker.drop") };
}

impl TaskRef {
    /// A waker that owns this reference.
    #[allow(dead_code, reason = "for models")]
    pub(crate) fn into_waker(self) -> Waker {
        let raw = raw_waker(self.into_raw());
        // SAFETY: the vtable fits the pointer, and the reference goes with it.
        unsafe { Waker::from_raw(raw) }
    }
}
