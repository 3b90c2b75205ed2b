//! Errors of [`time`](crate::time).

use std::fmt;

/// Why a timer failed. Kept for code that names it: no function of this crate returns one.
#[derive(Clone, Copy, Debug)]
pub struct Error(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Shutdown,
    AtCapacity,
    Invalid,
}

impl Error {
    /// The runtime that holds the timer is shut down.
    pub fn shutdown() -> Self {
        Self(Kind::Shutdown)
    }

    /// Returns whether the runtime was shut down.
    pub fn is_shutdown(&self) -> bool {
        self.0 == Kind::Shutdown
    }

    /// No more timers can be made.
    pub fn at_capacity() -> Self {
        Self(Kind::AtCapacity)
    }

    /// Returns whether there were too many timers; some must end first.
    pub fn is_at_capacity(&self) -> bool {
        self.0 == Kind::AtCapacity
    }

    /// The deadline cannot be represented.
    pub fn invalid() -> Self {
        Self(Kind::Invalid)
    }

    /// Returns whether the deadline could not be represented.
    pub fn is_invalid(&self) -> bool {
        self.0 == Kind::Invalid
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Shutdown => {
                "the timer is shutdown, must be called from the context of Tokio runtime"
            }
            Kind::AtCapacity => "timer is at capacity and cannot create a new entry",
            Kind::Invalid => "timer duration exceeds maximum duration",
        })
    }
}

impl std::error::Error for Error {}

/// The deadline passed before the future was ready; from [`timeout`](crate::time::timeout).
///
/// # Examples
///
/// ```
/// use runtime::time::{self, Duration};
///
/// # let rt = runtime::runtime::Builder::new_current_thread().enable_time().build().unwrap();
/// # rt.block_on(async {
/// let error = time::timeout(Duration::ZERO, std::future::pending::<()>()).await.unwrap_err();
/// assert_eq!(error.to_string(), "deadline has elapsed");
/// # });
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl Elapsed {
    pub(crate) fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl std::error::Error for Elapsed {}

/// The bare kind, as the system's own time-outs give it to programs.
impl From<Elapsed> for std::io::Error {
    fn from(Elapsed(()): Elapsed) -> Self {
        std::io::ErrorKind::TimedOut.into()
    }
}
