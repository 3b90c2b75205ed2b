//! UDP sockets.

mod datagram_socket;
mod options;
mod peek;
mod recv;
mod send;

use crate::driver::evented::Evented;
use crate::net::addr::{ToSocketAddrs, no_address, resolve};
use crate::net::methods::{
    async_io_method, readable_methods, ready_method, source_impls, std_conversions,
    take_error_method, try_io_method, writable_methods,
};
use crate::runtime::context;
use io_driver::Interest;
use std::io;
use std::net::{self, SocketAddr};

/// A UDP socket.
///
/// All its operations take `&self`, so one socket in an [`Arc`](std::sync::Arc) serves any number
/// of tasks. Either [`connect`](Self::connect) it and use [`send`](Self::send) and
/// [`recv`](Self::recv), or exchange datagrams with many peers by [`send_to`](Self::send_to) and
/// [`recv_from`](Self::recv_from).
///
/// What the network reports of an earlier datagram, such as that nobody listens there, is the error
/// of one later call; the socket goes on.
///
/// # Examples
///
/// ```no_run
/// use runtime::net::UdpSocket;
///
/// # async fn example() -> std::io::Result<()> {
/// let socket = UdpSocket::bind("0.0.0.0:8080").await?;
/// let mut buf = [0; 1500];
/// loop {
///     let (len, peer) = socket.recv_from(&mut buf).await?;
///     socket.send_to(&buf[..len], peer).await?;
/// }
/// # }
/// ```
pub struct UdpSocket {
    evented: Evented<mio::net::UdpSocket>,
}

impl UdpSocket {
    /// Binds a socket to the first of the addresses that works. Port 0 lets the system choose;
    /// ask [`local_addr`](Self::local_addr).
    ///
    /// # Errors
    ///
    /// The error of the last address, or `InvalidInput` if there is none.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, or if its I/O is not enabled.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is bound by a future dropped before it is ready.
    pub async fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<UdpSocket> {
        let addresses = resolve(&addr).await?;
        let mut last_error = None;
        for address in addresses {
            match mio::net::UdpSocket::bind(address) {
                Ok(socket) => return Self::registered(socket),
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.unwrap_or_else(no_address))
    }

    #[track_caller]
    fn registered(socket: mio::net::UdpSocket) -> io::Result<UdpSocket> {
        let handle = context::io_handle();
        let interest = Interest::READABLE | Interest::WRITABLE;
        let evented = Evented::new(socket, interest, &handle)?;
        Ok(UdpSocket { evented })
    }

    fn source_of(socket: net::UdpSocket) -> mio::net::UdpSocket {
        mio::net::UdpSocket::from_std(socket)
    }

    /// The address it is bound to.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.evented.local_addr()
    }

    /// The address it is connected to.
    ///
    /// # Errors
    ///
    /// `NotConnected`, or whatever else the system reports.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.evented.peer_addr()
    }

    /// Connects to the first of the addresses that works: from now on [`send`](Self::send)
    /// sends there, and only datagrams from there are received.
    ///
    /// # Errors
    ///
    /// The error of the last address, or `InvalidInput` if there is none.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it waits only for the lookup of a name, before it connects.
    pub async fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        let addresses = resolve(&addr).await?;
        let mut last_error = None;
        for address in addresses {
            match self.evented.connect(address) {
                Ok(()) => return Ok(()),
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.unwrap_or_else(no_address))
    }

    ready_method!();
    readable_methods!(poll_recv_ready);
    writable_methods!(poll_send_ready);
    try_io_method!();
    async_io_method!();
    take_error_method!();
}

std_conversions!(UdpSocket, net::UdpSocket, "socket");
source_impls!(UdpSocket);
