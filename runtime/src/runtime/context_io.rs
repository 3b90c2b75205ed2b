//! The reactor that sources made on this thread register with.

use super::context;

/// The current reactor.
///
/// # Panics
///
/// Panics without a runtime, and if the runtime was built without I/O.
#[track_caller]
pub(crate) fn io_handle() -> io_driver::Handle {
    match context::with_handle(|handle| handle.driver().handle().io().cloned()) {
        Ok(Some(handle)) => handle,
        Ok(None) => panic!(
            "A Tokio 1.x context was found, but IO is disabled. Call `enable_io` on the runtime \
             builder to enable IO."
        ),
        Err(error) => panic!("{error}"),
    }
}
