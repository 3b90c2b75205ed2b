//! [`is_rt_shutdown_err`]: telling the end of the runtime from other errors.

use std::io;

/// Returns whether `error` says that the runtime of a socket, pipe or the like is gone.
///
/// # Examples
///
/// ```
/// use runtime::runtime::is_rt_shutdown_err;
///
/// let error = std::io::Error::other("something else");
/// assert!(!is_rt_shutdown_err(&error));
/// ```
pub fn is_rt_shutdown_err(error: &io::Error) -> bool {
    #[cfg(feature = "net")]
    return io_driver::is_shutdown_error(error);
    #[cfg(not(feature = "net"))]
    {
        // Nothing that could say so is compiled in.
        let _ = error;
        false
    }
}
