//! [`Stderr`].

super::handle::handle! {
    /// The standard error output of the process; made by [`stderr`].
    ///
    /// A write is answered once its bytes are copied, and made on a thread for blocking calls. Errors
    /// of it come with the next operation of the handle, and with each
    /// [`flush`](crate::io::AsyncWriteExt::flush) until as many bytes as were lost have been written
    /// since: flush before dropping it if you want to know. `std` has no buffer
    /// for this stream.
    ///
    /// What was written is on its way also if nobody flushes, and the runtime waits for it when it
    /// ends (for ever, if nobody reads: see
    /// [`shutdown_timeout`](crate::runtime::Runtime::shutdown_timeout)). Writes of several handles
    /// stand one after the other, each write as a whole up to 2 MiB, in no particular order.
    ///
    /// # Panics
    ///
    /// Writing panics outside of a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::{AsyncWriteExt, stderr};
    ///
    /// # async fn example() -> std::io::Result<()> {
    /// let mut err = stderr();
    /// err.write_all(b"hello\n").await?;
    /// err.flush().await
    /// # }
    /// ```
    pub struct Stderr;

    /// Makes a handle to the standard error output of the process.
    pub fn stderr();
}
