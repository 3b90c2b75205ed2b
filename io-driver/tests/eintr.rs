//! Waits that a signal interrupts. A binary of its own: it puts itself before libc's `epoll_wait`.
#![cfg(target_os = "linux")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use io_driver::{Driver, Turn, Wait};

static INTERRUPTIONS: AtomicUsize = AtomicUsize::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);

/// Is interrupted as often as `INTERRUPTIONS` says, then does what libc's does.
///
/// # Safety
///
/// As for `epoll_wait(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn epoll_wait(
    epoll: libc::c_int,
    events: *mut libc::epoll_event,
    capacity: libc::c_int,
    timeout: libc::c_int,
) -> libc::c_int {
    CALLS.fetch_add(1, Ordering::SeqCst);
    let interrupted = INTERRUPTIONS.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
        left.checked_sub(1)
    });
    if interrupted.is_ok() {
        // SAFETY: the call has no requirements.
        let errno = unsafe { libc::__errno_location() };
        // SAFETY: this thread's `errno` is valid as long as the thread, and ours to write.
        unsafe { errno.write(libc::EINTR) };
        return -1;
    }
    let no_mask = std::ptr::null::<libc::sigset_t>();
    // SAFETY: the caller keeps the contract of `epoll_wait`; without a mask this is the same call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_epoll_pwait,
            epoll,
            events,
            capacity,
            timeout,
            no_mask,
            size_of::<libc::c_ulong>(),
        )
    };
    result as libc::c_int
}

#[test]
fn an_interrupted_wait_is_an_empty_turn_and_loses_nothing() {
    let (mut driver, handle) = Driver::new(16).unwrap();
    handle.wake();
    INTERRUPTIONS.store(3, Ordering::SeqCst);
    for call in 1..=3 {
        assert_eq!(driver.turn(Wait::Forever).unwrap(), Turn::default());
        assert_eq!(CALLS.load(Ordering::SeqCst), call);
    }
    assert!(driver.turn(Wait::Forever).unwrap().woken_by_handle);

    // The armed timer survives an interruption of the wait it was armed for.
    let origin = Instant::now();
    let until_ns = 2_000_000;
    INTERRUPTIONS.store(2, Ordering::SeqCst);
    loop {
        let now_ns = origin.elapsed().as_nanos() as u64;
        if now_ns >= until_ns {
            break;
        }
        driver.turn(Wait::For { now_ns, until_ns }).unwrap();
    }
    assert_eq!(INTERRUPTIONS.load(Ordering::SeqCst), 0);
}
