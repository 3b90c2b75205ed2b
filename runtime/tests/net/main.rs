//! Sockets and pipes.

mod faults;
#[path = "../support/mod.rs"]
mod support;
mod tcp;
mod tcp_exact_fit;
mod tcp_more;
mod udp;
mod unix_datagram;
mod unix_exact_fit;
mod unix_pipe;
mod unix_stream;
