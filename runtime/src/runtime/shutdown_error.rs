//! The error of what needs a runtime that has ended, and [`is_rt_shutdown_err`], which tells it
//! from others.

use std::{fmt, io};

/// What the error of something other than a socket holds.
#[derive(Debug)]
#[allow(dead_code, reason = "made by leaf modules")]
struct ShutDown;

impl fmt::Display for ShutDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "A Tokio 1.x context was found, but it is being shutdown. Finish what is to be done \
             before the runtime ends.",
        )
    }
}

impl std::error::Error for ShutDown {}

/// An error for which [`is_rt_shutdown_err`] is true.
#[allow(dead_code, reason = "made by leaf modules")]
pub(crate) fn shutdown_error() -> io::Error {
    io::Error::other(ShutDown)
}

/// Returns whether `error` says that the runtime of a socket, pipe, standard stream or the like
/// is gone.
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
    if io_driver::is_shutdown_error(error) {
        return true;
    }
    error.get_ref().is_some_and(|inner| inner.is::<ShutDown>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_runtime_is_one() {
        assert!(is_rt_shutdown_err(&shutdown_error()));
        assert_eq!(shutdown_error().kind(), io::ErrorKind::Other);
        let same_text = io::Error::other(ShutDown.to_string());
        assert!(!is_rt_shutdown_err(&same_text));
        assert!(!is_rt_shutdown_err(&io::ErrorKind::Other.into()));
    }
}
