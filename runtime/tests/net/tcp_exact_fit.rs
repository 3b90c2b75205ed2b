//! Reads that fill their buffer exactly: nothing may be lost where the kernel says what is left.
#![allow(unsafe_code)]

use crate::support::{current_thread, exact_fits, multi_thread, poll_once};
use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::{TcpListener, TcpSocket, TcpStream};
use std::io::ErrorKind;
use std::pin::pin;

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (server, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    (client, server)
}

#[test]
fn the_end_right_after_an_exact_fit_is_read() {
    current_thread(async {
        for sent_together in [false, true] {
            let (mut client, mut server) = pair().await;
            exact_fits(&mut client, &mut server).await;
            client.write_all(&[9; 16]).await.unwrap();
            if sent_together {
                // The end is queued behind the bytes before they are read.
                client.shutdown().await.unwrap();
            }
            let mut buf = [0; 16];
            server.read_exact(&mut buf).await.unwrap();
            if !sent_together {
                client.shutdown().await.unwrap();
            }
            assert_eq!(server.read(&mut buf).await.unwrap(), 0);
            assert_eq!(server.read(&mut buf).await.unwrap(), 0, "it stays the end");
            // Half-closed: the other direction goes on, with exact fits too.
            exact_fits(&mut server, &mut client).await;
            drop(server);
            assert_eq!(client.read(&mut buf).await.unwrap(), 0);
        }
    });
}

#[test]
fn bytes_behind_an_exact_fit_are_read() {
    current_thread(async {
        let (mut client, mut server) = pair().await;
        exact_fits(&mut client, &mut server).await;
        for length in [1, 15, 16, 17, 32, 33, 100] {
            let sent: Vec<u8> = (0..length).collect();
            client.write_all(&sent).await.unwrap();
            let mut received = Vec::new();
            // As much again arrives between the first and the second read.
            while received.len() < 2 * sent.len() {
                let mut buf = [0; 16];
                let count = server.read(&mut buf).await.unwrap();
                if received.is_empty() {
                    client.write_all(&sent).await.unwrap();
                }
                received.extend_from_slice(&buf[..count]);
            }
            assert_eq!(received, [sent.clone(), sent].concat());
            exact_fits(&mut client, &mut server).await;
        }
    });
}

