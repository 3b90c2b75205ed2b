//! Halves of a stream: see `net::halves`.

use super::{SocketAddr, UnixStream};
use crate::net::halves::halves;

/// Reading halves have nothing besides.
macro_rules! no_more_methods {
    () => {};
}

halves!(UnixStream, SocketAddr, no_more_methods);
