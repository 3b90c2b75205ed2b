//! Waiting for Ctrl-C, until the runtime has signals of its own.

use std::io;

/// Waits for Ctrl-C or a termination request. A second one ends the process at once.
#[cfg(unix)]
pub(crate) async fn interrupted() -> io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    let (mut receiver, sender) = UnixStream::pair()?;
    let seen = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag clear and sets it.
        signal_hook::flag::register_conditional_shutdown(signal, 130, seen.clone())?;
        signal_hook::flag::register(signal, seen.clone())?;
        signal_hook::low_level::pipe::register(signal, sender.try_clone()?)?;
    }
    // The read blocks its thread, so it has one for such calls.
    runtime::spawn_blocking(move || receiver.read_exact(&mut [0])).await?
}

/// Without signals the process serves until it is ended from outside.
#[cfg(not(unix))]
pub(crate) async fn interrupted() -> io::Result<()> {
    std::future::pending().await
}
