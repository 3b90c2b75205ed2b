//! What both ends of a pipe have alike: where they come from and where they go.

/// For a type whose field `evented` is a `PipeEnd`, to be used as `$use_as`, opened for `$verb`.
macro_rules! pipe_end_methods {
    ($end:ident, $use_as:ident, $interest:ident, $verb:literal) => {
        impl $end {
            /// Takes over an end of a pipe, which is put into non-blocking mode.
            ///
            /// # Errors
            ///
            #[doc = concat!("`InvalidInput` if it is not a pipe or not opened for ", $verb, ",")]
            /// or whatever the system reports.
            ///
            /// # Panics
            ///
            /// Panics outside of a runtime, or if its I/O is not enabled.
            #[track_caller]
            pub fn from_file(file: std::fs::File) -> std::io::Result<$end> {
                Self::registered(super::checked(file, super::Use::$use_as)?)
            }

            /// As [`from_file`](Self::from_file).
            ///
            /// # Errors
            ///
            /// As `from_file`.
            ///
            /// # Panics
            ///
            /// As `from_file`.
            #[track_caller]
            pub fn from_owned_fd(owned_fd: std::os::fd::OwnedFd) -> std::io::Result<$end> {
                Self::from_file(owned_fd.into())
            }

            #[doc = concat!("Takes over what is a pipe, opened for ", $verb, ", in non-blocking")]
            /// mode. It is not looked at: something else may block its worker.
            ///
            /// # Errors
            ///
            /// The system refuses to watch it.
            ///
            /// # Panics
            ///
            /// Panics outside of a runtime, or if its I/O is not enabled.
            #[track_caller]
            pub fn from_file_unchecked(file: std::fs::File) -> std::io::Result<$end> {
                Self::from_owned_fd_unchecked(file.into())
            }

            /// As [`from_file_unchecked`](Self::from_file_unchecked).
            ///
            /// # Errors
            ///
            /// As `from_file_unchecked`.
            ///
            /// # Panics
            ///
            /// As `from_file_unchecked`.
            #[track_caller]
            pub fn from_owned_fd_unchecked(
                owned_fd: std::os::fd::OwnedFd,
            ) -> std::io::Result<$end> {
                Self::registered(PipeEnd::foreign(owned_fd))
            }

            #[track_caller]
            pub(super) fn registered(end: PipeEnd) -> std::io::Result<$end> {
                let handle = crate::runtime::context::io_handle();
                let evented = Evented::new(end, crate::io_core::Interest::$interest, &handle)?;
                Ok($end { evented })
            }

            /// Gives the descriptor away, in blocking mode.
            ///
            /// # Errors
            ///
            /// The system refuses.
            pub fn into_blocking_fd(self) -> std::io::Result<std::os::fd::OwnedFd> {
                super::into_blocking(self.evented.into_inner()?)
            }

            /// Gives the descriptor away, in non-blocking mode.
            ///
            /// # Errors
            ///
            /// The system refuses.
            pub fn into_nonblocking_fd(self) -> std::io::Result<std::os::fd::OwnedFd> {
                Ok(self.evented.into_inner()?.into_fd())
            }
        }

        crate::net::methods::source_impls!($end);
    };
}
