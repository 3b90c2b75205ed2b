//! [`ctrl_c`]: the user's wish to end the program, on every system.

use std::io;

/// Completes when the process is interrupted: `SIGINT` on Unix, Ctrl-C on Windows.
///
/// Listening starts when the future is first polled, and from then on the process no longer ends
/// by itself at an interrupt, also after the future is gone. To see interrupts between two calls,
/// hold a `Signal` of `signal::unix` instead.
///
/// # Errors
///
/// Returns the system's error if the handler cannot be installed.
///
/// # Panics
///
/// Panics outside of a runtime, and if the runtime was built without I/O.
///
/// # Cancel safety
///
/// Cancel safe: an interrupt that comes after the future is dropped is lost.
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// let server = runtime::spawn(async { /* … */ });
/// runtime::signal::ctrl_c().await?;
/// server.abort();
/// # Ok(())
/// # }
/// ```
pub async fn ctrl_c() -> io::Result<()> {
    #[cfg(unix)]
    {
        let mut interrupts = super::unix::signal(super::unix::SignalKind::interrupt())?;
        interrupts.recv().await;
    }
    #[cfg(windows)]
    {
        let mut interrupts = super::windows::ctrl_c()?;
        interrupts.recv().await;
    }
    Ok(())
}