#[test]
fn a_reset_after_an_exact_fit_is_an_error() {
    current_thread(async {
        let (mut client, mut server) = pair().await;
        exact_fits(&mut client, &mut server).await;
        client.set_zero_linger().unwrap();
        drop(client);
        let error = server.read(&mut [0; 16]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

/// Urgent data directly behind an exact fit: the read stops there with more behind it.
#[cfg(target_os = "linux")]
#[test]
fn bytes_behind_urgent_data_after_an_exact_fit_are_read() {
    current_thread(async {
        let (mut client, mut server) = pair().await;
        exact_fits(&mut client, &mut server).await;
        let socket = socket2::SockRef::from(&client);
        socket.send(&[1; 16]).unwrap();
        socket.send_out_of_band(b"!").unwrap();
        socket.send(&[2; 16]).unwrap();
        let mut received = Vec::new();
        while received.len() < 32 {
            let mut buf = [0; 16];
            let count = server.read(&mut buf).await.unwrap();
            assert_ne!(count, 0);
            received.extend_from_slice(&buf[..count]);
        }
        assert_eq!(received, [[1; 16], [2; 16]].concat());
    });
}

/// Both ends write and read 16 bytes at a time as fast as they can, from two workers, and close in
/// the middle of it: every order of arrival, event, read and clear.
#[test]
fn exact_fits_under_stress_lose_nothing() {
    multi_thread(async {
        let ends = (0..8_u8).map(|seed| {
            runtime::spawn(async move {
                let (client, server) = pair().await;
                let rounds = 1_000 + 10 * usize::from(seed);
                let both = [client, server].map(|stream| {
                    let (mut reader, mut writer) = stream.into_split();
                    let writes = runtime::spawn(async move {
                        for round in 0..rounds {
                            writer.write_all(&[round as u8; 16]).await.unwrap();
                            if round % 7 == usize::from(seed) % 7 {
                                runtime::task::yield_now().await;
                            }
                        }
                        // Dropping the half ends the stream right behind the last 16 bytes.
                    });
                    let reads = runtime::spawn(async move {
                        let mut buf = [0; 16];
                        for round in 0..rounds {
                            reader.read_exact(&mut buf).await.unwrap();
                            assert_eq!(buf, [round as u8; 16]);
                        }
                        assert_eq!(reader.read(&mut buf).await.unwrap(), 0);
                    });
                    (writes, reads)
                });
                for (writes, reads) in both {
                    writes.await.unwrap();
                    reads.await.unwrap();
                }
            })
        });
        for end in ends.collect::<Vec<_>>() {
            end.await.unwrap();
        }
    });
}

/// Ping-pong with exact fits between workers: each side waits for the other's event every time.
#[test]
fn exact_fits_in_turns_wake_the_other_side_every_time() {
    multi_thread(async {
        let (mut client, mut server) = pair().await;
        let echo = runtime::spawn(async move {
            let mut buf = [0; 64];
            while server.read_exact(&mut buf).await.is_ok() {
                server.write_all(&buf).await.unwrap();
            }
        });
        let mut buf = [0; 64];
        for round in 0..5_000_u32 {
            let sent = [round as u8; 64];
            client.write_all(&sent).await.unwrap();
            client.read_exact(&mut buf).await.unwrap();
            assert_eq!(buf, sent);
        }
        drop(client);
        echo.await.unwrap();
    });
}

/// Whether the kernel is asked to report what reads leave behind (`TCP_INQ`).
#[cfg(target_os = "linux")]
fn reports_the_rest(socket: &impl std::os::fd::AsRawFd) -> bool {
    let mut value: libc::c_int = -1;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: both pointers are to values that outlive the call, of the length it is told.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INQ,
            (&raw mut value).cast(),
            &raw mut length,
        )
    };
    assert_eq!(outcome, 0);
    value != 0
}

/// A program that gets the descriptor finds the socket as std makes it.
#[cfg(target_os = "linux")]
#[test]
fn whoever_sees_the_descriptor_sees_no_trace_of_exact_fits() {
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

    current_thread(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        let spy = socket.as_raw_fd();
        // SAFETY: `client` below is the owner, and outlives every use of it.
        let spy = unsafe { BorrowedFd::borrow_raw(spy) };
        let address = listener.local_addr().unwrap();
        let mut client = socket.connect(address).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();

        assert!(!reports_the_rest(&spy));
        exact_fits(&mut server, &mut client).await;
        assert!(reports_the_rest(&spy), "else this test tests nothing");
        assert!(!reports_the_rest(&client.as_fd()));
        // And from then on nothing changes.
        exact_fits(&mut server, &mut client).await;
        assert!(!reports_the_rest(&spy));

        exact_fits(&mut client, &mut server).await;
        let server = server.into_std().unwrap();
        assert!(!reports_the_rest(&server));
        let mut server = TcpStream::from_std(server).unwrap();
        exact_fits(&mut client, &mut server).await;
        assert!(!reports_the_rest(&server));
    });
}

/// A socket whose buffers are larger than its messages is left alone; one that needs it no more
/// stops.
#[cfg(target_os = "linux")]
#[test]
fn only_sockets_that_gain_from_it_ask() {
    use std::os::fd::{AsRawFd, BorrowedFd};

    current_thread(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        let spy = socket.as_raw_fd();
        // SAFETY: `client` below is the owner, and outlives every use of it.
        let spy = unsafe { BorrowedFd::borrow_raw(spy) };
        let address = listener.local_addr().unwrap();
        let mut client = socket.connect(address).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let mut buf = [0; 64];
        for gains in [false, true, false] {
            for _ in 0..100 {
                server.write_all(&[1; 16]).await.unwrap();
                let room = if gains { 16 } else { 64 };
                assert_eq!(client.read(&mut buf[..room]).await.unwrap(), 16);
                let mut next = pin!(client.read(&mut buf));
                assert!(poll_once(next.as_mut()).is_pending());
            }
            assert_eq!(reports_the_rest(&spy), gains);
        }
    });
}
