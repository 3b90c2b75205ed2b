//! A resolver that does not answer: it holds up neither the end of a runtime nor the next lookup.
//!
//! The resolver is a function of this file, which the linker takes before the system's; it blocks
//! for one name until it is released.
#![cfg(target_os = "linux")]

use runtime::net::lookup_host;
use runtime::runtime::{Builder, Runtime};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// Nothing here takes long; a test that waits this long hangs.
const HANG: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Resolver {
    blocked: usize,
    released: bool,
}

static RESOLVER: Mutex<Resolver> = Mutex::new(Resolver {
    blocked: 0,
    released: false,
});
static CHANGED: Condvar = Condvar::new();

/// `EAI_FAIL`.
const FAILURE: c_int = -4;

/// The system's resolver, as far as std calls it.
///
/// # Safety
///
/// `node` is null or a C string, as libc asks of its callers.
#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    _service: *const c_char,
    _hints: *const c_void,
    _result: *mut *mut c_void,
) -> c_int {
    assert!(!node.is_null(), "std always gives a name");
    // SAFETY: not null, so a C string by the contract.
    let name = unsafe { CStr::from_ptr(node) };
    if name == c"stuck.invalid" {
        let mut resolver = RESOLVER.lock().unwrap();
        resolver.blocked += 1;
        drop(
            CHANGED
                .wait_while(resolver, |resolver| !resolver.released)
                .unwrap(),
        );
    }
    FAILURE
}

/// Yields, so that the task that looks up is polled on this thread too.
async fn wait_until_blocked(count: usize) {
    let start = Instant::now();
    while RESOLVER.lock().unwrap().blocked < count {
        assert!(start.elapsed() < HANG, "the lookup did not begin");
        runtime::task::yield_now().await;
    }
}

/// One test, because the resolver is one for the process.
#[test]
fn a_lookup_in_flight_holds_up_neither_shutdown_nor_others() {
    let multi = Runtime::new().unwrap();
    let current = Builder::new_current_thread().enable_all().build().unwrap();
    for (nth, runtime) in [multi, current].into_iter().enumerate() {
        let lookup = runtime.spawn(async { lookup_host("stuck.invalid:80").await.map(drop) });
        runtime.block_on(async {
            wait_until_blocked(nth + 1).await;
            let other = lookup_host(("fails.invalid", 80)).await;
            assert!(other.is_err(), "its error comes although another is stuck");
        });
        assert!(!lookup.is_finished());
        drop(runtime); // It would wait for ever.
        let gone = output_of(lookup);
        assert!(gone.unwrap_err().is_cancelled());
    }
    RESOLVER.lock().unwrap().released = true;
    CHANGED.notify_all();
}

/// The handle of a task whose runtime is gone is ready.
fn output_of<F: Future>(future: F) -> F::Output {
    use std::task::{Context, Poll, Waker};
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the task is still there"),
    }
}
