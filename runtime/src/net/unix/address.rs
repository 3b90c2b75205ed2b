//! Addresses of Unix sockets.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net;
use std::path::Path;

/// The address of a Unix socket: a path, a name of the abstract namespace, or none.
///
/// # Examples
///
/// ```
/// use runtime::net::unix::SocketAddr;
///
/// let address = std::os::unix::net::SocketAddr::from_pathname("/tmp/socket").unwrap();
/// let address = SocketAddr::from(address);
/// assert!(!address.is_unnamed());
/// assert_eq!(address.as_pathname().unwrap().to_str(), Some("/tmp/socket"));
/// ```
#[derive(Clone)]
pub struct SocketAddr(net::SocketAddr);

impl SocketAddr {
    /// Whether it has neither a path nor a name.
    pub fn is_unnamed(&self) -> bool {
        self.0.is_unnamed()
    }

    /// Its path, if it has one.
    pub fn as_pathname(&self) -> Option<&Path> {
        self.0.as_pathname()
    }

    /// Its name in the abstract namespace, without the leading zero, if it has one.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn as_abstract_name(&self) -> Option<&[u8]> {
        self.0.as_abstract_name()
    }

    pub(super) fn as_std(&self) -> &net::SocketAddr {
        &self.0
    }

    /// The address without a name.
    pub(super) fn unnamed() -> Self {
        Self(net::SocketAddr::from_pathname("").expect("the empty path has room"))
    }

    /// The address that a call of the system reported.
    pub(super) fn from_system(address: &socket2::SockAddr) -> Self {
        let named = match address.as_abstract_namespace() {
            Some(name) => system::abstract_address(name).ok(),
            None => address.as_unix(),
        };
        named.map_or_else(Self::unnamed, Self)
    }
}

impl fmt::Debug for SocketAddr {
    /// As std's address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<net::SocketAddr> for SocketAddr {
    fn from(address: net::SocketAddr) -> Self {
        Self(address)
    }
}

impl From<SocketAddr> for net::SocketAddr {
    fn from(address: SocketAddr) -> Self {
        address.0
    }
}

/// The address that a path stands for: one that begins with a zero byte is a name of the abstract
/// namespace, where there is one.
pub(super) fn address_of(path: &Path) -> io::Result<net::SocketAddr> {
    match path.as_os_str().as_bytes() {
        [0, name @ ..] if system::HAS_ABSTRACT => system::abstract_address(name),
        _ => net::SocketAddr::from_pathname(path),
    }
}

/// The same for the calls of `socket2`.
pub(super) fn system_address_of(path: &Path) -> io::Result<socket2::SockAddr> {
    if path.as_os_str().as_bytes().first() != Some(&0) {
        // Refuses what the system would cut off at a zero byte.
        net::SocketAddr::from_pathname(path)?;
    }
    socket2::SockAddr::unix(OsStr::new(path))
}

#[cfg(target_os = "android")]
use std::os::android::net::SocketAddrExt;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use super::{SocketAddrExt, io, net};

    pub(super) const HAS_ABSTRACT: bool = true;

    pub(super) fn abstract_address(name: &[u8]) -> io::Result<net::SocketAddr> {
        net::SocketAddr::from_abstract_name(name)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use super::{io, net};

    pub(super) const HAS_ABSTRACT: bool = false;

    pub(super) fn abstract_address(_name: &[u8]) -> io::Result<net::SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the system reports comes out as what std makes of it.
    #[test]
    fn addresses_survive_the_way_through_the_system() {
        for path in [
            "/tmp/some/socket",
            "relative",
            "\0abstract",
            "\0with\0zero",
            "\0",
        ] {
            let path = Path::new(path);
            if !system::HAS_ABSTRACT && path.as_os_str().as_bytes()[0] == 0 {
                continue;
            }
            let direct = SocketAddr::from(address_of(path).unwrap());
            let through = SocketAddr::from_system(&system_address_of(path).unwrap());
            assert_eq!(format!("{direct:?}"), format!("{through:?}"));
        }
        assert!(SocketAddr::unnamed().is_unnamed());
        assert!(address_of(Path::new(&"x".repeat(200))).is_err());
        assert!(address_of(Path::new("inner\0zero")).is_err());
    }
}
