//! [`ToSocketAddrs`]: what can be bound or connected to.
//!
//! Most callers have one literal address, so that is neither allocated nor sent anywhere. Only
//! a name goes to the system's resolver, which blocks, on the blocking pool.

use crate::runtime::context;
use crate::task::JoinHandle;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::vec;

/// What resolves to socket addresses: addresses, pairs of host and port, and text such as
/// `"example.org:80"`.
///
/// The trait is sealed: to resolve by other means, make [`SocketAddr`]s and pass those.
pub trait ToSocketAddrs: sealed::Resolve {}

pub(super) mod sealed {
    use super::Resolution;

    /// The hidden part of [`ToSocketAddrs`](super::ToSocketAddrs).
    pub trait Resolve {
        /// Begins to resolve.
        fn resolve(&self) -> Resolution;
    }
}

/// Resolves `addresses`.
///
/// # Cancel safety
///
/// Cancel safe: a lookup under way goes on unseen.
pub(super) fn resolve<T: ToSocketAddrs + ?Sized>(addresses: &T) -> Resolution {
    addresses.resolve()
}

/// The error for an empty list of addresses.
pub(super) fn no_address() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "could not resolve to any address",
    )
}

/// A future of addresses.
#[derive(Debug)]
pub struct Resolution(State);

#[derive(Debug)]
enum State {
    Known(Option<Addresses>),
    Lookup(JoinHandle<io::Result<Vec<SocketAddr>>>),
    /// No thread could be had for the lookup.
    Failed(Option<io::Error>),
}

// It has no state but what it will say: a panic of its poll (polled again after the end) leaves
// nothing half done. An error in it may hold anything, and is only handed on.
impl std::panic::UnwindSafe for Resolution {}
impl std::panic::RefUnwindSafe for Resolution {}

/// The addresses found.
#[derive(Debug)]
pub struct Addresses(Found);

#[derive(Debug)]
enum Found {
    One(Option<SocketAddr>),
    Many(vec::IntoIter<SocketAddr>),
}

impl Resolution {
    fn one(address: SocketAddr) -> Self {
        let found = Found::One(Some(address));
        Self(State::Known(Some(Addresses(found))))
    }

    fn many(addresses: Vec<SocketAddr>) -> Self {
        let found = Found::Many(addresses.into_iter());
        Self(State::Known(Some(Addresses(found))))
    }

    /// Asks the system's resolver, which may take its time: the runtime's end does not wait.
    #[track_caller]
    fn lookup<T>(host: T) -> Self
    where
        T: std::net::ToSocketAddrs + Send + 'static,
    {
        let lookup = move || host.to_socket_addrs().map(Iterator::collect);
        Self(match context::current().spawn_abandonable(lookup) {
            Ok(lookup) => State::Lookup(lookup),
            Err(error) => State::Failed(Some(error)),
        })
    }
}

impl Future for Resolution {
    type Output = io::Result<Addresses>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Addresses>> {
        match &mut self.0 {
            State::Known(addresses) => {
                Poll::Ready(Ok(addresses.take().expect("polled after completion")))
            }
            State::Failed(error) => {
                Poll::Ready(Err(error.take().expect("polled after completion")))
            }
            State::Lookup(lookup) => {
                let found = ready!(Pin::new(lookup).poll(cx)).map_err(io::Error::other)??;
                Poll::Ready(Ok(Addresses(Found::Many(found.into_iter()))))
            }
        }
    }
}

impl Iterator for Addresses {
    type Item = SocketAddr;

    fn next(&mut self) -> Option<SocketAddr> {
        match &mut self.0 {
            Found::One(address) => address.take(),
            Found::Many(addresses) => addresses.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            Found::One(address) => (usize::from(address.is_some()), Some(1)),
            Found::Many(addresses) => addresses.size_hint(),
        }
    }
}

/// Declares types that are one address without a lookup.
macro_rules! one_address {
    ($($type:ty,)*) => {
        $(
            impl ToSocketAddrs for $type {}

            impl sealed::Resolve for $type {
                fn resolve(&self) -> Resolution {
                    Resolution::one(SocketAddr::from(*self))
                }
            }
        )*
    };
}

one_address! {
    SocketAddr, SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16),
}

impl ToSocketAddrs for &[SocketAddr] {}

impl sealed::Resolve for &[SocketAddr] {
    fn resolve(&self) -> Resolution {
        Resolution::many(self.to_vec())
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {}

impl<T: ToSocketAddrs + ?Sized> sealed::Resolve for &T {
    fn resolve(&self) -> Resolution {
        (**self).resolve()
    }
}

impl ToSocketAddrs for str {}

impl sealed::Resolve for str {
    fn resolve(&self) -> Resolution {
        match self.parse() {
            Ok(address) => Resolution::one(address),
            Err(_) => Resolution::lookup(self.to_owned()),
        }
    }
}

impl ToSocketAddrs for String {}

impl sealed::Resolve for String {
    fn resolve(&self) -> Resolution {
        self.as_str().resolve()
    }
}

impl ToSocketAddrs for (&str, u16) {}

impl sealed::Resolve for (&str, u16) {
    fn resolve(&self) -> Resolution {
        let (host, port) = *self;
        match host.parse::<IpAddr>() {
            Ok(ip) => Resolution::one(SocketAddr::new(ip, port)),
            Err(_) => Resolution::lookup((host.to_owned(), port)),
        }
    }
}

impl ToSocketAddrs for (String, u16) {}

impl sealed::Resolve for (String, u16) {
    fn resolve(&self) -> Resolution {
        (self.0.as_str(), self.1).resolve()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    fn at_once(addresses: impl ToSocketAddrs) -> Vec<SocketAddr> {
        let mut resolution = resolve(&addresses);
        match Pin::new(&mut resolution).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(found)) => found.collect(),
            other => panic!("a literal address was looked up: {other:?}"),
        }
    }

    #[test]
    fn literal_addresses_resolve_without_a_lookup() {
        let four: SocketAddr = "127.0.0.1:80".parse().unwrap();
        let six: SocketAddr = "[::1]:80".parse().unwrap();
        assert_eq!(at_once(four), [four]);
        let borrowed: &SocketAddr = &four;
        assert_eq!(at_once(borrowed), [four]);
        assert_eq!(at_once("127.0.0.1:80"), [four]);
        assert_eq!(at_once("[::1]:80".to_owned()), [six]);
        assert_eq!(at_once(("127.0.0.1", 80)), [four]);
        assert_eq!(at_once(("::1".to_owned(), 80)), [six]);
        assert_eq!(at_once((Ipv6Addr::LOCALHOST, 80)), [six]);
        assert_eq!(at_once((IpAddr::from(Ipv4Addr::LOCALHOST), 80)), [four]);
        assert_eq!(at_once(&[four, six][..]), [four, six]);
        assert_eq!(at_once(&[][..]), []);
    }
}
