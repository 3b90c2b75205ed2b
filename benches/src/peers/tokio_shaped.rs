//! The adapter for runtimes with tokio's names: one source, whichever crate is behind it.

/// Defines a [`Peer`](super::Peer) per line, `Name = crate as "column", main on …;`, and the
/// function that lists all contestants.
///
/// The last words say where the crate's `main` attribute runs the body: `the main thread` or
/// `a worker`.
macro_rules! tokio_shaped_contestants {
    ($($peer:ident = $rt:ident as $name:literal, main on $($place:ident)+;)+) => {
        $(tokio_shaped! { $peer = $rt as $name, main on $($place)+; })+
        $(tokio_shaped_sync! { $peer = $rt })+
        $(tokio_shaped_task! { $peer = $rt })+

        /// Everyone who takes part, in the order of the columns.
        pub(crate) fn contestants() -> Vec<crate::contest::Contestant> {
            use crate::contest::Contestant;
            use crate::scenarios;
            vec![
                $(Contestant::of::<$peer>(scenarios::all()),)+
                Contestant::of::<Smol>(scenarios::in_common()),
            ]
        }
    };
}

/// Defines the [`Peer`](super::Peer) of one crate with tokio's names.
macro_rules! tokio_shaped {
    ($peer:ident = $rt:ident as $name:literal, main on $($place:ident)+;) => {
        #[doc = concat!("`", stringify!($rt), "`, multi-threaded.")]
        #[derive(Debug)]
        pub struct $peer(::$rt::runtime::Runtime);

        const _: () = {
            use std::future::Future;
            use std::net::{Ipv4Addr, SocketAddr};
            use std::path::Path;
            use std::pin::Pin;
            use std::task::{Context, Poll};
            use std::time::Duration;

            use ::$rt::fs::{self, File};
            use ::$rt::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
            use ::$rt::net::{TcpListener, TcpStream, UdpSocket, UnixStream};
            use ::$rt::sync::{mpsc, oneshot};

            /// Unwraps the result of a task.
            #[derive(Debug)]
            pub struct Join<T>(::$rt::task::JoinHandle<T>);

            impl<T> Future for Join<T> {
                type Output = T;

                fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
                    Pin::new(&mut self.0).poll(cx).map(|result| result.expect("no task panics"))
                }
            }

            impl Peer for $peer {
                const NAME: &'static str = $name;

                type Join<T: Send + 'static> = Join<T>;
                type OneSender<T: Send + 'static> = oneshot::Sender<T>;
                type OneReceiver<T: Send + 'static> = oneshot::Receiver<T>;
                type Sender<T: Send + 'static> = mpsc::Sender<T>;
                type Receiver<T: Send + 'static> = mpsc::Receiver<T>;
                type Listener = TcpListener;
                type Stream = TcpStream;
                type UnixStream = UnixStream;
                type UdpSocket = UdpSocket;
                type File = File;

                fn start() -> Self {
                    let built = ::$rt::runtime::Builder::new_multi_thread()
                        .worker_threads(WORKERS)
                        .enable_all()
                        .build();
                    Self(built.expect("the runtime starts"))
                }

                fn block_on<F: Future>(&self, future: F) -> F::Output {
                    self.0.block_on(future)
                }

                fn run_main<F>(&self, future: F) -> F::Output
                where
                    F: Future + Send + 'static,
                    F::Output: Send + 'static,
                {
                    tokio_shaped!(@main self, future, $($place)+)
                }

                fn run_task<F>(&self, future: F) -> F::Output
                where
                    F: Future + Send + 'static,
                    F::Output: Send + 'static,
                {
                    self.0.block_on(Join(self.0.spawn(future)))
                }

                fn spawn<F>(future: F) -> Self::Join<F::Output>
                where
                    F: Future + Send + 'static,
                    F::Output: Send + 'static,
                {
                    Join(::$rt::spawn(future))
                }

                fn spawn_detached<F>(future: F)
                where
                    F: Future<Output = ()> + Send + 'static,
                {
                    drop(::$rt::spawn(future));
                }

                fn spawn_blocking<F, T>(job: F) -> Self::Join<T>
                where
                    F: FnOnce() -> T + Send + 'static,
                    T: Send + 'static,
                {
                    Join(::$rt::task::spawn_blocking(job))
                }

                async fn yield_now() {
                    ::$rt::task::yield_now().await;
                }

                async fn sleep(duration: Duration) {
                    ::$rt::time::sleep(duration).await;
                }

                async fn timeout<F>(duration: Duration, future: F) -> bool
                where
                    F: Future<Output = ()> + Send,
                {
                    ::$rt::time::timeout(duration, future).await.is_ok()
                }

                fn oneshot<T: Send + 'static>() -> (Self::OneSender<T>, Self::OneReceiver<T>) {
                    oneshot::channel()
                }

                fn send_one<T: Send + 'static>(sender: Self::OneSender<T>, value: T) {
                    assert!(sender.send(value).is_ok(), "the receiver is alive");
                }

                async fn receive_one<T: Send + 'static>(receiver: oneshot::Receiver<T>) -> T {
                    receiver.await.expect("the sender is alive")
                }

                fn channel<T: Send + 'static>(
                    capacity: usize,
                ) -> (Self::Sender<T>, Self::Receiver<T>) {
                    mpsc::channel(capacity)
                }

                async fn send<T: Send + 'static>(sender: &Self::Sender<T>, value: T) {
                    assert!(sender.send(value).await.is_ok(), "the receiver is alive");
                }

                async fn receive<T: Send + 'static>(receiver: &mut Self::Receiver<T>) -> Option<T> {
                    receiver.recv().await
                }

                async fn listen() -> (TcpListener, SocketAddr) {
                    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("bind");
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
                    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("bind");
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
                    file.rewind().await.expect("rewind");
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
                    fs::read(path).await.expect("read")
                }

                async fn count_files(directory: &Path) -> usize {
                    let mut entries = fs::read_dir(directory).await.expect("read_dir");
                    let mut files = 0;
                    while let Some(entry) = entries.next_entry().await.expect("entry") {
                        let kind = entry.file_type().await.expect("file type");
                        files += usize::from(kind.is_file());
                    }
                    files
                }

                async fn run_program(program: &str) {
                    let status = ::$rt::process::Command::new(program).status();
                    assert!(status.await.expect("status").success());
                }
            }
        };
    };
    (@main $peer:expr, $future:expr, the main thread) => {
        $peer.0.block_on($future)
    };
    (@main $peer:expr, $future:expr, a worker) => {
        $peer.run_task($future)
    };
}
