//! The methods by which UDP and Unix sockets send and receive datagrams.
//!
//! The macros are called inside an `impl`, the second in a file with `RECV` and `RECV_FROM`, the
//! two ways to take a datagram.

/// Everything that sends to the connected peer.
macro_rules! send_methods {
    () => {
        /// Sends a datagram to the connected peer and returns how many bytes it had.
        ///
        /// # Errors
        ///
        /// Whatever the system reports, be it of an earlier datagram.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: nothing is sent by a future dropped before it is ready.
        pub async fn send(&self, buf: &[u8]) -> io::Result<usize> {
            self.evented
                .async_io(Interest::WRITABLE, |socket| socket.send(buf))
                .await
        }

        /// Polls to send a datagram to the connected peer. Only the task of the last poll for
        /// sending is woken.
        ///
        /// # Errors
        ///
        /// As [`send`](Self::send).
        pub fn poll_send(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            self.evented
                .poll_io(cx, Direction::Write, |socket| socket.send(buf))
        }

        /// Sends a datagram to the connected peer if there is room.
        ///
        /// # Errors
        ///
        /// `WouldBlock` if there is none, else as [`send`](Self::send).
        pub fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
            self.evented
                .try_io(Interest::WRITABLE, |socket| socket.send(buf))
        }
    };
}

/// Everything that takes a datagram, from a sender with an address of type `$address`.
macro_rules! receive_methods {
    ($address:ty) => {
        /// Receives a datagram from the connected peer and returns how many bytes were put into
        /// `buf`; what it has beyond that is lost.
        ///
        /// # Errors
        ///
        /// Whatever the system reports, be it of a datagram sent earlier.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: nothing is received by a future dropped before it is ready.
        pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
            let (count, ()) = self.evented.receive(RECV, buf).await?;
            Ok(count)
        }

        /// Polls to receive a datagram from the connected peer. Only the task of the last poll
        /// for receiving is woken.
        ///
        /// # Errors
        ///
        /// As [`recv`](Self::recv).
        pub fn poll_recv(
            &self,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.evented.poll_receive(cx, RECV, buf)
        }

        /// Receives a datagram from the connected peer if there is one.
        ///
        /// # Errors
        ///
        /// `WouldBlock` if there is none, else as [`recv`](Self::recv).
        pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
            let (count, ()) = self.evented.try_receive(RECV, buf)?;
            Ok(count)
        }

        /// As [`recv`](Self::recv), into the free part of `buf`, which is advanced.
        ///
        /// # Errors
        ///
        /// As `recv`.
        ///
        /// # Cancel safety
        ///
        /// As `recv`.
        pub async fn recv_buf<B: bytes::BufMut>(&self, buf: &mut B) -> io::Result<usize> {
            let (count, ()) = self.evented.receive_buf(RECV, buf).await?;
            Ok(count)
        }

        /// As [`try_recv`](Self::try_recv), into the free part of `buf`, which is advanced.
        ///
        /// # Errors
        ///
        /// As `try_recv`.
        pub fn try_recv_buf<B: bytes::BufMut>(&self, buf: &mut B) -> io::Result<usize> {
            let (count, ()) = self.evented.try_receive_buf(RECV, buf)?;
            Ok(count)
        }

        /// Receives a datagram and returns how many bytes were put into `buf`, and its sender;
        /// what it has beyond that is lost.
        ///
        /// # Errors
        ///
        /// Whatever the system reports, be it of a datagram sent earlier.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: nothing is received by a future dropped before it is ready.
        pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, $address)> {
            self.evented.receive(RECV_FROM, buf).await
        }

        /// Polls to receive a datagram, and returns its sender. Only the task of the last poll
        /// for receiving is woken.
        ///
        /// # Errors
        ///
        /// As [`recv_from`](Self::recv_from).
        pub fn poll_recv_from(
            &self,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<$address>> {
            self.evented.poll_receive(cx, RECV_FROM, buf)
        }

        /// Receives a datagram if there is one.
        ///
        /// # Errors
        ///
        /// `WouldBlock` if there is none, else as [`recv_from`](Self::recv_from).
        pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, $address)> {
            self.evented.try_receive(RECV_FROM, buf)
        }

        /// As [`recv_from`](Self::recv_from), into the free part of `buf`, which is advanced.
        ///
        /// # Errors
        ///
        /// As `recv_from`.
        ///
        /// # Cancel safety
        ///
        /// As `recv_from`.
        pub async fn recv_buf_from<B: bytes::BufMut>(
            &self,
            buf: &mut B,
        ) -> io::Result<(usize, $address)> {
            self.evented.receive_buf(RECV_FROM, buf).await
        }

        /// As [`try_recv_from`](Self::try_recv_from), into the free part of `buf`, which is
        /// advanced.
        ///
        /// # Errors
        ///
        /// As `try_recv_from`.
        pub fn try_recv_buf_from<B: bytes::BufMut>(
            &self,
            buf: &mut B,
        ) -> io::Result<(usize, $address)> {
            self.evented.try_receive_buf(RECV_FROM, buf)
        }
    };
}

pub(super) use {receive_methods, send_methods};
