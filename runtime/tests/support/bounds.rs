//! Bounds on hangs: a lost wake-up is one.

use super::quiet;
use std::io::Write;
use std::panic;
use std::sync::mpsc;
use std::time::Duration;

/// Ends the process if it is not dropped within a minute: a lost wake-up is a hang.
#[must_use]
pub(crate) struct HangBound(#[allow(dead_code)] mpsc::Sender<()>);

pub(crate) fn hang_bound() -> HangBound {
    let (alive, watched) = mpsc::channel();
    let name = std::thread::current().name().unwrap_or("?").to_owned();
    std::thread::spawn(move || {
        if watched.recv_timeout(Duration::from_secs(60)) == Err(mpsc::RecvTimeoutError::Timeout) {
            // Past the capture of the test's output, which would be lost.
            let _ = writeln!(std::io::stderr(), "`{name}` hangs");
            std::process::abort();
        }
    });
    HangBound(alive)
}

/// No test comes near it unless it hangs.
const HANG: Duration = Duration::from_secs(120);

/// Runs `test` on a thread; fails if it panics or hangs.
pub(crate) fn within_bound(test: impl FnOnce() + Send + 'static) {
    quiet();
    let (done, ended) = mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        test();
        drop(done);
    });
    // Nothing is ever sent: the sender goes when the test ends or unwinds.
    let hangs = ended.recv_timeout(HANG) == Err(mpsc::RecvTimeoutError::Timeout);
    assert!(!hangs, "the test hangs");
    if let Err(payload) = thread.join() {
        panic::resume_unwind(payload);
    }
}
