//! Peers, descriptors and runtimes that go away at a bad moment.
#![cfg(unix)]

use crate::support::{both, current, current_thread, hang_bound, multi_thread, poll_once, turns};
use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::unix::pipe;
use runtime::net::{TcpListener, TcpStream, UdpSocket, UnixStream};
use runtime::runtime::is_rt_shutdown_err;
use runtime::time::Instant;
use std::io::{ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (client, server)
}

fn is_gone(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

/// Both halves of the other side hear of it, and so does every later call.
#[test]
fn a_reset_in_the_middle_of_a_transfer_ends_both_directions() {
    multi_thread(async {
        let (client, mut server) = pair().await;
        let (mut read, mut write) = client.into_split();
        let reading = runtime::spawn(async move {
            let outcome = read.read(&mut [0; 10]).await;
            (read, outcome)
        });
        let writing = runtime::spawn(async move {
            let block = vec![1; 100_000];
            loop {
                if let Err(error) = write.write_all(&block).await {
                    return (write, error);
                }
            }
        });
        let mut taken = vec![0; 1_000_000];
        server.read_exact(&mut taken).await.unwrap();
        server.set_zero_linger().unwrap();
        drop(server);
        let (mut write, error) = writing.await.unwrap();
        assert!(is_gone(error.kind()), "{error}");
        // Of the two halves one is told of the reset, the other of its consequence.
        let (mut read, outcome) = reading.await.unwrap();
        match outcome {
            Ok(count) => assert_eq!(count, 0),
            Err(error) => assert!(is_gone(error.kind()), "{error}"),
        }
        assert!(is_gone(write.write(b"x").await.unwrap_err().kind()));
        assert_eq!(read.read(&mut [0; 10]).await.unwrap(), 0);
    });
}

/// Each side has said that it sends nothing more when the other is reset.
#[test]
fn a_reset_after_a_half_close_is_an_error_of_the_open_direction() {
    current_thread(async {
        // Who said so waits for an answer.
        let (mut client, mut server) = pair().await;
        client.shutdown().await.unwrap();
        assert_eq!(server.read(&mut [0; 10]).await.unwrap(), 0);
        server.write_all(b"half an ans").await.unwrap();
        let mut answer = [0; 11];
        client.read_exact(&mut answer).await.unwrap();
        let mut buf = [0; 10];
        let mut read = pin!(client.read(&mut buf));
        assert!(poll_once(read.as_mut()).is_pending());
        server.set_zero_linger().unwrap();
        drop(server);
        let error = read.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(client.read(&mut buf).await.unwrap(), 0);

        // Who heard it waits for room.
        let (mut client, mut server) = pair().await;
        client.shutdown().await.unwrap();
        assert_eq!(server.read(&mut [0; 10]).await.unwrap(), 0);
        let block = vec![1; 10_000_000];
        let mut write = pin!(server.write_all(&block));
        assert!(poll_once(write.as_mut()).is_pending());
        client.set_zero_linger().unwrap();
        drop(client);
        assert!(is_gone(write.await.unwrap_err().kind()));
    });
}

/// The writing half goes while the reading half waits: the peer reads the end and may still answer.
#[test]
fn a_half_that_waits_outlives_the_other() {
    multi_thread(async {
        let (client, mut server) = pair().await;
        let (mut read, write) = client.into_split();
        let reading = runtime::spawn(async move {
            let mut answer = Vec::new();
            read.read_to_end(&mut answer).await.unwrap();
            answer
        });
        drop(write);
        assert_eq!(server.read(&mut [0; 10]).await.unwrap(), 0);
        server.write_all(b"answer").await.unwrap();
        drop(server);
        assert_eq!(reading.await.unwrap(), b"answer");

        let (client, mut server) = pair().await;
        let (mut read, mut write) = client.into_split();
        let waiting = runtime::spawn(async move { read.read(&mut [0; 10]).await });
        turns().await;
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        write.write_all(b"still here").await.unwrap();
        let mut buf = [0; 10];
        server.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"still here");
    });
}

/// The reading half goes while the writing half waits for room: what was written arrives.
#[test]
fn a_half_that_waits_for_room_outlives_the_other() {
    multi_thread(async {
        let (client, mut server) = pair().await;
        let (read, mut write) = client.into_split();
        let block = vec![1; 10_000_000];
        let mut writing = pin!(write.write_all(&block));
        assert!(poll_once(writing.as_mut()).is_pending());
        drop(read);
        let mut received = vec![0; block.len()];
        let (written, taken) = runtime::join!(writing, server.read_exact(&mut received));
        written.unwrap();
        assert_eq!(taken.unwrap(), block.len());
        assert!(received == block, "the bytes differ");
    });
}

