//! [`lookup_host`]: names to addresses.

use super::addr::{ToSocketAddrs, resolve};
use std::io;
use std::net::SocketAddr;

/// Resolves a name with a port to addresses.
///
/// Names are resolved by the system on a thread for blocking calls, literal addresses at once.
/// There may be no address at all, and what the order means is up to the system.
///
/// # Errors
///
/// Whatever the system's resolver reports, or that no thread could be had for it.
///
/// # Panics
///
/// Panics outside of a runtime if there is a name to resolve.
///
/// # Cancel safety
///
/// Cancel safe: the lookup goes on unseen. The runtime's end does not wait for it.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// for address in runtime::net::lookup_host("localhost:3000").await? {
///     println!("{address}");
/// }
/// # Ok(())
/// # }
/// ```
pub async fn lookup_host<T>(host: T) -> io::Result<impl Iterator<Item = SocketAddr>>
where
    T: ToSocketAddrs,
{
    resolve(&host).await
}
