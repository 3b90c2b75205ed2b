//! What there is of `net` without its feature: the trait, for others to name in their bounds. It
//! can be asked for and passed on; there is nothing to bind or connect.
//!
//! I1. The types are those of `net/addr.rs`: the feature only adds.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// What resolves to socket addresses: addresses, pairs of host and port, and text such as
/// `"example.org:80"`. Sealed.
pub trait ToSocketAddrs: sealed::Sealed {}

mod sealed {
    /// The hidden part of [`ToSocketAddrs`](super::ToSocketAddrs).
    pub trait Sealed {}
}

macro_rules! addresses {
    ($($type:ty,)*) => {
        $(
            impl ToSocketAddrs for $type {}
            impl sealed::Sealed for $type {}
        )*
    };
}

addresses! {
    SocketAddr, SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16),
    &[SocketAddr], str, String, (&str, u16), (String, u16),
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {}
impl<T: ToSocketAddrs + ?Sized> sealed::Sealed for &T {}
