//! What sockets and pipes have alike: methods of the same name, text and meaning.
//!
//! Rust has no inherited inherent methods, so each group of them is a macro to be called inside
//! an `impl`, for a type whose field `evented` is the source. `$what` is what a text calls it.

/// `ready`.
macro_rules! ready_method {
    () => {
        /// Waits until it is ready for something of `interest`, and returns for what.
        ///
        /// It can be ready and still say `WouldBlock`: wait again then.
        ///
        /// # Errors
        ///
        /// The runtime is gone.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: readiness stays recorded.
        pub async fn ready(
            &self,
            interest: crate::io_core::Interest,
        ) -> std::io::Result<crate::io_core::Ready> {
            self.evented.ready(interest).await
        }
    };
}

/// `readable` and its poll.
macro_rules! readable_methods {
    ($poll_ready:ident) => {
        /// Waits until taking something is worth a try: it is there, or the end, or an error.
        ///
        /// # Errors
        ///
        /// The runtime is gone.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: readiness stays recorded.
        pub async fn readable(&self) -> std::io::Result<()> {
            let ready = self.evented.ready(crate::io_core::Interest::READABLE).await;
            ready.map(drop)
        }

        /// Polls until taking something is worth a try. Only the task of the last poll that
        /// waits for incoming data is woken.
        ///
        /// # Errors
        ///
        /// The runtime is gone.
        pub fn $poll_ready(
            &self,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            self.evented.poll_ready(cx, io_driver::Direction::Read)
        }
    };
}

/// `writable` and its poll.
macro_rules! writable_methods {
    ($poll_ready:ident) => {
        /// Waits until giving something is worth a try: there is room, or an error.
        ///
        /// # Errors
        ///
        /// The runtime is gone.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: readiness stays recorded.
        pub async fn writable(&self) -> std::io::Result<()> {
            let ready = self.evented.ready(crate::io_core::Interest::WRITABLE).await;
            ready.map(drop)
        }

        /// Polls until giving something is worth a try. Only the task of the last poll that
        /// waits for room is woken.
        ///
        /// # Errors
        ///
        /// The runtime is gone.
        pub fn $poll_ready(
            &self,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            self.evented.poll_ready(cx, io_driver::Direction::Write)
        }
    };
}

/// `try_io`.
macro_rules! try_io_method {
    () => {
        /// Calls `f` if it is ready for `interest`, for operations that this type lacks.
        ///
        /// `f` makes one non-blocking call and returns `WouldBlock` only if that call did: the
        /// readiness is taken to be used up.
        ///
        /// # Errors
        ///
        /// `WouldBlock` if it is not ready, or what `f` returns.
        pub fn try_io<R>(
            &self,
            interest: crate::io_core::Interest,
            f: impl FnOnce() -> std::io::Result<R>,
        ) -> std::io::Result<R> {
            self.evented.try_io(interest, |source| source.try_io(f))
        }
    };
}

/// `try_io` of what goes one way only, for which it is ready when `$interest` is.
macro_rules! try_io_one_way_method {
    ($interest:ident) => {
        /// Calls `f` if it is ready, for operations that this type lacks.
        ///
        /// `f` makes one non-blocking call and returns `WouldBlock` only if that call did: the
        /// readiness is taken to be used up.
        ///
        /// # Errors
        ///
        /// `WouldBlock` if it is not ready, or what `f` returns.
        pub fn try_io<R>(&self, f: impl FnOnce() -> std::io::Result<R>) -> std::io::Result<R> {
            let interest = crate::io_core::Interest::$interest;
            self.evented.try_io(interest, |_| f())
        }
    };
}

/// `async_io`.
macro_rules! async_io_method {
    () => {
        /// Calls `f` whenever it is ready for `interest`, until `f` does not say `WouldBlock`;
        /// see [`try_io`](Self::try_io).
        ///
        /// # Errors
        ///
        /// What `f` returns, or the runtime is gone.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: it waits only before `f` or after `f` said `WouldBlock`.
        pub async fn async_io<R>(
            &self,
            interest: crate::io_core::Interest,
            mut f: impl FnMut() -> std::io::Result<R>,
        ) -> std::io::Result<R> {
            self.evented
                .async_io(interest, |source| source.try_io(&mut f))
                .await
        }
    };
}