/// A peer that sends a byte now and then does not hold up the others, and its deadline ends it
/// however long it goes on: a day of bytes, on a clock that is paused.
#[test]
fn a_slow_peer_is_cut_off_at_its_deadline() {
    const HOUR: Duration = Duration::from_secs(3_600);
    // Without the bound of `current_thread`, which a paused clock would reach.
    let runtime = current();
    let _bound = hang_bound();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = runtime::spawn(async move {
            let mut serving = Vec::new();
            for _ in 0..11 {
                let (mut stream, _) = listener.accept().await.unwrap();
                serving.push(runtime::spawn(async move {
                    let mut request = [0; 100];
                    let whole = stream.read_exact(&mut request);
                    if runtime::time::timeout(HOUR, whole).await.is_err() {
                        return 1;
                    }
                    stream.write_all(&request).await.unwrap();
                    0
                }));
            }
            let mut cut_off = 0;
            for task in serving {
                cut_off += task.await.unwrap();
            }
            cut_off
        });
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"x").await.unwrap();
        for id in 0..10_u8 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(&[id; 100]).await.unwrap();
            let mut answer = [0; 100];
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, [id; 100]);
        }
        // Only now does nothing but time end anything.
        runtime::time::pause();
        let begin = Instant::now();
        while slow.write_all(b"x").await.is_ok() {
            assert!(begin.elapsed() < 24 * HOUR, "it goes on and on");
            runtime::time::sleep(HOUR / 50).await;
        }
        assert_eq!(server.await.unwrap(), 1);
    });
}

/// Somebody closes the descriptor of a socket. Its calls fail, its waits end with the runtime at
/// the latest, and nothing else is harmed. In a process of its own, because the number is free then.
#[test]
fn a_descriptor_closed_behind_our_back_harms_nobody_else() {
    let name = "a_descriptor_closed_behind_our_back_harms_nobody_else";
    crate::support::in_child!(name, || {
        for runtime in both(2) {
            let mut waiting = None;
            runtime.block_on(async {
                let (mut client, mut server) = pair().await;
                let (mut bystander, mut other) = UnixStream::pair().unwrap();
                let closed = client.as_raw_fd();
                // SAFETY: that the number has no owner now is what is tested; it gets a file again
                // before anybody closes it.
                assert_eq!(unsafe { libc::close(closed) }, 0);
                assert_eq!(server.read(&mut [0; 10]).await.unwrap(), 0);
                let error = client.write(b"x").await.unwrap_err();
                assert_eq!(error.raw_os_error(), Some(libc::EBADF));
                let error = client.peer_addr().unwrap_err();
                assert_eq!(error.raw_os_error(), Some(libc::EBADF));
                bystander.write_all(b"hello").await.unwrap();
                other.read_exact(&mut [0; 5]).await.unwrap();
                let null = std::fs::File::open("/dev/null").unwrap();
                if null.as_raw_fd() == closed {
                    // The next file has the number: it is the client's now.
                    std::mem::forget(null);
                } else {
                    // SAFETY: the number is free, and the client's from now on.
                    assert_eq!(unsafe { libc::dup2(null.as_raw_fd(), closed) }, closed);
                }
                let reading = async move { client.read(&mut [0; 10]).await };
                waiting = Some(runtime::spawn(reading));
                turns().await;
                let (mut client, mut server) = pair().await;
                client.write_all(b"hello").await.unwrap();
                server.read_exact(&mut [0; 5]).await.unwrap();
            });
            drop(runtime);
            let outcome = current_thread(waiting.expect("spawned above"));
            // It waited and was cancelled, or it read what was no socket.
            assert!(match outcome {
                Err(error) => error.is_cancelled(),
                Ok(read) => read.unwrap_err().raw_os_error() == Some(libc::ENOTSOCK),
            });
        }
    });
}

