//! Reads of Unix streams that fill their buffer exactly: nothing may be lost where the kernel says
//! what is left, and descriptors that come along go nowhere.
#![cfg(target_os = "linux")]
#![allow(unsafe_code)]

use crate::support::{Directory, current_thread, exact_fits, multi_thread};
use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::unix::pipe;
use runtime::net::{UnixListener, UnixSocket, UnixStream};
use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd, RawFd};

/// `SO_INQ`, since Linux 6.17.
const ASKS: libc::c_int = 84;

/// The option, or nothing where the kernel does not know it.
fn reports_the_rest(socket: &impl AsRawFd) -> Option<bool> {
    let mut value: libc::c_int = 0;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    let to = (&raw mut value).cast();
    let fd = socket.as_raw_fd();
    // SAFETY: both pointers are to values that outlive the call, of the length it is told.
    let outcome = unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, ASKS, to, &raw mut length) };
    (outcome == 0).then_some(value != 0)
}

/// Sends bytes together with descriptors.
fn send_with_descriptors<const N: usize>(socket: RawFd, bytes: &[u8], gifts: [RawFd; N]) {
    #[repr(C)]
    struct Extra<const N: usize> {
        header: libc::cmsghdr,
        gifts: [RawFd; N],
    }
    let mut piece = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: integers, for which 0 is a value.
    let header: libc::cmsghdr = unsafe { std::mem::zeroed() };
    let mut extra = Extra { header, gifts };
    extra.header.cmsg_len = (size_of::<libc::cmsghdr>() + size_of_val(&gifts)) as _;
    extra.header.cmsg_level = libc::SOL_SOCKET;
    extra.header.cmsg_type = libc::SCM_RIGHTS;
    // SAFETY: integers and pointers, for which 0 is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut piece;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut extra).cast();
    message.msg_controllen = size_of::<Extra<N>>() as _;
    // SAFETY: the message names one piece and one extra, both of which outlive the call.
    let sent = unsafe { libc::sendmsg(socket, &raw const message, 0) };
    assert_eq!(usize::try_from(sent), Ok(bytes.len()));
}

#[test]
fn the_end_right_after_an_exact_fit_is_read() {
    current_thread(async {
        for sent_together in [false, true] {
            let (mut client, mut server) = UnixStream::pair().unwrap();
            exact_fits(&mut client, &mut server).await;
            client.write_all(&[9; 16]).await.unwrap();
            if sent_together {
                client.shutdown().await.unwrap();
            }
            let mut buf = [0; 16];
            server.read_exact(&mut buf).await.unwrap();
            if !sent_together {
                client.shutdown().await.unwrap();
            }
            assert_eq!(server.read(&mut buf).await.unwrap(), 0);
            assert_eq!(server.read(&mut buf).await.unwrap(), 0, "it stays the end");
            exact_fits(&mut server, &mut client).await;
            drop(server);
            assert_eq!(client.read(&mut buf).await.unwrap(), 0);
        }
    });
}

#[test]
fn bytes_behind_an_exact_fit_are_read() {
    current_thread(async {
        let (mut client, mut server) = UnixStream::pair().unwrap();
        exact_fits(&mut client, &mut server).await;
        for length in [1, 15, 16, 17, 32, 33, 100] {
            let sent: Vec<u8> = (0..length).collect();
            client.write_all(&sent).await.unwrap();
            let mut received = Vec::new();
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
fn a_peer_that_goes_with_unread_bytes_after_an_exact_fit_is_an_error() {
    current_thread(async {
        let (mut client, mut server) = UnixStream::pair().unwrap();
        exact_fits(&mut client, &mut server).await;
        server.write_all(b"unread").await.unwrap();
        drop(client);
        let error = server.read(&mut [0; 16]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

/// A socket that asks meets descriptors: the bytes behind them are read, and the descriptors are
/// closed, as by a socket that does not ask. The peer of a pipe's end sees that.
#[test]
fn descriptors_that_come_along_are_closed_and_bytes_behind_them_are_read() {
    current_thread(async {
        for length in [4_usize, 16] {
            let (mut client, mut server) = UnixStream::pair().unwrap();
            exact_fits(&mut client, &mut server).await;
            let (read, write) = std::io::pipe().unwrap();
            let mut read = pipe::Receiver::from_owned_fd(read.into()).unwrap();
            let first = vec![1; length];
            let again = write.try_clone().unwrap();
            let gifts = [write.as_raw_fd(), again.as_raw_fd()];
            send_with_descriptors(client.as_raw_fd(), &first, gifts);
            send_with_descriptors(client.as_raw_fd(), &first, [write.as_raw_fd()]);
            drop((write, again));
            client.write_all(b"behind").await.unwrap();
            let mut received = Vec::new();
            while received.len() < 2 * length + 6 {
                let mut buf = [0; 16];
                let count = server.read(&mut buf).await.unwrap();
                received.extend_from_slice(&buf[..count]);
            }
            assert_eq!(received, [&first[..], &first, b"behind"].concat());
            // The end of the pipe, so that nobody has any of them.
            assert_eq!(read.read(&mut [0]).await.unwrap(), 0);
            exact_fits(&mut client, &mut server).await;
        }
    });
}

/// A program that gets the descriptor finds the socket as std makes it.
#[test]
fn whoever_sees_the_descriptor_sees_no_trace_of_exact_fits() {
    current_thread(async {
        let directory = Directory::new();
        let path = directory.path("server");
        let listener = UnixListener::bind(&path).unwrap();
        let socket = UnixSocket::new_stream().unwrap();
        // Options are the socket's, whichever number of it is asked.
        let spy = socket.as_fd().try_clone_to_owned().unwrap();
        let mut client = socket.connect(&path).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let Some(asks) = reports_the_rest(&spy) else {
            eprintln!("skipped: this kernel cannot tell what Unix sockets have left");
            return;
        };
        assert!(!asks);
        exact_fits(&mut server, &mut client).await;
        assert_eq!(reports_the_rest(&spy), Some(true));
        assert_eq!(reports_the_rest(&client.as_fd()), Some(false));
        // And from then on nothing changes.
        exact_fits(&mut server, &mut client).await;
        assert_eq!(reports_the_rest(&spy), Some(false));
        let mut client = UnixStream::from_std(client.into_std().unwrap()).unwrap();
        exact_fits(&mut server, &mut client).await;
        assert_eq!(reports_the_rest(&spy), Some(false));

        exact_fits(&mut client, &mut server).await;
        let server = server.into_std().unwrap();
        assert_eq!(reports_the_rest(&server), Some(false));
    });
}

/// Both ends write and read 16 bytes at a time as fast as they can, from two workers, and close in
/// the middle of it: every order of arrival, event, read and clear.
#[test]
fn exact_fits_under_stress_lose_nothing() {
    multi_thread(async {
        let ends = (0..8_u8).map(|seed| {
            runtime::spawn(async move {
                let (client, server) = UnixStream::pair().unwrap();
                let rounds = 1_000 + 10 * usize::from(seed);
                let both = [client, server].map(|stream| {
                    let (mut reader, mut writer) = stream.into_split();
                    let writes = runtime::spawn(async move {
                        for round in 0..rounds {
                            writer.write_all(&[round as u8; 16]).await.unwrap();
                            if round % 3 == usize::from(seed) % 3 {
                                runtime::task::yield_now().await;
                            }
                        }
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
        let (mut client, mut server) = UnixStream::pair().unwrap();
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