/// `try_read`, `try_read_vectored` and `try_read_buf`.
macro_rules! try_read_methods {
    () => {
        /// Reads what is there and returns how many bytes; 0 is the end.
        ///
        /// # Errors
        ///
        /// `WouldBlock` if nothing is there, or whatever the system reports.
        pub fn try_read(&self, buf: &mut [u8]) -> std::io::Result<usize> {
            self.evented.try_read(buf)
        }

        /// As [`try_read`](Self::try_read), into several buffers one after the other.
        ///
        /// # Errors
        ///
        /// As `try_read`.
        pub fn try_read_vectored(
            &self,
            bufs: &mut [std::io::IoSliceMut<'_>],
        ) -> std::io::Result<usize> {
            self.evented.try_read_vectored(bufs)
        }

        /// As [`try_read`](Self::try_read), into the free part of `buf`, which is advanced.
        ///
        /// # Errors
        ///
        /// As `try_read`.
        pub fn try_read_buf<B: bytes::BufMut>(&self, buf: &mut B) -> std::io::Result<usize> {
            self.evented.try_read_buf(buf)
        }
    };
}

/// `try_write` and `try_write_vectored`.
macro_rules! try_write_methods {
    () => {
        /// Writes what fits and returns how many bytes.
        ///
        /// # Errors
        ///
        /// `WouldBlock` if nothing fits, or whatever the system reports.
        pub fn try_write(&self, buf: &[u8]) -> std::io::Result<usize> {
            self.evented.try_write(buf)
        }

        /// As [`try_write`](Self::try_write), from several buffers as if they were one.
        ///
        /// # Errors
        ///
        /// As `try_write`.
        pub fn try_write_vectored(&self, bufs: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
            self.evented.try_write_vectored(bufs)
        }
    };
}

/// `take_error`.
macro_rules! take_error_method {
    () => {
        /// Takes the error that the system keeps for the socket (`SO_ERROR`), if any.
        ///
        /// # Errors
        ///
        /// Whatever the system reports.
        pub fn take_error(&self) -> std::io::Result<Option<std::io::Error>> {
            self.evented.take_error()
        }
    };
}

/// `from_std` and `into_std` between a type of ours and the one of std, of a module in which
/// `adopt` makes the source and `registered` the socket, and the impls that go with it.
macro_rules! std_conversions {
    ($ours:ident, $std:ty, $what:literal) => {
        impl $ours {
            #[doc = concat!("Takes over a ", $what, " of std, which has to be in non-blocking mode.")]
            ///
            /// # Errors
            ///
            /// The system refuses to watch it.
            ///
            /// # Panics
            ///
            /// Panics outside of a runtime, if its I/O is not enabled, and, with debug
            /// assertions, if it is in blocking mode.
            #[track_caller]
            pub fn from_std(socket: $std) -> std::io::Result<$ours> {
                crate::net::debug_assert_nonblocking(&socket)?;
                Self::registered(Self::source_of(socket))
            }

            #[doc = concat!("Makes a ", $what, " of std, still in non-blocking mode.")]
            ///
            /// # Errors
            ///
            /// The system refuses to let go of it.
            pub fn into_std(self) -> std::io::Result<$std> {
                Ok(self.evented.into_inner()?.into())
            }
        }

        impl TryFrom<$std> for $ours {
            type Error = std::io::Error;

            /// As `from_std`.
            #[track_caller]
            fn try_from(socket: $std) -> std::io::Result<Self> {
                Self::from_std(socket)
            }
        }
    };
}

/// Access to the descriptor and `Debug`, both those of the source. `$before_showing` is called
/// first if the descriptor is shown.
macro_rules! source_impls {
    ($ours:ident $(, $before_showing:ident)?) => {
        impl std::fmt::Debug for $ours {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.evented.fmt(f)
            }
        }

        #[cfg(unix)]
        impl std::os::fd::AsRawFd for $ours {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                $(self.evented.$before_showing();)?
                self.evented.as_raw_fd()
            }
        }

        #[cfg(unix)]
        impl std::os::fd::AsFd for $ours {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                $(self.evented.$before_showing();)?
                self.evented.as_fd()
            }
        }

        #[cfg(windows)]
        impl std::os::windows::io::AsRawSocket for $ours {
            fn as_raw_socket(&self) -> std::os::windows::io::RawSocket {
                self.evented.as_raw_socket()
            }
        }

        #[cfg(windows)]
        impl std::os::windows::io::AsSocket for $ours {
            fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
                self.evented.as_socket()
            }
        }
    };
}

pub(super) use {
    async_io_method, readable_methods, ready_method, source_impls, std_conversions,
    take_error_method, try_io_method, try_io_one_way_method, try_read_methods, try_write_methods,
    writable_methods,
};
