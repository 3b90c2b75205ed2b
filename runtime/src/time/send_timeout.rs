//! `mpsc::Sender::send_timeout`: here, because `sync` knows no clock.

use super::{Duration, timeout};
use crate::sync::mpsc::Sender;
use crate::sync::mpsc::error::{SendError, SendTimeoutError};

impl<T> Sender<T> {
    /// Sends a message, waiting for room for at most `timeout`. A success does not say that it
    /// will be received.
    ///
    /// # Errors
    ///
    /// [`SendTimeoutError`] with the message: there was no room within the time, or the receiver
    /// is dropped or closed.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, or if its time is not enabled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before it is ready sends nothing, but the message is lost with it.
    pub async fn send_timeout(
        &self,
        value: T,
        timeout: Duration,
    ) -> Result<(), SendTimeoutError<T>> {
        match self::timeout(timeout, self.reserve()).await {
            Ok(Ok(permit)) => {
                permit.send(value);
                Ok(())
            }
            Ok(Err(SendError(()))) => Err(SendTimeoutError::Closed(value)),
            Err(_) => Err(SendTimeoutError::Timeout(value)),
        }
    }
}
