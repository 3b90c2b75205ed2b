//! The task's waker: a pointer to the header, one static vtable.
//! The invariants I1 to I7 are those of [`super`].
#![allow(unsafe_code)]

use super::header::Header;
use super::raw::{TaskRef, apply, drop_refs};
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::NonNull;
use std::task::{RawWaker, RawWakerVTable, Waker};

/// A waker for the time of one poll; it borrows the runner's reference.
pub(super) struct Borrowed<'a> {
    waker: ManuallyDrop<Waker>,
    _header: &'a Header,
}

pub(super) fn borrowed(header: &Header) -> Borrowed<'_> {
    // SAFETY: the vtable fits the pointer; `ManuallyDrop` keeps the uncounted reference from
    // being dropped.
    let waker = unsafe { Waker::from_raw(raw_waker(NonNull::from(header))) };
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

/// # Safety
///
/// See [`header_of`]; the waker's reference is used up.
unsafe fn drop_waker(data: *const ()) {
    // SAFETY: the caller's promise, passed on; a header pointer is never null.
    let raw = unsafe { NonNull::new_unchecked(data.cast_mut().cast::<Header>()) };
    drop_refs(raw, 1);
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
