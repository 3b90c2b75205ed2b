//! Options of UDP sockets, and groups of receivers.

use super::UdpSocket;
use crate::net::options::{options, packet_options};
use socket2::SockRef;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

impl UdpSocket {
    fn system(&self) -> SockRef<'_> {
        SockRef::from(&*self.evented)
    }

    options! {
        broadcast(broadcast), set_broadcast(set_broadcast, on): bool,
            "`SO_BROADCAST`: whether datagrams may be sent to a broadcast address";
        multicast_loop_v4(multicast_loop_v4), set_multicast_loop_v4(set_multicast_loop_v4, on): bool,
            "`IP_MULTICAST_LOOP`: whether this machine receives what it sends to a group";
        multicast_ttl_v4(multicast_ttl_v4), set_multicast_ttl_v4(set_multicast_ttl_v4, ttl): u32,
            "`IP_MULTICAST_TTL`: how many hops packets to a group may take";
        multicast_loop_v6(multicast_loop_v6), set_multicast_loop_v6(set_multicast_loop_v6, on): bool,
            "`IPV6_MULTICAST_LOOP`: whether this machine receives what it sends to a group";
        ttl(ttl_v4), set_ttl(set_ttl_v4, ttl): u32,
            "`IP_TTL`: how many hops packets may take";
    }

    packet_options!();

    /// Joins a group (`IP_ADD_MEMBERSHIP`) on the interface that has the address `interface`, or
    /// on one that the system chooses if that is unspecified.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn join_multicast_v4(&self, multiaddr: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.evented.join_multicast_v4(&multiaddr, &interface)
    }

    /// Joins a group (`IPV6_ADD_MEMBERSHIP`) on the interface with the index `interface`, or on
    /// any if that is 0.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn join_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.evented.join_multicast_v6(multiaddr, interface)
    }

    /// Leaves a group; see [`join_multicast_v4`](Self::join_multicast_v4).
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn leave_multicast_v4(&self, multiaddr: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.evented.leave_multicast_v4(&multiaddr, &interface)
    }

    /// Leaves a group; see [`join_multicast_v6`](Self::join_multicast_v6).
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn leave_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.evented.leave_multicast_v6(multiaddr, interface)
    }
}
