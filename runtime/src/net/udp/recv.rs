//! Receiving. What a datagram has beyond the room there is for it is lost.

use super::UdpSocket;
use super::datagram_socket::{RECV, RECV_FROM};
use crate::io_core::ReadBuf;
use crate::net::datagram::receive_methods;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

impl UdpSocket {
    receive_methods!(SocketAddr);
}
