//! Halves of a stream: see `net::halves`.

use super::TcpStream;
use crate::io_core::ReadBuf;
use crate::net::halves::halves;
use std::net::SocketAddr;
use std::task::{Context, Poll};

/// What reading halves have besides.
macro_rules! peek_methods {
    () => {
        /// Polls to look at incoming bytes without taking them; see [`TcpStream::poll_peek`].
        ///
        /// # Errors
        ///
        /// Whatever the system reports.
        pub fn poll_peek(
            &mut self,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<usize>> {
            self.0.poll_peek(cx, buf)
        }

        /// Looks at incoming bytes without taking them; see [`TcpStream::peek`].
        ///
        /// # Errors
        ///
        /// Whatever the system reports.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: nothing is taken in any case.
        pub async fn peek(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0.peek(buf).await
        }
    };
}

halves!(TcpStream, SocketAddr, peek_methods);
