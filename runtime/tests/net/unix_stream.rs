//! Unix streams over the public API.
#![cfg(unix)]

use crate::support::{Directory, current_thread, is_blocked, multi_thread, poll_once, turns};
use runtime::io::{AsyncReadExt, AsyncWriteExt, Interest};
use runtime::net::{UnixListener, UnixSocket, UnixStream, unix};
use std::io::{ErrorKind, IoSlice};
use std::os::fd::{AsRawFd, RawFd};
use std::pin::pin;

/// Writes until the stream takes no more, and returns how much.
async fn fill(stream: &UnixStream) -> usize {
    stream.writable().await.unwrap();
    let block = [7; 10_000];
    let mut written = 0;
    loop {
        match stream.try_write(&block) {
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return written,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn many_connections_echo_at_once() {
    multi_thread(async {
        let directory = Directory::new();
        let path = directory.path("echo");
        let listener = UnixListener::bind(&path).unwrap();
        let server = runtime::spawn(async move {
            for _ in 0..16 {
                let (mut stream, peer) = listener.accept().await.unwrap();
                assert!(peer.is_unnamed());
                runtime::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    runtime::io::copy(&mut read, &mut write).await.unwrap();
                });
            }
        });
        let clients: Vec<_> = (0..16_u8)
            .map(|id| {
                let path = path.clone();
                runtime::spawn(async move {
                    let mut stream = UnixStream::connect(path).await.unwrap();
                    for round in 0..100_u8 {
                        let message = [id ^ round; 64];
                        stream.write_all(&message).await.unwrap();
                        let mut answer = [0; 64];
                        stream.read_exact(&mut answer).await.unwrap();
                        assert_eq!(answer, message);
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
        server.await.unwrap();
    });
}

#[test]
fn large_transfers_arrive_whole_whatever_the_sizes() {
    multi_thread(async {
        let (client, mut server) = UnixStream::pair().unwrap();
        let data: Vec<u8> = (0..4_000_000_u32).map(|i| (i % 251) as u8).collect();
        let expected = data.clone();
        let (read, mut client) = client.into_split();
        let writer = runtime::spawn(async move {
            let mut rest = &data[..];
            for size in (1..).map(|i: usize| i * 7_919 % 100_000 + 1) {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at(size.min(rest.len()));
                client.write_all(now).await.unwrap();
                rest = later;
            }
        });
        let mut received = Vec::new();
        let mut buf = vec![0; 50_000];
        for size in (1..).map(|i: usize| i * 4_999 % 50_000 + 1) {
            // Dropping the writing half is the end.
            let count = server.read(&mut buf[..size]).await.unwrap();
            if count == 0 {
                break;
            }
            received.extend_from_slice(&buf[..count]);
        }
        writer.await.unwrap();
        drop(read);
        assert!(received == expected, "the bytes differ");
    });
}

/// Sends bytes together with a descriptor, which keeps them apart from what follows.
fn send_with_descriptor(socket: &impl AsRawFd, bytes: &[u8], descriptor: RawFd) {
    #[repr(C)]
    struct Extra {
        header: libc::cmsghdr,
        descriptor: RawFd,
    }
    let mut piece = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    let mut extra = Extra {
        // SAFETY: integers, for which 0 is a value.
        header: unsafe { std::mem::zeroed() },
        descriptor,
    };
    extra.header.cmsg_len = (size_of::<libc::cmsghdr>() + size_of::<RawFd>()) as _;
    extra.header.cmsg_level = libc::SOL_SOCKET;
    extra.header.cmsg_type = libc::SCM_RIGHTS;
    // SAFETY: integers and pointers, for which 0 is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut piece;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut extra).cast();
    message.msg_controllen = size_of::<Extra>() as _;
    // SAFETY: the message names one piece and one extra, both of which outlive the call.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, 0) };
    assert_eq!(usize::try_from(sent), Ok(bytes.len()));
}

/// A read stops at bytes that came with descriptors, short, although more is queued behind them.
#[test]
fn bytes_behind_descriptors_are_read() {
    current_thread(async {
        for _ in 0..3 {
            let (client, mut server) = UnixStream::pair().unwrap();
            let gift = std::fs::File::open("/dev/null").unwrap();
            send_with_descriptor(&client, b"abc", gift.as_raw_fd());
            send_with_descriptor(&client, b"def", gift.as_raw_fd());
            client.writable().await.unwrap();
            client.try_write(b"ghi").unwrap();
            let mut received = Vec::new();
            while received.len() < 9 {
                let mut buf = [0; 64];
                let count = server.read(&mut buf).await.unwrap();
                received.extend_from_slice(&buf[..count]);
            }
            assert_eq!(received, b"abcdefghi");
            let mut buf = [0; 4];
            let mut read = pin!(server.read(&mut buf));
            assert!(poll_once(read.as_mut()).is_pending());
        }
    });
}

#[test]
fn after_a_half_close_the_other_direction_goes_on() {
    current_thread(async {
        let (mut client, mut server) = UnixStream::pair().unwrap();
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        let mut question = Vec::new();
        server.read_to_end(&mut question).await.unwrap();
        assert_eq!(question, b"question");
        server.write_all(b"answer").await.unwrap();
        drop(server);
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"answer");
        // The end stays the end.
        assert_eq!(client.read(&mut [0; 4]).await.unwrap(), 0);
        let error = client.write(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

/// A peer that goes with unread bytes resets.
#[test]
fn a_peer_that_goes_wakes_both_directions() {
    current_thread(async {
        let (client, server) = UnixStream::pair().unwrap();
        assert!(fill(&client).await > 0);
        let (mut read, mut write) = client.into_split();
        let reading = runtime::spawn(async move { read.read(&mut [0; 4]).await });
        let writing = runtime::spawn(async move { write.write(&[0; 4]).await });
        turns().await;
        assert!(!reading.is_finished() && !writing.is_finished());
        drop(server);
        let error = reading.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let error = writing.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_full_stream_gets_writable_when_the_peer_reads() {
    current_thread(async {
        let (client, mut server) = UnixStream::pair().unwrap();
        let written = fill(&client).await;
        let mut writable = pin!(client.writable());
        assert!(poll_once(writable.as_mut()).is_pending());
        let mut buf = vec![0; written];
        server.read_exact(&mut buf).await.unwrap();
        writable.await.unwrap();
        assert!(client.try_write(b"more").unwrap() > 0);
    });
}

#[test]
fn vectored_writes_are_cut_where_the_buffer_is_full() {
    multi_thread(async {
        let (client, mut server) = UnixStream::pair().unwrap();
        let blocks: Vec<Vec<u8>> = (0..100_u8).map(|i| vec![i; 10_000]).collect();
        let expected = blocks.concat();
        let slices: Vec<_> = blocks.iter().map(|block| IoSlice::new(block)).collect();
        client.writable().await.unwrap();
        let written = client.try_write_vectored(&slices).unwrap();
        assert!(0 < written && written < expected.len());
        let mut received = vec![0; written];
        server.read_exact(&mut received).await.unwrap();
        assert!(received[..] == expected[..written]);
        let (mut a, mut b) = ([0; 3], [0; 3]);
        assert!(is_blocked(&server.try_read_vectored(&mut [
            std::io::IoSliceMut::new(&mut a),
            std::io::IoSliceMut::new(&mut b),
        ])));
    });
}

#[test]
fn empty_buffers_move_nothing_and_use_nothing_up() {
    current_thread(async {
        let (mut client, mut server) = UnixStream::pair().unwrap();
        assert_eq!(client.write(&[]).await.unwrap(), 0);
        client.write_all(b"x").await.unwrap();
        assert_eq!(server.read(&mut []).await.unwrap(), 0);
        assert_eq!(server.read(&mut [0; 4]).await.unwrap(), 1);
    });
}

#[test]
fn a_cancelled_read_loses_nothing() {
    current_thread(async {
        let (mut client, mut server) = UnixStream::pair().unwrap();
        for round in 0..20_u8 {
            let mut buf = [0; 4];
            {
                let mut read = pin!(server.read(&mut buf));
                assert!(poll_once(read.as_mut()).is_pending());
                client.write_all(&[round]).await.unwrap();
                turns().await;
            }
            assert_eq!(server.read(&mut buf).await.unwrap(), 1);
            assert_eq!(buf[0], round);
        }
    });
}

#[test]
fn halves_reunite_with_their_own_only() {
    current_thread(async {
        let (one, other) = UnixStream::pair().unwrap();
        let (read, write) = one.into_split();
        let (other_read, other_write) = other.into_split();
        let error = read.reunite(other_write).unwrap_err();
        assert!(error.to_string().contains("not from the same socket"));
        let unix::ReuniteError(read, other_write) = error;
        let mut one = write.reunite(read).unwrap();
        let other = other_read.reunite(other_write).unwrap();
        other.writable().await.unwrap();
        other.try_write(b"hello").unwrap();
        let mut buf = [0; 5];
        one.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"hello");
        let (mut read, write) = one.into_split();
        write.forget();
        drop(other);
        let mut rest = Vec::new();
        let _ = read.read_to_end(&mut rest).await;
        assert!(rest.is_empty() || rest == b"hello");
    });
}

#[test]
fn the_peer_is_this_process() {
    current_thread(async {
        let (one, other) = UnixStream::pair().unwrap();
        let peer = one.peer_cred().unwrap();
        assert_eq!(peer, other.peer_cred().unwrap());
        // SAFETY: the call has no arguments and cannot fail.
        let uid = unsafe { libc::geteuid() };
        // SAFETY: as above.
        let gid = unsafe { libc::getegid() };
        assert_eq!((peer.uid(), peer.gid()), (uid, gid));
        if cfg!(target_os = "linux") {
            assert_eq!(peer.pid(), Some(std::process::id() as i32));
        }
    });
}

#[test]
fn addresses_say_where_a_socket_is() {
    current_thread(async {
        let directory = Directory::new();
        let path = directory.path("server");
        let listener = UnixListener::bind(&path).unwrap();
        let at = listener.local_addr().unwrap();
        assert_eq!(at.as_pathname(), Some(&*path));
        let error = UnixListener::bind_addr(&at).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);

        let socket = UnixSocket::new_stream().unwrap();
        socket.bind(directory.path("client")).unwrap();
        let client = socket.connect(&path).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.as_pathname(), Some(&*directory.path("client")));
        assert_eq!(client.peer_addr().unwrap().as_pathname(), Some(&*path));
        assert_eq!(server.local_addr().unwrap().as_pathname(), Some(&*path));

        let client = UnixStream::connect_addr(&at).await.unwrap();
        assert!(client.local_addr().unwrap().is_unnamed());
        let std: std::os::unix::net::SocketAddr = at.into();
        assert_eq!(std.as_pathname(), Some(&*path));
    });
}

#[cfg(target_os = "linux")]
#[test]
fn names_without_a_file_work() {
    current_thread(async {
        let name = format!("\0runtime-test-{}", std::process::id());
        let listener = UnixListener::bind(&name).unwrap();
        let at = listener.local_addr().unwrap();
        assert_eq!(at.as_abstract_name(), Some(&name.as_bytes()[1..]));
        let mut client = UnixStream::connect(&name).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        client.write_all(b"hello").await.unwrap();
        let mut buf = [0; 5];
        server.read_exact(&mut buf).await.unwrap();
        assert!(UnixStream::connect_addr(&at).await.is_ok());
    });
}

#[test]
fn failed_connections_name_the_reason() {
    current_thread(async {
        let directory = Directory::new();
        let path = directory.path("nobody");
        let error = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        drop(UnixListener::bind(&path).unwrap());
        let error = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let error = UnixStream::connect("x".repeat(1_000)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn streams_go_to_std_and_back() {
    current_thread(async {
        let (one, mut other) = UnixStream::pair().unwrap();
        let std = one.into_std().unwrap();
        let mut one = UnixStream::try_from(std).unwrap();
        other.write_all(b"hello").await.unwrap();
        let mut buf = [0; 5];
        one.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"hello");
        let ready = one.ready(Interest::WRITABLE).await.unwrap();
        assert!(ready.is_writable());
    });
}

#[cfg(debug_assertions)]
#[test]
#[should_panic(expected = "set_nonblocking(true)")]
fn a_blocking_stream_is_refused() {
    current_thread(async {
        let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        drop(UnixStream::from_std(one));
    });
}

#[test]
fn sockets_are_used_as_what_they_are() {
    current_thread(async {
        let datagram = || UnixSocket::new_datagram().unwrap();
        assert!(datagram().listen(1).is_err());
        assert!(datagram().connect("/nowhere").await.is_err());
        assert!(UnixSocket::new_stream().unwrap().datagram().is_err());
        assert!(datagram().datagram().is_ok());
    });
}
