//! Receiving. What a datagram has beyond the room there is for it is lost. A socket that was shut
//! down for reading yields empty datagrams without a sender.

use super::UnixDatagram;
use super::datagram_socket::{RECV, RECV_FROM};
use crate::io_core::ReadBuf;
use crate::net::datagram::receive_methods;
use crate::net::unix::SocketAddr;
use std::io;
use std::task::{Context, Poll};

impl UnixDatagram {
    receive_methods!(SocketAddr);
}