/// Somebody puts another file under the number of a socket's descriptor. Its calls fail, nothing
/// else is harmed.
#[test]
fn a_descriptor_exchanged_behind_our_back_harms_nobody_else() {
    current_thread(async {
        let (mut client, mut server) = pair().await;
        let (mut bystander, mut other) = UnixStream::pair().unwrap();
        let null = std::fs::File::open("/dev/null").unwrap();
        // SAFETY: both descriptors are open. The number stays taken, so nobody else gets it.
        let outcome = unsafe { libc::dup2(null.as_raw_fd(), client.as_raw_fd()) };
        assert_eq!(outcome, client.as_raw_fd());
        // The connection was closed by that, and the peer reads its end.
        assert_eq!(server.read(&mut [0; 10]).await.unwrap(), 0);
        let error = client.write(b"x").await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTSOCK));
        let reading = runtime::spawn(async move { client.read(&mut [0; 10]).await });
        turns().await;
        // It may wait for an event that cannot come, but not for ever in our way.
        reading.abort();
        if let Ok(outcome) = reading.await {
            assert_eq!(outcome.unwrap_err().raw_os_error(), Some(libc::ENOTSOCK));
        }
        bystander.write_all(b"hello").await.unwrap();
        other.read_exact(&mut [0; 5]).await.unwrap();
        let (mut client, mut server) = pair().await;
        client.write_all(b"hello").await.unwrap();
        server.read_exact(&mut [0; 5]).await.unwrap();
    });
}

/// What waits when the runtime goes gets an error, and so does what comes later.
#[test]
fn sockets_of_a_runtime_that_is_gone_say_so() {
    let mut builder = runtime::runtime::Builder::new_multi_thread();
    let gone = builder.worker_threads(2).enable_all().build().unwrap();
    let handle = gone.handle().clone();
    let (udp, (stream, _peer), (sender, receiver)) = gone.block_on(async {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        (udp, UnixStream::pair().unwrap(), pipe::pipe().unwrap())
    });
    let udp = Arc::new(udp);
    let waiting = {
        let udp = udp.clone();
        std::thread::spawn(move || current_thread(async { udp.recv(&mut [0; 10]).await }))
    };
    drop(gone);
    let error = waiting.join().unwrap().unwrap_err();
    assert!(is_rt_shutdown_err(&error), "{error}");
    current_thread(async {
        assert!(is_rt_shutdown_err(&stream.readable().await.unwrap_err()));
        assert!(is_rt_shutdown_err(&receiver.readable().await.unwrap_err()));
        let _ = sender.try_write(b"x");
        assert!(is_rt_shutdown_err(
            &udp.peek(&mut [0; 10]).await.unwrap_err()
        ));
    });
    let _entered = handle.enter();
    assert!(is_rt_shutdown_err(&UnixStream::pair().unwrap_err()));
    assert!(is_rt_shutdown_err(&pipe::pipe().unwrap_err()));
    let std = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    std.set_nonblocking(true).unwrap();
    assert!(is_rt_shutdown_err(&TcpListener::from_std(std).unwrap_err()));
}

/// 100,000 events from elsewhere: none is lost, and whoever needs no event goes on meanwhile.
#[test]
fn a_flood_of_events_is_worked_off() {
    const PIPES: usize = 100;
    const EVENTS_EACH: usize = 1_000;
    multi_thread(async {
        let received = Arc::new(AtomicUsize::new(0));
        let mut senders = Vec::new();
        let mut readers = Vec::new();
        for _ in 0..PIPES {
            let (sender, mut receiver) = pipe::pipe().unwrap();
            senders.push(std::fs::File::from(sender.into_blocking_fd().unwrap()));
            let received = received.clone();
            readers.push(runtime::spawn(async move {
                // One byte at a time: each is looked for anew.
                while receiver.read(&mut [0; 1]).await.unwrap() == 1 {
                    received.fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
        let flood = std::thread::spawn(move || {
            for _ in 0..EVENTS_EACH {
                for sender in &mut senders {
                    sender.write_all(b"x").unwrap();
                }
            }
        });
        let (mut client, mut server) = pair().await;
        let mut rounds = 0_u32;
        while received.load(Ordering::Relaxed) < PIPES * EVENTS_EACH {
            client.write_all(b"ping").await.unwrap();
            server.read_exact(&mut [0; 4]).await.unwrap();
            rounds += 1;
        }
        assert!(rounds > 0);
        flood.join().unwrap();
        for reader in readers {
            reader.await.unwrap();
        }
        assert_eq!(received.load(Ordering::Relaxed), PIPES * EVENTS_EACH);
    });
}
