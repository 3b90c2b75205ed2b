//! Why a task gave no output.

use super::id::Id;
use crate::util::bomb::Payload;
use std::any::Any;
use std::fmt;
use std::sync::Mutex;

/// Why a spawned task gave no output: it panicked, or it was cancelled.
///
/// ```
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// let error = runtime::spawn(async { panic!("bad input") }).await.unwrap_err();
/// assert!(error.is_panic());
/// assert_eq!(*error.into_panic().downcast::<&str>().unwrap(), "bad input");
/// # });
/// ```
pub struct JoinError {
    id: Id,
    /// The payload is only `Send`; the lock makes the error `Sync`. Nobody waits for it.
    panic: Option<Box<Mutex<Payload>>>,
}

impl JoinError {
    pub(crate) fn cancelled(id: Id) -> Self {
        Self { id, panic: None }
    }

    pub(crate) fn panic(id: Id, payload: Payload) -> Self {
        Self {
            id,
            panic: Some(Box::new(Mutex::new(payload))),
        }
    }

    /// Whether the task was cancelled, by `abort` or because its runtime shut down.
    pub fn is_cancelled(&self) -> bool {
        self.panic.is_none()
    }

    /// Whether the task panicked.
    pub fn is_panic(&self) -> bool {
        self.panic.is_some()
    }

    /// The panic's payload, for `std::panic::resume_unwind`.
    ///
    /// # Panics
    ///
    /// Panics if the task was cancelled; [`try_into_panic`](Self::try_into_panic) does not.
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send + 'static> {
        self.try_into_panic().expect(
            "`JoinError` reason is not a panic: the task was cancelled. Ask `is_panic` first.",
        )
    }

    /// The panic's payload, or the error unchanged if the task was cancelled.
    ///
    /// # Errors
    ///
    /// Returns the error itself when it is no panic.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send + 'static>, Self> {
        match self.panic {
            Some(payload) => Ok(payload
                .into_inner()
                .unwrap_or_else(std::sync::PoisonError::into_inner)),
            None => Err(self),
        }
    }

    /// The id of the task that failed.
    pub fn id(&self) -> Id {
        self.id
    }

    /// The text of the panic, if it has one.
    fn with_message<R>(&self, f: impl FnOnce(Option<&str>) -> R) -> R {
        let Some(payload) = &self.panic else {
            return f(None);
        };
        let payload = payload
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let text = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&'static str>().copied());
        f(text)
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id;
        if self.is_cancelled() {
            return write!(f, "task {id} was cancelled");
        }
        self.with_message(|text| match text {
            Some(text) => write!(f, "task {id} panicked with message {text:?}"),
            None => write!(f, "task {id} panicked"),
        })
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id;
        if self.is_cancelled() {
            return write!(f, "JoinError::Cancelled({id:?})");
        }
        self.with_message(|text| match text {
            Some(text) => write!(f, "JoinError::Panic({id:?}, {text:?}, ...)"),
            None => write!(f, "JoinError::Panic({id:?}, ...)"),
        })
    }
}

impl std::error::Error for JoinError {}

impl From<JoinError> for std::io::Error {
    fn from(error: JoinError) -> Self {
        std::io::Error::other(match error.is_cancelled() {
            true => "task was cancelled",
            false => "task panicked",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_name_the_task_and_the_message() {
        let id = Id::next();
        let cancelled = JoinError::cancelled(id);
        assert_eq!(cancelled.to_string(), format!("task {id} was cancelled"));
        let panic = JoinError::panic(id, Box::new("boom"));
        assert_eq!(
            panic.to_string(),
            format!("task {id} panicked with message \"boom\"")
        );
        let silent = JoinError::panic(id, Box::new(7_u8));
        assert_eq!(silent.to_string(), format!("task {id} panicked"));
        assert!(panic.try_into_panic().is_ok());
        assert!(cancelled.try_into_panic().is_err());
    }
}
