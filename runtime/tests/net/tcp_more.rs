//! What is rarer of TCP: options, conversions, and calls that do not wait.

use crate::support::{current_thread, is_blocked, poll_once, turns};
use runtime::io::{AsyncReadExt, AsyncWriteExt, Interest, ReadBuf};
use runtime::net::{TcpListener, TcpSocket, TcpStream};
use std::future::poll_fn;
use std::io::{ErrorKind, IoSliceMut};
use std::pin::pin;
use std::time::Duration;

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (client, server)
}

/// A read that found less than it had room for uses readiness up: what waits next waits for bytes.
#[cfg(target_os = "linux")]
#[test]
fn a_short_try_read_uses_readiness_up_and_loses_nothing() {
    current_thread(async {
        let (mut client, server) = pair().await;
        // Past what is assumed of a fresh connection.
        turns().await;
        for round in 0..20_u8 {
            client.write_all(&[round; 3]).await.unwrap();
            server.readable().await.unwrap();
            let mut buf = [0; 10];
            assert_eq!(server.try_read(&mut buf).unwrap(), 3);
            assert!(poll_once(pin!(server.readable())).is_pending());
            assert!(is_blocked(&server.try_read(&mut buf)));
            let mut exact = Vec::with_capacity(100);
            client.write_all(&[round; 64]).await.unwrap();
            server.readable().await.unwrap();
            assert_eq!(server.try_read_buf(&mut exact).unwrap(), 64);
            assert_eq!(exact, [round; 64]);
        }
        drop(client);
        loop {
            server.readable().await.unwrap();
            match server.try_read(&mut [0; 10]) {
                Ok(count) => break assert_eq!(count, 0),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
    });
}

#[test]
fn vectored_reads_fill_one_slice_after_the_other() {
    current_thread(async {
        let (mut client, server) = pair().await;
        client.write_all(b"abcdef").await.unwrap();
        loop {
            server.readable().await.unwrap();
            let (mut a, mut b) = ([0; 2], [0; 10]);
            let mut bufs = [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
            match server.try_read_vectored(&mut bufs) {
                Ok(count) => break assert_eq!((count, &a, &b[..4]), (6, b"ab", &b"cdef"[..])),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
    });
}

#[test]
fn options_of_streams_are_what_they_were_set_to() {
    current_thread(async {
        let (client, server) = pair().await;
        client.set_nodelay(true).unwrap();
        client.set_ttl(33).unwrap();
        assert!(client.nodelay().unwrap() && !server.nodelay().unwrap());
        assert_eq!(client.ttl().unwrap(), 33);
        assert_eq!(client.linger().unwrap(), None);
        #[allow(deprecated)]
        client.set_linger(Some(Duration::from_secs(3))).unwrap();
        assert_eq!(client.linger().unwrap(), Some(Duration::from_secs(3)));
        client.set_zero_linger().unwrap();
        assert_eq!(client.linger().unwrap(), Some(Duration::ZERO));
        #[cfg(target_os = "linux")]
        {
            client.set_quickack(false).unwrap();
            assert!(!client.quickack().unwrap());
            client.set_quickack(true).unwrap();
            assert!(client.quickack().unwrap());
        }
        assert!(client.take_error().unwrap().is_none());
        assert_eq!(
            client.as_ref().local_addr().unwrap(),
            server.peer_addr().unwrap()
        );
    });
}

#[test]
fn options_of_sockets_are_what_they_were_set_to() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_keepalive(true).unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.set_nodelay(true).unwrap();
    socket.set_tos_v4(16).unwrap();
    socket.set_send_buffer_size(100_000).unwrap();
    socket.set_recv_buffer_size(100_000).unwrap();
    socket.set_zero_linger().unwrap();
    assert!(socket.keepalive().unwrap() && socket.reuseaddr().unwrap());
    assert!(socket.nodelay().unwrap());
    assert_eq!(socket.tos_v4().unwrap(), 16);
    #[allow(deprecated)]
    {
        socket.set_tos(8).unwrap();
        assert_eq!(socket.tos().unwrap(), 8);
    }
    assert!(socket.send_buffer_size().unwrap() >= 100_000);
    assert!(socket.recv_buffer_size().unwrap() >= 100_000);
    assert_eq!(socket.linger().unwrap(), Some(Duration::ZERO));
    assert!(socket.take_error().unwrap().is_none());
    #[cfg(target_os = "linux")]
    {
        assert_eq!(socket.device().unwrap(), None);
        socket.set_reuseport(true).unwrap();
        assert!(socket.reuseport().unwrap());
        let six = TcpSocket::new_v6().unwrap();
        six.set_tclass_v6(32).unwrap();
        assert_eq!(six.tclass_v6().unwrap(), 32);
    }
}

#[cfg(unix)]
#[test]
fn sockets_come_from_descriptors_and_from_std() {
    use std::os::fd::{FromRawFd, IntoRawFd};
    current_thread(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let fd = TcpSocket::new_v4().unwrap().into_raw_fd();
        // SAFETY: the descriptor was just given away.
        let socket = unsafe { TcpSocket::from_raw_fd(fd) };
        let client = socket.connect(address).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let client = client.into_std().unwrap();
        let mut client = TcpStream::try_from(client).unwrap();
        client.write_all(b"hello").await.unwrap();
        let mut buf = [0; 10];
        let count = server.peek(&mut buf).await.unwrap();
        assert_eq!(&buf[..count], b"hello");
        let listener = TcpListener::from_std(listener.into_std().unwrap()).unwrap();
        assert_eq!(listener.local_addr().unwrap(), address);
        listener.set_ttl(9).unwrap();
        assert_eq!(listener.ttl().unwrap(), 9);
    });
}

#[cfg(debug_assertions)]
#[test]
#[should_panic(expected = "set_nonblocking(true)")]
fn a_blocking_listener_is_refused() {
    current_thread(async {
        let std = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        drop(TcpListener::from_std(std));
    });
}

#[test]
fn closures_are_called_only_when_it_is_ready() {
    current_thread(async {
        let (mut client, server) = pair().await;
        assert!(is_blocked(&server.try_read(&mut [0; 4])));
        let unready = server.try_io(Interest::READABLE, || -> std::io::Result<()> {
            unreachable!("it is not readable")
        });
        assert!(is_blocked(&unready));
        client.write_all(b"hello").await.unwrap();
        let mut calls = 0;
        let answer = server.async_io(Interest::READABLE, || {
            calls += 1;
            if calls < 2 { Ok(0) } else { unreachable!() }
        });
        assert_eq!(answer.await.unwrap(), 0);
        let blocked = server.try_io(Interest::READABLE, || {
            Err::<(), _>(ErrorKind::WouldBlock.into())
        });
        assert!(is_blocked(&blocked));
        assert!(poll_once(pin!(server.readable())).is_pending());
        // Errors other than that use nothing up.
        client.write_all(b"more").await.unwrap();
        server.readable().await.unwrap();
        let failed = server.try_io(Interest::READABLE, || {
            Err::<(), _>(ErrorKind::InvalidData.into())
        });
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::InvalidData);
        server.readable().await.unwrap();
    });
}

#[test]
fn halves_peek_and_wait_for_readiness() {
    current_thread(async {
        let (mut client, mut server) = pair().await;
        client.write_all(b"hello").await.unwrap();
        let (mut read, write) = server.split();
        let mut space = [0; 10];
        let mut buf = ReadBuf::new(&mut space);
        let count = poll_fn(|cx| read.poll_peek(cx, &mut buf)).await.unwrap();
        assert_eq!((count, buf.filled()), (5, &b"hello"[..]));
        let ready = read.ready(Interest::READABLE).await.unwrap();
        assert!(ready.is_readable());
        write.writable().await.unwrap();
        assert_eq!(write.try_write(b"yes").unwrap(), 3);
        let (mut read, write) = server.into_split();
        let mut buf = [0; 10];
        assert_eq!(read.peek(&mut buf).await.unwrap(), 5);
        assert_eq!(read.read(&mut buf).await.unwrap(), 5);
        assert_eq!(read.local_addr().unwrap(), write.local_addr().unwrap());
        assert_eq!(write.peer_addr().unwrap(), client.local_addr().unwrap());
        client.read_exact(&mut buf[..3]).await.unwrap();
    });
}
