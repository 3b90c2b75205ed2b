//! What an echo goes over: TCP, a Unix socket or UDP.

use std::future::Future;
use std::net::SocketAddr;

use crate::peers::Peer;

/// One end of a connection.
pub(super) trait Wire<P: Peer>: Sized + Send + 'static {
    /// What makes connections.
    type Maker: Send;

    fn maker() -> impl Future<Output = Self::Maker> + Send;

    /// A client's end and a server's.
    fn pair(maker: &mut Self::Maker) -> impl Future<Output = (Self, Self)> + Send;

    fn send(&mut self, bytes: &[u8]) -> impl Future<Output = ()> + Send;

    fn receive(&mut self, buffer: &mut [u8]) -> impl Future<Output = usize> + Send;

    fn receive_exact(&mut self, buffer: &mut [u8]) -> impl Future<Output = ()> + Send;

    /// Tells the other end that nothing more comes.
    fn end(self) -> impl Future<Output = ()> + Send;
}

pub(super) struct Tcp<P: Peer>(P::Stream);

impl<P: Peer> Wire<P> for Tcp<P> {
    type Maker = (P::Listener, SocketAddr);

    async fn maker() -> Self::Maker {
        P::listen().await
    }

    async fn pair((listener, address): &mut Self::Maker) -> (Self, Self) {
        let client = P::connect(*address).await;
        (Self(client), Self(P::accept(listener).await))
    }

    async fn send(&mut self, bytes: &[u8]) {
        P::write_all(&mut self.0, bytes).await;
    }

    async fn receive(&mut self, buffer: &mut [u8]) -> usize {
        P::read(&mut self.0, buffer).await
    }

    async fn receive_exact(&mut self, buffer: &mut [u8]) {
        P::read_exact(&mut self.0, buffer).await;
    }

    async fn end(self) {}
}

pub(super) struct Unix<P: Peer>(P::UnixStream);

impl<P: Peer> Wire<P> for Unix<P> {
    type Maker = ();

    async fn maker() {}

    async fn pair((): &mut ()) -> (Self, Self) {
        let (client, server) = P::unix_pair();
        (Self(client), Self(server))
    }

    async fn send(&mut self, bytes: &[u8]) {
        P::unix_write_all(&mut self.0, bytes).await;
    }

    async fn receive(&mut self, buffer: &mut [u8]) -> usize {
        P::unix_read(&mut self.0, buffer).await
    }

    async fn receive_exact(&mut self, buffer: &mut [u8]) {
        P::unix_read_exact(&mut self.0, buffer).await;
    }

    async fn end(self) {}
}

pub(super) struct Udp<P: Peer>(P::UdpSocket);

impl<P: Peer> Wire<P> for Udp<P> {
    type Maker = ();

    async fn maker() {}

    async fn pair((): &mut ()) -> (Self, Self) {
        let (client, client_address) = P::udp_bind().await;
        let (server, server_address) = P::udp_bind().await;
        P::udp_connect(&client, server_address).await;
        P::udp_connect(&server, client_address).await;
        (Self(client), Self(server))
    }

    async fn send(&mut self, bytes: &[u8]) {
        P::udp_send(&self.0, bytes).await;
    }

    async fn receive(&mut self, buffer: &mut [u8]) -> usize {
        P::udp_receive(&self.0, buffer).await
    }

    async fn receive_exact(&mut self, buffer: &mut [u8]) {
        let count = P::udp_receive(&self.0, buffer).await;
        assert_eq!(count, buffer.len(), "a datagram of another size");
    }

    async fn end(self) {
        P::udp_send(&self.0, &[]).await;
    }
}
