//! The handles to standard output and standard error: one definition for both.

/// Defines the handle `$type` to the stream that `std` hands out with `$stream`, and the function of
/// that name, which makes one.
macro_rules! handle {
    (
        $(#[$about_type:meta])*
        pub struct $type:ident;
        $(#[$about_function:meta])*
        pub fn $stream:ident();
    ) => {
        $(#[$about_type])*
        pub struct $type {
            std: std::io::$type,
            output: super::output::Output<Shared>,
        }

        $(#[$about_function])*
        pub fn $stream() -> $type {
            $type {
                std: std::io::$stream(),
                output: super::output::Output::new(Shared),
            }
        }

        /// The stream that all handles share.
        #[derive(Clone, Debug)]
        struct Shared;

        impl std::io::Write for Shared {
            fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
                std::io::$stream().write(buf)
            }

            fn write_all(&mut self, buf: &[u8]) -> std::io::Result<()> {
                std::io::$stream().write_all(buf)
            }

            fn flush(&mut self) -> std::io::Result<()> {
                std::io::$stream().flush()
            }
        }

        impl crate::io_core::AsyncWrite for $type {
            fn poll_write(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.output.poll_write(cx, buf)
            }

            fn poll_flush(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.output.poll_flush(cx)
            }

            /// Flushes; the stream belongs to the process and stays open.
            fn poll_shutdown(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.poll_flush(cx)
            }
        }

        #[cfg(unix)]
        mod descriptor {
            use super::$type;
            use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

            impl AsRawFd for $type {
                fn as_raw_fd(&self) -> RawFd {
                    self.std.as_raw_fd()
                }
            }

            impl AsFd for $type {
                fn as_fd(&self) -> BorrowedFd<'_> {
                    self.std.as_fd()
                }
            }
        }

        #[cfg(windows)]
        mod descriptor {
            use super::$type;
            use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, RawHandle};

            impl AsRawHandle for $type {
                fn as_raw_handle(&self) -> RawHandle {
                    self.std.as_raw_handle()
                }
            }

            impl AsHandle for $type {
                fn as_handle(&self) -> BorrowedHandle<'_> {
                    self.std.as_handle()
                }
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        }
    };
}

pub(super) use handle;
