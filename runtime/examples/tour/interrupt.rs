//! Waiting for Ctrl-C.

use std::io;

/// Waits for Ctrl-C or a termination request. A second one ends the process at once.
#[cfg(unix)]
pub(crate) async fn interrupted() -> io::Result<()> {
    use runtime::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    runtime::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    runtime::spawn(async move {
        runtime::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        std::process::exit(130);
    });
    Ok(())
}

/// Without Unix signals there is Ctrl-C alone.
#[cfg(not(unix))]
pub(crate) async fn interrupted() -> io::Result<()> {
    runtime::signal::ctrl_c().await
}
