//! Unix datagrams over the public API.
#![cfg(unix)]

use crate::support::{Directory, current_thread, is_blocked, multi_thread, poll_once, turns};
use runtime::io::{Interest, ReadBuf};
use runtime::net::{UnixDatagram, UnixSocket};
use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::pin::pin;

/// Sends until there is no room, and returns how many.
fn fill(socket: &UnixDatagram) -> u32 {
    let mut sent: u32 = 0;
    loop {
        match socket.try_send(&sent.to_le_bytes()) {
            Ok(4) => sent += 1,
            Ok(count) => panic!("{count} of 4 bytes were sent"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return sent,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn datagrams_come_from_the_address_that_sent_them() {
    current_thread(async {
        let directory = Directory::new();
        let (at_one, at_other) = (directory.path("one"), directory.path("other"));
        let one = UnixDatagram::bind(&at_one).unwrap();
        let other = UnixDatagram::bind(&at_other).unwrap();
        let mut buf = [0; 10];
        one.send_to(b"hello", &at_other).await.unwrap();
        let (len, peer) = other.recv_from(&mut buf).await.unwrap();
        assert_eq!(
            (&buf[..len], peer.as_pathname()),
            (&b"hello"[..], Some(&*at_one))
        );
        let unbound = UnixDatagram::unbound().unwrap();
        unbound.connect(&at_other).unwrap();
        unbound.send(b"who?").await.unwrap();
        let (_, peer) = other.recv_from(&mut buf).await.unwrap();
        assert!(peer.is_unnamed());
        assert_eq!(unbound.peer_addr().unwrap().as_pathname(), Some(&*at_other));
        assert!(unbound.local_addr().unwrap().is_unnamed());
        other.try_send_to(b"try", &at_one).unwrap();
        let mut all = Vec::new();
        let (_, peer) = one.recv_buf_from(&mut all).await.unwrap();
        assert_eq!(
            (&all[..], peer.as_pathname()),
            (&b"try"[..], Some(&*at_other))
        );
        let polled = poll_fn(|cx| one.poll_send_to(cx, b"poll", &at_other)).await;
        assert_eq!(polled.unwrap(), 4);
        let mut buf = ReadBuf::new(&mut buf);
        let peer = poll_fn(|cx| other.poll_recv_from(cx, &mut buf)).await;
        assert_eq!(peer.unwrap().as_pathname(), Some(&*at_one));
    });
}

#[cfg(target_os = "linux")]
#[test]
fn names_without_a_file_work() {
    current_thread(async {
        let name = |end: &str| format!("\0runtime-test-{}-{end}", std::process::id());
        let one = UnixDatagram::bind(name("one")).unwrap();
        let other = UnixDatagram::bind(name("other")).unwrap();
        one.send_to(b"hello", name("other")).await.unwrap();
        let mut buf = [0; 10];
        let (_, peer) = other.recv_from(&mut buf).await.unwrap();
        assert_eq!(peer.as_abstract_name(), Some(&name("one").as_bytes()[1..]));
        other.connect(name("one")).unwrap();
        other.send(b"hello").await.unwrap();
        assert_eq!(one.recv(&mut buf).await.unwrap(), 5);
    });
}

/// The queue of the receiver is bounded: a sender that is connected waits for room.
/// The system would cut the path off there, and reach another socket.
#[test]
fn a_path_with_a_zero_byte_is_refused() {
    current_thread(async {
        let directory = Directory::new();
        let path = directory.path("socket");
        let receiver = UnixDatagram::bind(&path).unwrap();
        let zero = directory.path("socket\0more");
        let sender = UnixDatagram::unbound().unwrap();
        let refused = [
            sender.send_to(b"x", &zero).await.unwrap_err(),
            sender.try_send_to(b"x", &zero).unwrap_err(),
            sender.connect(&zero).unwrap_err(),
            UnixSocket::new_datagram().unwrap().bind(&zero).unwrap_err(),
            UnixDatagram::bind(&zero).unwrap_err(),
        ];
        for error in refused {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert_eq!(
                error.to_string(),
                "paths must not contain interior null bytes"
            );
        }
        assert!(is_blocked(&receiver.try_recv(&mut [0; 4])));
    });
}

#[test]
fn addresses_are_shown_as_stds() {
    current_thread(async {
        let directory = Directory::new();
        let path = directory.path("socket");
        let bound = UnixDatagram::bind(&path).unwrap();
        assert_eq!(
            format!("{:?}", bound.local_addr().unwrap()),
            format!("{path:?} (pathname)")
        );
        let none = UnixDatagram::unbound().unwrap();
        assert_eq!(format!("{:?}", none.local_addr().unwrap()), "(unnamed)");
    });
}

#[test]
fn a_sender_waits_for_a_slow_receiver() {
    multi_thread(async {
        let (one, other) = UnixDatagram::pair().unwrap();
        one.writable().await.unwrap();
        let sent = fill(&one);
        assert!(poll_once(pin!(one.writable())).is_pending());
        let sending = runtime::spawn(async move {
            for number in sent..sent + 1_000 {
                one.send(&number.to_le_bytes()).await.unwrap();
            }
        });
        let mut buf = [0; 10];
        for number in 0..sent + 1_000 {
            assert_eq!(other.recv(&mut buf).await.unwrap(), 4);
            assert_eq!(buf[..4], number.to_le_bytes());
        }
        sending.await.unwrap();
    });
}

#[test]
fn empty_datagrams_and_those_that_do_not_fit() {
    current_thread(async {
        let (one, other) = UnixDatagram::pair().unwrap();
        one.send(&[]).await.unwrap();
        one.send(&[1; 100]).await.unwrap();
        one.send(&[2; 4]).await.unwrap();
        let mut buf = [0; 10];
        assert_eq!(other.recv(&mut buf).await.unwrap(), 0);
        assert_eq!(other.recv(&mut buf).await.unwrap(), 10);
        assert_eq!(other.try_recv_from(&mut buf).unwrap().0, 4);
        assert!(is_blocked(&other.try_recv(&mut buf)));
        assert!(is_blocked(&other.try_recv_buf(&mut Vec::new())));
        assert!(is_blocked(&other.try_recv_buf_from(&mut Vec::new())));
    });
}

/// A call that must not block says `WouldBlock` after the shutdown, and no edge follows.
#[test]
fn after_a_shutdown_receiving_ends() {
    current_thread(async {
        let (one, other) = UnixDatagram::pair().unwrap();
        one.send(b"last").await.unwrap();
        let mut buf = [0; 10];
        assert_eq!(other.recv(&mut buf).await.unwrap(), 4);
        {
            let mut waits = pin!(other.recv(&mut buf));
            assert!(poll_once(waits.as_mut()).is_pending());
            other.shutdown(Shutdown::Read).unwrap();
            assert_eq!(waits.await.unwrap(), 0);
        }
        assert_eq!(other.recv(&mut buf).await.unwrap(), 0);
        let (count, peer) = other.recv_from(&mut buf).await.unwrap();
        assert!(count == 0 && peer.is_unnamed());
        let mut polled = ReadBuf::new(&mut buf);
        poll_fn(|cx| other.poll_recv(cx, &mut polled))
            .await
            .unwrap();
        assert!(polled.filled().is_empty());
        one.shutdown(Shutdown::Write).unwrap();
        let error = one.send(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_peer_that_is_gone_refuses() {
    current_thread(async {
        let directory = Directory::new();
        let path = directory.path("receiver");
        let receiver = UnixDatagram::bind(&path).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sender.connect(&path).unwrap();
        sender.send(b"hello").await.unwrap();
        drop(receiver);
        let error = sender.send(b"hello").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        std::fs::remove_file(&path).unwrap();
        let error = sender.send_to(b"hello", &path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        // The socket goes on.
        let receiver = UnixDatagram::bind(&path).unwrap();
        sender.connect(&path).unwrap();
        sender.send(b"again").await.unwrap();
        assert_eq!(receiver.recv(&mut [0; 10]).await.unwrap(), 5);
    });
}

/// A peer that turns to somebody else leaves an error behind, which mio takes for a closed half.
#[test]
fn an_error_does_not_make_a_socket_ready_for_ever() {
    current_thread(async {
        let directory = Directory::new();
        let path = |name| directory.path(name);
        let [one, other, third] =
            ["one", "other", "third"].map(|name| UnixDatagram::bind(path(name)).unwrap());
        one.connect(path("other")).unwrap();
        other.connect(path("one")).unwrap();
        one.send(b"lost").await.unwrap();
        other.connect(path("third")).unwrap();
        let error = one.ready(Interest::ERROR).await.unwrap();
        assert!(error.is_error());
        let mut buf = [0; 10];
        let error = one.recv(&mut buf).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let full = one.try_io(Interest::WRITABLE, || {
            Err::<(), _>(ErrorKind::WouldBlock.into())
        });
        assert!(is_blocked(&full));
        let mut writable = pin!(one.writable());
        let mut readable = pin!(one.readable());
        turns().await;
        assert!(is_blocked(&one.try_recv(&mut buf)));
        assert!(poll_once(writable.as_mut()).is_pending());
        assert!(poll_once(readable.as_mut()).is_pending());
        drop(third);
    });
}

#[test]
fn a_cancelled_receive_loses_nothing() {
    current_thread(async {
        let (one, other) = UnixDatagram::pair().unwrap();
        let mut buf = [0; 10];
        for round in 0..20_u8 {
            {
                let mut recv = pin!(other.recv(&mut buf));
                assert!(poll_once(recv.as_mut()).is_pending());
                one.send(&[round]).await.unwrap();
                turns().await;
            }
            assert_eq!(other.recv(&mut buf).await.unwrap(), 1);
            assert_eq!(buf[0], round);
        }
    });
}

#[test]
fn sockets_go_to_std_and_back() {
    current_thread(async {
        let (one, other) = UnixDatagram::pair().unwrap();
        let one = UnixDatagram::try_from(one.into_std().unwrap()).unwrap();
        other.send(b"hello").await.unwrap();
        assert_eq!(one.recv(&mut [0; 10]).await.unwrap(), 5);
        assert!(one.take_error().unwrap().is_none());
        let socket = UnixSocket::new_datagram().unwrap();
        let directory = Directory::new();
        socket.bind(directory.path("bound")).unwrap();
        let bound = socket.datagram().unwrap();
        let fresh = UnixDatagram::unbound().unwrap();
        fresh.send_to(b"hi", directory.path("bound")).await.unwrap();
        assert_eq!(bound.recv(&mut [0; 10]).await.unwrap(), 2);
    });
}
