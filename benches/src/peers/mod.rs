//! What a runtime must offer to take part, and the adapters.
//!
//! The adapters add nothing: `tokio_shaped` serves every runtime with tokio's names, so tokio and
//! ours run the very same source; `smol` has its own names.

#[macro_use]
mod tokio_shaped;
#[macro_use]
mod tokio_shaped_sync;
#[macro_use]
mod tokio_shaped_task;
mod smol;
mod smol_sync;
mod smol_task;
mod sync;
mod task;

use std::future::Future;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

pub use self::smol::Smol;
pub use self::smol_sync::Signal;
pub use self::sync::{SyncPeer, WatchPeer};
pub use self::task::{SetPeer, TaskPeer};

/// Worker threads of every runtime.
pub const WORKERS: usize = 2;

// Who takes part, besides smol; the first is judged against the others.
tokio_shaped_contestants! {
    Ours = runtime as "ours", main on a worker;
    Tokio = tokio as "tokio", main on the main thread;
}

/// A started runtime with [`WORKERS`] workers; dropping it stops them.
///
/// Errors of the network or of a panicked task end the benchmark with a panic.
pub trait Peer: Sized + Send + Sync + 'static {
    /// Column title, and the last part of a criterion id.
    const NAME: &'static str;

    /// A running task; awaiting it returns its output.
    type Join<T: Send + 'static>: Future<Output = T> + Send + 'static;
    /// Sends the one value of a oneshot channel.
    type OneSender<T: Send + 'static>: Send + 'static;
    /// Receives the one value of a oneshot channel.
    type OneReceiver<T: Send + 'static>: Send + 'static;
    /// One of several senders of a bounded channel.
    type Sender<T: Send + 'static>: Clone + Send + Sync + 'static;
    /// The one receiver of a bounded channel.
    type Receiver<T: Send + 'static>: Send + 'static;
    /// A listening TCP socket.
    type Listener: AsFd + Send + Sync + 'static;
    /// A connected TCP socket.
    type Stream: Send + 'static;
    /// A connected Unix socket.
    type UnixStream: Send + 'static;
    /// A bound UDP socket.
    type UdpSocket: Send + Sync + 'static;
    /// An open file.
    type File: Send + 'static;

    /// Starts the workers.
    fn start() -> Self;

    /// Runs `future` on the calling thread, outside the workers.
    fn block_on<F: Future>(&self, future: F) -> F::Output;

    /// Runs `future` where the runtime's `main` attribute runs the body of `main`.
    fn run_main<F>(&self, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// Runs `future` as a task on the workers and waits for it.
    fn run_task<F>(&self, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// Spawns a task from inside the runtime.
    fn spawn<F>(future: F) -> Self::Join<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// Spawns a task that nobody awaits.
    fn spawn_detached<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static;

    /// Starts `job` on the blocking pool at once.
    fn spawn_blocking<F, T>(job: F) -> Self::Join<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static;

    /// Lets other tasks run once.
    fn yield_now() -> impl Future<Output = ()> + Send;

    /// Waits for `duration`.
    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send;

    /// Awaits `future` for at most `duration`; false when the time ran out.
    fn timeout<F>(duration: Duration, future: F) -> impl Future<Output = bool> + Send
    where
        F: Future<Output = ()> + Send;

    /// Makes a oneshot channel.
    fn oneshot<T: Send + 'static>() -> (Self::OneSender<T>, Self::OneReceiver<T>);

    /// Sends the value of a oneshot channel.
    fn send_one<T: Send + 'static>(sender: Self::OneSender<T>, value: T);

    /// Awaits the value of a oneshot channel.
    fn receive_one<T: Send + 'static>(
        receiver: Self::OneReceiver<T>,
    ) -> impl Future<Output = T> + Send;

    /// Makes a channel that holds `capacity` values.
    fn channel<T: Send + 'static>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>);

    /// Sends `value`, waiting for room.
    fn send<T: Send + 'static>(
        sender: &Self::Sender<T>,
        value: T,
    ) -> impl Future<Output = ()> + Send;

    /// Receives a value, or `None` after the last sender is gone.
    fn receive<T: Send + 'static>(
        receiver: &mut Self::Receiver<T>,
    ) -> impl Future<Output = Option<T>> + Send;

    /// Listens on a free loopback port.
    fn listen() -> impl Future<Output = (Self::Listener, SocketAddr)> + Send;

    /// Accepts one connection, with Nagle's algorithm off.
    fn accept(listener: &Self::Listener) -> impl Future<Output = Self::Stream> + Send;

    /// Connects, with Nagle's algorithm off.
    fn connect(address: SocketAddr) -> impl Future<Output = Self::Stream> + Send;

    /// Reads some bytes; 0 after the end.
    fn read(stream: &mut Self::Stream, buffer: &mut [u8]) -> impl Future<Output = usize> + Send;

    /// Fills the buffer.
    fn read_exact(stream: &mut Self::Stream, buffer: &mut [u8]) -> impl Future<Output = ()> + Send;

    /// Writes all bytes.
    fn write_all(stream: &mut Self::Stream, bytes: &[u8]) -> impl Future<Output = ()> + Send;

    /// Makes two Unix streams that are connected to each other.
    fn unix_pair() -> (Self::UnixStream, Self::UnixStream);

    /// Reads some bytes; 0 after the end.
    fn unix_read(
        stream: &mut Self::UnixStream,
        buffer: &mut [u8],
    ) -> impl Future<Output = usize> + Send;

    /// Fills the buffer.
    fn unix_read_exact(
        stream: &mut Self::UnixStream,
        buffer: &mut [u8],
    ) -> impl Future<Output = ()> + Send;

    /// Writes all bytes.
    fn unix_write_all(
        stream: &mut Self::UnixStream,
        bytes: &[u8],
    ) -> impl Future<Output = ()> + Send;

    /// Binds a UDP socket to a free loopback port.
    fn udp_bind() -> impl Future<Output = (Self::UdpSocket, SocketAddr)> + Send;

    /// Connects a UDP socket.
    fn udp_connect(
        socket: &Self::UdpSocket,
        address: SocketAddr,
    ) -> impl Future<Output = ()> + Send;

    /// Sends a datagram to the connected peer.
    fn udp_send(socket: &Self::UdpSocket, bytes: &[u8]) -> impl Future<Output = ()> + Send;

    /// Receives a datagram from the connected peer.
    fn udp_receive(
        socket: &Self::UdpSocket,
        buffer: &mut [u8],
    ) -> impl Future<Output = usize> + Send;
    /// Opens a file for reading.
    fn open(path: &Path) -> impl Future<Output = Self::File> + Send;

    /// Opens an empty file for writing.
    fn create(path: &Path) -> impl Future<Output = Self::File> + Send;

    /// Goes back to the start of a file.
    fn rewind(file: &mut Self::File) -> impl Future<Output = ()> + Send;

    /// Fills the buffer from a file.
    fn read_block(file: &mut Self::File, buffer: &mut [u8]) -> impl Future<Output = ()> + Send;

    /// Writes all bytes to a file, some of them perhaps in the background.
    fn write_block(file: &mut Self::File, bytes: &[u8]) -> impl Future<Output = ()> + Send;

    /// Waits until what was written is in the file.
    fn flush(file: &mut Self::File) -> impl Future<Output = ()> + Send;

    /// Reads a whole file.
    fn read_whole(path: &Path) -> impl Future<Output = Vec<u8>> + Send;

    /// How many regular files there are in a directory.
    fn count_files(directory: &Path) -> impl Future<Output = usize> + Send;

    /// Starts a program that succeeds, and waits for its end.
    fn run_program(program: &str) -> impl Future<Output = ()> + Send;
}
