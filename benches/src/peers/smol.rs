//! The adapter for smol: its executor on two threads that we start and stop.
//!
//! The executor is a static, as in `smol::spawn`, because tasks spawn through it without a handle.
//! Its threads, `async-io`'s and `blocking`'s sleep while no round of smol runs.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread;
use std::time::Duration;

use ::smol::channel;
use ::smol::fs::File;
use ::smol::future::{or, yield_now};
use ::smol::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, SeekFrom};
use ::smol::net::unix::UnixStream;
use ::smol::net::{TcpListener, TcpStream, UdpSocket};
use ::smol::stream::StreamExt;
use ::smol::{Executor, Task, Timer};

use super::{Peer, WORKERS};

static EXECUTOR: Executor<'static> = Executor::new();

/// smol on [`WORKERS`] threads; `main` is `smol::block_on`, as in its examples.
#[derive(Debug)]
pub struct Smol {
    workers: Vec<thread::JoinHandle<()>>,
    /// Closing it stops the workers.
    stop: channel::Sender<()>,
}

impl Drop for Smol {
    fn drop(&mut self) {
        self.stop.close();
        for worker in self.workers.drain(..) {
            worker.join().expect("a worker panicked");
        }
    }
}

impl Peer for Smol {
    const NAME: &'static str = "smol";

    type Join<T: Send + 'static> = Task<T>;
    type OneSender<T: Send + 'static> = channel::Sender<T>;
    type OneReceiver<T: Send + 'static> = channel::Receiver<T>;
    type Sender<T: Send + 'static> = channel::Sender<T>;
    type Receiver<T: Send + 'static> = channel::Receiver<T>;
    type Listener = TcpListener;
    type Stream = TcpStream;
    type UnixStream = UnixStream;
    type UdpSocket = UdpSocket;
    type File = File;

    fn start() -> Self {
        let (stop, stopped) = channel::bounded::<()>(1);
        let start_worker = |_| {
            let stopped = stopped.clone();
            thread::spawn(move || {
                // `recv` fails once the channel is closed: that is the signal.
                let _closed = ::smol::block_on(EXECUTOR.run(stopped.recv()));
            })
        };
        Self {
            workers: (0..WORKERS).map(start_worker).collect(),
            stop,
        }
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        ::smol::block_on(future)
    }

    fn run_main<F>(&self, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        ::smol::block_on(future)
    }

    fn run_task<F>(&self, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        ::smol::block_on(EXECUTOR.spawn(future))
    }

    fn spawn<F>(future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        EXECUTOR.spawn(future)
    }

    fn spawn_detached<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        EXECUTOR.spawn(future).detach();
    }

    fn spawn_blocking<F, T>(job: F) -> Task<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        ::smol::unblock(job)
    }

    async fn yield_now() {
        yield_now().await;
    }

    async fn sleep(duration: Duration) {
        Timer::after(duration).await;
    }

    async fn timeout<F>(duration: Duration, future: F) -> bool
    where
        F: Future<Output = ()> + Send,
    {
        let in_time = async {
            future.await;
            true
        };
        let too_late = async {
            Timer::after(duration).await;
            false
        };
        or(in_time, too_late).await
    }

    // smol has no oneshot: its programs use a channel of one.
    fn oneshot<T: Send + 'static>() -> (channel::Sender<T>, channel::Receiver<T>) {
        channel::bounded(1)
    }

    fn send_one<T: Send + 'static>(sender: channel::Sender<T>, value: T) {
        assert!(sender.try_send(value).is_ok(), "the receiver is alive");
    }

    async fn receive_one<T: Send + 'static>(receiver: channel::Receiver<T>) -> T {
        receiver.recv().await.expect("the sender is alive")
    }

    fn channel<T: Send + 'static>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        channel::bounded(capacity)
    }

    async fn send<T: Send + 'static>(sender: &Self::Sender<T>, value: T) {
        assert!(sender.send(value).await.is_ok(), "the receiver is alive");
    }

    async fn receive<T: Send + 'static>(receiver: &mut Self::Receiver<T>) -> Option<T> {
        receiver.recv().await.ok()
    }

    async fn listen() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("bind");
        let address = listener.local_addr().expect("bound");
        (listener, address)
    }

    async fn accept(listener: &TcpListener) -> TcpStream {
        let (stream, _) = listener.accept().await.expect("accept");
        stream.set_nodelay(true).expect("set_nodelay");
        stream
    }

    async fn connect(address: SocketAddr) -> TcpStream {
        let stream = TcpStream::connect(address).await.expect("connect");
        stream.set_nodelay(true).expect("set_nodelay");
        stream
    }

    async fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> usize {
        stream.read(buffer).await.expect("read")
    }

    async fn read_exact(stream: &mut TcpStream, buffer: &mut [u8]) {
        stream.read_exact(buffer).await.expect("read_exact");
    }

    async fn write_all(stream: &mut TcpStream, bytes: &[u8]) {
        stream.write_all(bytes).await.expect("write_all");
    }

    async fn unix_read(stream: &mut UnixStream, buffer: &mut [u8]) -> usize {
        stream.read(buffer).await.expect("read")
    }

    async fn unix_read_exact(stream: &mut UnixStream, buffer: &mut [u8]) {
        stream.read_exact(buffer).await.expect("read_exact");
    }

    async fn unix_write_all(stream: &mut UnixStream, bytes: &[u8]) {
        stream.write_all(bytes).await.expect("write_all");
    }

    async fn udp_bind() -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("bind");
        let address = socket.local_addr().expect("bound");
        (socket, address)
    }

    async fn udp_connect(socket: &UdpSocket, address: SocketAddr) {
        socket.connect(address).await.expect("connect");
    }

    async fn udp_send(socket: &UdpSocket, bytes: &[u8]) {
        socket.send(bytes).await.expect("send");
    }

    async fn udp_receive(socket: &UdpSocket, buffer: &mut [u8]) -> usize {
        socket.recv(buffer).await.expect("recv")
    }

    fn unix_pair() -> (UnixStream, UnixStream) {
        UnixStream::pair().expect("pair")
    }

    async fn open(path: &Path) -> File {
        File::open(path).await.expect("open")
    }

    async fn create(path: &Path) -> File {
        File::create(path).await.expect("create")
    }

    async fn rewind(file: &mut File) {
        file.seek(SeekFrom::Start(0)).await.expect("rewind");
    }

    async fn read_block(file: &mut File, buffer: &mut [u8]) {
        file.read_exact(buffer).await.expect("read");
    }

    async fn write_block(file: &mut File, bytes: &[u8]) {
        file.write_all(bytes).await.expect("write");
    }

    async fn flush(file: &mut File) {
        file.flush().await.expect("flush");
    }

    async fn read_whole(path: &Path) -> Vec<u8> {
        ::smol::fs::read(path).await.expect("read")
    }

    async fn count_files(directory: &Path) -> usize {
        let mut entries = ::smol::fs::read_dir(directory).await.expect("read_dir");
        let mut files = 0;
        while let Some(entry) = entries.next().await {
            let kind = entry.expect("entry").file_type().await;
            files += usize::from(kind.expect("file type").is_file());
        }
        files
    }

    async fn run_program(program: &str) {
        let status = ::smol::process::Command::new(program).status();
        assert!(status.await.expect("status").success());
    }
}
